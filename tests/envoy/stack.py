"""The whole gateway as its users start it: `gateway-ext up` on free ports, with a provider that remembers what it saw.

Everything is real: Envoy, processors, control process, collector sink. Only the model provider is simulated.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway_ext.exchange import CredentialClass
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.policy.loader import load_policy
from gateway_ext.settings import StateLayout
from tests.envoy.examination import Examiner
from tests.envoy.handed_out import HANDED_OUT
from tests.envoy.planted import pages, plant

PROJECT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "gateway_ext.cli.main"]
START_SECONDS = 150.0
_PATTERN_FILES = ("fingerprint.key", "guard-patterns.db", "guard-patterns.db.lines")
PLAIN: dict[str, Any] = {"trust_env": False, "verify": False}  # no TLS: spares loading authorities, 30 ms a request
KNOWN_TO_POLICY = ("us", "eu")
DEPLOYMENTS = (*KNOWN_TO_POLICY, "fr", "mistral")  # of the simulated provider, each with a key of its own


@dataclass(frozen=True, slots=True)
class Ports:
    gateway: int  # plain HTTP, loopback
    public: int  # TLS
    internal: int  # mutual TLS
    admin: int
    health: int
    simulator: int
    otlp: int
    console: int  # plain HTTP, loopback
    console_tls: int
    identity_provider: int


class Stack:
    """A running gateway. `policies` is its own copy: write into it, and the gateway follows."""

    def __init__(self, root: Path, ports: Ports, process: subprocess.Popen[bytes]) -> None:
        self.state = root / "state"
        self.key_of = {deployment: root / f"key-of-{deployment}" for deployment in DEPLOYMENTS}  # files
        self.policies = root / "policies"
        self.layout = StateLayout(self.state)
        self.ports = ports
        self.process = process
        self.base_url = f"http://127.0.0.1:{ports.gateway}/v1"
        self.tls_base_url = f"https://localhost:{ports.public}/v1"
        self.internal_base_url = f"https://localhost:{ports.internal}/v1"
        self.issuer = LocalIssuer.create(self.layout)
        self._first_policy = {path.name: path.read_text() for path in self.policies.glob("*.yaml")}

    # --- callers --------------------------------------------------------------------------------------------------

    def token(self, credential_class: CredentialClass = CredentialClass.PERSONAL, **claims: Any) -> str:
        """A credential; of demo@local in team demo, or of batch-service in platform for the service class."""
        if credential_class is CredentialClass.SERVICE:
            who: dict[str, Any] = {"subject": "batch-service", "team": "platform", "groups": ["llm-services"]}
        else:
            who = {"subject": "demo@local", "team": "demo", "groups": ["llm-users"]}
        token = self.issuer.mint(credential_class, **(who | claims))
        HANDED_OUT.token(token)
        return token

    def trust(self, *, with_client_certificate: bool = False) -> ssl.SSLContext:
        """A TLS client's context that trusts the local authority."""
        context = ssl.create_default_context(cafile=self.layout.certs / "ca.pem")
        if with_client_certificate:
            context.load_cert_chain(self.layout.certs / "client.pem", self.layout.certs / "client.key")
        return context

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        """A client of the plain loopback listener."""
        bearer = self.token() if token is None else token
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=30, **PLAIN, **options)

    # --- its policy -----------------------------------------------------------------------------------------------

    def use_policy(self, *edits: tuple[str, str, str]) -> str:
        """Put the policy it was started with into force, with changes: (file, old text, new text) of each.

        Returns the digest, once all processes follow it.
        """
        texts = dict(self._first_policy)
        for file, old, new in edits:
            assert old in texts[file], f"{file} does not say: {old}"
            texts[file] = texts[file].replace(old, new)
        for file, text in texts.items():
            (self.policies / file).write_text(text)
        return self.wait_for_policy()

    def wait_for_policy(self, seconds: float = 15) -> str:
        """The digest of the policy as it is written now, once all processes follow it."""
        digest = load_policy(self.policies).digest
        deadline = time.monotonic() + seconds
        while {digest[:12]} != (followed := {_followed(path) for path in self._followers()}):
            assert time.monotonic() < deadline, f"after {seconds} s {followed} instead of {digest[:12]} is followed"
            time.sleep(0.05)
        return digest

    def _followers(self) -> list[Path]:
        return [self.state / "log" / "control.log", *(self.state / "log").glob("processor-*.log")]

    # --- the provider ---------------------------------------------------------------------------------------------

    def simulate(self, deployment: str, **behaviour: Any) -> None:
        """Tell a deployment (us, eu) how to behave: fault, count, tokens_per_second."""
        url = f"http://127.0.0.1:{self.ports.simulator}/_control"
        httpx.post(url, json={"deployment": deployment, **behaviour}, **PLAIN).raise_for_status()

    def upstream_log(self) -> list[dict[str, Any]]:
        """Every request that reached the provider, with its body, oldest first."""
        url = f"http://127.0.0.1:{self.ports.simulator}/_control/log"
        requests: list[dict[str, Any]] = httpx.get(url, **PLAIN).json()["requests"]
        return requests

    def forget_upstream_log(self) -> None:
        httpx.delete(f"http://127.0.0.1:{self.ports.simulator}/_control/log", **PLAIN).raise_for_status()

    # --- what it leaves behind ------------------------------------------------------------------------------------

    def audit_records(self) -> list[dict[str, Any]]:
        """Delivered records as {event name, attributes…}, duplicates removed, in order of arrival."""
        path = self.state / "otlp" / "logs.jsonl"
        found: dict[str, dict[str, Any]] = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            for resource in json.loads(line)["resourceLogs"]:
                for scope in resource["scopeLogs"]:
                    for record in scope["logRecords"]:
                        values = {item["key"]: plain(item["value"]) for item in record["attributes"]}
                        found[values["gateway.record.id"]] = {"event": record["eventName"], **values}
        return list(found.values())

    def wait_for_records(
        self, enough: Callable[[list[dict[str, Any]]], bool], seconds: float = 15
    ) -> list[dict[str, Any]]:
        """The delivered records, as soon as there are `enough`."""
        deadline = time.monotonic() + seconds
        while not enough(records := self.audit_records()):
            assert time.monotonic() < deadline, f"not delivered in {seconds} s: {[r['event'] for r in records][-10:]}"
            time.sleep(0.1)
        return records

    def budget(self) -> list[dict[str, Any]]:
        """The accounts of `gateway-ext budget status --json`."""
        command = [*COMMAND, "budget", "status", "--json", "--state", str(self.state)]
        status = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return list(status["budgets"])

    def logs(self) -> str:
        """Everything the processes have logged."""
        return "".join(path.read_text(errors="replace") for path in sorted((self.state / "log").glob("*.log")))

    # --- its processes --------------------------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        """The process id of a child: envoy, control, otlp-sink, processor-0, …"""
        wanted = {"envoy": ["envoy.yaml"], "control": ["control"], "otlp-sink": ["otlp-sink"]}.get(name)
        if wanted is None:
            wanted = ["processor", "--index", name.removeprefix("processor-")]
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                arguments = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and _contains(arguments, wanted):
                    return int(entry.name)
        raise LookupError(name)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a child of ours; its process id."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def wait_healthy(self, seconds: float = 20) -> None:
        """Until Envoy says that enough processors are healthy."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{self.ports.health}/healthz", **PLAIN).status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"not healthy within {seconds} s\n{self.logs()[-4000:]}")

    def wait_for_console(self, seconds: float = 20) -> None:
        """Until it listens: its web framework is imported when Envoy has its files, and callers can ask already."""
        deadline = time.monotonic() + seconds
        while not self.layout.console_socket.exists():
            assert time.monotonic() < deadline, f"no console within {seconds} s\n{self.logs()[-4000:]}"
            time.sleep(0.05)


@contextlib.contextmanager
def running_stack(
    root: Path, *, processors: int = 2, change_policies: Callable[[Path], None] | None = None, settings: str = ""
) -> Iterator[Stack]:
    """Start it all below `root`; `change_policies` edits the copied policies, `settings` is YAML for the processes.

    At its end, everything it has written is searched for credentials, keys, secrets and texts (examination.py).
    """
    ports = Ports(*free_ports(10))
    policies = root / "policies"
    shutil.copytree(PROJECT / "policies", policies)
    providers = policies / "providers.yaml"
    providers.write_text(providers.read_text().replace("127.0.0.1:18081", f"127.0.0.1:{ports.simulator}"))
    # Tests of faults must not change the order for whatever comes next; a test of that order says so.
    routing = policies / "routing.yaml"
    routing.write_text(routing.read_text().replace("on_failing: avoid", "on_failing: ignore"))
    identity = policies / "identity.yaml"
    identity.write_text(identity.read_text().replace("127.0.0.1:18090", f"127.0.0.1:{ports.identity_provider}"))
    if change_policies is not None:
        change_policies(policies)
    state = root / "state"
    (state / "secrets").mkdir(parents=True, mode=0o700)
    _take_patterns(state, root.parent / "patterns")
    for deployment in DEPLOYMENTS:
        key = root / f"key-of-{deployment}"
        key.touch(mode=0o600)
        key.write_text(f"provider-key-of-{deployment}")
        if deployment in KNOWN_TO_POLICY:
            shutil.copy2(key, state / "secrets" / f"simulator-{deployment}")
    settings_file = root / "settings.yaml"
    settings_file.write_text(settings)
    with contextlib.ExitStack() as cleanup:
        keys = [f"--api-key-file={name}={root / f'key-of-{name}'}" for name in DEPLOYMENTS]
        keys.append(f"--api-key-file={root / 'key-of-us'}")  # of deployments that a test makes up
        options = ["--record", "--flavour=mistral=mistral", *keys]
        simulator = [*COMMAND, "simulate", "--port", str(ports.simulator), *options]
        cleanup.enter_context(_child(simulator, root / "simulator.log"))
        up = [
            *COMMAND, "up", "--no-simulator", "--state", str(state), "--policies", str(policies),
            "--settings", str(settings_file), "--processors", str(processors), "--shared-cores",
            "--port", str(ports.gateway), "--otlp-port", str(ports.otlp),
            "--map-port", f"8443={ports.public}", "--map-port", f"8444={ports.internal}",
            "--console-port", str(ports.console), "--map-port", f"8445={ports.console_tls}",
            "--identity-provider-port", str(ports.identity_provider),
            "--map-port", f"9901={ports.admin}", "--map-port", f"8081={ports.health}",
        ]  # fmt: skip
        process = cleanup.enter_context(_child(up, root / "up.log"))
        _wait_for_banner(process, root / "up.log")
        _keep_patterns(state, root.parent / "patterns")
        stack = Stack(root, ports, process)
        stack.wait_healthy()
        stack.wait_for_console()
        examiner = Examiner(HANDED_OUT)
        examiner.learn_keys(state)
        yield stack
        plant(stack)
        examiner.learn_keys(state)
        shown = pages(stack)
    examiner.examine(root, shown).require_clean()


def _keep_patterns(state: Path, kept: Path) -> None:
    """Patterns that the installation lacks, compiled in seconds, for the next one, with the key they are sealed with."""
    if not kept.exists() and all((state / name).exists() for name in _PATTERN_FILES):
        kept.mkdir(mode=0o700)
        for name in _PATTERN_FILES:
            shutil.copy2(state / name, kept / name)


def _take_patterns(state: Path, kept: Path) -> None:
    for name in _PATTERN_FILES if kept.exists() else ():
        shutil.copy2(kept / name, state / name)


def _wait_for_banner(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while (shown := re.search(r"OPENAI_API_KEY=(\S+)\n", log.read_text())) is None:
        assert process.poll() is None, f"gateway-ext up ended with {process.returncode}:\n{log.read_text()[-4000:]}"
        assert time.monotonic() < deadline, f"gateway-ext up is not ready:\n{log.read_text()[-4000:]}"
        time.sleep(0.1)
    HANDED_OUT.token(shown[1])


@contextlib.contextmanager
def _child(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def plain(value: dict[str, Any]) -> Any:
    """An OTLP/JSON value as a Python value."""
    content: Any
    kind, content = next(iter(value.items()), ("", None))
    match kind:
        case "intValue":
            return int(content)
        case "arrayValue":
            return [plain(item) for item in content.get("values", [])]
        case "kvlistValue":
            return {item["key"]: plain(item["value"]) for item in content.get("values", [])}
    return content


def _followed(log: Path) -> str:
    """The beginning of the digest that a process said last to follow."""
    said = re.findall(r"(?:ready, policy|files follow policy) (\w+)|policy (\w+) is in force", log.read_text())
    if log.name == "control.log":
        said = [each for each in said if each[0]]  # Envoy's files come after its own snapshot
    return next((first or second for first, second in reversed(said)), "")


def _contains(arguments: list[str], wanted: list[str]) -> bool:
    return any(arguments[at : at + len(wanted)] == wanted for at in range(len(arguments)))


def chat(text: str, model: str = "assistant", **more: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}
