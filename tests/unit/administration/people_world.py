"""A state directory in which two people have left traces in every store, named by pseudonyms in the trail."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.administration import agreements, orders
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.credentials import life_cycle
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import AuditRecord, DecisionRecord, OutcomeRecord
from gateway_ext.audit.spool import Spool
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.sqlite_person import SqlitePerson
from gateway_ext.clock import SystemClock
from gateway_ext.consent.rules import Agreement, ConsentRules, Party, PartyKind
from gateway_ext.console.idempotency import Answer, RepeatedRequests, request_key
from gateway_ext.console.person_data import ConsolePerson
from gateway_ext.console.sessions import Sessions
from gateway_ext.console.store import ConsoleStore
from gateway_ext.credentials.credential import Owner
from gateway_ext.credentials.minting import Asked
from gateway_ext.credentials.rules import Bounds
from gateway_ext.exchange import CredentialClass, Outcome, Principal, Usage
from gateway_ext.settings import Settings
from gateway_ext.subjects.known import KnownSubjects
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.veiled import VeiledLog
from tests.unit.alerts.alerts import NOW, made
from tests.unit.budget.person_contract import reserving

POLICIES = Path(__file__).parents[3] / "policies"
ADA, EVA = "ada@works.example", "eva@works.example"
BY = Actor("operator", user="operator")
TERMS = ConsentRules((Agreement("terms", "1", "Terms", PartyKind.PERSON),))


@dataclass(frozen=True, slots=True)
class World:
    settings: Settings

    @property
    def store(self) -> SubjectsStore:
        return SubjectsStore(self.settings.layout.subjects)

    @property
    def ledger(self) -> SqlitePerson:
        return SqlitePerson(self.settings.layout.ledger)

    @property
    def console(self) -> ConsolePerson:
        return ConsolePerson(self.settings.layout.console)

    def files_with(self, text: str | bytes) -> set[str]:
        """All files below the state directory that hold this, somewhere."""
        wanted = text.encode() if isinstance(text, str) else text
        return {
            str(path.relative_to(self.settings.state_dir))
            for path in self.settings.state_dir.rglob("*")
            if path.is_file() and wanted in path.read_bytes()
        }


def made_world(root: Path, *, veiled: bool = True) -> World:
    settings = Settings(state_dir=root / "state", policies_dir=Path(shutil.copytree(POLICIES, root / "policies")))
    world = World(settings)
    if veiled:
        world.store.begin()
    orders.begin_store(settings, BY, "test")
    agreements.begin_store(settings, BY, "test")
    for name in (ADA, EVA):
        _live(settings, name)
    write(world, [record for name in (ADA, EVA) for record in requests_of(name)], veiled=veiled)
    return world


def requests_of(name: str) -> list[AuditRecord]:
    """A decision, and its outcome."""
    who = Principal(name, "person", "company", CredentialClass.SSO, f"login-{name}", team="works", email=f"mail-{name}")
    exchange_id = f"exchange-{hash(name)}"
    outcome = Outcome(exchange_id, "", 200, "c", Usage(3, 4), 0, 0, 1, 0, 0, True, "access_log")
    return [
        DecisionRecord(EventName.DECISION_FORWARDED, exchange_id, "forward", "d", "public", "", principal=who),
        OutcomeRecord(EventName.OUTCOME_UNPRICED, outcome, outcome.usage, 0, "", None),
    ]


def write(world: World, records: list[AuditRecord], *, veiled: bool = True) -> None:
    """As a processor writes them."""
    layout = world.settings.layout
    known = KnownSubjects(layout.subjects, SystemClock())
    if veiled:
        known.begin()
    spool = Spool(layout.spool, "processor-0", SystemClock())
    log = VeiledLog(spool, known, lambda: veiled)
    for record in records:
        log.append(record)
    spool.close()
    asyncio.run(known.stop())


def _live(settings: Settings, name: str) -> None:
    """What somebody does who has an account."""
    layout, by = settings.layout, Actor(name, "company", "gateway")
    asked = Asked(CredentialClass.PERSONAL, "laptop", Owner(name, "works", email=f"mail-{name}"))
    life_cycle(settings, by, "test").mint(asked, Bounds(30, 7, 3, "EUR"))
    agreements.accept(settings, TERMS, "terms", "1", Party(PartyKind.PERSON, name), by)
    SqliteAlerts(layout.alerts).note([(made(name), ("audit",), NOW)])
    console, clock = ConsoleStore(layout.console), SystemClock()
    Sessions(console, clock.now_unix_nano).begin("company", name, {"sub": name}, lambda _: None)
    key = request_key("one", name, "POST", "/", b"")
    RepeatedRequests(console, lambda: NOW // 10**9).once(key, lambda: Answer(201, {"subject": name}))
    asyncio.run(_spend(layout.ledger, name))


async def _spend(path: Path, name: str) -> None:
    ledger = SqliteLedger(path, SystemClock())
    await ledger.open()
    await ledger.reserve(reserving(f"hold-{hash(name)}", name, agent_run="run-1"))
    await ledger.post(f"hold-{hash(name)}", Usage(3, 4), "eu/model", "test")
    await ledger.close()
