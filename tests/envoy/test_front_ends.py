"""People who ask through a chat page, over the real gateway: who is charged, recorded and refused, and whose word counts."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_ext.exchange import CredentialClass
from tests.envoy.stack import COMMAND, PLAIN, Stack, chat, running_stack

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(300)]
EMAIL, TEAM, ROLE = "X-OpenWebUI-User-Email", "X-OpenWebUI-User-Team", "X-OpenWebUI-User-Role"
ADA, BOB = "ada@corp.example", "bob@corp.example"
CREDENTIAL = "credential-of-chat-ui"
SECONDS_MAX = 1.0
FRONT_ENDS = """
front_ends:
  chat-ui:
    issuer: service
    people: company
    asserts: {subject: x-openwebui-user-email, email: x-openwebui-user-email, team: x-openwebui-user-team}
    percent_encoded: [team]
  portal: {issuer: service, people: company, asserts: {subject: x-openwebui-user-email}, required: false}
"""


def _with_front_ends(policies: Path) -> None:
    identity = policies / "identity.yaml"
    text = identity.read_text()
    assert "    class: sso\n" in text
    identity.write_text(
        text.replace("    class: sso\n", "    class: sso\n    lowercase: [subject, email]\n") + FRONT_ENDS
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("front-ends")
    with running_stack(root, processors=1, change_policies=_with_front_ends) as running:
        yield running


def service(stack: Stack, subject: str) -> httpx.Client:
    """A service on the internal listener, with its client certificate."""
    token = stack.token(CredentialClass.SERVICE, subject=subject, jti=f"credential-of-{subject}")
    return httpx.Client(
        base_url=stack.internal_base_url,
        verify=stack.trust(with_client_certificate=True),
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    )


@pytest.fixture
def chat_ui(stack: Stack) -> Iterator[httpx.Client]:
    with service(stack, "chat-ui") as client:
        yield client


Headers = dict[str, str] | list[tuple[str, str]]


def ask(client: httpx.Client, headers: Headers | None = None) -> httpx.Response:
    return client.post("/chat/completions", json=chat("Hello"), headers=headers)


def code(answer: httpx.Response) -> str:
    return "" if answer.status_code == 200 else str(answer.json()["error"]["code"])


def operator(stack: Stack, *arguments: str) -> None:
    command = [*COMMAND, *arguments, "--reason", "test", "--state", str(stack.state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    time.sleep(SECONDS_MAX)


def decisions(stack: Stack, *answers: httpx.Response) -> list[dict[str, Any]]:
    """The record of each answer's decision."""
    ids = [answer.headers["x-request-id"] for answer in answers]

    def of_them(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            record["gateway.exchange.id"]: record
            for record in records
            if record["event"].startswith("request:decision:")
        }

    found = of_them(stack.wait_for_records(lambda records: set(ids) <= of_them(records).keys()))
    return [found[each] for each in ids]


def who(decision: dict[str, Any]) -> tuple[str, str, str, str]:
    """Subject, issuer, team, front end."""
    names = ("subject", "issuer", "team", "front_end")
    subject, issuer, team, front_end = (decision.get(f"gateway.principal.{name}", "") for name in names)
    return subject, issuer, team, front_end


