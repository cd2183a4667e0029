"""What a deployment is told to do wrong, set through the control endpoint and used up request by request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from gateway_ext.simulator.model import KINDS

SLOW_TOKENS_PER_SECOND = 1.0


class Fault(StrEnum):
    TOO_MANY_REQUESTS = "429"
    SERVER_ERROR = "500"
    OVERLOADED = "529"  # as Anthropic says it
    RESET = "reset"  # the connection is cut before the first byte of an answer
    HANG = "hang"  # the request is read and never answered
    SLOW = "slow"  # one token per second
    HALF_STREAM = "half_stream"  # the connection is cut in the middle of the answer
    MALFORMED_SSE = "malformed_sse"  # bad framing, bad JSON, no end mark
    NO_USAGE = "no_usage"
    IGNORES_LIMIT = "ignores_limit"  # the answer is as long as it would be without a limit
    BILLED_ERROR = "billed_error"  # 400, with a usage beside the error


class InvalidControlError(Exception):
    """A control document is wrong. Carries what and how to fix it."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a deployment behaves. `remaining` requests more are faulty; None = all. A speed of 0 = no pause at all.

    `token_characters`: it speaks in tokens of this length; 0 = in words. `kinds`: what its usage says of model.KINDS.
    """

    fault: Fault | None = None
    remaining: int | None = None
    tokens_per_second: float = 0.0
    token_characters: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Behaviours:
    """Behaviour by deployment; those never told anything share `default`."""

    default: Behaviour = Behaviour()
    _by_deployment: dict[str, Behaviour] = field(default_factory=dict)

    def of(self, deployment: str) -> Behaviour:
        return self._by_deployment.get(deployment, self.default)

    def take(self, deployment: str) -> Behaviour:
        """The behaviour for one request; counts it."""
        behaviour = self.of(deployment)
        if behaviour.fault is None or behaviour.remaining is None:
            return behaviour
        left = behaviour.remaining - 1
        after = replace(behaviour, remaining=left) if left else replace(behaviour, fault=None, remaining=None)
        self._by_deployment[deployment] = after
        return behaviour

    def apply(self, document: Any) -> None:
        """Take over a control document {deployment, fault, count, tokens_per_second, token_characters, kinds}.

        `fault` and `count` belong together: a document without `fault` ends the current one. A document without
        `tokens_per_second` leaves the speed as it is, one without `token_characters` what a token is, one without `kinds`
        what it reports of them. Raises InvalidControlError.
        """
        if not isinstance(document, Mapping):
            raise InvalidControlError("expected an object with 'deployment'")
        known = {"deployment", "fault", "count", "tokens_per_second", "token_characters", "kinds"}
        if unknown := sorted(str(key) for key in document if key not in known):
            raise InvalidControlError(f"unknown keys {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        deployment = document.get("deployment")
        if not isinstance(deployment, str) or not deployment:
            raise InvalidControlError(
                "'deployment' must be the first segment of the deployment's path, for example 'us'"
            )
        speed = document.get("tokens_per_second", self.of(deployment).tokens_per_second)
        if not isinstance(speed, int | float) or isinstance(speed, bool) or not 0 <= speed <= 1e6:
            raise InvalidControlError("'tokens_per_second' must be a number from 0 (no pause) to 1000000")
        characters = document.get("token_characters", self.of(deployment).token_characters)
        if not isinstance(characters, int) or isinstance(characters, bool) or not 0 <= characters <= 1_000:
            raise InvalidControlError("'token_characters' must be an integer from 0 (words) to 1000")
        kinds = _kinds(document.get("kinds", self.of(deployment).kinds))
        self._by_deployment[deployment] = Behaviour(_fault(document), _count(document), float(speed), characters, kinds)


def _fault(document: Mapping[str, Any]) -> Fault | None:
    value = document.get("fault")
    if value is None:
        return None
    try:
        return Fault(str(value))
    except ValueError:
        raise InvalidControlError(f"'fault' must be null or one of {', '.join(Fault)}") from None


def _kinds(value: Any) -> Mapping[str, int]:
    if not isinstance(value, Mapping) or not all(type(count) is int and count >= 0 for count in value.values()):
        raise InvalidControlError("'kinds' must be an object of numbers of tokens")
    if unknown := sorted(set(value) - KINDS):
        raise InvalidControlError(f"unknown kinds {', '.join(unknown)}; known: {', '.join(sorted(KINDS))}")
    return dict(value)


def _count(document: Mapping[str, Any]) -> int | None:
    value = document.get("count")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidControlError("'count' must be null (until told otherwise) or a number of requests from 1")
    return value


def malformed(frames: list[bytes]) -> list[bytes]:
    """The same stream as a careless server would send it: mixed line ends, lost blank lines, broken JSON, no end."""
    body = [frame for frame in frames if b"[DONE]" not in frame and b"event: message_stop" not in frame]
    broken = [
        b": comment without end\r",
        b'data: {"id": "broken", "choices": [\n\n',
        b"data\n",
        b"unknown: field\r\n\r\n",
    ]
    for index, frame in enumerate(body):
        broken.append(frame.replace(b"\n", b"\r\n") if index % 2 else frame.removesuffix(b"\n"))
    return broken
