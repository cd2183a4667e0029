"""How the configuration is put together for Envoy's own validation. The run itself: tests/envoy/test_config.py."""

from __future__ import annotations

from pathlib import Path

from gateway_ext.envoyconf import static
from gateway_ext.envoyconf.render import render
from gateway_ext.envoyconf.validate import connection_managers, in_line, read_rendered, validate
from gateway_ext.envoyconf.write import write
from gateway_ext.settings import StateLayout
from tests.envoy.harness import ENVOY_YAML
from tests.envoy.snapshots import provider, snapshot_of


def test_rendered_clusters_and_routes_become_static_ones(tmp_path: Path) -> None:
    layout = StateLayout(tmp_path)
    write(render(snapshot_of(provider("a")), layout, 1), layout.xds)
    (layout.xds / ".clusters.yaml.half-written").write_text("[")
    config = static.load(ENVOY_YAML)
    whole = in_line(config, read_rendered(layout.xds))
    assert [each["name"] for each in whole["static_resources"]["clusters"]] == [
        "deny",
        "processor",
        "keys",
        "shadow",
        "console",
        "a/assistant",
    ]
    assert "dynamic_resources" not in whole
    names = [manager["route_config"]["name"] for _, manager in connection_managers(whole)]
    assert names == ["llm", "llm", "console", "health", "keys", "shadow"]
    assert "dynamic_resources" in config


def test_envoy_that_cannot_be_run(tmp_path: Path) -> None:
    (problem,) = validate({"static_resources": {}}, {}, tmp_path, tmp_path / "no-envoy")
    assert "cannot be run (FileNotFoundError)" in problem.what
