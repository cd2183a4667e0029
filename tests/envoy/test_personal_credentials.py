"""Credentials as people and services get and use them, from minting to revoking, and the keys that sign them."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.credentials import life_cycle
from gateway_ext.credentials.credential import Owner, State
from gateway_ext.credentials.life_cycle import LifeCycle, named
from gateway_ext.credentials.minting import Asked
from gateway_ext.credentials.rules import Bounds
from gateway_ext.exchange import CredentialClass
from gateway_ext.local.certificates import CLIENT_URI
from gateway_ext.settings import Settings
from tests.envoy.refusals import assert_not_written, assert_refused
from tests.envoy.stack import COMMAND, PLAIN, PROJECT, Stack, chat, running_stack

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]
CHAT = "/chat/completions"
HELLO = chat("Hello")
PERSON = ("--team", "demo", "--group", "llm-users")
SERVICE = ("--service", "batch-service", "--team", "platform", "--group", "llm-services")
MANY = Bounds(days_max=30, days_default=1, per_subject_max=100_000)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of its own: what is signed with its first keys is refused at the end."""
    with running_stack(tmp_path_factory.mktemp("credentials"), processors=1) as running:
        yield running


def keys(stack: Stack, *arguments: str) -> Any:
    """What `gateway-ext keys … --json` prints."""
    command = [*COMMAND, "keys", *arguments, "--json", "--state", str(stack.state), "--policies", str(stack.policies)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask(stack: Stack, token: str, model: str = "assistant") -> httpx.Response:
    with stack.client(token) as client:
        return client.post(CHAT, json=chat("Hello", model))


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"after {seconds} s: {what}"
        time.sleep(0.05)


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_minted_credential_is_an_api_key(stack: Stack) -> None:
    made = keys(stack, "create", "--subject", "anna@local", *PERSON, "--name", "laptop", "--purpose", "editor")
    with openai.OpenAI(base_url=stack.base_url, api_key=made["token"], max_retries=0) as client:
        answer = client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "Hello"}])
    assert answer.choices[0].message.content

    def of_anna(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in records if each.get("gateway.principal.subject") == "anna@local"]

    (decision, *_) = of_anna(stack.wait_for_records(lambda records: bool(of_anna(records))))
    assert decision["gateway.principal.credential_id"] == made["id"]
    assert decision["gateway.principal.credential_class"] == "personal"
    (minted,) = [
        each
        for each in stack.audit_records()
        if each["event"] == "credentials:credential:minted" and each["gateway.order.value"] == made["id"]
    ]
    assert minted["gateway.order.reason"] == "for anna@local: laptop"
    (listed,) = (each for each in keys(stack, "list") if each["id"] == made["id"])
    assert (listed["name"], listed["state"], "token" in listed) == ("laptop", "active", False)
    assert_not_written(stack, *made["token"].split(".")[1:])


def test_a_narrowed_credential_reaches_its_models_only(stack: Stack) -> None:
    made = keys(stack, "create", "--subject", "narrow@local", *PERSON, "--model", "assistant*", "--model", "unknown")
    assert ask(stack, made["token"]).status_code == 200
    assert ask(stack, made["token"], "assistant-eu").status_code == 200
    assert_refused(ask(stack, made["token"], "frontier-only"), 403, "model_not_allowed", "permission_error", "model")
    with stack.client(made["token"]) as client:
        models = {each["id"] for each in client.get("/models").json()["data"]}
    assert models == {"assistant", "assistant-eu"}


def test_a_credential_spends_its_own_budget_and_no_more(stack: Stack) -> None:
    poor = keys(stack, "create", "--subject", "budgeted@local", *PERSON, "--budget", "0.000000001")
    refused = ask(stack, poor["token"])
    assert_refused(refused, 429, "budget_exhausted", "insufficient_quota")
    assert "This credential's own budget has no room" in refused.json()["error"]["message"]
    rotated = keys(stack, "rotate", poor["id"])
    assert ask(stack, rotated["token"]).status_code == 429

    made = keys(stack, "create", "--subject", "budgeted@local", *PERSON, "--budget", "1.000000001")
    successor = keys(stack, "rotate", made["id"])
    assert [ask(stack, each["token"]).status_code for each in (made, successor)] == [200, 200]
    status = [*COMMAND, "budget", "status", "--json", "--state", str(stack.state)]
    accounts = json.loads(subprocess.run(status, cwd=PROJECT, capture_output=True, check=True, timeout=60).stdout)[
        "budgets"
    ]
    (row,) = (each for each in accounts if each["value"] == made["id"])  # one account for both
    assert (row["rule"], row["scope"], row["limit_nano"]) == ("credential", "credential", 1_000_000_001)
    (decision, *_) = (
        each
        for each in stack.wait_for_records(
            lambda records: any(each.get("gateway.principal.credential_id") == successor["id"] for each in records)
        )
        if each.get("gateway.principal.credential_id") == successor["id"]
    )
    assert "budget:credential" in decision["gateway.decision.rules"]


