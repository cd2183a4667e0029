"""Searches and exports of the trail: recorded before anything is found, and by whatever name records have for a person."""

from __future__ import annotations

from dataclasses import replace

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.acts import record_act
from gateway_ext.audit.encoding import WITHHELD
from gateway_ext.audit.events import EventName
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.entry import Field
from gateway_ext.settings import Settings
from gateway_ext.subjects.sqlite_store import SubjectsStore

_OF_PEOPLE = (Field.SUBJECT, Field.VALUE)  # the latter of an order about a person


def search_recorded(settings: Settings, wanted: Filter, way: str, by: Actor | None = None) -> Filter:
    """Have it on disk that `by` asks this now, by `way`, such as a command; and the filter to search with.

    Where the trail names people by pseudonyms, it is searched by both, and the record of the search has no name in it.
    Raises ConfigurationError: then nothing may be shown.
    """
    searched, told = _by_all_names(settings, wanted)
    record_act(settings, EventName.AUDIT_SEARCHED, "records", "", f"{way}: {told.asks()}", by)
    return searched


def export_recorded(settings: Settings, wanted: Filter, directory_name: str, purpose: str, by: Actor) -> Filter:
    """As `search_recorded`, of an export to a directory of this name."""
    searched, told = _by_all_names(settings, wanted)
    record_act(settings, EventName.AUDIT_EXPORTED, "records", directory_name, f"{purpose} ({told.asks()})", by)
    return searched


def _by_all_names(settings: Settings, wanted: Filter) -> tuple[Filter, Filter]:
    """What to search with, and what may be told of it."""
    subjects = SubjectsStore(settings.layout.subjects)
    if not subjects.exists():
        return wanted, wanted
    searched, told = dict(wanted.where), dict(wanted.where)
    for kind in _OF_PEOPLE:
        for name in wanted.where.get(kind, ()):
            if subjects.get(name) is not None:  # a pseudonym already
                continue
            known = subjects.find(name)
            told[kind] = told[kind] - {name} | {known.pseudonym if known else WITHHELD}
            if known:
                searched[kind] |= {known.pseudonym}
    return replace(wanted, where=searched), replace(wanted, where=told)
