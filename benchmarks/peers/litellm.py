"""LiteLLM's proxy, without a database: plain, with its own content filter, and with Presidio beside it.

As its makers advise for production: a worker a core, uvloop and httptools, errors alone logged, its price map read
from the package. Its answers are not inspected, as ours are not where that is not asked for.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.contestants.contestant import Contestant
from benchmarks.machine.processes import free_ports
from benchmarks.peers import proof
from benchmarks.peers.environments import packages_bytes, python_environment
from benchmarks.peers.running import SILENT_SECONDS_MAX, WORKERS, Peer, listens, running
from benchmarks.start.installed import interpreter_bytes

ENVIRONMENT: Mapping[str, str] = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_DISABLE_BUG_REPORT_LINK": "True",
    "DISABLE_ADMIN_UI": "True",
}
# Prebuilt patterns for what our shipped policy looks for, as far as it has one: personal data is masked, keys are refused.
MASKED = ("email", "iban", "credit_card", "us_phone")
REFUSED = ("aws_access_key", "github_token", "slack_token", "generic_api_key")
MASKED_ENTITIES = ("EMAIL_ADDRESS", "IBAN_CODE", "CREDIT_CARD", "PHONE_NUMBER", "PERSON")
REFUSED_ENTITIES = ("ACCESS_KEY",)  # a recognizer of presidio_service.py: Presidio has none for keys


def content_filter() -> dict[str, Any]:
    """Its built-in filter of requests."""
    actions = dict.fromkeys(MASKED, "MASK") | dict.fromkeys(REFUSED, "BLOCK")
    patterns = [{"pattern_type": "prebuilt", "pattern_name": name, "action": each} for name, each in actions.items()]
    return _guardrail("litellm_content_filter", patterns=patterns)


def presidio_guard(service: int) -> dict[str, Any]:
    """Its Presidio guardrail, with analyzer and anonymizer on one port of the loopback address."""
    base = f"http://127.0.0.1:{service}"
    entities = dict.fromkeys(MASKED_ENTITIES, "MASK") | dict.fromkeys(REFUSED_ENTITIES, "BLOCK")
    return _guardrail(
        "presidio",
        presidio_analyzer_api_base=base,
        presidio_anonymizer_api_base=base,
        pii_entities_config=entities,
        output_parse_pii=False,
    )


def config(*, upstream: int, recorder: int, key: str, guardrails: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Its config.yaml: models by the upstream's port, and one by the port where the proof is recorded."""
    models = (("assistant", upstream), ("embedder", upstream), (proof.PROOF_MODEL, recorder))
    return {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": f"openai/{name}",
                    "api_base": f"http://127.0.0.1:{port}/v1",
                    "api_key": "none",
                },
            }
            for name, port in models
        ],
        "guardrails": list(guardrails),
        "litellm_settings": {"telemetry": False, "set_verbose": False, "num_retries": 0},
        "general_settings": {"master_key": key},
    }


@contextlib.contextmanager
def plain(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """Nothing looks at what is asked. Raises DidNotStart."""
    root.mkdir()
    with _proxy(name, root, upstream, guardrails=(), guard=proof.NO_GUARD) as contestant:
        yield contestant


@contextlib.contextmanager
def with_content_filter(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """With its built-in filter. Raises DidNotStart, also if it does not do what it is configured for."""
    root.mkdir()
    acts = proof.MASK_PERSONAL_REFUSE_KEYS
    with _proxy(name, root, upstream, guardrails=(content_filter(),), guard=acts) as contestant:
        yield contestant


@contextlib.contextmanager
def with_presidio(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """With Presidio's analyzer and anonymizer as a service beside it, which counts to it. Raises DidNotStart."""
    root.mkdir()
    (port,) = free_ports(1)
    programs = python_environment("presidio")
    service = Path(__file__).with_name("presidio_service.py")
    options = f"--workers {WORKERS} --worker-class gthread --threads 8 --keep-alive 75 --timeout {SILENT_SECONDS_MAX}"
    where = ("--bind", f"127.0.0.1:{port}", "--chdir", service.parent, service.stem)
    command: tuple[str | Path, ...] = (programs / "gunicorn", *options.split(), *where)
    with running(*command, root=root, log="presidio.log", environment={}) as presidio:
        presidio.wait_until(lambda: presidio.output.count("ready to analyze") == WORKERS)
        guards = (presidio_guard(port),)
        acts = proof.MASK_PERSONAL_REFUSE_KEYS
        with _proxy(name, root, upstream, guardrails=guards, guard=acts, beside=presidio) as contestant:
            yield contestant


@contextlib.contextmanager
def _proxy(
    name: str,
    root: Path,
    upstream: int,
    *,
    guardrails: Sequence[Mapping[str, Any]],
    guard: proof.Guard,
    beside: Peer | None = None,
) -> Iterator[Contestant]:
    key = f"sk-{secrets.token_urlsafe(32)}"
    (port,) = free_ports(1)
    options = f"--config config.yaml --host 127.0.0.1 --port {port} --num_workers {WORKERS}"
    patience = f"--timeout_worker_healthcheck {SILENT_SECONDS_MAX}"
    command: tuple[str | Path, ...] = (python_environment("litellm") / "litellm", *options.split(), *patience.split())
    with proof.recorder() as recorded:
        written = config(upstream=upstream, recorder=recorded.port, key=key, guardrails=guardrails)
        (root / "config.yaml").write_text(yaml.safe_dump(written, sort_keys=False))
        (root / "config.yaml").chmod(0o600)
        with running(*command, root=root, log="litellm.log", environment=ENVIRONMENT) as proxy:
            initialized = "Proxy initialized with Config"  # said by each worker, before it listens
            proxy.wait_until(lambda: proxy.output.count(initialized) == WORKERS and listens(port))
            installed = {"interpreter": interpreter_bytes(), "packages": packages_bytes("litellm")}
            processes = {"workers": workers(proxy.below()), "supervisor": [proxy.process.pid]}
            if beside is not None:
                processes["presidio"] = [beside.process.pid, *beside.below()]
                installed["presidio"] = packages_bytes("presidio")
            contestant = Contestant(name, port, key, processes, ("workers", "presidio"), installed=installed)
            proof.prove(contestant, recorded, guard)
            yield contestant


def workers(below: Mapping[int, Sequence[str]]) -> list[int]:
    """Those of its processes that serve: multiprocessing starts them, and one more that tracks what they share."""
    return [pid for pid, command in below.items() if any("spawn_main" in word for word in command)]


def _guardrail(kind: str, **options: Any) -> dict[str, Any]:
    return {
        "guardrail_name": kind,
        "litellm_params": {"guardrail": kind, "mode": "pre_call", "default_on": True, **options},
    }
