"""Busy ports are found before anything starts."""

import socket
from collections.abc import Iterator

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.local.free_ports import Port, require_free

HOST = "127.0.0.1"


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


def test_every_busy_port_is_named_with_its_purpose_and_remedy(busy: int) -> None:
    with socket.create_server((HOST, 0)) as other:
        also_busy = other.getsockname()[1]
        with pytest.raises(ConfigurationError) as refused:
            require_free(HOST, [Port(busy, "the gateway", "--port"), Port(also_busy, "the sink", "--otlp-port")])
    assert str(refused.value).splitlines() == [
        f"port {busy}, for the gateway, is in use; free it or use --port",
        f"port {also_busy}, for the sink, is in use; free it or use --otlp-port",
    ]


def test_a_port_wanted_twice_is_told(busy: int) -> None:
    with pytest.raises(ConfigurationError, match="wanted twice, for one and for two"):
        require_free(HOST, [Port(busy, "one", "--one"), Port(busy, "two", "--two")])


def test_a_port_that_was_just_closed_is_free() -> None:
    """Connections in TIME_WAIT do not count, or a restart would have to wait a minute."""
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((HOST, port)):
            accepted, _ = listener.accept()
            accepted.close()
    require_free(HOST, [Port(port, "the gateway", "--port")])
