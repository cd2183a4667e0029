"""Values that are sent to every gateway of the suite before it ends, so that there is something to be found."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.envoy.handed_out import HANDED_OUT, Kind

if TYPE_CHECKING:
    from tests.envoy.stack import Stack

WORD = f"quittenbaum{secrets.token_hex(8)}"  # of this run; means nothing to anybody
KEY = "AKIA" + "Z7VQ3HX5TLRPWN2C"
IBAN = "DE89 3704 0044 0532 0130 00"
EMAIL = "erika.quittenbaum@beispiel.example"
TEXT = f"The {WORD} pays to {IBAN}, says {EMAIL}."
ANSWER_SECONDS = 3.0
METRICS_ADDRESS = re.compile(r"^metrics_address: (\S+)$", re.MULTILINE)
METRICS = "the page for Prometheus"
PAGES = ("/stats", "/config_dump", "/clusters", "/certs")  # of Envoy's admin interface

for value in (WORD, KEY, IBAN, IBAN.replace(" ", ""), EMAIL):
    HANDED_OUT.add(Kind.PLANTED, value)


def plant(stack: Stack) -> None:
    """Send them everywhere a caller can put something. A gateway that a test has left broken may answer as it likes."""
    with suppress(httpx.HTTPError), stack.client() as client:
        for deployment in ("us", "eu"):
            stack.simulate(deployment, tokens_per_second=0)
        client.timeout = httpx.Timeout(ANSWER_SECONDS)
        for options in _requests():
            client.post("/chat/completions", **options)
        stack.simulate("us", fault="500", count=1)
        client.post("/chat/completions", json=_chat(TEXT))
        client.get(f"/models/{WORD}/{WORD}")
        client.post("/chat/completions", json=_chat(TEXT), headers={"authorization": f"Bearer {WORD}.{WORD}.{WORD}"})


def _requests() -> Iterator[dict[str, Any]]:
    yield {"json": _chat(TEXT)}
    yield {"json": _chat(TEXT, stream=True)}
    yield {"json": _chat(f"{TEXT} {KEY}")}  # is refused
    yield {"json": _chat("Hi", user=WORD, metadata={WORD: TEXT}, tools=[{"type": "function", "function": _tool()}])}
    yield {"json": _chat("Hi", temperature=TEXT)}  # is no number
    yield {"content": f'{{"model": "assistant", "messages": [{{"role": "{WORD}", "content": "{TEXT}"}}'}  # is no JSON
    yield {"content": TEXT, "headers": {"content-type": "text/plain"}}
    yield {"json": _chat("Hi"), "params": {"note": TEXT}}
    yield {"json": _chat("Hi"), "headers": {"x-note": WORD, "user-agent": WORD, "cookie": f"session={WORD}"}}


def _chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "assistant", "messages": [{"role": "user", "content": text}], **more}


def _tool() -> dict[str, Any]:
    return {"name": "pay", "description": TEXT, "parameters": {}}


def pages(stack: Stack) -> dict[str, bytes]:
    """What lies in no file: Envoy's statistics and configuration, the page for Prometheus where there is one, and the command
    lines that every local user can read."""
    found = {}
    addresses = {f"Envoy's {page}": f"127.0.0.1:{stack.ports.admin}{page}" for page in PAGES}
    if set_to := METRICS_ADDRESS.search((stack.state.parent / "settings.yaml").read_text()):
        addresses[METRICS] = f"{set_to[1]}/metrics"
    with suppress(httpx.HTTPError):
        for name, address in addresses.items():
            found[name] = httpx.get(f"http://{address}", trust_env=False).content
    children = Path(f"/proc/{stack.process.pid}/task/{stack.process.pid}/children")
    with suppress(OSError):
        for pid in children.read_text().split():
            found[f"command line of {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes()
    return found
