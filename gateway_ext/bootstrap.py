"""Composition root: settings → adapters → Pipeline. The only file that knows which adapter stands behind which port."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_ext.alerts.delivery import Delivery, Outlet
from gateway_ext.alerts.rules import TRAIL
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.audit.spool import Spool
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.sqlite_spending import SqliteSpending
from gateway_ext.budget_watch import BudgetWatch, TrailOutlet
from gateway_ext.clock import SystemClock
from gateway_ext.consent.consents import Consents
from gateway_ext.conversations.identify import conversation_key
from gateway_ext.conversations.sqlite_store import SqliteConversations, prune
from gateway_ext.envoyconf import followed
from gateway_ext.errors import ConfigurationError
from gateway_ext.extproc.server import ProcessorServer
from gateway_ext.identity.key_age import KeyAges
from gateway_ext.identity.key_watch import KeyWatch
from gateway_ext.pipeline import Pipeline
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.policy.watcher import PolicyWatcher
from gateway_ext.ports import Ledger, PolicySource, Spending
from gateway_ext.routing.shared_readings import SharedReadings
from gateway_ext.settings import Settings
from gateway_ext.standing.watcher import StandingWatcher
from gateway_ext.steps.classifying import Classifying
from gateway_ext.steps.shadow_leave import shadow_key
from gateway_ext.sweeper import Sweeper
from gateway_ext.tokens.counter import read_vocabularies

if TYPE_CHECKING:
    from gateway_ext.audit.checkpointer import Checkpointer
    from gateway_ext.audit.publishing import Publishing
    from gateway_ext.audit.shipper import Shipper
    from gateway_ext.budget.leases.slices import Slices
    from gateway_ext.budget.postgres.ledger import PostgresLedger
    from gateway_ext.guard.engine import GuardEngine
    from gateway_ext.guard.external import ExternalClassifier

_log = logging.getLogger(__name__)
_FINGERPRINT_KEY_BYTES = 32


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
        # After the control process, so that Envoy knows a new deployment before a request is sent there.
        policy = await stack.enter_async_context(
            watched_policy(
                settings,
                settled_polls=3,
                prepare=partial(_prepare, guard),
                is_ready=lambda snapshot: followed.is_followed(layout.xds, snapshot.digest),
            )
        )
        ledger = await stack.enter_async_context(opened_ledger(settings, leases_by=policy))
        audit = Spool(layout.spool, f"processor-{index}", clock, settings.spool_bytes_max, settings.spool_fsync_seconds)
        stack.callback(audit.close)
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
            policy, ledger, guard, audit, clock, standing, consents, classifying, readings, beside, keys, seal
        )
        stack.push_async_callback(asyncio.to_thread, pipeline.close)
        server = ProcessorServer(
            pipeline,
            step_deadline_seconds=settings.step_deadline_seconds,
            stream_idle_seconds=settings.stream_idle_seconds,
            is_healthy=lambda: not audit.failed,
        )
        yield Processor(server, pipeline, policy, audit)


def _prepare(guard: GuardEngine, snapshot: Snapshot) -> None:
    """What the first requests under a policy should not wait for."""
    guard.prepare(snapshot.guard)
    read_vocabularies(model.tokenizer for model in snapshot.routing.models.values())


@dataclass(frozen=True, slots=True)
class Control:
    """A composed control process. `write_xds` writes Envoy's files; it blocks, call it in a thread."""

    shipper: Shipper
    checkpointer: Checkpointer
    publishing: Publishing | None  # of checkpoints, where there is a program for it
    sweeper: Sweeper
    key_watch: KeyWatch
    policy: PolicyWatcher
    audit: Spool
    budget_watch: BudgetWatch
    alerts: Delivery
    # Policies in force and retiring, versions of the providers' keys, JWKS of our issuers.
    write_xds: Callable[[Snapshot, Sequence[Snapshot], Mapping[str, str], Mapping[str, str]], tuple[str, ...]]
    prune_conversations: Callable[[], Awaitable[int]]  # raises ConversationsUnavailable


