from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_ext.envoyconf.names import IDENTITY_PROVIDER_PREFIX
from gateway_ext.identity.key_watch import CLUSTER_PREFIX, Fetches, KeyWatch, read_statistics

SECOND = 1_000_000_000


def statistics(good: int, failed: int = 0, uptime: int = 100, issuer: str = "company") -> str:
    return (
        f"cluster.idp_{issuer}.internal.upstream_rq_2xx: {good}\n"
        f"cluster.idp_{issuer}.upstream_rq_2xx: {good}\n"
        f"http.public.jwt_authn.jwks_fetch_failed: {failed}\n"
        "http.loopback.jwt_authn.jwks_fetch_failed: 0\n"
        f"server.uptime: {uptime}\n"
    )


class Envoy:
    """What it answers at /stats; `now` is the watch's clock in seconds."""

    def __init__(self, directory: Path) -> None:
        self.answer, self.status, self.now, self.asked = "", 200, 1_000, ""
        self.directory = directory
        self.url = ""

    def watch(self) -> KeyWatch:
        return KeyWatch(self.url, self.directory, lambda: self.now * SECOND)

    def fetched(self, issuer: str = "company") -> float | None:
        """When the keys were fetched last, in seconds."""
        file = self.directory / issuer
        return file.stat().st_mtime_ns / SECOND if file.exists() else None


@contextmanager
def serving(envoy: Envoy) -> Iterator[None]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            envoy.asked = self.path
            self.send_response(envoy.status)
            self.end_headers()
            self.wfile.write(envoy.answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    envoy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def envoy(tmp_path: Path) -> Iterator[Envoy]:
    envoy = Envoy(tmp_path / "key-ages")
    with serving(envoy):
        yield envoy


async def test_each_fetch_renews(envoy: Envoy) -> None:
    watch = envoy.watch()
    for now, good, expected in (
        (1_000, 1, 900),
        (1_001, 1, 900),
        (1_002, 2, 1_002),
        (1_003, 2, 1_002),
        (1_004, 3, 1_004),
    ):
        envoy.now, envoy.answer = now, statistics(good)
        await watch.look()
        assert envoy.fetched() == expected
    assert "upstream_rq_2xx" in envoy.asked
    assert [file.name for file in envoy.directory.iterdir()] == ["company"]


async def test_keys_that_envoy_has_not_got_are_not_there(envoy: Envoy) -> None:
    watch = envoy.watch()
    for good in (0, 0, 1):
        assert envoy.fetched() is None
        envoy.answer = statistics(good)
        await watch.look()
    assert envoy.fetched() == envoy.now


async def test_fetch_beside_a_failed_one_is_not_counted(envoy: Envoy) -> None:
    watch = envoy.watch()
    for now, good, failed in ((1_000, 1, 0), (1_001, 2, 1), (1_002, 2, 1), (1_003, 2, 2)):
        envoy.now, envoy.answer = now, statistics(good, failed)
        await watch.look()
    assert envoy.fetched() == 900
    envoy.answer = statistics(3, 2)
    await watch.look()
    assert envoy.fetched() == 1_003


async def test_new_process_makes_keys_neither_older_nor_younger(envoy: Envoy) -> None:
    envoy.answer = statistics(1)
    await envoy.watch().look()
    watch = envoy.watch()
    for good in (1, 2):
        envoy.answer = statistics(good)
        await watch.look()
    assert envoy.fetched() == 1_000
    envoy.now = 1_050
    await envoy.watch().look()
    assert envoy.fetched() == 1_000


async def test_restarted_envoy_counts_from_one_again(envoy: Envoy) -> None:
    watch = envoy.watch()
    for now, good, expected in ((1_000, 7, 900), (1_010, 0, 900), (1_011, 1, 1_011)):
        envoy.now, envoy.answer = now, statistics(good, uptime=100)
        await watch.look()
        assert envoy.fetched() == expected


@pytest.mark.parametrize("failure", ["away", "refuses", "none"])
async def test_envoy_that_cannot_be_asked_renews_nothing(
    envoy: Envoy, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    envoy.answer = statistics(1)
    if failure == "away":
        envoy.url = "http://127.0.0.1:1"
    if failure == "none":
        envoy.url = ""
    envoy.status = 503
    watch = envoy.watch()
    for _ in range(3):
        await watch.look()
    assert envoy.fetched() is None
    assert len(caplog.records) == (0 if failure == "none" else 1)


def test_statistics_of_several_providers() -> None:
    text = statistics(1) + statistics(5, failed=2, issuer="sub.si-diary")
    assert read_statistics(text) == Fetches({"company": 1, "sub.si-diary": 5}, 2, 100)
    assert read_statistics("") == Fetches({}, 0, 0)


def test_envoy_check_wants_the_clusters_that_are_watched() -> None:
    assert CLUSTER_PREFIX == IDENTITY_PROVIDER_PREFIX


async def test_envoy_is_asked_less_often_once_all_is_well(envoy: Envoy) -> None:
    """By its own clock: what was told before a failed fetch, or by an Envoy that has just started, may change at once."""
    watch = envoy.watch()
    assert not watch.is_calm()
    for good, failed, uptime, is_calm in (
        *((0, 0, 100, False), (1, 0, 3, False), (1, 0, 100, True)),
        *((1, 1, 110, False), (1, 1, 149, False), (2, 1, 150, True)),
        *((2, 2, 181, False), (0, 0, 1, False), (1, 0, 30, True)),
    ):
        envoy.answer = statistics(good, failed, uptime)
        await watch.look()
        assert watch.is_calm() == is_calm, (good, failed, uptime)
    envoy.status = 503
    await watch.look()
    assert not watch.is_calm()
    assert KeyWatch("", envoy.directory, lambda: 0).is_calm(), "there is nobody to ask"
