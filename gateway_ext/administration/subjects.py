"""Who may know whom a pseudonym names: whoever asks is recorded first, then told. And the store's beginning."""

from __future__ import annotations

from gateway_ext import limits
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.acts import record_act
from gateway_ext.audit.events import EventName
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.subjects.subject import Erased, Subject
from gateway_ext.veiled import SUBJECT


def reveal(settings: Settings, pseudonym: str, by: Actor, reason: str) -> Subject | Erased | None:
    """Whom `pseudonym` names. That `by` asked is recorded before, if there is anybody to name. Raises ConfigurationError."""
    require_reason(reason)
    found = store_of(settings).get(pseudonym) if has_store(settings) else None
    if isinstance(found, Subject):
        record_act(settings, EventName.SUBJECT_REVEALED, SUBJECT, pseudonym, reason, by)
    return found


def find(settings: Settings, name: str, by: Actor, reason: str) -> Subject | None:
    """What records call the person `name`; recorded as `reveal` is, for it says the same. Raises ConfigurationError."""
    require_reason(reason, name)
    found = known(settings, name)
    if found is not None:
        record_act(settings, EventName.SUBJECT_REVEALED, SUBJECT, found.pseudonym, reason, by)
    return found


def begin_store(settings: Settings, by: Actor) -> bool:
    """Begin the store anew, or take the one that is there for the right one. Whether it is new. Raises ConfigurationError.

    Recorded right afterwards: before, nobody could be named. A store of its own accord begins once only, where there
    never was one.
    """
    is_new = store_of(settings).make(SystemClock().new_id())
    try:
        how = "begun anew" if is_new else "taken as it is"
        record_act(settings, EventName.SUBJECTS_MADE, "store", "", how, by)
    except ConfigurationError as error:
        raise ConfigurationError(f"begun, but not recorded; run it again. {error.diagnostics()}") from error
    return is_new


def known(settings: Settings, name: str) -> Subject | None:
    """Whoever has this name, if records name anybody by pseudonyms. Raises ConfigurationError."""
    return store_of(settings).find(name) if has_store(settings) else None


def has_store(settings: Settings) -> bool:
    """Whether pseudonyms were ever asked for."""
    return store_of(settings).exists()


def store_of(settings: Settings) -> SubjectsStore:
    return SubjectsStore(settings.layout.subjects)


def require_reason(reason: str, name: str = "") -> None:
    """Raises ConfigurationError for what is not one line, or says the `name` that no record is to hold."""
    characters_max = limits.STANDING_REASON_CHARACTERS_MAX
    if not reason.strip() or not reason.isprintable() or len(reason) > characters_max:
        raise ConfigurationError(f"the reason must be one line of 1 to {characters_max} printable characters")
    if name and name.casefold() in reason.casefold():
        raise ConfigurationError("the reason names the person, and would stay in the trail; say it without the name")
