"""The shipped vocabularies, read when first asked for: two seconds of CPU and about 60 MB each. Nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import tiktoken

from gateway_ext.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`sha256` is that of the file as its authors publish it, `pattern` cuts a text into what is encoded on its own."""

    sha256: str
    pattern: str


_O200K = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
_CL100K = "|".join(
    (
        r"'(?i:[sdmt]|ll|ve|re)",
        r"[^\r\n\p{L}\p{N}]?+\p{L}++",
        r"\p{N}{1,3}+",
        r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
        r"\s++$",
        r"\s*[\r\n]",
        r"\s+(?!\S)",
        r"\s",
    )
)

VOCABULARIES: Mapping[str, Vocabulary] = {
    "o200k_base": Vocabulary("446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d", _O200K),
    "cl100k_base": Vocabulary("223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7", _CL100K),
}


@cache
def encoding(name: str) -> tiktoken.Encoding:
    """The encoding of a vocabulary. Blocks while it is read. Raises ConfigurationError for a damaged installation."""
    file = resources.files("gateway_ext.tokens") / "vocabularies" / f"{name}.tiktoken.xz"
    try:
        data = lzma.decompress(file.read_bytes())
    except (OSError, lzma.LZMAError):
        data = b""
    if hashlib.sha256(data).hexdigest() != VOCABULARIES[name].sha256:
        raise ConfigurationError(f"{file}: is missing or not the published vocabulary; install gateway-ext anew")
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, data.splitlines())}
    # Without special tokens: in a caller's text they are text, and counting them as such is never too few.
    return tiktoken.Encoding(name, pat_str=VOCABULARIES[name].pattern, mergeable_ranks=ranks, special_tokens={})
