"""OpenAI's Node SDK, unmodified, over TLS: base URL, key and certificate authority come from the environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.envoy.node import PROGRAMS, node_with
from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
RUN_SECONDS = 30.0


@pytest.fixture(scope="session")
def node() -> str:
    return node_with("openai")


def run(node: str, stack: Stack, authority: Path | None) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": stack.tls_base_url,
        "OPENAI_API_KEY": stack.token(),
        **({"NODE_EXTRA_CA_CERTS": str(authority)} if authority else {}),
    }
    command = [node, str(PROGRAMS / "openai_sdk.mjs")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)


def test_everything_the_sdk_offers_on_our_endpoints(stack: Stack, node: str) -> None:
    done = run(node, stack, stack.layout.certs / "ca.pem")
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {
        "chat": "You said: Say hello.",
        "chatTokens": 6,
        "stream": "You said: Say hello, slowly.",
        "emptyChunks": 0,
        "streamTokens": 4,
        "tool": "weather",
        "embeddings": 2,
        "response": "You said: Say hello.",
        "responseTokens": 6,
        "models": ["assistant", "assistant-eu", "embedder", "frontier-only"],
        "unknownModel": {"status": 404, "code": "model_not_found"},
    }


def test_gateway_of_an_unknown_authority_is_not_trusted(stack: Stack, node: str) -> None:
    done = run(node, stack, None)
    assert done.returncode != 0
    assert "APIConnectionError" in done.stderr
    assert stack.upstream_log() == []
