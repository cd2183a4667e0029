"""Agreements that policy asks for: over the real gateway, on every processor, within a second, with the same token."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from gateway_ext.exchange import CredentialClass
from tests.envoy.stack import COMMAND, Stack, chat, running_stack

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(300)]
PROCESSORS = 2
SECONDS_MAX = 1.0
PAGE = "https://console.example.eu/agreements"
ASKED = f"""accept_at: {PAGE}
agreements:
  terms: {{version: "2", title: Terms of use, accepted_by: person, when: {{teams: [demo]}}}}
  applicants:
    {{version: "1", title: Data protection agreement, accepted_by: team, when: {{purposes: [hr-screening]}}}}
"""
OF_DEMO = ("--person", "demo@local")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    def ask(policies: Path) -> None:
        (policies / "agreements.yaml").write_text(ASKED)

    with running_stack(tmp_path_factory.mktemp("agreements"), processors=PROCESSORS, change_policies=ask) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_accepted(stack: Stack) -> Iterator[None]:
    yield
    for name, party in (("terms", OF_DEMO), ("applicants", ("--team", "hr"))):
        agreements(stack, "withdraw", name, *party, expected=None)
    time.sleep(SECONDS_MAX)


def agreements(stack: Stack, *arguments: str, expected: int | None = 0) -> float:
    """Run an operator's command; the monotonic time when it said that it was done."""
    options = ["--state", str(stack.state), "--policies", str(stack.policies)]
    done = subprocess.run([*COMMAND, "agreements", *arguments, *options], capture_output=True, text=True, check=False)
    assert expected is None or done.returncode == expected, done.stderr + done.stdout
    return time.monotonic()


def code(answer: httpx.Response) -> str:
    return "" if answer.status_code == 200 else str(answer.json()["error"]["code"])


def ask(stack: Stack, token: str) -> httpx.Response:
    """Over a connection of its own, so that all processors come to be asked."""
    with stack.client(token) as client:
        return client.post("/chat/completions", json=chat("Hello"))


def settles(stack: Stack, token: str, refusal: str, since: float) -> None:
    """From a second after `since` on, every request is answered so."""
    while (left := since + SECONDS_MAX - time.monotonic()) > 0:
        time.sleep(left)
    assert [code(ask(stack, token)) for _ in range(12)] == [refusal] * 12


def test_accepting_and_withdrawing_count_within_a_second_without_a_new_token(stack: Stack) -> None:
    token = stack.token()
    refused = ask(stack, token)
    assert (refused.status_code, code(refused)) == (403, "agreement_missing")
    assert refused.headers["x-should-retry"] == "false"
    message = refused.json()["error"]["message"]
    assert message == f"You have to accept 'Terms of use' (version 2) first. Accept at: {PAGE}"
    settles(stack, token, "", agreements(stack, "accept", "terms", *OF_DEMO))
    settles(stack, token, "agreement_missing", agreements(stack, "withdraw", "terms", *OF_DEMO, "--reason", "no more"))
    assert stack.upstream_log()


def test_a_key_counts_as_its_owner(stack: Stack) -> None:
    """Whichever issuer vouches for the person."""
    done = agreements(stack, "accept", "terms", *OF_DEMO)
    settles(stack, stack.token(CredentialClass.PERSONAL), "", done)
    settles(stack, stack.token(CredentialClass.SSO), "", done)


def test_nothing_is_asked_of_whom_policy_does_not_mean(stack: Stack) -> None:
    assert code(ask(stack, stack.token(team="another"))) == ""


def test_a_refused_request_reaches_no_model_and_holds_no_money(stack: Stack) -> None:
    stack.forget_upstream_log()
    refused = ask(stack, stack.token())
    assert code(refused) == "agreement_missing"
    assert stack.upstream_log() == []

    def decisions(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        of_it = [each for each in records if each.get("gateway.exchange.id") == refused.headers["x-request-id"]]
        return [each for each in of_it if each["event"] == "request:decision:refused"]

    (decision,) = decisions(stack.wait_for_records(lambda records: bool(decisions(records))))
    assert decision["gateway.decision.refused_at"] == "authenticate"
    assert "gateway.budget.hold_id" not in decision


def test_a_purpose_takes_the_agreement_of_the_team(stack: Stack) -> None:
    screening = stack.token(team="hr", purpose="hr-screening")
    assert code(ask(stack, stack.token(team="hr", purpose="letters"))) == ""
    refused = ask(stack, screening)
    assert code(refused) == "agreement_missing"
    assert "for your team has to accept 'Data protection agreement'" in refused.json()["error"]["message"]
    settles(stack, screening, "", agreements(stack, "accept", "applicants", "--team", "hr"))
    assert code(ask(stack, stack.token(team="another", purpose="hr-screening"))) == "agreement_missing"


def test_a_new_version_asks_anew(stack: Stack) -> None:
    token = stack.token()
    settles(stack, token, "", agreements(stack, "accept", "terms", *OF_DEMO))
    stack.use_policy(("agreements.yaml", 'version: "2"', 'version: "3"'))
    try:
        refused = ask(stack, token)
        assert code(refused) == "agreement_missing"
        assert "(version 3)" in refused.json()["error"]["message"]
        agreements(stack, "accept", "terms", *OF_DEMO, "--version", "2", expected=2)
    finally:
        stack.use_policy()
    settles(stack, token, "", time.monotonic())


def test_openai_s_sdk_shows_where_to_accept(stack: Stack) -> None:
    with (
        openai.OpenAI(base_url=stack.base_url, api_key=stack.token()) as sdk,
        pytest.raises(openai.PermissionDeniedError) as caught,
    ):
        sdk.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "Hello"}])
    assert PAGE in caught.value.message
    assert caught.value.code == "agreement_missing"


def test_what_was_said_is_in_the_delivered_trail(stack: Stack) -> None:
    agreements(stack, "accept", "terms", *OF_DEMO, "--actor", "hr desk")
    agreements(stack, "withdraw", "terms", *OF_DEMO, "--reason", "asked for by the works council")

    def arrived(records: list[dict[str, Any]]) -> bool:
        return any(record.get("gateway.consent.reason") == "asked for by the works council" for record in records)

    records = [each for each in stack.wait_for_records(arrived) if each["event"].startswith("consent:agreement:")]
    accepted = next(each for each in records if each.get("gateway.consent.actor") == "hr desk")
    assert accepted["event"] == "consent:agreement:accepted"
    assert (accepted["gateway.consent.agreement"], accepted["gateway.consent.version"]) == ("terms", "2")
    assert (accepted["gateway.consent.party_kind"], accepted["gateway.consent.party"]) == ("person", "demo@local")
    assert records[-1]["event"] == "consent:agreement:withdrawn"


def test_a_lost_store_refuses_those_who_are_asked_until_it_is_back(stack: Stack) -> None:
    token = stack.token()
    settles(stack, token, "", agreements(stack, "accept", "terms", *OF_DEMO))
    store = stack.layout.agreements
    parts = [each for suffix in ("", "-wal", "-shm") if (each := store.with_name(store.name + suffix)).exists()]
    for part in parts:
        part.rename(part.with_name(f"{part.name}.away"))
    time.sleep(SECONDS_MAX + 0.5)
    refused = ask(stack, token)
    assert (refused.status_code, code(refused)) == (503, "consent_unavailable")
    assert code(ask(stack, stack.token(team="another"))) == ""
    agreements(stack, "withdraw", "terms", *OF_DEMO, expected=2)
    for part in parts:
        part.with_name(f"{part.name}.away").rename(part)
    settles(stack, token, "", time.monotonic())
