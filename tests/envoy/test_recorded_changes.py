"""Policy and keys are files; what people do to them is in the trail all the same, before any request meets it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
Record = dict[str, Any]


def of(records: list[Record], event: str) -> list[Record]:
    return [record for record in records if record["event"] == event]


def test_a_policy_is_recorded_before_the_first_request_that_is_judged_by_it(stack: Stack) -> None:
    before = stack.wait_for_policy()
    digest = stack.use_policy(("audit.yaml", "source_addresses: keep", "source_addresses: truncate"))
    try:
        with stack.client() as client:
            body = {"model": "assistant", "messages": [{"role": "user", "content": "Hi"}]}
            assert client.post("/chat/completions", json=body).status_code == 200
            assert client.post("/nowhere", headers={"authorization": "Bearer none"}).status_code in {401, 404}
        records = stack.wait_for_records(
            lambda records: any(each.get("gateway.policy.digest") == digest for each in records)
        )
        (activated,) = [
            each for each in of(records, "policy:snapshot:activated") if each["gateway.order.value"] == digest
        ]
        assert activated["gateway.order.reason"] == f"in place of {before}; changed audit.yaml"
        decisions = [each for each in records if each.get("gateway.policy.digest") == digest]
        assert {each["client.address"] for each in decisions} == {"127.0.0.0/24"}
    finally:
        stack.use_policy()


def test_a_policy_that_cannot_be_used_is_recorded_without_what_stands_in_it(stack: Stack) -> None:
    path = stack.policies / "audit.yaml"
    good = path.read_text()
    digest = stack.wait_for_policy()
    known = len(of(stack.audit_records(), "policy:snapshot:refused"))
    try:
        path.write_text("principals: sk-value-of-nobody\n")
        records = stack.wait_for_records(lambda records: len(of(records, "policy:snapshot:refused")) > known)
    finally:
        path.write_text(good)
    refused = of(records, "policy:snapshot:refused")[-1]
    assert refused["gateway.order.value"] == digest
    assert refused["gateway.order.reason"] == "audit.yaml:1:13 unknown value '…'"
    assert "sk-value-of-nobody" not in str(records)


def test_a_key_that_is_replaced_is_recorded_by_its_name(stack: Stack) -> None:
    path = stack.state / "secrets" / "simulator-us"
    key = path.read_text()
    known = len(of(stack.audit_records(), "providers:key:changed"))
    fresh = path.with_name(".simulator-us")
    fresh.touch(mode=0o600)
    fresh.write_text(key)
    fresh.replace(path)
    records = stack.wait_for_records(lambda records: len(of(records, "providers:key:changed")) > known)
    changed = of(records, "providers:key:changed")[-1]
    assert (changed["gateway.order.value"], changed["gateway.order.reason"]) == ("simulator-us", "replaced")
    assert key not in str(records)
