from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway_ext.cli.main import main
from tests.unit.cli.ledger_with_traffic import fill

NOVEMBER = ("--window", "2023-11")
Report = Callable[..., str]


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    fill(tmp_path)
    return tmp_path


@pytest.fixture
def report(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> Report:
    def run(*arguments: str) -> str:
        assert main(["budget", "report", "--state", str(state_dir), *arguments]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    return run


def test_the_table(report: Report) -> None:
    assert report(*NOVEMBER, "--by", "team,model").splitlines() == [
        "Usage in 2023-11 (UTC); change against 2023-10",
        "",
        "TEAM       MODEL  REQUESTS          INPUT       OUTPUT       CACHED   REASONING       EUR   AVERAGE    SHARE     CHANGE  ESTIMATED",
        "engines                  5  1,180,000,000  280,000,000  400,000,000  20,000,000  5.410000  1.082000   85.5 %  +2605.0 %   4.500000",
        "           large         4  1,080,000,000  230,000,000  400,000,000  20,000,000  3.910000  0.977500   61.8 %  +1855.0 %   3.000000",
        "           small         1    100,000,000   50,000,000            0           0  1.500000  1.500000   23.7 %        new   1.500000",
        "(none)                   1              0            0            0           0  0.900000  0.900000   14.2 %        new   0.900000",
        "           large         1              0            0            0           0  0.900000  0.900000   14.2 %        new   0.900000",
        "�]0;mine�                1     10,000,000   10,000,000            0           0  0.020000  0.020000    0.3 %        new",
        "           large         1     10,000,000   10,000,000            0           0  0.020000  0.020000    0.3 %        new",
        "TOTAL                    7  1,190,000,000  290,000,000  400,000,000  20,000,000  6.330000  0.904286  100.0 %  +3065.0 %   5.400000",
        "Estimated: 3 requests, 5.400000 EUR; of that 0.900000 recovered (nobody told their end: the most they can have cost).",
        "Under way: 1 request, 0.800000 EUR held.",
        "Not charged: 1 request that never reached a model or failed there.",
    ]


def test_json_is_exact_and_adds_up(report: Report) -> None:
    document = json.loads(report(*NOVEMBER, "--by", "team,user", "--json"))
    assert document["by"] == ["team", "user"]
    assert document["period"]["name"] == "2023-11"
    (euros,) = document["currencies"]
    assert (euros["total"]["cost_nano"], euros["total"]["before_nano"]) == (6_330_000_000, 200_000_000)
    for level in (1, 2):
        lines = [line for line in euros["lines"] if line["level"] == level]
        for name in ("cost_nano", "requests", "input_tokens", "estimated_nano", "before_nano", "held_nano"):
            assert sum(line[name] for line in lines) == euros["total"][name]
    first = euros["lines"][0]
    assert (first["team"], first["cost_nano"], first["average_nano"]) == ("engines", 5_410_000_000, 1_082_000_000)


def test_only_some_and_only_the_dearest(report: Report) -> None:
    text = report(*NOVEMBER, "--by", "user", "--where", "team=engines", "--for", "environment=prod", "--top", "1")
    assert text.startswith("Usage in 2023-11 (UTC); team engines; environment prod; change against 2023-10\n")
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["ada@example.com", "TOTAL"]
    rest = json.loads(report(*NOVEMBER, "--by", "user", "--top", "1", "--json"))["currencies"][0]["lines"][-1]
    assert (rest["is_rest"], rest["user"], rest["cost_nano"]) == (True, "(others)", 3_230_000_000)


def test_days_instead_of_a_window(report: Report) -> None:
    assert "Usage in 2023-11-14 to 2023-11-14 (Europe/Berlin); change against 2023-11-13" in report(
        "--from", "2023-11-14", "--to", "2023-11-15", "--timezone", "Europe/Berlin"
    )
    assert "Nothing was used." in report("--window", "2020")


def test_pseudonyms_are_the_same_each_time_and_tell_nothing(report: Report, state_dir: Path) -> None:
    (state_dir / "fingerprint.key").write_bytes(bytes(range(32)))
    text = report(*NOVEMBER, "--by", "user,credential", "--pseudonyms")
    assert "ada@example.com" not in text
    assert "c1" not in text.split()
    assert text == report(*NOVEMBER, "--by", "user,credential", "--pseudonyms")
    (state_dir / "fingerprint.key").write_bytes(bytes(range(1, 33)))
    assert text != report(*NOVEMBER, "--by", "user,credential", "--pseudonyms")


@pytest.mark.parametrize("name", ["usage.svg", "usage.png"])
def test_pictures(report: Report, tmp_path: Path, name: str) -> None:
    report(*NOVEMBER, "--by", "team", "--chart", str(tmp_path / name))
    content = (tmp_path / name).read_bytes()
    if name.endswith("svg"):
        texts = [each.text for each in ET.fromstring(content).iter("{http://www.w3.org/2000/svg}text")]
        assert texts[:3] == ["Cost by team, 2023-11, EUR", "engines", "5.41"]
    else:
        assert content.startswith(b"\x89PNG\r\n")
        assert len(content) > 5_000  # with letters


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--window", "soon"), "'soon' is no window; give a day"),
        (("--to", "2023-11-15"), "--to needs --from"),
        (("--window", "2023", "--from", "2023-11-15"), "give either --window or --from and --to"),
        (("--timezone", "Mars/Base"), "time zone 'Mars/Base' is unknown"),
        (("--window", "2023-11", "--chart", "usage.gif"), "usage.gif: pictures are .svg or .png"),
        (("--window", "2023-11", "--chart", "no/such/usage.svg"), "usage.svg: cannot be written (No such file"),
        (("--pseudonyms",), "fingerprint.key: the fingerprint key cannot be read"),
    ],
)
def test_what_cannot_be_asked(
    state_dir: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert main(["budget", "report", "--state", str(state_dir), *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--by", "colour"), "'colour' is no dimension; there are business_unit, team"),
        (("--by", "team,team"), "names a dimension twice"),
        (("--where", "team"), "'team' is no condition, such as team=search"),
        (("--from", "yesterday"), "'yesterday' is no day"),
        (("--top", "0"), "'0' is no number from 1"),
    ],
)
def test_options_that_are_none(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SystemExit):
        main(["budget", "report", *arguments])
    assert message in capsys.readouterr().err


def test_a_missing_or_broken_ledger_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "report", "--state", str(tmp_path)]) == 2
    assert "ledger.sqlite: there is no ledger" in capsys.readouterr().err
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database" * 100)
    assert main(["budget", "report", "--state", str(tmp_path)]) == 2
    assert "the ledger cannot be read (file is not a database)" in capsys.readouterr().err
