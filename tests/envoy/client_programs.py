"""Programs of tests/clients and tests/node, each in the environment of its library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from tests.clients.protocol import RUN_SECONDS
from tests.envoy.client_matrix import Case, Client
from tests.envoy.node import PROGRAMS, node_with
from tests.envoy.stack import PROJECT, Stack

INSTALL_SECONDS = 500.0


def run_all(stack: Stack, cases: Iterable[Case]) -> dict[int, dict[str, Any]]:
    """The outcome of each case, by number."""
    by_client: defaultdict[Client, list[Case]] = defaultdict(list)
    for case in cases:
        by_client[case.client].append(case)
    commands = [_command(client) for client in by_client]  # which may install what is missing
    with ThreadPoolExecutor(len(commands)) as programs:
        outcomes = programs.map(_run, commands, by_client.values(), repeat(stack))
        return {int(number): outcome for each in outcomes for number, outcome in each.items()}


def _run(command: list[str], cases: list[Case], stack: Stack) -> dict[str, dict[str, Any]]:
    """All that the library is told about the gateway is in its environment."""
    token = stack.token(subject="client-matrix")
    environment = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": stack.base_url,
        "OPENAI_API_KEY": token,
        "ANTHROPIC_BASE_URL": stack.base_url.removesuffix("/v1"),
        "ANTHROPIC_API_KEY": token,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it looks prices up in the internet
    }
    asked = json.dumps([case.asked() for case in cases])
    done = subprocess.run(
        command,
        input=asked,
        env=environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS + 10,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr[-4000:]}"
    outcomes: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return outcomes


def _command(client: Client) -> list[str]:
    if client.program.endswith(".mjs"):
        return [node_with("openai"), str(PROGRAMS / client.program)]
    python = str(_libraries() / "bin" / "python") if client.is_heavy else sys.executable
    return [python, "-m", f"tests.clients.{client.program}"]


def _libraries() -> Path:
    """The environment of the heavy libraries; installed when it is not there, or not as locked."""
    command = ["make", "--silent", "clientdeps", f"VENV={sys.prefix}", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode != 0:
        pytest.fail(f"make clientdeps: {done.stderr[-2000:]}")
    return Path(f"{sys.prefix}-clients")
