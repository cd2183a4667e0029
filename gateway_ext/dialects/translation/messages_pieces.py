"""What answers of Messages consist of, read from whole blocks or from those that a stream begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from gateway_ext.dialects.sse import StreamMalformed


def members(container: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object that must be there. Raises StreamMalformed, as all of these do."""
    value = container.get(name)
    return value if isinstance(value, dict) else malformed()


def string(container: Mapping[str, Any], name: str) -> str:
    """Null is an empty one."""
    value = container.get(name)
    return "" if value is None else value if isinstance(value, str) else malformed()


def explanation(container: Mapping[str, Any]) -> str | None:
    """Why the model refuses, of a message or of the delta at its end."""
    details = container.get("stop_details")
    return string(details, "explanation") or None if isinstance(details, dict) else None


def malformed() -> NoReturn:
    raise StreamMalformed("the provider's answer is not one of Messages, or has in it what was not asked for")
