"""MLflow's gateway as `mlflow gateway start` runs it: gunicorn with uvicorn workers, no callers known, no guard.

Its maker has moved on to a gateway inside the tracking server, which needs a database of its own; this one is still shipped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.contestants.contestant import Contestant
from benchmarks.machine.processes import free_ports
from benchmarks.peers import proof
from benchmarks.peers.environments import packages_bytes, python_environment
from benchmarks.peers.running import SILENT_SECONDS_MAX, WORKERS, running
from benchmarks.start.installed import interpreter_bytes


def config(*, upstream: int, recorder: int) -> dict[str, Any]:
    """Its configuration: endpoints by the upstream's port, and one by the port where the proof is recorded."""
    endpoints = (
        ("assistant", "chat", upstream),
        ("embedder", "embeddings", upstream),
        (proof.PROOF_MODEL, "chat", recorder),
    )
    return {
        "endpoints": [
            {
                "name": name,
                "endpoint_type": f"llm/v1/{kind}",
                "model": {
                    "provider": "openai",
                    "name": name,
                    "config": {"openai_api_key": "none", "openai_api_base": f"http://127.0.0.1:{port}/v1"},
                },
            }
            for name, kind, port in endpoints
        ]
    }


@contextlib.contextmanager
def plain(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """Nothing looks at what is asked. Raises DidNotStart."""
    root.mkdir()
    programs = python_environment("mlflow")
    (port,) = free_ports(1)
    options = ("--config-path", "config.yaml", "--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS))
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "GUNICORN_CMD_ARGS": f"--timeout {SILENT_SECONDS_MAX}"}
    command = (programs / "mlflow", "gateway", "start", *options)
    with contextlib.ExitStack() as stack:
        recorded = stack.enter_context(proof.recorder())
        (root / "config.yaml").write_text(yaml.safe_dump(config(upstream=upstream, recorder=recorded.port)))
        process = stack.enter_context(running(*command, root=root, log="mlflow.log", environment=environment))
        process.wait_until(lambda: process.output.count("Application startup complete") == WORKERS)
        processes = {"workers": list(process.below()), "supervisor": [process.process.pid]}
        installed = {"interpreter": interpreter_bytes(), "packages": packages_bytes("mlflow")}
        contestant = Contestant(name, port, "none", processes, ("workers",), installed=installed)
        proof.prove(contestant, recorded, proof.NO_GUARD)
        yield contestant