def test_a_budget_that_cannot_be_understood_refuses(stack: Stack) -> None:
    good = {"account": "a", "currency": "EUR", "limit_nano": "1000000000", "window": "month"}
    assert ask(stack, stack.token(budget=good)).status_code == 200
    for claim in (None, good | {"currency": "CHF"}, good | {"limit_nano": 1_000_000_000}, good | {"window": "decade"}):
        refused = ask(stack, stack.token(budget=claim))
        assert_refused(refused, 403, "credential_budget_unusable", "permission_error")


def test_a_revoked_credential_is_refused_within_seconds(stack: Stack) -> None:
    made = keys(stack, "create", "--subject", "revoked@local", *PERSON)
    assert ask(stack, made["token"]).status_code == 200
    assert keys(stack, "revoke", made["id"])["state"] == "revoked"
    wait_until(lambda: ask(stack, made["token"]).status_code == 401, 5, "still accepted")
    assert_refused(ask(stack, made["token"]), 401, "credential_revoked", "authentication_error")


def test_a_rotated_credential_works_until_its_successor_has_taken_over(stack: Stack) -> None:
    life = life_cycle(Settings(state_dir=stack.state), Actor(), "test")
    asked = Asked(CredentialClass.PERSONAL, "rotated", Owner("rotated@local", "demo", ("llm-users",)))
    old, old_token = life.mint(asked, MANY)
    _, new_token = life.rotate(old, MANY, overlap_seconds=3)
    assert {ask(stack, token).status_code for token in (old_token, new_token)} == {200}
    wait_until(lambda: ask(stack, old_token).status_code == 401, 20, "the control process revoked nothing")
    assert named(life.store.all(), old.id).state(life.now_unix) is State.REVOKED
    assert ask(stack, new_token).status_code == 200


# --- services --------------------------------------------------------------------------------------------------------


def internal(stack: Stack, token: str, trust: ssl.SSLContext | None = None) -> httpx.Response:
    """As a service, with the local client certificate if not with another."""
    context = trust or stack.trust(with_client_certificate=True)
    with httpx.Client(base_url=stack.internal_base_url, verify=context, trust_env=False, timeout=30) as client:
        return client.post(CHAT, json=HELLO, headers={"authorization": f"Bearer {token}"})


