"""The configuration under Envoy's own validation, with snapshots as policy makes them and with faults only Envoy finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.cli.main import main
from gateway_ext.envoyconf import static
from gateway_ext.envoyconf.check import check
from gateway_ext.envoyconf.problem import Problem
from gateway_ext.envoyconf.validate import read_rendered
from tests.envoy.harness import ENVOY_BINARY, ENVOY_YAML, prepare_state
from tests.envoy.snapshots import INTERFACES, provider, snapshot_of

pytestmark = pytest.mark.envoy

REPOSITORY = ENVOY_YAML.parents[1]
HTTPS = {"scheme": "https", "host": "api.example.eu", "ca_file": "certs/ca.pem"}
PROVIDERS = {
    "none": [],
    "plain": [provider("a", 8000)],
    "https": [provider("a", 443, **HTTPS)],
    "https_at_an_address": [provider("a", 8443, **HTTPS | {"host": "2001:db8::1"})],
    "quotes_in_the_path": [provider("a", base_path='/a"\\"b')],
    "without_credential": [provider("a", credential="")],
    "many": [provider(f"p{index}", 8000 + index) for index in range(12)],
}


def problems(root: Path, case: str, change: Callable[[dict[str, Any]], object] | None = None) -> list[Problem]:
    layout, _ = prepare_state(root, snapshot_of(*PROVIDERS[case]), processors=2)
    config = static.instantiate(ENVOY_YAML, loopback_port=7000)
    if change is not None:
        change(config)
    return check(config, read_rendered(layout.xds), INTERFACES, layout.root, ENVOY_BINARY)


@pytest.mark.parametrize("case", PROVIDERS)
def test_shipped_configuration_is_valid(tmp_path: Path, case: str) -> None:
    assert problems(tmp_path, case) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda config: config["static_resources"].update(clusterz=[]), "clusterz"),
        (lambda config: config["overload_manager"]["actions"].append({"name": "no.such.action"}), "Triggers"),
        (lambda config: config["admin"]["address"]["socket_address"].update(port_value=70_000), "PortValue"),
    ],
    ids=["unknown_field", "action_without_trigger", "port_out_of_range"],
)
def test_envoy_names_what_it_will_not_take(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    (problem,) = problems(tmp_path, "plain", change)
    assert problem.where == "envoy --mode validate"
    assert expected in problem.what


def test_rendered_files_are_validated_too(tmp_path: Path) -> None:
    layout, _ = prepare_state(tmp_path, snapshot_of(provider("a")))
    xds = read_rendered(layout.xds)
    xds["clusters.yaml"]["resources"][0]["connect_timeout"] = "soon"
    (problem,) = check(static.load(ENVOY_YAML), xds, INTERFACES, layout.root, ENVOY_BINARY)
    assert "connect_timeout" in problem.what


def test_command_accepts_what_is_shipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--policies", str(REPOSITORY / "policies"), "--state", str(tmp_path), "--config", str(ENVOY_YAML)]
    assert main(["envoy", "check", *options]) == 0
    assert "fit for use" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_command_says_what_is_wrong_and_how_to_fix_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = ENVOY_YAML.read_text().replace("failure_mode_allow: false", "failure_mode_allow: true", 1)
    (tmp_path / "envoy.yaml").write_text(text)
    options = ["--policies", str(REPOSITORY / "policies"), "--config", str(tmp_path / "envoy.yaml")]
    assert main(["envoy", "check", *options]) == 1
    captured = capsys.readouterr()
    assert "Fix: set failure_mode_allow: false" in captured.err
    assert "1 problem" in captured.out


def test_render_writes_what_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["envoy", "render", "--policies", str(REPOSITORY / "policies"), "--state", str(tmp_path)]
    assert main(options) == 0
    assert str(tmp_path / "xds" / "routes.yaml") in capsys.readouterr().out.splitlines()
    assert main(options) == 0
    assert capsys.readouterr().out == ""
