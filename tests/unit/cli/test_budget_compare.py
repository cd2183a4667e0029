from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway_ext.cli.main import main
from tests.unit.cli.ledger_with_traffic import fill

NOT_KNOWN = (
    "Tokens are as counted by the model that answered: another one splits the same text differently, and answers at its own"
    " length.",
    "What was read from a provider's cache is taken as cached elsewhere, too; what was written to one, as written.",
)
GOOD = Path(__file__).parents[2] / "policies" / "good"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    fill(tmp_path)
    return tmp_path


def compare(state_dir: Path, *arguments: str) -> int:
    where = ("--state", str(state_dir), "--policies", str(GOOD), "--window", "2023-11")
    return main(["budget", "compare", *where, *arguments])


def test_side_by_side(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """us/big: 2.5 a million tokens of input, 1.25 cached, 10 of output: 680 times 2.5, 400 times 1.25, 230 times 10."""
    assert compare(state_dir, "--model", "us/big", "--for", "team=engines") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Requests of 2023-11 (UTC), in EUR",
        "",
        "ASKED FOR  PRICED ON  REQUESTS          INPUT       CACHED       OUTPUT      PAID    WOULD COST       CHANGE",
        "large      us/big            3  1,080,000,000  400,000,000  230,000,000  0.910000  4,500.000000  +494405.5 %",
        "small      us/big            1    100,000,000            0   50,000,000  1.500000    750.000000   +49900.0 %",
        "TOTAL      us/big            4  1,180,000,000  400,000,000  280,000,000  2.410000  5,250.000000  +217742.3 %",
        "Not compared: 1 request charged at the worst case, because nobody told the usage.",
        "Estimated: the usage of 1 request.",
        *NOT_KNOWN,
    ]


def test_every_deployment_of_a_model_as_json(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(state_dir, "--model", "assistant", "--for", "model=small", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["models"] == {
        "small": {
            "requests": 1,
            "estimated_requests": 1,
            "unknown_requests": 0,
            "input_tokens": 100_000_000,
            "cached_input_tokens": 0,
            "output_tokens": 50_000_000,
            "paid_nano": 1_500_000_000,
            "would_nano": {"us/big": 750_000_000_001, "eu/assistant": 140_000_000_000},
        }
    }
    assert document["remarks"] == list(NOT_KNOWN)


def test_nothing_to_compare(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(state_dir, "--model", "us/big", "--for", "team=nobody") == 0
    assert "There are no requests with known usage to compare." in capsys.readouterr().out


def test_models_that_are_unknown(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(state_dir, "--model", "us/bigg") == 2
    assert "unknown model or deployment 'us/bigg'; did you mean 'us/big'?" in capsys.readouterr().err
