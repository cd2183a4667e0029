"""Records without anybody's name: who is hidden, who is not, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.audit.encoding import decode_event, encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import (
    AlertRecord,
    AuditRecord,
    ConsentRecord,
    DecisionRecord,
    OrderRecord,
    OutcomeRecord,
)
from gateway_ext.errors import AuditUnavailable
from gateway_ext.exchange import CredentialClass, Outcome, Principal
from gateway_ext.subjects.sealing import opened, sealed_details
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.subjects.subject import Subject
from gateway_ext.veiled import VeiledLog, veiled
from gateway_ext.wire import audit_pb2

SERVICE = Principal("chat-ui", "service", "service", CredentialClass.SERVICE, "key-9", team="platform")
ADA = Principal(
    "ada",
    "person",
    "company",
    CredentialClass.SSO,
    "key-1",
    team="works",
    groups=frozenset({"g"}),
    email="ada@works.example",
    cost_center="4711",
    asserted_by=SERVICE,
)
DECISION = DecisionRecord(EventName.DECISION_FORWARDED, "e1", "forward", "d", "public", "192.0.2.1", principal=ADA)
ORDER = OrderRecord(EventName.PERSON_DISABLED, "person", "ada", "", "eva", "root", "left us", actor_issuer="company")
CONSENT = ConsentRecord(EventName.AGREEMENT_ACCEPTED, "terms", "1", "person", "ada", "eva", "root")
ALERT = AlertRecord(
    EventName.THRESHOLD_REACHED, "0" * 32, "threshold", "mine", "user", "ada", "", "2026-11", "EUR", 80, 100, 80, 0, True
)  # fmt: skip


class People:
    def __init__(self, path: Path) -> None:
        self._store = SubjectsStore(path)
        self._store.begin()

    def of(self, name: str) -> Subject:
        return self._store.of(name)

    def sealed(self, subject: Subject, email: str, credential_id: str) -> bytes:
        return sealed_details(subject, email, credential_id)


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path / "subjects.sqlite")


def encoded(record: AuditRecord) -> bytes:
    return encode_event(record, processor="p", run_id="r", sequence=1, time_unix_nano=1)


def principal_of(record: AuditRecord) -> audit_pb2.Principal:
    return decode_event(encoded(record)).decision.principal


def test_a_decision_names_nobody_and_keeps_what_it_is_for(people: People) -> None:
    written = encoded(veiled(DECISION, people))
    assert b"ada" not in written
    assert b"key-1" not in written
    caller = decode_event(written).decision.principal
    ada = people.of("ada")
    assert opened(ada, caller.sealed) == {"subject": "ada", "email": "ada@works.example", "credential_id": "key-1"}
    plain = principal_of(DECISION)
    plain.subject, plain.sealed = ada.pseudonym, caller.sealed
    plain.ClearField("email")
    plain.ClearField("credential_id")
    assert caller == plain
    assert (caller.team, caller.cost_center, caller.front_end) == ("works", "4711", "chat-ui")


@pytest.mark.parametrize(
    "record",
    [
        replace(DECISION, principal=SERVICE),
        replace(DECISION, principal=None),
        OutcomeRecord(
            EventName.OUTCOME_UNPRICED,
            Outcome("e1", "", 200, "c", None, 0, 0, 1, 0, 0, True, "access_log"),
            None,
            0,
            "",
            None,
        ),
        replace(ALERT, scope="team", value="ada"),
    ],
    ids=["of a service", "of nobody", "an outcome", "of a team"],
)
def test_what_names_nobody_stays_as_it_is(record: AuditRecord, people: People) -> None:
    assert veiled(record, people) is record


def test_an_order_names_neither_whom_it_is_about_nor_who_gave_it(people: People) -> None:
    order = veiled(ORDER, people)
    names = [people.of(name).pseudonym for name in ("ada", "eva", "root")]
    assert order == replace(ORDER, value=names[0], actor=names[1], user=names[2])


@pytest.mark.parametrize("scope", ["team", "credential", "subject", "everything"])
def test_other_values_of_orders_are_no_names(scope: str, people: People) -> None:
    order = veiled(replace(ORDER, scope=scope, value="ada"), people)
    assert isinstance(order, OrderRecord)
    assert order.value == "ada"


def test_a_top_up_is_for_the_account_of_a_pseudonym(people: People) -> None:
    order = veiled(replace(ORDER, scope="budget", value="EUR/mine/user/ada"), people)
    assert isinstance(order, OrderRecord)
    assert order.value == f"EUR/mine/user/{people.of('ada').pseudonym}"
    order = veiled(replace(ORDER, scope="budget", value="EUR/runs/agent_run/ada%2Frun-1/large"), people)
    assert isinstance(order, OrderRecord)
    assert order.value == f"EUR/runs/agent_run/{people.of('ada').pseudonym}%2Frun-1/large"


def test_owners_of_files_are_several_people_or_none(people: People) -> None:
    order = veiled(replace(ORDER, name=EventName.POLICY_ACTIVATED, scope="policy", value="d", actor="ada, eva"), people)
    assert isinstance(order, OrderRecord)
    assert order.actor == f"{people.of('ada').pseudonym}, {people.of('eva').pseudonym}"
    order = veiled(replace(ORDER, name=EventName.POLICY_ACTIVATED, actor=""), people)
    assert isinstance(order, OrderRecord)
    assert order.actor == ""


def test_who_accepts_is_a_pseudonym_and_a_team_is_not(people: People) -> None:
    names = {name: people.of(name).pseudonym for name in ("ada", "eva", "root")}
    assert veiled(CONSENT, people) == replace(CONSENT, party=names["ada"], actor=names["eva"], user=names["root"])
    team = veiled(replace(CONSENT, party_kind="team"), people)
    assert isinstance(team, ConsentRecord)
    assert team.party == "ada"


def test_an_alert_has_another_id_which_no_name_leads_to(people: People) -> None:
    found = veiled(ALERT, people)
    ada = people.of("ada")
    assert found == replace(ALERT, value=ada.pseudonym, id=ada.keyed(ALERT.id))
    assert veiled(ALERT, people) == found  # receivers remove duplicates by it
    run = veiled(replace(ALERT, scope="agent_run", value="ada/run-1"), people)
    assert isinstance(run, AlertRecord)
    assert run.value == f"{ada.pseudonym}/run-1"


class Log:
    def __init__(self) -> None:
        self.records: list[AuditRecord] = []
        self.waited = 0

    def append(self, record: AuditRecord) -> None:
        self.records.append(record)

    async def durable(self) -> None:
        self.waited += 1


class Nobody:
    def of(self, name: str) -> Subject:
        raise AuditUnavailable

    def sealed(self, subject: Subject, email: str, credential_id: str) -> bytes:
        raise AssertionError


async def test_the_log_is_veiled_while_policy_says_so(people: People) -> None:
    log, modes = Log(), iter([False, True])
    veil = VeiledLog(log, people, lambda: next(modes))
    veil.append(DECISION)
    veil.append(DECISION)
    assert log.records[0] is DECISION
    assert principal_of(log.records[1]).subject == people.of("ada").pseudonym
    await veil.durable()
    assert log.waited == 1


def test_nothing_is_written_when_somebody_cannot_be_named() -> None:
    log = Log()
    veil = VeiledLog(log, Nobody(), lambda: True)
    with pytest.raises(AuditUnavailable):
        veil.append(DECISION)
    assert log.records == []
    veil.append(replace(DECISION, principal=SERVICE))
    assert len(log.records) == 1
