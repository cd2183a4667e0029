"""What conditions may ask, by the place in policy where they stand: each place knows what is known by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cel_expr_python import cel

_TEXT, _TEXTS = cel.Type.STRING, cel.Type.List(cel.Type.STRING)
_NUMBER, _FLAG, _MOMENT = cel.Type.INT, cel.Type.BOOL, cel.Type.TIMESTAMP

_CALLER = {
    f"caller.{name}": _TEXT
    for name in (
        *("subject", "kind", "issuer", "credential_class", "team", "project", "application"),
        *("environment", "purpose", "cost_center", "front_end"),
    )
} | {"caller.groups": _TEXTS}
_ASKED = {"request.model": _TEXT, "request.endpoint": _TEXT, "now": _MOMENT}
_SHAPE = {"request.is_stream": _FLAG, "request.bytes": _NUMBER, "request.needs": _TEXTS}
_FOUND = {
    **{f"tokens.{name}": _NUMBER for name in ("input", "output")},
    **{f"data.{name}": _TEXTS for name in ("classes", "detectors", "labels")},
    "budget.over": _TEXTS,
    "budget.capped": _FLAG,
    "budget.degraded": _FLAG,
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`place` says where its conditions stand. `variables` maps each name, dots included, to its type in CEL."""

    place: str
    variables: Mapping[str, Any]  # cel_expr_python's types are untyped
    environment: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", cel.NewEnv(variables=dict(self.variables)))  # frozen


ACCESS = Vocabulary("access rules", MappingProxyType(_CALLER | _ASKED))
GUARD = Vocabulary("overrides of the Guard", MappingProxyType(_CALLER | _ASKED | _SHAPE))
ROUTING = Vocabulary("routing rules", MappingProxyType(_CALLER | _ASKED | _SHAPE | _FOUND))
VOCABULARIES = (ACCESS, GUARD, ROUTING)
"""Of a request's way, in order: each knows what the one before it knows."""
