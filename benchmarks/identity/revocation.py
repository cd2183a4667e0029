"""How fast operators' orders count while a thousand streams run: the last request accepted, the last stream cut.

    python -m benchmarks.identity.revocation [--streams 1000] [--processors 1 2] [--json FILE]

A whole gateway with `running_streams: cut` and a simulated provider that says a word every few seconds. Half of the
streams are of a caller who is meant by no order but the last, and has to go on undisturbed; the other half belongs to
the one whom the order is about. Both also send new requests all the time. Times are those of the callers' process, on
the same cores, from the moment the command returns and, in brackets, from its start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.load.callers import Answer, Caller, OpenStream, asking, open_streams, until_over
from tests.envoy.stack import COMMAND, Stack, running_stack

STREAMED, ASKED = "frontier-only", "assistant-eu"  # at different deployments: one slow, one fast
WORDS = 80
WORDS_PER_SECOND = 0.4
BEFORE_SECONDS, AFTER_SECONDS = 1.0, 2.5  # of the order
CUT_SECONDS_MAX = 15.0
EVERYTHING = "stop everything"


@dataclass(frozen=True, slots=True)
class Order:
    """An operator's command. `credential` and `subject` are whom it means; all others go on, unless `is_for_all`."""

    name: str
    arguments: tuple[str, ...]
    code: str  # with which requests are refused from then on
    caller: Caller
    is_for_all: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds are from the command's return; `command_seconds` earlier it was started."""

    order: str
    command_seconds: float
    accepted_seconds: float  # when the last request began that was still accepted; negative: before the return
    cut_seconds: float  # when the last stream ended
    refused: int  # requests, after the last that was accepted
    cut: int  # streams that ended with the order's error, as their dialect says
    not_cut: int
    unharmed: int  # streams of others that went on
    harmed: int
    others_refused: int  # requests


@contextmanager
def gateway(root: Path, processors: int) -> Iterator[Stack]:
    """That cuts what runs, with a provider that is slow at one of its deployments."""

    def cut(policies: Path) -> None:
        routing = policies / "routing.yaml"
        before = routing.read_text()
        routing.write_text(before.replace("running_streams: finish", "running_streams: cut"))
        assert routing.read_text() != before

    with running_stack(root, processors=processors, change_policies=cut) as stack:
        stack.simulate("us", tokens_per_second=WORDS_PER_SECOND)
        yield stack
        _command(stack, "resume", "everything", "--reason", "the measurement is over")


def orders(stack: Stack) -> Iterator[Order]:
    """Each about a caller of its own; the last is about everybody."""

    def caller(name: str, **claims: Any) -> Caller:
        return Caller(stack.token(sub=f"{name}@local", **claims), stack.ports.gateway)

    reason = ("--reason", "measured")
    revoked = caller("revoked", jti="credential-of-a-measurement")
    yield Order("revoke", ("revoke", "credential-of-a-measurement", *reason), "credential_revoked", revoked)
    options = ["--subject", "minted@local", "--team", "demo", "--group", "llm-users", "--json"]
    minted = json.loads(_command(stack, "keys", "create", *options, "--policies", str(stack.policies)))
    kept = Caller(minted["token"], stack.ports.gateway)
    yield Order("keys revoke", ("keys", "revoke", minted["id"]), "credential_revoked", kept)
    disabled = caller("disabled")
    yield Order("people disable", ("people", "disable", "disabled@local", *reason), "person_disabled", disabled)
    yield Order(EVERYTHING, ("stop", "everything", *reason), "stopped", caller("stopped"), is_for_all=True)


async def measure(stack: Stack, streams: int) -> list[Outcome]:
    """All orders, one after the other."""
    others = Caller(stack.token(sub="others@local"), stack.ports.gateway)
    of_others = await open_streams(others, STREAMED, WORDS, streams // 2)
    outcomes = []
    for order in orders(stack):
        meant = await open_streams(order.caller, STREAMED, WORDS, streams - len(of_others))
        async with asking(order.caller, ASKED) as asked, asking(others, ASKED) as asked_by_others:
            await asyncio.sleep(BEFORE_SECONDS)
            outcomes.append(await _judged(stack, order, meant, of_others, asked, asked_by_others))
        for stream in meant:
            stream.close()
    for stream in of_others:
        stream.close()
    return outcomes


async def _judged(
    stack: Stack,
    order: Order,
    meant: list[OpenStream],
    of_others: list[OpenStream],
    asked: list[Answer],
    asked_by_others: list[Answer],
) -> Outcome:
    """Give the order, and see what becomes of everybody. `asked` and `asked_by_others` grow meanwhile."""
    began = {id(stream): stream.events for stream in of_others}
    started = time.monotonic()
    await asyncio.to_thread(_command, stack, *order.arguments)
    returned = time.monotonic()
    to_be_cut = [*meant, *of_others] if order.is_for_all else meant
    await until_over(to_be_cut, CUT_SECONDS_MAX)
    await asyncio.sleep(max(0.0, returned + AFTER_SECONDS - time.monotonic()))
    answers = [*asked, *asked_by_others] if order.is_for_all else asked
    last = max(each.began_seconds for each in answers if not each.code)
    cut = [each for each in to_be_cut if (each.over.is_set(), each.is_whole, each.code) == (True, True, order.code)]
    goes_on = [each for each in of_others if not each.over.is_set() and each.events > began[id(each)]]
    return Outcome(
        order=order.name,
        command_seconds=returned - started,
        accepted_seconds=last - returned,
        cut_seconds=max(each.last_seconds for each in to_be_cut) - returned,
        refused=sum(each.code == order.code and each.began_seconds > last for each in answers),
        cut=len(cut),
        not_cut=len(to_be_cut) - len(cut),
        unharmed=0 if order.is_for_all else len(goes_on),
        harmed=0 if order.is_for_all else len(of_others) - len(goes_on),
        others_refused=0 if order.is_for_all else sum(bool(each.code) for each in asked_by_others),
    )


def _command(stack: Stack, *arguments: str) -> str:
    """Run it as an operator does; what it prints. Raises RuntimeError when it fails."""
    command = [*COMMAND, *arguments, "--state", str(stack.state)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def report(processors: int, outcomes: list[Outcome]) -> str:
    """A table a person reads."""
    heads = ("last accepted", "last stream cut", "refused after", "cut", "not cut", "unharmed", "harmed")
    lines = [f"{processors} processor(s)", f"{'':<18}{'command':>9}" + "".join(f"{head:>18}" for head in heads)]
    for each in outcomes:
        times = [f"{s:+.2f} s ({s + each.command_seconds:.2f})" for s in (each.accepted_seconds, each.cut_seconds)]
        counts = [each.refused, each.cut, each.not_cut, each.unharmed, each.harmed + each.others_refused]
        cells = [*times, *(f"{count:,}" for count in counts)]
        lines.append(f"{each.order:<18}{each.command_seconds:>7.2f} s" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--processors", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    results: dict[int, list[Outcome]] = {}
    for processors in options.processors:
        with tempfile.TemporaryDirectory(prefix="gw-") as directory, gateway(Path(directory), processors) as stack:
            results[processors] = asyncio.run(measure(stack, options.streams))
        print(report(processors, results[processors]), file=sys.stdout, flush=True)
    if options.json:
        machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
        found = {str(count): [asdict(each) for each in outcomes] for count, outcomes in results.items()}
        document = {"machine": machine, "streams": options.streams, "processors": found}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
