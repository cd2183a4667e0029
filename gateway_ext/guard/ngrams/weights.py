"""The trained weights: a file of the package that is read once and must be the one this version was measured with."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from gateway_ext.errors import ConfigurationError

FILE = "weights.npz"
SHA256 = "3b9cd181fd3be330a2d383babd32627c476731b247f21060c0d7614d867abe91"

HEADS = (
    "injection_model",
    "source_code",
    "harmful_harassment",
    "harmful_hate",
    "harmful_self_harm",
    "harmful_sexual",
    "harmful_sexual_minors",
    "harmful_violence",
)
"""What the model judges, in the order of the file. Each is the name of a kind in the catalogue."""

WEIGHT_MAX = 63
"""Weights are whole numbers of -63 … 63, so that those of a block add up within 16 bits."""


@dataclass(frozen=True, slots=True)
class Weights:
    """For head h, n-grams of size s and bucket b: score = scale[h] · Σ tables[h, s, b] / √positions + bias[h].

    At `threshold[h]` a window is reported. Its confidence is the logistic function of slope[h] · score + intercept[h]
    (Platt's calibration, on texts of sources that were not trained on).
    """

    tables: npt.NDArray[np.int8]  # heads × sizes × buckets
    scale: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    threshold: npt.NDArray[np.float64]
    slope: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]


def parse(content: bytes, sha256: str) -> Weights:
    """Raises ConfigurationError when the content is not the one that `sha256` names."""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ConfigurationError(
            f"{FILE} of gateway_ext.guard.ngrams is not the file of this version: install the package again"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return Weights(**{name: arrays[name] for name in Weights.__slots__})


@cache
def load() -> Weights:
    """The weights of this version. Raises ConfigurationError when the file is missing or another one."""
    try:
        content = files(__package__).joinpath(FILE).read_bytes()
    except OSError:
        raise ConfigurationError(f"{FILE} of gateway_ext.guard.ngrams cannot be read: install it again") from None
    return parse(content, SHA256)
