"""What bodies of requests consist of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway_ext.limits import STANDING_REASON_CHARACTERS_MAX


class Body(BaseModel):
    """Of a request: what is not named is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Shown(BaseModel):
    """Of an answer."""

    model_config = ConfigDict(frozen=True)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Line = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_one_line), AfterValidator(_not_blank)]
OptionalLine = Annotated[str, Field(max_length=256), AfterValidator(_one_line)]
Reason = Annotated[
    str,
    Field(min_length=1, max_length=STANDING_REASON_CHARACTERS_MAX, description="Recorded in the audit trail."),
    AfterValidator(_one_line),
    AfterValidator(_not_blank),
]


class Because(Body):
    """Why something is done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "incident 4711 is over"}]})

    reason: Reason


def moment(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)


def time_of(unix_seconds: float) -> datetime | None:
    """None for 0, which says never."""
    return moment(unix_seconds) if unix_seconds else None
