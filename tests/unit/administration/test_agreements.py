from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.administration import agreements
from gateway_ext.administration.actor import Actor
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.consent.acceptance import State, key_of
from gateway_ext.consent.rules import Agreement, ConsentRules, Party, PartyKind
from gateway_ext.consent.sqlite_store import AgreementsStore, Wanted
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.settings import Settings

TERMS = Agreement("terms", "2", "Terms of use", PartyKind.PERSON)
APPLICANTS = Agreement("applicants", "1", "Applicants' data", PartyKind.TEAM, purposes=frozenset({"hr-screening"}))
OF_OTHERS = Agreement("others", "1", "Not ada's", PartyKind.PERSON, groups=frozenset({"externals"}))
RULES = ConsentRules((TERMS, APPLICANTS, OF_OTHERS))
ADA, HR = Party(PartyKind.PERSON, "ada"), Party(PartyKind.TEAM, "hr")
BY_ADA = Actor("ada", "company", "gateway")
PERSON = Principal("ada", "person", "company", CredentialClass.SSO, "", "hr")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(state_dir=tmp_path)
    assert agreements.begin_store(settings, Actor("ops"), "installed")
    return settings


def recorded(settings: Settings) -> list[dict[str, Any]]:
    """What the trail says, without the beginning of the store."""
    events = [
        {"event": event.name} | {field.name: value for field, value in event.consent.ListFields()}
        for directory in process_directories(settings.layout.spool)
        for event in last_events(directory, 100)
    ]
    assert events[0]["event"] == "consent:store:made"
    return events[1:]


def test_accepting_is_recorded_with_who_what_and_the_text_that_was_shown(settings: Settings) -> None:
    accepted = agreements.accept(settings, RULES, "terms", "2", ADA, BY_ADA, "The whole text")
    assert agreements.acceptances(settings) == [accepted]
    digest = hashlib.sha256(b"The whole text").hexdigest()
    assert (accepted.version, accepted.is_withdrawn, accepted.shown_sha256) == ("2", False, digest)
    assert recorded(settings) == [
        {
            "event": "consent:agreement:accepted",
            "agreement": "terms",
            "version": "2",
            "party_kind": "person",
            "party": "ada",
            "actor": "ada",
            "user": "gateway",
            "actor_issuer": "company",
            "shown_sha256": digest,
        }
    ]


def test_withdrawing_is_recorded_with_its_reason(settings: Settings) -> None:
    assert agreements.withdraw(settings, "terms", ADA, BY_ADA, "no more") is None
    agreements.accept(settings, RULES, "terms", "2", ADA, BY_ADA)
    withdrawn = agreements.withdraw(settings, "terms", ADA, BY_ADA, "no more")
    assert withdrawn is not None
    assert agreements.acceptances(settings) == [withdrawn]
    assert agreements.withdraw(settings, "terms", ADA, BY_ADA, "again") is None
    assert [each["event"] for each in recorded(settings)] == [
        "consent:agreement:accepted",
        "consent:agreement:withdrawn",
    ]
    assert recorded(settings)[-1]["reason"] == "no more"


def test_saying_so_twice_changes_nothing_but_somebody_else_s_word_does(settings: Settings) -> None:
    first = agreements.accept(settings, RULES, "terms", "2", ADA, Actor("ops"))
    assert agreements.accept(settings, RULES, "terms", "2", ADA, Actor("ops")) == first
    assert len(recorded(settings)) == 1
    agreements.accept(settings, RULES, "terms", "2", ADA, BY_ADA)
    assert [each["actor"] for each in recorded(settings)] == ["ops", "ada"]


@pytest.mark.parametrize(
    ("agreement", "version", "party", "message"),
    [
        ("terms", "1", ADA, "in force in version 2, not 1"),
        ("terms", "2", HR, "accepted by a person, not by a team"),
        ("applicants", "1", ADA, "accepted by a team, not by a person"),
        ("nothing", "1", ADA, "no agreement 'nothing'"),
    ],
)
def test_only_what_is_asked_can_be_accepted(
    settings: Settings, agreement: str, version: str, party: Party, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        agreements.accept(settings, RULES, agreement, version, party, BY_ADA)
    assert agreements.acceptances(settings) == []
    assert recorded(settings) == []


def test_what_cannot_be_recorded_is_not_done(settings: Settings) -> None:
    full = dataclasses.replace(settings, spool_bytes_max=1)
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        agreements.accept(full, RULES, "terms", "2", ADA, BY_ADA)
    assert agreements.acceptances(settings) == []


def test_what_cannot_be_kept_is_recorded_as_failed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ConfigurationError("the disk is full")

    monkeypatch.setattr(AgreementsStore, "put", fail)
    with pytest.raises(ConfigurationError, match="the disk is full"):
        agreements.accept(settings, RULES, "terms", "2", ADA, BY_ADA)
    assert [each["event"] for each in recorded(settings)] == ["consent:agreement:accepted", "consent:change:failed"]


def test_a_lost_store_is_told_before_anything_is_recorded(settings: Settings) -> None:
    settings.layout.agreements.unlink()
    for act in (
        lambda: agreements.accept(settings, RULES, "terms", "2", ADA, BY_ADA),
        lambda: agreements.withdraw(settings, "terms", ADA, BY_ADA),
        lambda: agreements.wanted(settings, RULES, PERSON),
    ):
        with pytest.raises(ConfigurationError, match="agreements init"):
            act()
    assert recorded(settings) == []


def test_what_is_wanted_of_somebody_is_told_with_its_state(settings: Settings) -> None:
    def states(rules: ConsentRules = RULES) -> dict[str, State]:
        return {each.agreement.name: each.state for each in agreements.wanted(settings, rules, PERSON)}

    assert states() == {"terms": State.MISSING, "applicants": State.MISSING}
    agreements.accept(settings, RULES, "terms", "2", ADA, BY_ADA)
    agreements.accept(settings, RULES, "applicants", "1", HR, BY_ADA)
    assert states() == {"terms": State.ACCEPTED, "applicants": State.ACCEPTED}
    newer = ConsentRules((dataclasses.replace(TERMS, version="3"), APPLICANTS))
    assert states(newer)["terms"] is State.OUTDATED
    agreements.withdraw(settings, "terms", ADA, BY_ADA)
    assert states(newer)["terms"] is State.WITHDRAWN


def test_without_a_team_a_team_s_agreement_is_missing_for_nobody(settings: Settings) -> None:
    asked = agreements.wanted(settings, RULES, dataclasses.replace(PERSON, team=""))
    assert [(each.agreement.name, each.party, each.state) for each in asked] == [
        ("terms", ADA, State.MISSING),
        ("applicants", None, State.MISSING),
    ]


def test_lists_come_in_pages_of_a_bounded_size(settings: Settings) -> None:
    for name in ("ada", "bob", "eve"):
        agreements.accept(settings, RULES, "terms", "2", Party(PartyKind.PERSON, name), BY_ADA)
    first = agreements.acceptances(settings, Wanted(agreement="terms"), None, 2)
    assert [each.party.name for each in first] == ["ada", "bob"]
    rest = agreements.acceptances(settings, Wanted(agreement="terms"), key_of(first[-1]), 0)
    assert [each.party.name for each in rest] == ["eve"]


def test_beginning_again_takes_the_store_as_it_is(settings: Settings) -> None:
    agreements.accept(settings, RULES, "terms", "2", ADA, BY_ADA)
    settings.layout.agreements.with_suffix(".marker").unlink()
    assert not agreements.begin_store(settings, Actor("ops"), "taken")
    assert len(agreements.acceptances(settings)) == 1
