from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from gateway_ext.cli import guard_bench
from gateway_ext.errors import ConfigurationError


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    guard_bench.add_arguments(parser)
    return parser.parse_args(list(arguments))


def test_an_installed_package_says_that_it_needs_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(guard_bench, "_PROJECT", tmp_path)
    with pytest.raises(ConfigurationError, match="clone the sources"):
        guard_bench.run(options())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--data", "no-such-directory"], "is no directory"),
        (["--write", "--quick"], "measured in full"),
        (["--per-kind", "1"], "2 or more"),
    ],
)
def test_wrong_use_is_told_before_anything_is_measured(arguments: list[str], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        guard_bench.run(options(*arguments))