def spent(stack: Stack) -> dict[str, int]:
    """Of each account of a user: what is posted."""
    deadline = time.monotonic() + 15
    while any(account["held_nano"] for account in stack.budget()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return {each["value"]: each["posted_nano"] for each in stack.budget() if each["scope"] == "user"}


def test_audit_and_ledger_name_each_person(stack: Stack, chat_ui: httpx.Client) -> None:
    before = spent(stack)
    answers = [
        ask(chat_ui, {EMAIL: "Ada@Corp.example", TEAM: "Vertrieb%20S%C3%BCd", ROLE: "admin"}),
        ask(chat_ui, {EMAIL: BOB}),
        ask(chat_ui, {EMAIL: BOB}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    records = decisions(stack, *answers)
    assert [who(record) for record in records] == [
        (ADA, "company", "Vertrieb Süd", "chat-ui"),
        (BOB, "company", "platform", "chat-ui"),
        (BOB, "company", "platform", "chat-ui"),
    ]
    assert {record["gateway.principal.kind"] for record in records} == {"person"}
    assert {record["gateway.principal.credential_id"] for record in records} == {CREDENTIAL}
    after = spent(stack)
    cost = {name: after[name] - before.get(name, 0) for name in (ADA, BOB)}
    assert 0 < cost[ADA] < cost[BOB]
    assert "chat-ui" not in after


def test_providers_are_told_nobody(stack: Stack, chat_ui: httpx.Client) -> None:
    stack.forget_upstream_log()
    assert ask(chat_ui, {EMAIL: ADA, TEAM: "sales", ROLE: "admin"}).status_code == 200
    (seen,) = stack.upstream_log()
    assert not [name for name in seen["headers"] if "openwebui" in name.lower()]
    assert ADA not in str(seen)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "user_header_missing"),
        ({TEAM: "sales"}, "user_header_missing"),
        ({EMAIL: ""}, "user_header_invalid"),
        ({EMAIL: "a" * 257}, "user_header_invalid"),
        ([(EMAIL, ADA), (EMAIL, BOB)], "user_header_invalid"),
        ([(EMAIL, ADA), (EMAIL.lower(), ADA)], "user_header_invalid"),
        ({EMAIL: ADA, TEAM: "%ff"}, "user_header_invalid"),
        ({"X_OpenWebUI_User_Email": ADA}, "user_header_missing"),
    ],
)
def test_unclear_headers_are_refused(stack: Stack, chat_ui: httpx.Client, headers: Headers, expected: str) -> None:
    stack.forget_upstream_log()
    answer = ask(chat_ui, headers)
    assert code(answer) == expected
    assert "x-openwebui-user-" in answer.json()["error"]["message"]
    assert stack.upstream_log() == []
    (record,) = decisions(stack, answer)
    assert who(record) == ("chat-ui", "service", "platform", "")


def test_a_disabled_person_is_refused_and_another_goes_on(stack: Stack, chat_ui: httpx.Client) -> None:
    operator(stack, "people", "disable", ADA, "--issuer", "company")
    try:
        assert code(ask(chat_ui, {EMAIL: "ADA@corp.example"})) == "person_disabled"
        assert ask(chat_ui, {EMAIL: BOB}).status_code == 200
    finally:
        operator(stack, "people", "enable", ADA, "--issuer", "company")
    assert ask(chat_ui, {EMAIL: ADA}).status_code == 200


@pytest.mark.parametrize(
    ("order", "undo", "expected"),
    [
        (("people", "disable", "chat-ui"), ("people", "enable", "chat-ui"), "person_disabled"),
        (("revoke", CREDENTIAL), ("revoke", CREDENTIAL, "--undo"), "credential_revoked"),
    ],
)
def test_an_order_about_the_front_end_ends_it_for_everybody(
    stack: Stack, chat_ui: httpx.Client, order: tuple[str, ...], undo: tuple[str, ...], expected: str
) -> None:
    operator(stack, *order)
    try:
        assert {code(ask(chat_ui, {EMAIL: person})) for person in (ADA, BOB)} == {expected}
    finally:
        operator(stack, *undo)
    assert ask(chat_ui, {EMAIL: BOB}).status_code == 200


def test_the_word_of_another_service_is_ignored(stack: Stack) -> None:
    with service(stack, "batch-service") as client:
        answers = [ask(client, {EMAIL: ADA, TEAM: "sales"}), ask(client, [(EMAIL, ADA), (EMAIL, BOB)])]
    assert [who(record) for record in decisions(stack, *answers)] == [("batch-service", "service", "platform", "")] * 2


def test_a_front_end_that_may_ask_for_itself(stack: Stack) -> None:
    with service(stack, "portal") as client:
        answers = [ask(client), ask(client, {EMAIL: ADA})]
    assert [who(record) for record in decisions(stack, *answers)] == [
        ("portal", "service", "platform", ""),
        (ADA, "company", "platform", "portal"),
    ]


def test_people_with_credentials_of_their_own_cannot_be_others(stack: Stack) -> None:
    with stack.client() as client:
        answers = [ask(client, {EMAIL: ADA})]
    with httpx.Client(base_url=stack.tls_base_url, timeout=30, **PLAIN) as client:
        token = stack.token(subject="chat-ui")  # a person of that name
        answers.append(ask(client, {EMAIL: ADA, "authorization": f"Bearer {token}"}))
    assert [who(record) for record in decisions(stack, *answers)] == [
        ("demo@local", "personal", "demo", ""),
        ("chat-ui", "personal", "demo", ""),
    ]
