"""The hand-written file, read as Envoy reads it and fitted to a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway_ext.envoyconf import static
from gateway_ext.errors import ConfigurationError
from tests.envoy.harness import ENVOY_YAML


def listeners(config: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in config["static_resources"]["listeners"]}


def address(listener: dict[str, Any]) -> tuple[str, int]:
    socket = listener["address"]["socket_address"]
    return socket["address"], socket["port_value"]


def test_tunables_are_resolved_and_gone() -> None:
    config = static.load(ENVOY_YAML)
    assert set(config) == {"node", "admin", "dynamic_resources", "static_resources", "overload_manager"}
    assert listeners(config)["public"]["per_connection_buffer_limit_bytes"] == 32 * 1024 * 1024


def test_ports_and_addresses() -> None:
    config = static.instantiate(ENVOY_YAML, ports={8443: 1, 9901: 2}, bind_address="127.0.0.9")
    found = {name: address(each) for name, each in listeners(config).items() if name not in {"keys", "shadow"}}
    assert found == {
        "public": ("127.0.0.9", 1),
        "internal": ("127.0.0.9", 8444),
        "console": ("127.0.0.9", 8445),
        "health": ("127.0.0.9", 8081),
    }
    assert address(config["admin"]) == ("127.0.0.9", 2)


def test_a_port_that_nobody_listens_on_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no listener on port 8000"):
        static.instantiate(ENVOY_YAML, ports={8000: 1})


def test_loopback_listener_is_the_public_one_without_tls() -> None:
    found = listeners(static.instantiate(ENVOY_YAML, loopback_port=7000, bind_address="0.0.0.0"))
    assert address(found["loopback"]) == ("127.0.0.1", 7000)
    (loopback,), (public,) = found["loopback"]["filter_chains"], found["public"]["filter_chains"]
    assert "transport_socket" not in loopback
    assert "transport_socket" in public
    ours, theirs = (each["filters"][0]["typed_config"] for each in (loopback, public))
    assert ours["http_filters"] == theirs["http_filters"]
    assert (ours["stat_prefix"], theirs["stat_prefix"]) == ("loopback", "public")


def test_the_consoles_loopback_listener_is_that_of_the_console_without_tls() -> None:
    found = listeners(static.instantiate(ENVOY_YAML, console_port=7001, bind_address="0.0.0.0"))
    assert address(found["console-loopback"]) == ("127.0.0.1", 7001)
    (loopback,), (console,) = found["console-loopback"]["filter_chains"], found["console"]["filter_chains"]
    assert "transport_socket" not in loopback
    ours, theirs = (each["filters"][0]["typed_config"] for each in (loopback, console))
    assert ours | {"stat_prefix": "console"} == theirs


def test_what_is_dumped_reads_back_the_same(tmp_path: Path) -> None:
    config = static.instantiate(ENVOY_YAML, loopback_port=7000)
    (tmp_path / "envoy.yaml").write_text(static.dump(config))
    assert static.load(tmp_path / "envoy.yaml") == config


def test_a_change_stays_where_it_is_made() -> None:
    config = static.load(ENVOY_YAML)
    found = listeners(config)
    manager = found["public"]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["local_reply_config"]["mappers"].clear()
    assert found["internal"]["filter_chains"][0]["filters"][0]["typed_config"]["local_reply_config"]["mappers"]


@pytest.mark.parametrize("text", ["a: [", "- list", "\t", "!unknown a: 1"])
def test_unusable_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "envoy.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"envoy\.yaml"):
        static.load(tmp_path / "envoy.yaml")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        static.load(tmp_path / "envoy.yaml")


@pytest.mark.parametrize(("missing", "port"), [("public", "loopback_port"), ("console", "console_port")])
def test_no_listener_to_derive_from(tmp_path: Path, missing: str, port: str) -> None:
    (tmp_path / "envoy.yaml").write_text("static_resources: {listeners: []}")
    with pytest.raises(ConfigurationError, match=f"no listener named '{missing}'"):
        static.instantiate(tmp_path / "envoy.yaml", **{port: 7000})  # type: ignore[arg-type]  # by name
