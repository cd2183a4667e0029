"""`gateway-ext up` from the outside: what a user does in the first five minutes, and how it ends."""

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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.envoy.examination import require_clean
from tests.envoy.harness import free_ports

ROOT = Path(__file__).parents[2]
ENVOY_PORTS = (8443, 8444, 8445, 8081, 9901)

pytestmark = pytest.mark.envoy


@dataclass(slots=True)
class Place:
    """A directory with policies, and ports nobody else uses."""

    state: Path
    policies: Path
    gateway: int
    simulator: int
    console: int
    identity_provider: int
    mapped: dict[int, int]
    arguments: list[str]

    @classmethod
    def make(cls, directory: Path) -> "Place":
        gateway, simulator, otlp, console, identity_provider, *envoy = free_ports(5 + len(ENVOY_PORTS))
        mapped = dict(zip(ENVOY_PORTS, envoy, strict=True))
        policies = shutil.copytree(ROOT / "policies", directory / "policies")
        providers = policies / "providers.yaml"
        providers.write_text(providers.read_text().replace("18081", str(simulator)))
        identity = policies / "identity.yaml"
        identity.write_text(identity.read_text().replace("18090", str(identity_provider)))
        state = directory / "state"
        arguments = [
            *("--state", str(state), "--policies", str(policies), "--port", str(gateway), "--processors", "2"),
            *("--simulator-port", str(simulator), "--otlp-port", str(otlp), "--console-port", str(console)),
            *("--identity-provider-port", str(identity_provider)),
            *(f"--map-port={before}={after}" for before, after in mapped.items()),
        ]
        return cls(state, policies, gateway, simulator, console, identity_provider, mapped, arguments)

    def up(self, *more: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "gateway_ext.cli.main", "up", *self.arguments, *more]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def token(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "gateway_ext.cli.main", "token", "--state", str(self.state), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(slots=True)
class Gateway:
    place: Place
    process: subprocess.Popen[str]
    exports: dict[str, str]
    people: dict[str, str]  # roles by name, as printed

    def client(self, **options: Any) -> openai.OpenAI:
        given = {"base_url": self.exports["OPENAI_BASE_URL"], "api_key": self.exports["OPENAI_API_KEY"]}
        return openai.OpenAI(**{**given, "max_retries": 0, **options})

    def seen_by_provider(self) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self.place.simulator}/_control/log"
        requests: list[dict[str, Any]] = httpx.get(url).json()["requests"]
        return requests


def started(place: Place) -> Gateway:
    process = place.up()
    assert process.stdout is not None
    exports: dict[str, str] = {}
    people: dict[str, str] = {}
    for line in process.stdout:
        if found := re.match(r"  export (\w+)=(\S+)", line):
            exports[found[1]] = found[2]
        if found := re.match(r" +(ada|grace|sofia) +\S+   (.+)$", line):
            people[found[1]] = found[2]
        if "credential" in line:  # the banner's last line
            return Gateway(place, process, exports, people)
    told = process.communicate(timeout=30)[1]
    pytest.fail(f"up ended with {process.returncode}:\n{told}")


def stopped(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(30)
    finally:
        process.kill()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = started(Place.make(tmp_path_factory.mktemp("up")))
    yield gateway
    stopped(gateway.process)
    require_clean(gateway.place.state.parent, gateway.place.state)


def descendants(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_no_thread_of_a_processor_interrupts_the_one_that_decides(gateway: Gateway) -> None:
    processors = [
        pid for pid in descendants(gateway.process.pid) if b"\0processor\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    threads = [int(each.name) for pid in processors for each in Path(f"/proc/{pid}/task").iterdir()]
    assert len(threads) > len(processors) == 2
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


def test_the_openai_sdk_works_with_the_two_exports(gateway: Gateway) -> None:
    client = gateway.client()
    said = client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "Hello"}])
    assert said.choices[0].message.content == "You said: Hello"
    assert said.system_fingerprint == "us"
    pieces = client.chat.completions.create(
        model="assistant-eu", messages=[{"role": "user", "content": "Hello again"}], stream=True
    )
    chunks = list(pieces)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You said: Hello again"
    assert {chunk.system_fingerprint for chunk in chunks} == {"eu"}


def test_without_a_credential_nothing_reaches_the_provider(gateway: Gateway) -> None:
    before = len(gateway.seen_by_provider())
    with pytest.raises(openai.AuthenticationError):
        gateway.client(api_key="wrong").models.list()
    with pytest.raises(openai.AuthenticationError):
        gateway.client(api_key=gateway.place.token("--class", "service")).chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": "Hello"}]
        )
    assert len(gateway.seen_by_provider()) == before


def test_a_personal_credential_works_over_tls_with_the_local_authority(gateway: Gateway) -> None:
    token = gateway.place.token("--class", "personal")
    trust = ssl.create_default_context(cafile=str(gateway.place.state / "certs" / "ca.pem"))
    with httpx.Client(verify=trust) as http:
        client = gateway.client(
            base_url=f"https://localhost:{gateway.place.mapped[8443]}/v1", api_key=token, http_client=http
        )
        said = client.responses.create(model="assistant", input="Hello")
        assert said.output_text == "You said: Hello"


