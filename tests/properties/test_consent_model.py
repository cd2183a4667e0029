"""Whatever is accepted, withdrawn, renewed, restarted: the gate lets pass exactly who a simple model says has accepted."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway_ext.administration import agreements
from gateway_ext.administration.actor import Actor
from gateway_ext.clock import SystemClock
from gateway_ext.consent.acceptance import State
from gateway_ext.consent.consents import Consents
from gateway_ext.consent.rules import Agreement, ConsentRules, Party, PartyKind
from gateway_ext.errors import AgreementMissing, ConfigurationError
from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.settings import Settings

PEOPLE = st.sampled_from(["ada", "it's; DROP TABLE acceptance --", "ж" * 256])
NAMES = st.sampled_from(["terms", "acceptable-use", "applicants"])
BY = Actor("ops")


class GateAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.settings = Settings(state_dir=Path(self.directory.name), spool_fsync_seconds=0.001)
        agreements.begin_store(self.settings, BY, "begun")
        self.versions = {"terms": 1, "acceptable-use": 1, "applicants": 1}
        self.said: dict[tuple[str, str, str], tuple[int, bool]] = {}  # kind, party, agreement → version, withdrawn
        self.consents = [self.reader(), self.reader()]

    def reader(self) -> Consents:
        return Consents(self.settings.layout.agreements, SystemClock(), "https://console.example.eu")

    def teardown(self) -> None:
        for each in self.consents:
            each._reader.close()
            each._tell()
        self.directory.cleanup()

    @property
    def in_force(self) -> ConsentRules:
        def agreement(name: str, by: PartyKind, purposes: frozenset[str] = frozenset()) -> Agreement:
            return Agreement(name, str(self.versions[name]), name.title(), by, purposes=purposes)

        return ConsentRules(
            (
                agreement("terms", PartyKind.PERSON),
                agreement("acceptable-use", PartyKind.PERSON),
                agreement("applicants", PartyKind.TEAM, frozenset({"hr-screening"})),
            )
        )

    @rule(person=PEOPLE, team=st.sampled_from(["hr", "ada"]), name=NAMES, behind=st.integers(0, 1))
    def accept(self, person: str, team: str, name: str, behind: int) -> None:
        version, party = self.versions[name] - behind, self.party(name, person, team)
        try:
            agreements.accept(self.settings, self.in_force, name, str(version), party, BY)
        except ConfigurationError:
            assert behind
        else:
            assert not behind
            self.said[party.kind, party.name, name] = version, False

    @rule(person=PEOPLE, team=st.sampled_from(["hr", "ada"]), name=NAMES)
    def withdraw(self, person: str, team: str, name: str) -> None:
        party = self.party(name, person, team)
        key = (str(party.kind), party.name, name)
        version, withdrawn_before = self.said.get(key, (0, True))
        done = agreements.withdraw(self.settings, name, party, BY, "no more")
        assert (done is None) == withdrawn_before
        if done is not None:
            self.said[key] = version, True

    @rule(name=NAMES)
    def renew(self, name: str) -> None:
        self.versions[name] += 1

    @rule(which=st.integers(0, 1))
    def restart_a_processor(self, which: int) -> None:
        self.consents[which]._reader.close()
        self.consents[which]._tell()
        self.consents[which] = self.reader()

    @invariant()
    def everybody_is_judged_as_the_model_says(self) -> None:
        for consents in self.consents:
            if consents.poll():
                consents._tell()
        for person in ("ada", "it's; DROP TABLE acceptance --", "ж" * 256, "stranger"):
            for team, kind, purpose in (
                ("hr", "person", "hr-screening"),
                ("ada", "service", "hr-screening"),
                ("", "person", ""),
            ):
                principal = Principal(person, kind, "company", CredentialClass.SSO, "", team, purpose=purpose)
                lacking = self.lacking(principal)
                assert [self.told(consents, principal) for consents in self.consents] == [lacking] * 2
                for asked in agreements.wanted(self.settings, self.in_force, principal):
                    if asked.agreement.concerns(principal):
                        assert (asked.state is not State.ACCEPTED) == (asked.agreement.name in lacking)

    def lacking(self, principal: Principal) -> set[str]:
        asked = {"terms", "acceptable-use"} if principal.kind == "person" else set()
        asked |= {"applicants"} if principal.purpose == "hr-screening" else set()
        return {
            name
            for name in asked
            if self.said.get(
                ("team", principal.team, name) if name == "applicants" else ("person", principal.subject, name)
            )
            != (self.versions[name], False)
        }

    def told(self, consents: Consents, principal: Principal) -> set[str]:
        """The agreements that the refusal names; none: the request may pass."""
        try:
            consents.require(principal, self.in_force)
        except AgreementMissing as missing:
            return {name for name in self.versions if f"'{name.title()}'" in str(missing)}
        return set()

    def party(self, name: str, person: str, team: str) -> Party:
        return Party(PartyKind.TEAM, team) if name == "applicants" else Party(PartyKind.PERSON, person)


TestGateAgainstModel = GateAgainstModel.TestCase
TestGateAgainstModel.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
