"""Erased from every store of a state directory, byte by byte, while sums, records and other people stay."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.administration import orders, person_erasure
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.legal_holds import begin_hold_store, holds_in_force, set_hold
from gateway_ext.administration.person_erasure import Erasure, erase
from gateway_ext.administration.person_report import report
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.retention.legal_hold import LegalHold
from gateway_ext.budget.status import read_accounts
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings
from gateway_ext.standing.directives import Measure, Scope, Target
from gateway_ext.subjects.subject import Erased
from tests.unit.administration.people_world import ADA, BY, EVA, World, made_world, requests_of, write


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    made_world(root)
    return root


@pytest.fixture
def world(template: Path, tmp_path: Path) -> World:
    """A copy of its own for each test."""
    root = Path(shutil.copytree(template, tmp_path / "world"))
    return World(Settings(state_dir=root / "state", policies_dir=root / "policies"))


def erased(world: World, name: str = ADA, **options: bool) -> Erasure:
    return erase(world.settings, name, BY, "request 12", world.ledger, world.console, **options)


def told(world: World, name: str) -> list[tuple[str, dict[str, Any]]]:
    parts = report(world.settings, name, BY, "article 15", world.ledger, world.console)
    return [(part, dict(held)) for part, held in parts]


def log(world: World) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(world.settings.layout.spool.glob("processor-0/*.segment")))


def test_a_report_tells_all_that_is_held(world: World) -> None:
    found = told(world, ADA)
    parts = [part for part, _ in found]
    assert set(parts) == {
        "person", "credential", "agreement", "session", "alert", "account", "hold", "record", "note",
    }  # fmt: skip
    assert EVA not in json.dumps(found, default=str)
    records = [held for part, held in found if part == "record"]
    decision = next(each for each in records if each["event"] == "request:decision:forwarded")
    assert decision["sealed"] == {"subject": ADA, "email": f"mail-{ADA}", "credential_id": f"login-{ADA}"}
    outcome = next(each for each in records if each["event"] == "request:outcome:unpriced")
    assert outcome["attributes"]["gateway.exchange.id"] == decision["attributes"]["gateway.exchange.id"]
    assert {"credentials:credential:minted", "consent:agreement:accepted"} <= {each["event"] for each in records}


def test_to_report_is_recorded_before_anything_is_told(world: World) -> None:
    next(report(world.settings, ADA, BY, "article 15", world.ledger, world.console))
    event = last_events(world.settings.layout.spool / "operator", 1)[0]
    ada = world.store.find(ADA)
    assert ada is not None
    assert (event.name, event.order.value) == ("subjects:subject:reported", ada.pseudonym)


def test_no_byte_of_the_erased_is_left_in_the_state_directory(world: World) -> None:
    ada = world.store.of(ADA)
    assert world.files_with(ADA)
    assert world.files_with(ada.key)
    before, sums = (
        log(world),
        {account.key: account.posted_nano for account in read_accounts(world.settings.layout.ledger)},
    )
    erasure = erased(world)
    for trace in (ADA, "ada%40works", f"mail-{ADA}", f"login-{ADA}", ada.key):
        assert world.files_with(trace) == set(), trace
    assert erasure.called == ada.pseudonym
    assert all(
        erasure.changed[store] for store in ("ledger", "agreements", "alerts", "console", "credentials", "subjects")
    )
    assert log(world) == before
    now = {account.key: account.posted_nano for account in read_accounts(world.settings.layout.ledger)}
    assert sorted(now.values()) == sorted(sums.values())
    assert isinstance(world.store.get(ada.pseudonym), Erased)


def test_others_are_untouched(world: World) -> None:
    eva, before = world.store.find(EVA), told(world, EVA)
    erased(world)
    assert world.store.find(EVA) == eva
    assert [part for part, _ in told(world, EVA)] == [*(part for part, _ in before[:-1]), "record", "note"]


def test_credentials_are_revoked_and_the_erasure_recorded_under_the_pseudonym(world: World) -> None:
    ada = world.store.of(ADA)
    (credential,) = [
        each for each in SqliteCredentials(world.settings.layout.credentials).all() if each.owner.subject == ADA
    ]
    erased(world)
    (order,) = orders.in_force(world.settings)
    assert order.target == Target(Measure.REVOKED, Scope.CREDENTIAL, credential.id)
    revoked, done = last_events(world.settings.layout.spool / "operator", 2)
    assert revoked.name == "standing:credential:revoked"
    assert (done.name, done.order.value, done.order.reason) == (
        "subjects:subject:erased",
        ada.pseudonym,
        "request 12",
    )


def test_who_comes_again_is_somebody_else(world: World) -> None:
    ada = world.store.of(ADA)
    erased(world)
    write(world, requests_of(ADA))
    again = world.store.of(ADA)
    assert again.pseudonym != ada.pseudonym
    records = [held for part, held in told(world, ADA) if part == "record"]
    names = [each["attributes"].get("gateway.principal.subject") for each in records]
    assert again.pseudonym in names
    assert ada.pseudonym not in names


def test_an_order_in_force_about_the_person_comes_first(world: World) -> None:
    orders.give(world.settings, Target(Measure.DISABLED, Scope.PERSON, ADA), BY, "left us")
    with pytest.raises(ConfigurationError, match=r"1 orders in force name the person.*people enable"):
        erased(world)
    assert world.store.find(ADA) is not None
    assert [part for part, _ in told(world, ADA)].count("order") == 1


def test_what_they_ordered_stays_in_force_by_nobody(world: World) -> None:
    by_ada = Actor(ADA, "company", "gateway")
    orders.give(world.settings, Target(Measure.STOPPED, Scope.TEAM, "other"), by_ada, "incident")
    begin_hold_store(world.settings, BY, "test")
    set_hold(world.settings, LegalHold("case-9", team="other", actor=ADA, reason="case"), by_ada)
    erasure = erased(world)
    stop = next(each for each in orders.in_force(world.settings) if each.target.scope is Scope.TEAM)
    assert stop.actor == erasure.called.replace("pseudonym-", "erased-")
    assert [each.actor for each in holds_in_force(world.settings)] == [stop.actor]
    assert world.files_with(ADA) == set()


def test_a_name_that_nobody_has_is_not_erased(world: World) -> None:
    assert erased(world, "nobody@works.example").found_nothing


def test_policy_that_says_the_name_is_told(world: World) -> None:
    access = world.settings.policies_dir / "access.yaml"
    access.write_text(access.read_text() + f"# {ADA}\n")
    assert erased(world).policy_files == ("access.yaml",)


def test_a_failure_halfway_leaves_the_key_and_is_finished_by_running_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.console.__class__, "forget", _fail)
        with pytest.raises(ConfigurationError, match="the disk is full"):
            erased(world)
    assert world.store.find(ADA) is not None
    erased(world)
    assert world.files_with(ADA) == set()


def _fail(_: object, name: str) -> int:
    raise ConfigurationError("the disk is full")


def test_files_are_not_rewritten_where_that_would_disturb(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_erasure, "remove_remains", _refuse)
    assert not erased(world, compact=False).is_compact
    assert world.store.find(ADA) is None


def _refuse(path: Path) -> None:
    raise AssertionError(path)


def test_plain_records_are_counted_and_stay(tmp_path: Path) -> None:
    world = made_world(tmp_path, veiled=False)
    assert [part for part, _ in told(world, ADA)].count("record") >= 4
    erasure = erased(world)
    assert erasure.called.startswith("erased-")
    assert erasure.plain_records >= 3
    assert {path.split("/")[0] for path in world.files_with(ADA)} == {"spool"}


@pytest.mark.parametrize(
    ("covering", "is_kept"),
    [
        (LegalHold("case-7", team="works"), True),
        (LegalHold("case-7", team="other"), False),
        (LegalHold("case-7", subject="somebody else"), False),
    ],
)
def test_a_legal_hold_goes_first(world: World, covering: LegalHold, is_kept: bool) -> None:
    begin_hold_store(world.settings, BY, "test")
    set_hold(world.settings, replace(covering, actor="operator", reason="case"), BY)
    if is_kept:
        with pytest.raises(ConfigurationError, match="the legal hold 'case-7' keeps records of the person"):
            erased(world)
    else:
        erased(world)
    assert (world.store.find(ADA) is not None) == is_kept


def test_a_hold_on_a_pseudonym_keeps_its_person(world: World) -> None:
    begin_hold_store(world.settings, BY, "test")
    hold = LegalHold("case-8", subject=world.store.of(ADA).pseudonym, actor="operator", reason="case")
    set_hold(world.settings, hold, BY)
    with pytest.raises(ConfigurationError, match="case-8"):
        erased(world)
    assert not erased(world, EVA).found_nothing
