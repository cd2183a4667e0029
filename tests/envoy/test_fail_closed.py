"""Every way a processor can die, at every place of a request: nothing passes that it has not let pass. On a real Envoy.

The first table breaks our own server. The second plays what our server never says, to see that Envoy holds as well. The
last two tests show, on a configuration that is not ours and with a processor that is not ours, what Envoy would let
through: they are why the route leads to `deny` and why a stream of ours never closes with OK early.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from gateway_ext.exchange import ResponseReading
from gateway_ext.extproc import commands as c
from gateway_ext.extproc.codec import encode
from gateway_ext.wire import ext_proc_pb2 as pb
from tests.envoy.config.scripted import PLAN, Gateway, scripted_gateway
from tests.envoy.faulty_processor import SECRET
from tests.envoy.harness import (
    EndStreamEarlyError,
    Envoy,
    FakeProcessor,
    Script,
    Stream,
    prepare_state,
    running_envoy,
    verdict,
)
from tests.envoy.snapshots import provider, snapshot_of
from tests.envoy.stage import DOCUMENT, STREAM, Seen, Stage, WatchingProvider, ask, running_stage

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

BEFORE_THE_VERDICT = ("open", "headers", "body", "decide", "decision")
AFTER_THE_VERDICT = ("response", "choose", "rest", "release")
# Where our code does not wait it cannot hang: it can only block the whole process.
WAITING = ("open", "body", "decide", "decision", "response", "rest", "release", "stream")
READING = ("open", "body", "response", "rest", "stream")
FATAL = ("kill", "freeze", "stop", "block")  # to the process, or to the peace of the next row
STRIKES_TRIED = 3
REQUEST = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "x" * 2000}]}).encode()


# --- our server ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, and whether a stream is asked for."""

    place: str
    way: str
    is_stream: bool

    def __str__(self) -> str:
        return f"{self.place}-{self.way}{'-stream' if self.is_stream else ''}"


