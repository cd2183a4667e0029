"""A whole processor in this process, without Envoy: what is measured is the decision about a request and its settlement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.contestants import parts
from benchmarks.growth import cpu
from gateway_ext.bootstrap.processor import processor
from gateway_ext.clock import SystemClock
from gateway_ext.consent.sqlite_store import AgreementsStore
from gateway_ext.exchange import Answer, Interface, Outcome, RequestHead, Usage, VerifiedClaims
from gateway_ext.pipeline import Pipeline
from gateway_ext.settings import Settings
from gateway_ext.standing.sqlite_store import StandingStore

NOBODY = 1  # the port of an upstream that is not asked
OUT_OF_TIME = frozenset({"guard_timeout", "standing_unavailable", "consent_unavailable"})
ATTEMPTS_MAX = 20
PAUSE_SECONDS = 0.5


class RequestRefused(Exception):  # noqa: N818  (an answer, not a fault)
    """Its text is the reason."""


def new_state(root: Path, name: str, edit: Callable[[Path], None] = lambda policies: None) -> Settings:
    """An installation of its own below `root`, with the shipped policies as `edit` leaves them."""
    here = root / name
    here.mkdir()
    settings = Settings(
        state_dir=here / "state", policies_dir=parts.shipped_policies(here / "policies", upstream=NOBODY)
    )
    edit(settings.policies_dir)
    settings.layout.processor_socket(0).parent.mkdir(parents=True, mode=0o700)
    settings.state_dir.chmod(0o700)
    StandingStore(settings.layout.standing).make(SystemClock().new_id())
    AgreementsStore(settings.layout.agreements).make(SystemClock().new_id())
    return settings


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Pipeline]:
    """The pipeline of one processor, as bootstrap composes it; several may run side by side."""
    async with processor(settings, 0) as composed:
        try:
            yield composed.pipeline
        finally:
            await composed.pipeline.background.drain(5)


async def request(pipeline: Pipeline, body: bytes, **claims: Any) -> None:
    """A chat request of a person, from its head to its settlement. Raises RequestRefused."""
    who = {"sub": "demo@local", "team": "demo", "groups": ["llm-users"], "jti": "credential-1"} | claims
    head = RequestHead(
        interface=Interface.PUBLIC,
        method="POST",
        path="/v1/chat/completions",
        content_type="application/json",
        content_encoding="",
        source_address="192.0.2.7:1234",
        claims={"personal": VerifiedClaims(who)},
    )
    admitted = pipeline.admit(head)
    decided = admitted if isinstance(admitted, Answer) else await pipeline.decide(admitted, body)
    if isinstance(decided, Answer):
        raise RequestRefused(decided.reason)
    hold, cluster = decided.hold.id, decided.forward.candidates[0].cluster
    usage = Usage(len(body) // 4, 10)
    outcome = Outcome(hold, hold, 200, cluster, usage, len(body), 300, 1, 10**6, 10**6, True, "access_log")
    await pipeline.conclude([(outcome, decided.estimate)])


async def request_ms(pipeline: Pipeline, make_body: Callable[[], bytes]) -> float:
    """Milliseconds of CPU time of a request. Raises RequestRefused.

    The Guard's deadline and the age of what a processor follows are by the clock: where others have the cores for longer,
    it is tried again.
    """
    for _ in range(ATTEMPTS_MAX):
        try:
            return await cpu.milliseconds(lambda: request(pipeline, make_body()))
        except RequestRefused as refused:
            if str(refused) not in OUT_OF_TIME:
                raise
        await asyncio.sleep(PAUSE_SECONDS)
    raise RequestRefused("out of time again and again")
