"""Which deployments' context windows hold a request. Pure; counting is somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway_ext.errors import ContextLengthExceeded
from gateway_ext.exchange import Candidate


@dataclass(frozen=True, slots=True)
class Size:
    """Of a request, in tokens. `output_tokens` of a choice; where its caller named no limit, `output_tokens_least` would do,
    else both are the same. What is not counted has the bounds 0 and that of the bytes."""

    input_at_least: int
    input_at_most: int
    output_tokens: int
    output_tokens_least: int


@dataclass(frozen=True, slots=True)
class Fit:
    """Who holds the request, in their order, and how much output of a choice all of them have room for."""

    deployments: tuple[Candidate, ...]
    output_tokens: int


def window_tokens(deployment: Candidate, model_context_tokens: int) -> int:
    """The window of a deployment: its own, or that of its model."""
    return deployment.context_tokens or model_context_tokens


def fit(deployments: Sequence[Candidate], model_context_tokens: int, size: Size) -> Fit:
    """Those of `deployments` that hold all that is wanted; if there are none, those that leave most for the answer.

    Only what certainly does not fit is refused: ContextLengthExceeded, with the largest window.
    """
    windows = {each.cluster: window_tokens(each, model_context_tokens) for each in deployments}
    largest = max(windows.values())
    output_tokens = min(size.output_tokens, max(size.output_tokens_least, largest - size.input_at_most))
    if size.input_at_least + output_tokens > largest:
        raise ContextLengthExceeded(largest, size.input_at_least, output_tokens)
    sure = tuple(each for each in deployments if size.input_at_most + output_tokens <= windows[each.cluster])
    possible = tuple(each for each in deployments if size.input_at_least + output_tokens <= windows[each.cluster])
    return Fit(sure or possible, output_tokens)


def excess_tokens(deployments: Sequence[Candidate], model_context_tokens: int, size: Size) -> int:
    """How many tokens of input must go so that the largest window certainly holds the rest; 0: none."""
    largest = max(window_tokens(each, model_context_tokens) for each in deployments)
    return max(0, size.input_at_most + size.output_tokens_least - largest)
