"""Read the hand-written envoy.yaml and fit it to a place: other ports, the loopback address, a plain listener."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway_ext.envoyconf.yaml_text import SafeLoader, dumped
from gateway_ext.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
LOOPBACK_LISTENER = "loopback"
CONSOLE_LOOPBACK_LISTENER = "console-loopback"


class _Ignored(str):
    """A key tagged `!ignore`: Envoy skips it, its content only serves as anchors."""

    __slots__ = ()


class _EnvoyLoader(SafeLoader):
    """YAML as Envoy reads it."""


def _ignored(loader: _EnvoyLoader, node: yaml.ScalarNode) -> _Ignored:
    return _Ignored(loader.construct_scalar(node))


_EnvoyLoader.add_constructor("!ignore", _ignored)


def instantiate(
    config_path: Path,
    *,
    ports: Mapping[int, int] | None = None,
    loopback_port: int | None = None,
    console_port: int | None = None,
    bind_address: str | None = None,
) -> dict[str, Any]:
    """The configuration of `config_path`, anchors resolved, as Envoy's Bootstrap in JSON form.

    `ports` maps the port of a listener (or of the admin interface) to another one; `bind_address` replaces the address
    of all listeners; `loopback_port` adds a listener `loopback` on 127.0.0.1: the public one without TLS, and
    `console_port` one `console-loopback`: the console without TLS.
    Raises ConfigurationError when the file cannot be read, or has no listener on a port that is to be mapped.
    """
    config = load(config_path)
    known = {address["port_value"] for address in _addresses(config)}
    if missing := sorted(set(ports or {}) - known):
        raise ConfigurationError(f"{config_path}: no listener on port {missing[0]}; there are: {sorted(known)}")
    for address in _addresses(config):
        address["port_value"] = (ports or {}).get(address["port_value"], address["port_value"])
        address["address"] = bind_address or address["address"]
    for origin, name, port in (
        ("public", LOOPBACK_LISTENER, loopback_port),
        ("console", CONSOLE_LOOPBACK_LISTENER, console_port),
    ):
        if port is not None:
            _listeners(config).append(_plain(config, config_path, origin, name, port))
    return config


def load(config_path: Path) -> dict[str, Any]:
    """The configuration as it is, without the parts that Envoy ignores. Raises ConfigurationError."""
    try:
        document = yaml.load(config_path.read_text(encoding="utf-8"), Loader=_EnvoyLoader)  # noqa: S506  (a SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{config_path}: cannot be read as YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{config_path}: expected Envoy's bootstrap configuration, 'key: value' lines")
    resolved: dict[str, Any] = _without_ignored(document)
    return resolved


def dump(config: Mapping[str, Any]) -> str:
    """YAML that Envoy reads back as `config`."""
    return dumped(_without_ignored(config))


def _without_ignored(value: Any) -> Any:
    # Builds anew what aliases share, so that a change in one place stays there.
    if isinstance(value, Mapping):
        return {key: _without_ignored(item) for key, item in value.items() if not isinstance(key, _Ignored)}
    if isinstance(value, list):
        return [_without_ignored(item) for item in value]
    return value


def _listeners(config: dict[str, Any]) -> list[dict[str, Any]]:
    listeners: list[dict[str, Any]] = config.setdefault("static_resources", {}).setdefault("listeners", [])
    return listeners


def _addresses(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    holders = [*_listeners(config), *([config["admin"]] if "admin" in config else [])]
    return (holder["address"]["socket_address"] for holder in holders if "socket_address" in holder["address"])


def _plain(config: dict[str, Any], config_path: Path, origin: str, name: str, port: int) -> dict[str, Any]:
    found = next((listener for listener in _listeners(config) if listener.get("name") == origin), None)
    if found is None:
        raise ConfigurationError(f"{config_path}: there is no listener named '{origin}' to derive a loopback one from")
    listener = copy.deepcopy(found)
    listener["name"] = name
    listener["address"] = {"socket_address": {"address": LOOPBACK, "port_value": port}}
    for chain in listener["filter_chains"]:
        chain.pop("transport_socket", None)
        for network_filter in chain["filters"]:
            network_filter["typed_config"]["stat_prefix"] = name
    return listener
