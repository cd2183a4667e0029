"""From `data_classes` of routing.yaml to how content is classified, and where each class may go. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TypeVar

from gateway_ext.guard.catalog import TIMEOUT, TIMEOUT_CLASS
from gateway_ext.policy import data_classes_schema as schema
from gateway_ext.policy.deployment_selector import selected
from gateway_ext.routing.catalog import CatalogEntry
from gateway_ext.routing.data_classes import Classification, DataClass, DefaultClass

_COUNTED = ("log", "pseudonymize", "redact")
_NOT_REDACTED = ("log",)

_Key = TypeVar("_Key", bound=Hashable)


def classification(
    written: schema.DataClasses | None,
    sovereign: DataClass,
    tiers: Sequence[str],
    catalog: Mapping[str, CatalogEntry],
    detectors: Mapping[str, str],
) -> Classification:
    """`sovereign`: the class that needs not be written. `detectors`: each that the Guard has, with the Guard's class."""
    if written is None:
        return Classification(classes=MappingProxyType({sovereign.name: sovereign}))
    clusters = {name: _clusters(each, tiers, catalog) for name, each in written.classes.items()}
    classes = {sovereign.name: sovereign}
    for name, each in written.classes.items():
        implied = implied_by(name, written)
        classes[name] = DataClass(
            name, clusters[name].intersection(*(clusters[other] for other in implied)), implied, each.sticky
        )
    return Classification(
        classes=MappingProxyType(classes),
        by_finding=MappingProxyType(_grouped(_of_findings(written, {**detectors, TIMEOUT: TIMEOUT_CLASS}))),
        by_label=MappingProxyType(_grouped(_of_labels(written))),
        default=written.default or "",
        defaults=tuple(
            DefaultClass(each.name, frozenset(each.teams), frozenset(each.applications), frozenset(each.purposes))
            for each in written.defaults
        ),
        unknown_history=written.unknown_history,
        kept_days=written.kept_days,
    )


def implied_by(name: str, written: schema.DataClasses) -> frozenset[str]:
    """The classes that content of a class is in, too, by one step or several; those of them that exist."""
    found: set[str] = set()
    pending = [name]
    while pending:
        for other in written.classes[pending.pop()].implies:
            if other in written.classes and other not in found:
                found.add(other)
                pending.append(other)
    return frozenset(found)


def _clusters(written: schema.DataClass, tiers: Sequence[str], catalog: Mapping[str, CatalogEntry]) -> frozenset[str]:
    return frozenset(catalog) if written.allow is None else selected(written.allow, tiers, catalog)


def _of_findings(written: schema.DataClasses, detectors: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    counted = _COUNTED if written.counts_redacted else _NOT_REDACTED
    for name, each in written.classes.items():
        if each.source is None:
            continue
        for detector, guard_class in detectors.items():
            if _is_source(each.source, detector, guard_class):
                yield from (((detector, action), name) for action in each.source.actions or counted)


def _is_source(source: schema.Source, detector: str, guard_class: str) -> bool:
    is_named = guard_class in source.data_classes or any(fnmatchcase(detector, each) for each in source.detectors)
    return is_named and not any(fnmatchcase(detector, each) for each in source.exceptions)


def _of_labels(written: schema.DataClasses) -> Iterator[tuple[str, str]]:
    for name, each in written.classes.items():
        yield name, name
        yield from ((label, name) for label in (each.source.labels if each.source else ()))


def _grouped(pairs: Iterator[tuple[_Key, str]]) -> dict[_Key, frozenset[str]]:
    found: dict[_Key, set[str]] = {}
    for key, name in pairs:
        found.setdefault(key, set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}
