"""Settings: what is refused before anything runs by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Durability, Traces, load_settings


@pytest.mark.parametrize(
    "url",
    [
        "https://console.example.eu",
        "https://console.example.eu:8445",
        "http://127.0.0.1:8088",
        "http://[::1]:8088",
        "http://localhost",
    ],
)
def test_a_console_that_nobody_can_listen_to(url: str) -> None:
    assert load_settings(None, console_url=url).console_url == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://console.example.eu", "must be https://"),
        ("http://10.0.0.1", "must be https://"),
        ("http://localhost.example.eu", "must be https://"),
        ("ftp://localhost", "must be https://"),
        ("https://console.example.eu/", "without a path"),
        ("https://console.example.eu/console", "without a path"),
        ("https://console.example.eu?x", "without a path"),
        ("https://ada@console.example.eu", "without a path"),
        ("https://console.example.eu:https", "without a path"),
        ("https://[", "without a path"),
        ("console.example.eu", "without a path"),
        ("", "without a path"),
    ],
)
def test_a_console_that_anybody_on_the_way_could_be_in(tmp_path: Path, url: str, words: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"console_url: '{url}'")
    with pytest.raises(ConfigurationError, match=words) as refused:
        load_settings(file)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("metrics_address", "9464", "must be host:port"),
        ("metrics_address", "127.0.0.1:", "must be host:port"),
        ("metrics_address", "127.0.0.1:0", "must be host:port"),
        ("metrics_address", "127.0.0.1:99999", "must be host:port"),
        ("metrics_address", ":9464", "must be host:port"),
        ("metrics_seconds", 0.5, "must be 0, or from 1 to 3600"),
        ("metrics_seconds", -1, "must be 0, or from 1 to 3600"),
        ("metrics_seconds", float("nan"), "must be 0, or from 1 to 3600"),
        ("traces", "some", "must be none or sampled or all"),
        ("traces_ratio", 1.5, "must be from 0 to 1"),
        ("traces_ratio", float("nan"), "must be from 0 to 1"),
    ],
)
def test_telemetry_that_makes_no_sense_is_refused(setting: str, value: object, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_settings(None, **{setting: value})


def test_telemetry_as_it_is_asked_for() -> None:
    settings = load_settings(None, metrics_address="[::1]:9464", metrics_seconds=15, traces="sampled", traces_ratio=1)
    assert (settings.metrics_seconds, settings.traces, settings.traces_ratio) == (15.0, Traces.SAMPLED, 1.0)
    assert load_settings(None).traces is Traces.NONE


def test_what_the_audit_trail_is_to_survive(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("audit_durability: power_loss")
    assert load_settings(file).audit_durability is Durability.POWER_LOSS
    assert load_settings(None).audit_durability is Durability.PROCESS_CRASH
    for wrong in ("power-loss", "true", "1", "''", "[power_loss]"):
        file.write_text(f"audit_durability: {wrong}")
        with pytest.raises(ConfigurationError, match="setting 'audit_durability' must be process_crash or power_loss"):
            load_settings(file)