@asynccontextmanager
async def control(settings: Settings) -> AsyncIterator[Control]:
    """Everything the control process needs, opened; closed in reverse order. Raises ConfigurationError."""
    # Late, because they come with the `control` extra, which a processor is installed without.
    from gateway_ext.alerts.outlets import outlet  # noqa: PLC0415
    from gateway_ext.audit.exporter import OtlpExporter  # noqa: PLC0415
    from gateway_ext.audit.lane_tree import signed_before  # noqa: PLC0415
    from gateway_ext.audit.shipper import Shipper  # noqa: PLC0415
    from gateway_ext.checkpoints import checkpointer, publishing  # noqa: PLC0415
    from gateway_ext.envoyconf.render import render  # noqa: PLC0415
    from gateway_ext.envoyconf.write import write  # noqa: PLC0415

    clock = SystemClock()
    layout = settings.layout
    async with AsyncExitStack() as stack:
        policy = await stack.enter_async_context(watched_policy(settings))
        ledger = await stack.enter_async_context(opened_ledger(settings))
        audit = Spool(layout.spool, "control", clock, settings.spool_bytes_max, settings.spool_fsync_seconds)
        stack.callback(audit.close)
        exporter = OtlpExporter(settings.otlp_endpoint, settings.otlp_ca_file)
        stack.push_async_callback(exporter.close)
        spending = await stack.enter_async_context(opened_spending(settings))
        alerts = SqliteAlerts(layout.alerts)

        def outlets() -> dict[str, Outlet]:
            channels = policy.current().alerts.channels
            return {TRAIL: TrailOutlet(audit), **{each.name: outlet(each, layout.channels) for each in channels}}

        yield Control(
            shipper=Shipper(
                layout.spool, exporter, clock, kept_from=lambda directory: signed_before(layout.trees / directory.name)
            ),
            checkpointer=checkpointer(settings),
            publishing=publishing(settings),
            sweeper=Sweeper(ledger, audit, policy, clock),
            key_watch=KeyWatch(settings.envoy_admin, layout.key_ages, clock.now_unix_nano),
            policy=policy,
            audit=audit,
            budget_watch=BudgetWatch(policy, spending, alerts, clock),
            alerts=Delivery(alerts, lambda: policy.current().alerts.channels, outlets),
            write_xds=lambda snapshot, retiring, key_versions, key_sets: write(
                render(
                    snapshot,
                    layout,
                    settings.processor_count,
                    retiring=retiring,
                    key_versions=key_versions,
                    key_sets=key_sets,
                )
                | {followed.FILE: snapshot.digest},
                layout.xds,
            ),
            prune_conversations=lambda: asyncio.to_thread(
                prune,
                layout.conversations,
                conversation_key(fingerprint_key(layout.fingerprint_key)),
                policy.current().routing.classification.kept_days,
                clock.now_unix_nano(),
            ),
        )


@asynccontextmanager
async def watched_policy(
    settings: Settings,
    settled_polls: int = 1,
    prepare: Callable[[Snapshot], None] = lambda _: None,
    is_ready: Callable[[Snapshot], bool] = lambda _: True,
) -> AsyncIterator[PolicyWatcher]:
    """The policy of `settings`, followed while the context lasts."""
    policy = PolicyWatcher(
        settings.policies_dir, _policy_rejected, settled_polls=settled_polls, prepare=prepare, is_ready=is_ready
    )
    await policy.start()
    try:
        yield policy
    finally:
        await policy.stop()


@asynccontextmanager
async def watched_standing(settings: Settings) -> AsyncIterator[StandingWatcher]:
    """What operators have ordered, followed while the context lasts."""
    standing = StandingWatcher(settings.layout.standing, SystemClock())
    await standing.start()
    try:
        yield standing
    finally:
        await standing.stop()


@asynccontextmanager
async def followed_consents(settings: Settings) -> AsyncIterator[Consents]:
    """Who has accepted which agreement, followed while the context lasts."""
    consents = Consents(settings.layout.agreements, SystemClock(), settings.console_url)
    await consents.start()
    try:
        yield consents
    finally:
        await consents.stop()


@contextmanager
def opened_conversations(settings: Settings) -> Iterator[Classifying]:
    """How content is classified, with what conversations have held at hand while the context lasts."""
    key = conversation_key(fingerprint_key(settings.layout.fingerprint_key))
    conversations = SqliteConversations(settings.layout.conversations, key)
    try:
        yield Classifying(conversations, key)
    finally:
        conversations.close()


