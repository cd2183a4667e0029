"""OpenAI's Node SDK, unmodified, over TLS: base URL, key and certificate authority come from the environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.envoy.stack import PROJECT, Stack

pytestmark = pytest.mark.envoy
CLIENTS = PROJECT / "tests" / "node"
INSTALL_SECONDS = 100.0
RUN_SECONDS = 30.0


@pytest.fixture(scope="session")
def node() -> str:
    """The interpreter; the SDK is installed as locked when it is not there yet."""
    if not (CLIENTS / "node_modules" / "openai").is_dir():
        command = [_program("npm"), "ci", "--prefix", str(CLIENTS), "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        assert done.returncode == 0, f"npm could not install the Node SDK:\n{done.stderr[-2000:]}"
    return _program("node")


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"'{name}' is missing: install Node.js 20 or newer with npm (Debian: apt-get install nodejs npm)")
    return path


def run(node: str, stack: Stack, authority: Path | None) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": stack.tls_base_url,
        "OPENAI_API_KEY": stack.token(),
        **({"NODE_EXTRA_CA_CERTS": str(authority)} if authority else {}),
    }
    command = [node, str(CLIENTS / "openai_sdk.mjs")]
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
