"""All entries of docs/providers.md at once, under Envoy's own validation."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.envoyconf import static
from gateway_ext.envoyconf.check import check
from gateway_ext.envoyconf.validate import read_rendered
from gateway_ext.policy.loader import load_policy
from tests.envoy.harness import ENVOY_BINARY, ENVOY_YAML, prepare_state
from tests.envoy.snapshots import INTERFACES
from tests.unit.policy.provider_entries import names, written_to

pytestmark = pytest.mark.envoy


def test_envoy_takes_every_entry(tmp_path: Path) -> None:
    layout, _ = prepare_state(tmp_path / "state", load_policy(written_to(tmp_path / "policies")))
    (layout.certs / "internal-ca.pem").write_bytes((layout.certs / "ca.pem").read_bytes())
    xds = read_rendered(layout.xds)
    assert len(xds["clusters.yaml"]["resources"]) == len(names())
    config = static.instantiate(ENVOY_YAML, loopback_port=7000)
    assert check(config, xds, INTERFACES, layout.root, ENVOY_BINARY) == []
