"""The control process, composed. Its libraries come with the `control` extra, which a processor is installed without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from gateway_ext.alerts.delivery import Delivery, Outlet
from gateway_ext.alerts.outlets import outlet
from gateway_ext.alerts.rules import TRAIL
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.audit.archive import archive_segment
from gateway_ext.audit.checkpointer import Checkpointer
from gateway_ext.audit.index.follower import Follower
from gateway_ext.audit.lane_tree import signed_before
from gateway_ext.audit.publishing import Publishing
from gateway_ext.audit.shipper import Shipper
from gateway_ext.audit.spool import Spool
from gateway_ext.audit_index import logs, opened_index
from gateway_ext.audit_outputs import opened_outputs
from gateway_ext.bootstrap.audit import begin_pseudonyms, followed_subjects, opened_spool, veiled
from gateway_ext.bootstrap.fingerprint_key import fingerprint_key
from gateway_ext.bootstrap.ledger import opened_ledger, opened_spending
from gateway_ext.bootstrap.policy import watched_policy
from gateway_ext.budget_watch import BudgetWatch, TrailOutlet
from gateway_ext.checkpoints import checkpointer, publishing
from gateway_ext.clock import SystemClock
from gateway_ext.conversations.identify import conversation_key
from gateway_ext.conversations.sqlite_store import prune
from gateway_ext.envoyconf import followed
from gateway_ext.envoyconf.render import render
from gateway_ext.envoyconf.write import write
from gateway_ext.identity.key_watch import KeyWatch
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.policy.watcher import PolicyWatcher
from gateway_ext.ports import AuditLog
from gateway_ext.settings import Settings
from gateway_ext.sweeper import Sweeper
from gateway_ext.telemetry.opened import OpenedTelemetry, opened_telemetry


@dataclass(frozen=True, slots=True)
class Control:
    """A composed control process. `write_xds` writes Envoy's files; it blocks, call it in a thread."""

    shipper: Shipper
    index_follower: Follower
    checkpointer: Checkpointer
    publishing: Publishing | None  # of checkpoints, where there is a program for it
    sweeper: Sweeper
    key_watch: KeyWatch
    policy: PolicyWatcher
    audit: Spool
    trail: AuditLog  # the same, in which people are named as policy says
    budget_watch: BudgetWatch
    alerts: Delivery
    telemetry: OpenedTelemetry
    # Policies in force and retiring, versions of the providers' keys, JWKS of our issuers.
    write_xds: Callable[[Snapshot, Sequence[Snapshot], Mapping[str, str], Mapping[str, str]], tuple[str, ...]]
    prune_conversations: Callable[[], Awaitable[int]]  # raises ConversationsUnavailable


@asynccontextmanager
async def control(settings: Settings) -> AsyncIterator[Control]:
    """Everything the control process needs, opened; closed in reverse order. Raises ConfigurationError."""
    clock = SystemClock()
    layout = settings.layout
    async with AsyncExitStack() as stack:
        subjects = await stack.enter_async_context(followed_subjects(settings))
        policy = await stack.enter_async_context(watched_policy(settings, prepare=partial(begin_pseudonyms, subjects)))
        ledger = await stack.enter_async_context(opened_ledger(settings))
        audit = stack.enter_context(opened_spool(settings, "control"))
        trail = veiled(audit, subjects, policy)
        outputs = await stack.enter_async_context(opened_outputs(settings))
        index = await stack.enter_async_context(opened_index(settings))
        spending = await stack.enter_async_context(opened_spending(settings))
        telemetry = await stack.enter_async_context(opened_telemetry(settings, policy, spending, clock))
        alerts = SqliteAlerts(layout.alerts)

        def outlets() -> dict[str, Outlet]:
            channels = policy.current().alerts.channels
            return {TRAIL: TrailOutlet(trail), **{each.name: outlet(each, layout.channels) for each in channels}}

        yield Control(
            shipper=Shipper(
                layout.spool,
                outputs,
                clock,
                kept_from=lambda directory: signed_before(layout.trees / directory.name),
                retire=lambda directory, number: archive_segment(directory, layout.archive / directory.name, number),
            ),
            index_follower=Follower(index, logs(settings)),
            checkpointer=checkpointer(settings),
            publishing=publishing(settings),
            sweeper=Sweeper(ledger, audit, policy, clock),
            key_watch=KeyWatch(settings.envoy_admin, layout.key_ages, clock.now_unix_nano),
            policy=policy,
            audit=audit,
            trail=trail,
            budget_watch=BudgetWatch(policy, spending, alerts, clock),
            alerts=Delivery(alerts, lambda: policy.current().alerts.channels, outlets),
            telemetry=telemetry,
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
