"""Portkey's open gateway: one Node.js process, as its package starts it. It knows no callers and keeps no record.

hono and @hono/node-server are pinned to versions with which its streams work. Its configuration comes with each request,
in a header; so do its guardrails. Its replacing ones read the last message of a conversation alone.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contestants.contestant import Contestant, DidNotStart
from benchmarks.machine.processes import free_ports
from benchmarks.peers import proof
from benchmarks.peers.environments import NODE_PEER, node_environment, packages_bytes
from benchmarks.peers.running import running

CONFIG_HEADER = "x-portkey-config"
# What LiteLLM's prebuilt patterns match, as regular expressions of JavaScript: personal data is masked, keys are refused.
MASKED: Mapping[str, str] = {
    "email": r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b",
    "iban": r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b",
    "card": r"\b(?:4\d{3}|5[1-5]\d{2}|6011)[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b",
    "phone": r"\b(?:\+?1[ .-]?)?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}\b",
}
REFUSED: Mapping[str, str] = {
    "aws_access_key": r"\bAKIA[0-9A-Z]{16}\b",
    "github_token": r"\bgh[ps]_[A-Za-z0-9]{36}\b",
    "slack_token": r"\bxox[pboa]-\d{10,13}-\d{10,13}-[A-Za-z0-9]{24,32}\b",
    "api_key": r"\b[Aa][Pp][Ii][-_]?[Kk][Ee][Yy][\s:=]+['\"]?[A-Za-z0-9_-]{20,}['\"]?",
}


def guardrails() -> list[dict[str, Any]]:
    """Its input guardrails. Replacements start from the same text unless they are sequential: then the last one wins."""
    replace = {
        name: {"id": "default.regexReplace", "rule": f"/{pattern}/g", "redactText": f"[{name.upper()}]"}
        for name, pattern in MASKED.items()
    }
    match = {name: {"id": "default.regexMatch", "rule": pattern, "not": True} for name, pattern in REFUSED.items()}
    return [{**replace, "sequential": True}, {**match, "deny": True}]


def config(port: int, *, guarded: bool) -> dict[str, Any]:
    """What a request asks of it: an OpenAI-compatible upstream by port, and what to do before that is called."""
    wanted = {"provider": "openai", "api_key": "none", "custom_host": f"http://127.0.0.1:{port}/v1"}
    return {**wanted, "input_guardrails": guardrails()} if guarded else dict(wanted)


@contextlib.contextmanager
def plain(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """Nothing looks at what is asked. Raises DidNotStart."""
    with _gateway(name, root, upstream, proof.NO_GUARD) as contestant:
        yield contestant


@contextlib.contextmanager
def with_regular_expressions(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """With its own regular-expression guardrails. Raises DidNotStart, also if they do not do what they are configured for."""
    with _gateway(name, root, upstream, proof.MASK_PERSONAL_REFUSE_KEYS) as contestant:
        yield contestant


@contextlib.contextmanager
def _gateway(name: str, root: Path, upstream: int, guard: proof.Guard) -> Iterator[Contestant]:
    root.mkdir()
    node = shutil.which("node")
    if node is None:
        raise DidNotStart("node is missing")
    packages = node_environment(NODE_PEER)
    (port,) = free_ports(1)
    script = packages / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    environment = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}
    command = (node, script, f"--port={port}", "--headless")
    with (
        proof.recorder() as recorded,
        running(*command, root=root, log="portkey.log", environment=environment) as process,
    ):
        process.wait_until(lambda: "Ready for connections" in process.output)
        contestant = Contestant(
            name,
            port,
            "none",
            {"node": [process.process.pid, *process.below()]},
            ("node",),
            headers={CONFIG_HEADER: json.dumps(config(upstream, guarded=guard is not proof.NO_GUARD))},
            installed={"node": Path(node).resolve().stat().st_size, "packages": packages_bytes(NODE_PEER)},
        )
        to_recorder = {CONFIG_HEADER: json.dumps(config(recorded.port, guarded=guard is not proof.NO_GUARD))}
        proof.prove(contestant, recorded, guard, to_recorder)
        yield contestant