def rows() -> Iterator[Row]:
    for place in (*BEFORE_THE_VERDICT, *AFTER_THE_VERDICT, "stream"):
        ways = ["raise", "cancelled", "kill"]
        ways += ["freeze", "hang", "stop"] if place in WAITING else []
        ways += ["ended"] if place in READING else []
        yield from (Row(place, way, is_stream=place == "stream") for way in ways)
    yield from (Row(place, "block", is_stream=False) for place in ("decide", "choose"))
    yield from (Row("release", way, is_stream=True) for way in ("raise", "kill"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


def let_pass(said: list[str]) -> bytes:
    """The bytes of the response that the processor gave free."""
    chunks = (bytes.fromhex(line.partition(" ")[2]) for line in said if line.startswith("chunk"))
    return DOCUMENT if "whole" in said else b"".join(chunks)


def assert_refused(seen: Seen) -> None:
    """An error status with OpenAI's error object."""
    assert (seen.status, seen.content_type, seen.is_clean) == (503, "application/json", True)
    assert json.loads(seen.body)["error"]["code"] in ("gateway_unavailable", "no_verdict", "provider_unavailable")


def assert_nothing_unread(seen: Seen, said: list[str]) -> None:
    """The client has no byte that the processor did not give free, and cannot take what it has for the whole."""
    if seen.status != 200:
        assert_refused(seen)
        return
    assert let_pass(said).startswith(seen.body)
    assert seen.body in (DOCUMENT, b"".join(STREAM)) or not seen.is_clean


@pytest.mark.parametrize("row", list(rows()), ids=str)
async def test_our_processor_breaks(stage: Stage, row: Row) -> None:
    for _ in range(STRIKES_TRIED):
        await stage.prepare(f"{row.place} {row.way}")
        seen = await stage.ask(is_stream=row.is_stream, is_slow=row.place == "body")
        said = stage.said()
        is_struck = "struck" in said
        if row.way in FATAL or not is_struck:
            stage.dismiss()
        if row.place in BEFORE_THE_VERDICT or "forward" not in said:
            assert stage.provider.body_bytes == 0
            assert_refused(seen)
        else:
            assert_nothing_unread(seen, said)
        if is_struck:  # else a busy machine made Envoy refuse before the request came to this place
            break
    assert is_struck
    assert row.place in BEFORE_THE_VERDICT or "forward" in said
    assert SECRET not in stage.envoy.log.read_text()


@pytest.mark.parametrize("fault", ["write ENOSPC", "fsync EIO"])
async def test_our_processor_cannot_record(stage: Stage, fault: str) -> None:
    """Its decision has to be on disk before Envoy is answered: `audit_durability: power_loss`."""
    await stage.prepare(fault)
    seen = await stage.ask(is_stream=False)
    assert "struck" in stage.said()
    assert "forward" not in stage.said()
    stage.dismiss()
    assert stage.provider.body_bytes == 0
    assert (seen.status, seen.is_clean) == (503, True)
    assert json.loads(seen.body)["error"]["code"] == "audit_unavailable"


@pytest.mark.parametrize("place", ["decide", "stream"])
async def test_our_processor_is_told_to_end_and_finishes_first(stage: Stage, place: str) -> None:
    await stage.prepare(f"{place} terminate")
    seen = await stage.ask(is_stream=place == "stream")
    assert "struck" in stage.said()
    stage.dismiss()
    assert (seen.status, seen.is_clean) == (200, True)
    assert seen.body == let_pass(stage.said())


async def test_our_processor_is_gone_and_its_socket_too(stage: Stage) -> None:
    await stage.prepare("")
    stage.dismiss()
    stage.envoy.layout.processor_socket(0).unlink()
    seen = await stage.ask(is_stream=False)
    assert_refused(seen)
    assert stage.provider.body_bytes == 0


# --- what our server never says --------------------------------------------------------------------------------------

READ, END = "read", "end"
ADMIT = encode(c.ReadRequestBody())
CHOOSE = encode(c.ReadResponse(ResponseReading.STREAM))
VERDICT = pb.ProcessingResponse(**verdict(PLAN, "primary/assistant"))
SECOND_VERDICT = pb.ProcessingResponse(**verdict(PLAN, "fallback/assistant"))
UNKNOWN_FIELDS = pb.ProcessingResponse.FromString(b"\xc2\x3e\x05hello")  # field 1000
Step = str | pb.ProcessingResponse


def play(steps: list[Step]) -> Script:
    """A script that reads a message, ends the stream with OK, or sends what it is given."""

    async def script(stream: Stream) -> None:
        for step in steps:
            if step == READ:
                await stream.read()
            elif step == END:
                raise EndStreamEarlyError
            elif isinstance(step, pb.ProcessingResponse):
                await stream.call.write(step)

    return script


SCRIPTS: dict[str, list[Step]] = {
    "ends_before_anything": [END],
    "ends_after_the_headers": [READ, END],
    "ends_while_the_body_is_awaited": [READ, ADMIT, END],
    "ends_after_the_body": [READ, ADMIT, READ, END],
    "ends_after_naming_a_route": [
        READ,
        ADMIT,
        READ,
        pb.ProcessingResponse(dynamic_metadata=VERDICT.dynamic_metadata),
        END,
    ],
    "admits_twice": [READ, ADMIT, ADMIT],
    "admits_in_place_of_a_verdict": [READ, ADMIT, READ, ADMIT],
    "verdict_before_the_body": [READ, VERDICT],
    "trailers_in_place_of_a_verdict": [
        READ,
        ADMIT,
        READ,
        pb.ProcessingResponse(request_trailers=pb.TrailersResponse()),
    ],
    "response_headers_in_place_of_admission": [READ, pb.ProcessingResponse(response_headers=pb.HeadersResponse())],
    "response_body_in_place_of_a_verdict": [READ, ADMIT, READ, pb.ProcessingResponse(response_body=pb.BodyResponse())],
    "unknown_fields_in_place_of_admission": [READ, UNKNOWN_FIELDS],
    "unknown_fields_in_place_of_a_verdict": [READ, ADMIT, READ, UNKNOWN_FIELDS],
}


RESPONSE_SCRIPTS: dict[str, list[Step]] = {
    "admits_in_place_of_choosing": [ADMIT],
    "decides_in_place_of_choosing": [VERDICT],
    "passes_a_body_in_place_of_choosing": [pb.ProcessingResponse(response_body=pb.BodyResponse())],
    "unknown_fields_in_place_of_choosing": [UNKNOWN_FIELDS],
    "decides_in_place_of_passing": [CHOOSE, READ, VERDICT],
    "chooses_twice": [CHOOSE, READ, CHOOSE],
    "passes_a_stream_as_if_it_were_whole": [CHOOSE, READ, pb.ProcessingResponse(response_body=pb.BodyResponse())],
    "unknown_fields_in_place_of_passing": [CHOOSE, READ, UNKNOWN_FIELDS],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with scripted_gateway(tmp_path_factory.mktemp("scripted")) as running:
        yield running


@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_processor_that_breaks_the_protocol(scripted: Gateway, name: str) -> None:
    scripted.processor.script = play(SCRIPTS[name])
    scripted.primary.seen.clear()
    assert_refused(await ask(scripted.envoy, REQUEST))
    assert [scripted.primary.seen, scripted.fallback.seen] == [[], []]


async def test_two_verdicts_are_one_too_many(scripted: Gateway) -> None:
    """The first one counts; at the second Envoy gives the exchange up."""
    scripted.processor.script = play([READ, ADMIT, READ, VERDICT, SECOND_VERDICT])
    assert_refused(await ask(scripted.envoy, REQUEST))
    assert scripted.fallback.seen == []


@pytest.mark.parametrize("name", RESPONSE_SCRIPTS)
async def test_a_processor_that_breaks_the_protocol_of_a_response(scripted: Gateway, name: str) -> None:
    scripted.primary.body, scripted.primary.content_type = b"".join(STREAM), "text/event-stream"
    scripted.processor.script = play([READ, ADMIT, READ, VERDICT, READ, *RESPONSE_SCRIPTS[name]])
    seen = await ask(scripted.envoy, REQUEST)
    assert b"word-" not in seen.body
    if seen.status == 200:
        assert not seen.is_clean
    else:
        assert_refused(seen)


# --- what Envoy would let through ------------------------------------------------------------------------------------


@asynccontextmanager
async def foreign_gateway(
    root: Path, *steps: Step, names_a_provider: bool = False
) -> AsyncIterator[tuple[Envoy, WatchingProvider]]:
    """A processor that plays `steps`; `names_a_provider` makes the route itself lead to the provider, not to `deny`."""
    processor = FakeProcessor(play([*steps]))
    async with WatchingProvider() as watching:
        layout, tokens = prepare_state(root, snapshot_of(provider("primary", watching.port)))
        if names_a_provider:
            routes = layout.xds / "routes.yaml"
            document = yaml.safe_load(routes.read_text())
            for route in document["resources"][0]["virtual_hosts"][0]["routes"]:
                if "route" in route:
                    del route["route"]["inline_cluster_specifier_plugin"]
                    route["route"]["cluster"] = "primary/assistant"
            routes.write_text(yaml.safe_dump(document))
        await processor.start(layout.processor_socket(0))
        try:
            async with running_envoy(layout, tokens) as envoy:
                yield envoy, watching
        finally:
            await processor.stop()


async def test_hazard_an_early_ok_would_forward_the_unread_body(tmp_path: Path) -> None:
    """With failure_mode_allow: false. In our routes the same script ends in `deny`: ends_after_the_body, above."""
    async with foreign_gateway(tmp_path, READ, ADMIT, READ, END, names_a_provider=True) as (envoy, watching):
        seen = await ask(envoy, REQUEST)
    assert (seen.status, watching.body_bytes) == (200, len(REQUEST))


@pytest.mark.parametrize("steps", [[END], [CHOOSE, READ, END]], ids=["at_its_head", "in_the_stream"])
async def test_hazard_an_early_ok_lets_the_unread_rest_of_a_response_pass(tmp_path: Path, steps: list[Step]) -> None:
    """Routes cannot help here: only that our server aborts instead, as in the rows response-ended and stream-ended."""
    async with foreign_gateway(tmp_path, READ, ADMIT, READ, VERDICT, READ, *steps) as (envoy, _):
        seen = await ask(envoy, REQUEST.replace(b'{"model"', b'{"stream":true,"model"'))
    assert (seen.status, seen.is_clean) == (200, True)
    assert STREAM[-2] in seen.body
