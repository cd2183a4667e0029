"""A processor, composed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway_ext.audit.spool import Spool
from gateway_ext.bootstrap.audit import begin_pseudonyms, followed_subjects, opened_spool, veiled
from gateway_ext.bootstrap.fingerprint_key import fingerprint_key
from gateway_ext.bootstrap.guard import classifier_beside, guard_engine, opened_conversations
from gateway_ext.bootstrap.ledger import opened_ledger
from gateway_ext.bootstrap.policy import followed_consents, watched_policy, watched_standing
from gateway_ext.clock import SystemClock
from gateway_ext.envoyconf import followed
from gateway_ext.extproc.server import ProcessorServer
from gateway_ext.identity.key_age import KeyAges
from gateway_ext.pipeline import Pipeline
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.policy.watcher import PolicyWatcher
from gateway_ext.routing.shared_readings import SharedReadings
from gateway_ext.settings import Settings
from gateway_ext.steps.shadow_leave import shadow_key
from gateway_ext.subjects.known import KnownSubjects
from gateway_ext.tokens.counter import read_vocabularies

if TYPE_CHECKING:
    from gateway_ext.guard.engine import GuardEngine


@dataclass(frozen=True, slots=True)
class Processor:
    """A composed processor, ready to listen."""

    server: ProcessorServer
    pipeline: Pipeline
    policy: PolicyWatcher
    audit: Spool


@asynccontextmanager
async def processor(settings: Settings, index: int) -> AsyncIterator[Processor]:
    """Everything one processor needs, opened; closed in reverse order. Raises ConfigurationError."""
    clock = SystemClock()
    layout = settings.layout
    async with AsyncExitStack() as stack:
        guard = guard_engine(settings)
        stack.push_async_callback(asyncio.to_thread, guard.close)
        subjects = await stack.enter_async_context(followed_subjects(settings))
        # After the control process, so that Envoy knows a new deployment before a request is sent there.
        policy = await stack.enter_async_context(
            watched_policy(
                settings,
                settled_polls=3,
                prepare=partial(_prepare, guard, subjects),
                is_ready=lambda snapshot: followed.is_followed(layout.xds, snapshot.digest),
            )
        )
        ledger = await stack.enter_async_context(opened_ledger(settings, leases_by=policy))
        audit = stack.enter_context(opened_spool(settings, f"processor-{index}"))
        beside = await stack.enter_async_context(
            classifier_beside(settings, lambda *scored: pipeline.score(*scored))  # noqa: PLW0108  (made below)
        )
        standing = await stack.enter_async_context(watched_standing(settings))
        consents = await stack.enter_async_context(followed_consents(settings))
        keys = KeyAges(layout.key_ages, clock.now_unix_nano)
        readings = SharedReadings(layout.processor_socket(index).parent, index, clock.monotonic_ns, clock.now_unix_nano)
        classifying = stack.enter_context(opened_conversations(settings))
        seal = shadow_key(fingerprint_key(layout.fingerprint_key))
        pipeline = Pipeline(
            policy,
            ledger,
            guard,
            veiled(audit, subjects, policy),
            clock,
            standing,
            consents,
            classifying,
            readings,
            beside,
            keys,
            seal,
        )
        stack.push_async_callback(asyncio.to_thread, pipeline.close)
        server = ProcessorServer(
            pipeline,
            step_deadline_seconds=settings.step_deadline_seconds,
            stream_idle_seconds=settings.stream_idle_seconds,
            is_healthy=lambda: not audit.failed,
        )
        yield Processor(server, pipeline, policy, audit)


def _prepare(guard: GuardEngine, subjects: KnownSubjects, snapshot: Snapshot) -> None:
    """What the first requests under a policy should not wait for. Raises ConfigurationError."""
    begin_pseudonyms(subjects, snapshot)
    guard.prepare(snapshot.guard)
    read_vocabularies(model.tokenizer for model in snapshot.routing.models.values())
