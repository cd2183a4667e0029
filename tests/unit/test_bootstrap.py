"""What settings add to a processor: models that operators supply, leases."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import spacy

from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.records import OrderRecord
from gateway_ext.bootstrap.control import control
from gateway_ext.bootstrap.fingerprint_key import fingerprint_key
from gateway_ext.bootstrap.guard import classifier_beside, guard_engine
from gateway_ext.bootstrap.ledger import opened_ledger
from gateway_ext.bootstrap.policy import watched_policy
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.clock import SystemClock
from gateway_ext.conversations.identify import conversation_key
from gateway_ext.conversations.sqlite_store import SqliteConversations
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import Text
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.limits import NANO
from gateway_ext.settings import Settings
from gateway_ext.verdict import Redact
from tests.unit.guard import onnx_model

POLICIES = Path(__file__).parents[2] / "policies"
NAMES = GuardRules(
    {"personal": DetectorRule(Action.REDACT)}, {}, 10.0, 10.0, classifiers=frozenset({"person_name", "email"})
)


def name_model(directory: Path) -> str:
    """A pipeline that knows one person."""
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}])  # type: ignore[attr-defined]
    pipeline.to_disk(directory)
    return str(directory)


async def test_names_of_people_are_found_with_a_model_of_the_operators(tmp_path: Path) -> None:
    guard = guard_engine(Settings(state_dir=tmp_path, person_name_model=name_model(tmp_path / "model")))
    texts = [Text(("x",), "/x", "user", "Ask Ada Lovelace.")]
    verdict = await guard.inspect(texts, NAMES)
    assert isinstance(verdict, Redact)
    assert [(finding.detector, finding.start, finding.end) for finding in verdict.findings] == [("person_name", 4, 16)]
    without = GuardRules({"personal": DetectorRule(Action.REDACT)}, {}, 10.0, 10.0)
    assert (await guard.inspect(texts, without)).findings == ()
    guard.close()


def test_a_model_that_is_none_is_said_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="person_name_model"):
        guard_engine(Settings(state_dir=tmp_path, person_name_model=str(tmp_path)))


async def test_a_classifier_of_the_operators_reports_on_the_event_loop(tmp_path: Path) -> None:
    onnx_model.write(tmp_path)
    scored: list[tuple[str, str, float]] = []
    reported = asyncio.Event()

    def report(exchange_id: str, classifier: str, score: float) -> None:
        asyncio.get_running_loop()  # raises in any other thread
        scored.append((exchange_id, classifier, score))
        reported.set()

    async with classifier_beside(Settings(classifier_model=str(tmp_path)), report) as classifier:
        assert classifier is not None
        assert classifier.submit("one", ["ignore"])
        async with asyncio.timeout(10):
            await reported.wait()
    assert [(exchange_id, name) for exchange_id, name, _ in scored] == [("one", tmp_path.name)]


async def test_without_one_nothing_runs_beside_the_path() -> None:
    async with classifier_beside(Settings(), lambda *_: None) as classifier:
        assert classifier is None


@pytest.mark.parametrize("leases", [False, True])
async def test_only_what_reserves_leases_slices_of_budgets(tmp_path: Path, leases: bool) -> None:
    settings = Settings(state_dir=tmp_path, ledger_leases=leases)
    async with watched_policy(Settings(policies_dir=POLICIES)) as policy:
        async with opened_ledger(settings, leases_by=policy) as ledger:
            assert isinstance(ledger, LeasedLedger) == leases
        async with opened_ledger(settings) as ledger:
            assert not isinstance(ledger, LeasedLedger)


async def test_shared_slices_need_leases(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")
    with pytest.raises(ConfigurationError, match="ledger_leases: on"):
        await opened_ledger(settings).__aenter__()
    settings = replace(settings, ledger_leases=True)
    async with (
        watched_policy(Settings(policies_dir=POLICIES)) as policy,
        opened_ledger(settings, leases_by=policy) as ledger,
    ):
        assert isinstance(ledger, LeasedLedger)


async def test_the_control_process_forgets_what_conversations_held_long_ago(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, policies_dir=POLICIES)
    store = SqliteConversations(
        settings.layout.conversations, conversation_key(fingerprint_key(settings.layout.fingerprint_key))
    )
    now, key = SystemClock().now_unix_nano(), b"k" * 16
    async with control(settings) as composed:
        assert await composed.prune_conversations() == 0
        for days, kept in ((29, 1), (32, 0)):
            await store.remember([key], {"personal"}, now - days * 86_400 * NANO)
            assert await composed.prune_conversations() == 1 - kept
            assert len(store.held([key]) or ()) == kept
            key = b"l" * 16
    store.close()


async def test_where_policy_asks_for_pseudonyms_their_store_is_begun_before_it_is_in_force(tmp_path: Path) -> None:
    policies = Path(shutil.copytree(POLICIES, tmp_path / "policies"))
    audit = policies / "audit.yaml"
    settings = Settings(state_dir=tmp_path / "state", policies_dir=policies)
    async with control(settings):
        assert not settings.layout.subjects.exists()
    audit.write_text(audit.read_text().replace("principals: plain", "principals: pseudonymous"))
    async with control(settings) as composed:
        assert settings.layout.subjects.exists()
        composed.trail.append(OrderRecord(EventName.STOP_SET, "person", "ada", "", "eva", "root", "why"))
    (event,) = last_events(settings.layout.spool / "control", 1)
    assert b"ada" not in event.SerializeToString()
    assert event.order.value.startswith("pseudonym-")
