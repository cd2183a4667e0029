"""Changes of files are recorded as they are seen: once each, by name and digest, and nothing of what stands in them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gateway_ext.administration.actor import local_user
from gateway_ext.administration.file_changes import FileChanges, refusal, without_values
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import AuditRecord, OrderRecord
from gateway_ext.envoyconf.keys import key_versions
from gateway_ext.errors import AuditUnavailable, ConfigurationError
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.problems import PolicyError, Problem

POLICIES = Path(__file__).parents[2] / "policies"
SECRET = "sk-value-of-nobody"


class Trail:
    """An AuditLog that is a list, or away."""

    def __init__(self) -> None:
        self.orders: list[OrderRecord] = []
        self.durable_orders = 0
        self.is_away = False

    def append(self, record: AuditRecord) -> None:
        if self.is_away:
            raise AuditUnavailable
        assert isinstance(record, OrderRecord)
        self.orders.append(record)

    async def durable(self) -> None:
        self.durable_orders = len(self.orders)


class Gateway:
    """A policy, keys, and a control process that can be started anew."""

    def __init__(self, root: Path) -> None:
        self.policies = Path(shutil.copytree(POLICIES / "good", root / "policies"))
        (self.policies / "audit.yaml").unlink()  # an optional one
        self.secrets = root / "secrets"
        self.secrets.mkdir()
        self.memory = root / "recorded.json"
        self.trail = Trail()
        self.start()

    def start(self) -> None:
        self.changes = FileChanges(self.trail, self.memory, self.policies, self.secrets)

    async def activate(self) -> bool:
        return await self.changes.policy_activated(load_policy(self.policies))

    async def look_at_keys(self) -> bool:
        return await self.changes.keys_changed(key_versions(self.secrets))


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


async def test_an_activation_tells_both_digests_and_the_files_between_them(gateway: Gateway) -> None:
    before = load_policy(gateway.policies).digest
    assert await gateway.activate()
    with (gateway.policies / "budgets.yaml").open("a") as file:
        file.write(f"# {SECRET}\n")
    (gateway.policies / "audit.yaml").write_text("retention: {days: 500}\n")
    assert await gateway.activate()
    first, second = gateway.trail.orders
    assert gateway.trail.durable_orders == 2
    assert (first.value, first.reason) == (before, "the first that is recorded")
    assert second == OrderRecord(
        name=EventName.POLICY_ACTIVATED,
        scope="policy",
        value=load_policy(gateway.policies).digest,
        issuer="",
        actor=local_user(),
        user=local_user(),
        reason=f"in place of {before}; changed budgets.yaml; added audit.yaml",
    )
    (gateway.policies / "audit.yaml").unlink()
    await gateway.activate()
    assert gateway.trail.orders[-1].reason.endswith("; removed audit.yaml")


async def test_what_is_recorded_is_not_recorded_again_by_a_new_start(gateway: Gateway) -> None:
    (gateway.secrets / "us").write_text(SECRET)
    for _ in range(3):
        assert await gateway.activate()
        assert await gateway.look_at_keys()
        gateway.start()
    assert [each.name for each in gateway.trail.orders] == [
        EventName.POLICY_ACTIVATED,
        EventName.PROVIDER_KEY_CHANGED,
    ]


@pytest.mark.parametrize("damage", [None, b"", b"[]", b'{"policy": 1}', b"\xff"])
async def test_all_is_recorded_again_when_the_memory_is_lost(gateway: Gateway, damage: bytes | None) -> None:
    await gateway.activate()
    gateway.memory.unlink() if damage is None else gateway.memory.write_bytes(damage)
    gateway.start()
    assert await gateway.activate()
    assert [each.reason for each in gateway.trail.orders] == ["the first that is recorded"] * 2


async def test_nothing_follows_what_cannot_be_recorded(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    (gateway.secrets / "us").write_text(SECRET)
    gateway.trail.is_away = True
    assert not await gateway.activate()
    assert not await gateway.look_at_keys()
    assert [each.message for each in caplog.records] == [
        "a change of policy or keys cannot be recorded; Envoy's files do not follow it until it is"
    ]
    gateway.trail.is_away = False
    assert await gateway.activate()
    assert await gateway.look_at_keys()
    assert len(gateway.trail.orders) == 2


async def test_a_memory_that_cannot_be_written_stops_nothing(gateway: Gateway) -> None:
    gateway.memory.mkdir()
    assert await gateway.activate()
    assert await gateway.activate()
    assert len(gateway.trail.orders) == 1


async def test_keys_are_told_by_name(gateway: Gateway) -> None:
    (gateway.secrets / "us").write_text(SECRET)
    (gateway.secrets / ".us.123").write_text(SECRET)  # being written
    await gateway.look_at_keys()
    (gateway.secrets / "us").unlink()
    (gateway.secrets / "eu").write_text(SECRET)
    await gateway.look_at_keys()
    assert [(each.name, each.scope, each.value, each.reason) for each in gateway.trail.orders] == [
        (EventName.PROVIDER_KEY_CHANGED, "provider_key", "us", "added"),
        (EventName.PROVIDER_KEY_CHANGED, "provider_key", "eu", "added"),
        (EventName.PROVIDER_KEY_CHANGED, "provider_key", "us", "removed"),
    ]
    (gateway.secrets / "eu.new").write_text(SECRET)
    (gateway.secrets / "eu.new").rename(gateway.secrets / "eu")
    await gateway.look_at_keys()
    assert gateway.trail.orders[-1].reason == "replaced"
    assert SECRET not in repr(gateway.trail.orders) + gateway.memory.read_text()


async def test_a_policy_that_is_refused_is_told_once_until_it_is_another(gateway: Gateway) -> None:
    def error(line: int) -> ConfigurationError:
        return PolicyError(gateway.policies, [Problem("guard.yaml", line, 3, f"unknown key '{SECRET}'; known: a, b")])

    for each in (None, error(2), error(2), error(4), None, error(4)):
        await gateway.changes.policy_refused(each, "digest")
    assert [(each.name, each.value, each.reason) for each in gateway.trail.orders] == [
        (EventName.POLICY_REFUSED, "digest", "guard.yaml:2:3 unknown key '…'"),
        (EventName.POLICY_REFUSED, "digest", "guard.yaml:4:3 unknown key '…'"),
        (EventName.POLICY_REFUSED, "digest", "guard.yaml:4:3 unknown key '…'"),
    ]


def test_of_many_problems_the_first_are_told(tmp_path: Path) -> None:
    problems = [Problem("a.yaml", line, 1, "must be true or false, not text") for line in range(1, 13)]
    assert refusal(PolicyError(tmp_path, problems), "", tmp_path).reason.endswith("not text; and 2 more")
    assert refusal(ConfigurationError("whatever"), "", tmp_path).reason == "it cannot be judged"


@pytest.mark.parametrize("fixture", sorted((POLICIES / "bad").glob("*.yaml")), ids=lambda path: path.stem)
def test_no_fault_of_a_policy_repeats_what_stands_there(fixture: Path) -> None:
    """Each is marked in its first line, as tests/unit/policy/test_bad_policies.py has it."""
    message = fixture.read_bytes().partition(b"\n")[0].decode().split(": ", 1)[1]
    assert set(re.findall("'([^']*)'", without_values(message))) <= {"…"}


def test_a_value_with_quotes_is_taken_out_as_a_whole() -> None:
    assert without_values(f"unknown value 'it's {SECRET}'; did you mean 'b'? Known: b") == "unknown value '…'"
    assert without_values(f"'a' is like '{SECRET}\n{SECRET}', so no") == "'…', so no"
