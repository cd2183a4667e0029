"""The requests by which two policies are compared: their cases, and everybody their access rules speak of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_ext.cli.policy_cases import by_user, case_of, known_names
from gateway_ext.exchange import Endpoint, Principal
from gateway_ext.judged import Case, known_detectors
from gateway_ext.limits import NANO
from gateway_ext.policy.cases import DIRECTORY, read_cases
from gateway_ext.policy.cases_schema import NOON
from gateway_ext.policy.snapshot import Snapshot

_ENDPOINTS = (Endpoint.CHAT_COMPLETIONS, Endpoint.EMBEDDINGS)
_LISTS = {f"{field}s": field for field in ("team", "application", "project", "environment", "purpose")}
"""The lists of an access rule, and what of a caller they are about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the comparison. `who` and `content` say in words what stands in `case`."""

    who: str
    content: str
    case: Case


@dataclass(frozen=True, slots=True)
class _Content:
    detectors: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()


def all_asked(directories: Sequence[Path], snapshots: Sequence[Snapshot]) -> Iterator[Asked]:
    """The cases of both, and whoever their access rules speak of × their models × data classes and changed detectors."""
    seen: set[Case] = set()
    for directory, snapshot in zip(directories, snapshots, strict=True):
        for placed in read_cases(directory / DIRECTORY, known_names(snapshot)):
            case = case_of(placed.case, snapshot.identity)
            if case not in seen:
                seen.add(case)
                yield Asked(
                    f"case: {placed.case.name}",
                    ", ".join((*placed.case.request.detectors, *placed.case.request.classes)),
                    case,
                )
    contents = [("", _Content())]
    contents += [
        (name, _Content(classes=frozenset({name})))
        for name in sorted({name for snapshot in snapshots for name in snapshot.routing.data_classes})
    ]
    contents += [(words, _Content(detectors=frozenset({name}))) for words, name in _detectors_that_differ(*snapshots)]
    callers = {caller: who for snapshot in reversed(snapshots) for caller, who in _callers(snapshot)}
    models = sorted({name for snapshot in snapshots for name in snapshot.routing.models})
    for caller, who in callers.items():
        for model in models:
            for endpoint in _ENDPOINTS:
                for words, content in contents:
                    case = Case(
                        caller,
                        model,
                        endpoint,
                        int(NOON.timestamp()) * NANO,
                        found=by_user(content.detectors),
                        classes=content.classes,
                    )
                    yield Asked(who, words, case)


def _detectors_that_differ(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    """One of those whose rule changes in the same way, in words and by name."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    known = {**known_detectors(before.guard), **known_detectors(after.guard)}
    for name, data_class in sorted(known.items()):
        rules = tuple(snapshot.guard.request.rule(name, data_class) for snapshot in (before, after))
        if rules[0] != rules[1]:
            alike.setdefault((data_class, *rules), []).append(name)
    for names in alike.values():
        yield names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} like it", names[0]


def _callers(snapshot: Snapshot) -> Iterator[tuple[Principal, str]]:
    """For each access rule and each issuer that it may be about, somebody who meets the rule's lists."""
    for rule in snapshot.identity.access:
        for issuer in snapshot.identity.issuers.values():
            if not rule.credential_classes or issuer.credential_class in rule.credential_classes:
                stated: dict[str, Any] = {
                    field: _first(getattr(rule, condition)) for condition, field in _LISTS.items()
                }
                caller = Principal(
                    subject=_first(rule.subjects) or "somebody",
                    kind=issuer.kind,
                    issuer=issuer.name,
                    credential_class=issuer.credential_class,
                    credential_id="case",
                    groups=_one(_first(rule.groups)),
                    **stated,
                )
                yield caller, f"{issuer.name}, rule {rule.name}"


def _first(names: frozenset[str]) -> str:
    return min(names, default="")


def _one(name: str) -> frozenset[str]:
    return frozenset({name}) if name else frozenset()