def test_a_service_needs_its_certificate_and_its_token(gateway: Gateway) -> None:
    certs = gateway.place.state / "certs"
    trust = ssl.create_default_context(cafile=str(certs / "ca.pem"))
    url = f"https://localhost:{gateway.place.mapped[8444]}/v1/embeddings"
    headers = {"authorization": f"Bearer {gateway.place.token('--class', 'service')}"}
    body = {"model": "embedder", "input": "Hello"}
    with httpx.Client(verify=trust) as http, pytest.raises((httpx.TransportError, ssl.SSLError)):
        http.post(url, json=body, headers=headers)
    trust.load_cert_chain(certs / "client.pem", certs / "client.key")
    with httpx.Client(verify=trust) as http:
        assert http.post(url, json=body, headers=headers).status_code == 200
        personal = {"authorization": f"Bearer {gateway.exports['OPENAI_API_KEY']}"}
        assert http.post(url, json=body, headers=personal).status_code == 401


def test_every_exchange_reaches_the_audit_file(gateway: Gateway) -> None:
    gateway.client().embeddings.create(model="embedder", input="Hello")
    file = gateway.place.state / "otlp" / "logs.jsonl"
    for _ in range(100):
        records = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        if "embedder" in json.dumps(records):
            return
        time.sleep(0.1)
    pytest.fail("no record of the exchange within 10 s")


def test_a_killed_processor_comes_back_and_the_gateway_stays_up(gateway: Gateway) -> None:
    victim = next(
        pid for pid in descendants(gateway.process.pid) if b"--index\x000" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    subprocess.run(["/bin/kill", "-9", str(victim)], check=True)
    assert gateway.process.stderr is not None
    told = next(line for line in gateway.process.stderr if "unexpectedly" in line)
    assert told.startswith("processor-0")
    assert any(line.startswith("processor-0: ready (restarts: 1)") for line in gateway.process.stderr)
    statuses = [
        gateway.client(max_retries=2)
        .chat.completions.with_raw_response.create(model="assistant", messages=[{"role": "user", "content": "Hello"}])
        .status_code
        for _ in range(4)
    ]
    assert statuses == [200] * 4


def test_secrets_and_keys_are_the_owners_alone(gateway: Gateway) -> None:
    state = gateway.place.state
    private = [
        *(state / "secrets").iterdir(),
        *(state / "issuers").iterdir(),
        *state.glob("certs/*.key"),
        state / "people.yaml",
    ]
    assert len(private) == 2 + 3 + 4 + 1
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert state.stat().st_mode & 0o777 == 0o700


def test_a_second_up_in_the_same_place_is_refused(gateway: Gateway) -> None:
    with gateway.place.up() as second:
        assert second.wait(20) == 2
        assert second.stderr is not None
        assert "another process holds" in second.stderr.read()


def test_ctrl_c_stops_everything_with_exit_code_zero_and_it_starts_again(tmp_path: Path) -> None:
    place = Place.make(tmp_path)
    token = ""
    for _ in range(2):
        gateway = started(place)
        token = token or gateway.exports["OPENAI_API_KEY"]
        said = gateway.client(api_key=token).models.list()  # keys outlive a restart
        assert "assistant" in {model.id for model in said.data}
        children = descendants(gateway.process.pid)
        assert len(children) >= 7
        assert stopped(gateway.process) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_a_busy_port_is_named_with_its_option(tmp_path: Path) -> None:
    place = Place.make(tmp_path)
    with socket.create_server(("127.0.0.1", place.mapped[8443])), place.up() as process:
        assert process.wait(20) == 2
        assert process.stderr is not None
        told = process.stderr.read()
    assert f"port {place.mapped[8443]}, for Envoy's 'public', is in use" in told
    assert "--map-port 8443=OTHER" in told
    assert "Traceback" not in told


def test_a_busy_port_of_the_console_is_named_with_its_option(tmp_path: Path) -> None:
    place = Place.make(tmp_path)
    console, provider = place.console, place.identity_provider
    with (
        socket.create_server(("127.0.0.1", console)),
        socket.create_server(("127.0.0.1", provider)),
        place.up() as process,
    ):
        assert process.wait(20) == 2
        assert process.stderr is not None
        told = process.stderr.read()
    assert f"port {console}, for the console, is in use; free it or use --console-port" in told
    assert f"port {provider}, for the local identity provider, is in use" in told
    assert "--identity-provider-port (and identity.yaml)" in told


def test_the_console_is_there_and_says_where_to_log_in(gateway: Gateway) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.place.console}") as browser:
        assert browser.get("/").headers["location"].startswith("/login")
        target = browser.get("/login").headers["location"]
    assert target.startswith(f"http://127.0.0.1:{gateway.place.identity_provider}/authorize?")
    assert {"developer", "admin, developer", "security-officer"} == set(gateway.people.values())


def test_a_broken_policy_is_told_before_anything_starts(tmp_path: Path) -> None:
    place = Place.make(tmp_path)
    (place.policies / "budgets.yaml").write_text("currency: [")
    with place.up() as process:
        assert process.wait(20) == 2
        assert process.stderr is not None
        assert "budgets.yaml" in process.stderr.read()
    assert not place.state.exists()