def other_service(stack: Stack, directory: Path) -> ssl.SSLContext:
    """A client with a certificate of the same authority, for another service; its first URI alone counts."""
    certs = stack.layout.certs
    authority = x509.load_pem_x509_certificate((certs / "clients-ca.pem").read_bytes())
    signing = serialization.load_pem_private_key((certs / "clients-ca.key").read_bytes(), password=None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    ours = x509.load_pem_x509_certificate((certs / "client.pem").read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.UniformResourceIdentifier("spiffe://local/other"), x509.UniformResourceIdentifier(CLIENT_URI)]
    builder = x509.CertificateBuilder(authority.subject, ours.subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(ours.not_valid_before_utc).not_valid_after(ours.not_valid_after_utc)
    signed = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(signing, hashes.SHA256())
    (directory / "other.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (directory / "other.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = stack.trust()
    context.load_cert_chain(directory / "other.pem", directory / "other.key")
    return context


def test_a_services_credential_is_worth_nothing_without_its_certificate(stack: Stack, tmp_path: Path) -> None:
    by_uri = keys(stack, "create", *SERVICE, "--client-uri", CLIENT_URI)["token"]
    by_thumbprint = keys(stack, "create", *SERVICE, "--client-cert", str(stack.layout.certs / "client.pem"))["token"]
    other = other_service(stack, tmp_path)
    for token in (by_uri, by_thumbprint):
        accepted = internal(stack, token)
        assert accepted.status_code == 200, accepted.text
        assert_refused(internal(stack, token, other), 401, "certificate_mismatch", "authentication_error")
        assert ask(stack, token).status_code == 401  # on the public side it is no token at all


def test_a_services_token_that_names_no_certificate_is_refused(stack: Stack) -> None:
    for nothing in ("", None, [CLIENT_URI], "spiffe://local/*"):
        token = stack.token(CredentialClass.SERVICE, client_uri=nothing)
        assert_refused(internal(stack, token), 401, "certificate_mismatch", "authentication_error")
    assert internal(stack, stack.token(CredentialClass.SERVICE)).status_code == 200


# --- signing keys ----------------------------------------------------------------------------------------------------


class Load:
    """Callers that never stop: some with a token from before, one that mints a new token for each request."""

    def __init__(self, stack: Stack, life: LifeCycle, old_token: str) -> None:
        self.statuses: Counter[str] = Counter()
        self._url, self._life, self._old_token = f"{stack.base_url}/models", life, old_token
        self._ends = threading.Event()
        minting = [self._minted, self._old, self._old]
        self._threads = [threading.Thread(target=self._call, args=(token,)) for token in minting]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _call(self, token: Callable[[], tuple[str, str]]) -> None:
        with httpx.Client(**PLAIN, timeout=30) as client:
            while not self._ends.is_set():
                kind, text = token()
                status = client.get(self._url, headers={"authorization": f"Bearer {text}"}).status_code
                self.statuses[f"{kind} {status}"] += 1

    def _old(self) -> tuple[str, str]:
        return "old", self._old_token

    def _minted(self) -> tuple[str, str]:
        owner = Owner("load@local", "demo", ("llm-users",))
        return "new", self._life.mint(Asked(CredentialClass.PERSONAL, "load", owner), MANY)[1]


def test_signing_keys_are_rotated_under_load_and_no_valid_request_is_refused(stack: Stack) -> None:
    old_token = keys(stack, "create", "--subject", "load@local", *PERSON)["token"]
    life = life_cycle(Settings(state_dir=stack.state), Actor(), "test")
    with Load(stack, life, old_token) as load:
        for _ in range(2):
            rotated = keys(stack, "signing", "rotate", "personal", "--lead", "6")
            assert [each["state"] for each in rotated][-2:] == ["active", "next"]
            time.sleep(7)
            assert life.signer(CredentialClass.PERSONAL).key_id == rotated[-1]["key"]
        time.sleep(1)
    assert set(load.statuses) == {"old 200", "new 200"}, load.statuses
    assert min(load.statuses.values()) > 20, load.statuses
    listed = [each["state"] for each in keys(stack, "signing", "list") if each["issuer"] == "personal"]
    assert listed == ["retired", "retired", "active"]


def test_tokens_verify_while_nobody_is_there_to_publish_keys(stack: Stack) -> None:
    """Envoy has its keys from a file; the control process may be away for longer than Envoy keeps a key set."""
    token = keys(stack, "create", "--subject", "alone@local", *PERSON)["token"]
    stack.kill("control", signal.SIGSTOP)
    try:
        end = time.monotonic() + 8
        answers: Counter[int] = Counter()
        while time.monotonic() < end:
            answers[ask(stack, token).status_code] += 1
            time.sleep(0.1)
        assert set(answers) == {200}
    finally:
        stack.kill("control", signal.SIGCONT)


def test_a_compromised_key_is_withdrawn_at_once(stack: Stack) -> None:
    old_token = keys(stack, "create", "--subject", "before@local", *PERSON)["token"]
    assert ask(stack, old_token).status_code == 200
    (only,) = keys(stack, "signing", "rotate", "personal", "--compromised")
    assert only["state"] == "active"
    wait_until(lambda: ask(stack, old_token).status_code == 401, 5, "the old key is still believed")
    new_token = keys(stack, "create", "--subject", "after@local", *PERSON)["token"]
    wait_until(lambda: ask(stack, new_token).status_code == 200, 5, "the new key is not believed")
    assert_refused(ask(stack, old_token), 401, "unauthenticated", "authentication_error")
