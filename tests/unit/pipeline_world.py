"""The pipeline with its real parts: shipped policy, SQLite ledger, the Guard. Only the audit log is a list."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

from gateway_ext.audit.records import AuditRecord, DecisionRecord
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import read_accounts
from gateway_ext.clock import SystemClock
from gateway_ext.consent.rules import ConsentRules
from gateway_ext.conversations.identify import conversation_key
from gateway_ext.conversations.sqlite_store import SqliteConversations
from gateway_ext.errors import AuditUnavailable, Refusal
from gateway_ext.exchange import (
    Answer,
    Interface,
    Principal,
    RequestHead,
    VerifiedClaims,
)
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.pipeline import Pipeline
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import AuditLog
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.routing.measured import Measured
from gateway_ext.standing.standing import Standing
from gateway_ext.steps.classifying import Classifying

POLICIES = Path(__file__).parents[2] / "policies"
ENGINE = GuardEngine(b"fingerprint-key-of-the-tests-only")
SHADOW_KEY = b"shadow-key-of-the-tests-only"
IBAN = "DE89 3704 0044 0532 0130 00"
AWS_KEY = "AKIA" + "Z7VQ3HX5TLRPWN2C"
DEMO = {"sub": "demo@local", "team": "demo", "groups": ["llm-users"], "jti": "credential-1"}


class AuditList:
    def __init__(self) -> None:
        self.records: list[AuditRecord] = []
        self.is_full = False
        self.awaited: list[int] = []  # how many records there were whenever somebody waited for them to be durable
        self.is_lost = False  # by the disk, after they were written

    def append(self, record: AuditRecord) -> None:
        if self.is_full:
            raise AuditUnavailable
        self.records.append(record)

    async def durable(self) -> None:
        self.awaited.append(len(self.records))
        if self.is_lost:
            raise AuditUnavailable


class Policy:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def current(self) -> Snapshot:
        return self.snapshot


class Orders:
    """What is in force is `standing`; an exception there is raised."""

    def __init__(self) -> None:
        self.standing: Standing | Exception = Standing()
        self.change: asyncio.Future[None] | None = None

    def current(self) -> Standing:
        if isinstance(self.standing, Exception):
            raise self.standing
        return self.standing

    def changed(self) -> asyncio.Future[None]:
        if self.change is None or self.change.done():
            self.change = asyncio.get_running_loop().create_future()
        return self.change


class Consents:
    """What is raised, if anything, when policy asks for an agreement."""

    def __init__(self) -> None:
        self.refusal: Refusal | None = None

    def require(self, principal: Principal, rules: ConsentRules) -> None:
        if self.refusal is not None and any(each.concerns(principal) for each in rules.agreements):
            raise self.refusal


class World:
    def __init__(self, directory: Path, guard: Any = ENGINE, shadow_key: bytes | None = SHADOW_KEY) -> None:
        self.policy = Policy(load_policy(POLICIES))
        self.path = directory / "ledger.sqlite"
        self.ledger = SqliteLedger(self.path, SystemClock())
        self.audit = AuditList()
        self.orders = Orders()
        self.consents = Consents()
        key = conversation_key(b"key-of-the-tests-only")
        self.conversations = SqliteConversations(directory / "conversations.sqlite", key)
        self.classifying = Classifying(self.conversations, key)
        self.readings = Measured(SystemClock().monotonic_ns)
        self.guard = guard
        self.shadow_key = shadow_key
        self.record_in(self.audit)

    def record_in(self, audit: AuditLog) -> None:
        """From now on, with a pipeline made anew."""
        self.pipeline = Pipeline(
            self.policy,
            self.ledger,
            self.guard,
            audit,
            SystemClock(),
            self.orders,
            self.consents,
            self.classifying,
            self.readings,
            shadow_key=self.shadow_key,
        )

    def change_guard(self, **changes: Any) -> None:
        """Change the rules for requests and for their answers."""
        guard = self.policy.snapshot.guard
        rules = {name: dataclasses.replace(getattr(guard, name), **changes) for name in ("request", "response")}
        self.change("guard", **rules)

    def change(self, room: str, **changes: Any) -> None:
        snapshot = self.policy.snapshot
        self.policy.snapshot = dataclasses.replace(
            snapshot, **{room: dataclasses.replace(getattr(snapshot, room), **changes)}
        )

    async def send(self, content: object, **changes: Any) -> Forwarded | Answer:
        document = {"model": "assistant", "messages": [{"role": "user", "content": content}], **changes}
        return await self.send_body(json.dumps(document).encode())

    async def send_body(self, body: bytes, **head: Any) -> Forwarded | Answer:
        admitted = self.pipeline.admit(request_head(**head))
        if isinstance(admitted, Answer):
            return admitted
        decided = await self.pipeline.decide(admitted, body)
        await self.pipeline.background.drain(5)
        return decided

    def held(self) -> int:
        return sum(account.held_nano for account in read_accounts(self.path))

    def posted(self) -> int:
        return sum(account.posted_nano for account in read_accounts(self.path))

    @property
    def decision(self) -> DecisionRecord:
        record = self.audit.records[-1]
        assert isinstance(record, DecisionRecord)
        return record


def request_head(**changes: Any) -> RequestHead:
    values: dict[str, Any] = {
        "interface": Interface.PUBLIC,
        "method": "POST",
        "path": "/v1/chat/completions",
        "content_type": "application/json; charset=utf-8",
        "content_encoding": "",
        "source_address": "192.0.2.7:1234",
        "claims": {"personal": VerifiedClaims(DEMO)},
    }
    return RequestHead(**(values | changes))


def code(answer: Forwarded | Answer) -> str:
    assert isinstance(answer, Answer), "expected a refusal"
    error = json.loads(answer.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return str(error["code"])
