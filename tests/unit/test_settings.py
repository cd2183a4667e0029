"""Settings: what is refused before anything runs by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import load_settings


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