@asynccontextmanager
async def opened_ledger(settings: Settings, leases_by: PolicySource | None = None) -> AsyncIterator[Ledger]:
    """The ledger of `settings`, open while the context lasts. Raises ConfigurationError.

    `leases_by`: the policy of a process that reserves, which may lease slices of budgets.
    """
    ledger: SqliteLedger | PostgresLedger | LeasedLedger
    if settings.ledger_url:
        from gateway_ext.budget.postgres.ledger import PostgresLedger  # noqa: PLC0415  (extra `postgres`)

        ledger = PostgresLedger(settings.ledger_url, SystemClock())
    else:
        ledger = SqliteLedger(settings.layout.ledger, SystemClock())
    if settings.redis_url and not settings.ledger_leases:
        raise ConfigurationError("redis_url is where leases are shared; set 'ledger_leases: on', or remove redis_url")
    if settings.ledger_leases and leases_by is not None:
        ledger = LeasedLedger(
            ledger,
            SystemClock(),
            admits_alone=lambda: leases_by.current().budget.admits_within_lease,
            slices=_shared_slices(settings),
        )
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


def _shared_slices(settings: Settings) -> Slices | None:
    """None: each processor has its own. Raises ConfigurationError."""
    if not settings.redis_url:
        return None
    from gateway_ext.budget.redis.slices import RedisSlices  # noqa: PLC0415  (extra `redis`)

    return RedisSlices(settings.redis_url, settings.redis_password_file)


@asynccontextmanager
async def opened_spending(settings: Settings) -> AsyncIterator[Spending]:
    """The ledger of `settings` for those who only watch it. Raises ConfigurationError."""
    spending: Spending
    if settings.ledger_url:
        from gateway_ext.budget.postgres.spending import PostgresSpending  # noqa: PLC0415  (extra `postgres`)

        spending = PostgresSpending(settings.ledger_url)
    else:
        spending = SqliteSpending(settings.layout.ledger)
    try:
        yield spending
    finally:
        await spending.close()


@asynccontextmanager
async def classifier_beside(
    settings: Settings, report: Callable[[str, str, float], None]
) -> AsyncIterator[ExternalClassifier | None]:
    """The operator's own classifier, if there is one. `report` is called on the event loop. Raises ConfigurationError."""
    if not settings.classifier_model:
        yield None
        return
    from gateway_ext.guard.external import ExternalClassifier  # noqa: PLC0415

    loop = asyncio.get_running_loop()

    def hand_over(exchange_id: str, name: str, score: float) -> None:
        loop.call_soon_threadsafe(report, exchange_id, name, score)

    classifier = ExternalClassifier(Path(settings.classifier_model), hand_over)
    try:
        yield classifier
    finally:
        await asyncio.to_thread(classifier.close)


def guard_engine(settings: Settings) -> GuardEngine:
    """The Guard with the key and the registered documents of a state directory. Raises ConfigurationError."""
    # Late, because the Guard's libraries take a second to import, and the control process does without.
    from gateway_ext.guard.confidential.live_registry import Registry  # noqa: PLC0415
    from gateway_ext.guard.confidential.registry import FILE_NAME  # noqa: PLC0415
    from gateway_ext.guard.engine import GuardEngine  # noqa: PLC0415
    from gateway_ext.guard.personal.names_model import PersonNames  # noqa: PLC0415

    layout = settings.layout
    key = fingerprint_key(layout.fingerprint_key)
    documents = Registry(layout.root / FILE_NAME, key)
    names = [PersonNames(Path(settings.person_name_model))] if settings.person_name_model else []
    return GuardEngine(
        key, registered=lambda: (documents.current(), *names), database_path=layout.root / "guard-patterns.db"
    )


def fingerprint_key(path: Path) -> bytes:
    """The machine's key for findings' fingerprints, made on first use. Raises ConfigurationError.

    Lost: repeats of a value found before can no longer be recognised, nor conversations. Leaked: guesses of a value can be
    confirmed.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Written under another name first, so that a process that starts at the same time never reads half a key.
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(os.urandom(_FINGERPRINT_KEY_BYTES))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: the fingerprint key cannot be made or read ({error.strerror})") from error
    if len(key) != _FINGERPRINT_KEY_BYTES:
        raise ConfigurationError(f"{path}: expected {_FINGERPRINT_KEY_BYTES} bytes; delete it to have a new one made")
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"{path}: readable by others; run 'chmod 600' on it")
    return key


def _policy_rejected(error: ConfigurationError) -> None:
    _log.error("policy not taken, the last good one stays in force:\n%s", error.diagnostics())
