from __future__ import annotations

import asyncio
import io
import json
import stat
from pathlib import Path

import pytest

from gateway_ext.bootstrap.guard import guard_engine
from gateway_ext.cli.guard_yaml import with_allowance
from gateway_ext.cli.main import main
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass, Principal, Text
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.policy.loader import load_policy
from gateway_ext.settings import Settings
from tests.unit.cli.guard_world import KEY, make_policies, make_state, with_few_detectors
from tests.unit.guard.confidential.writing import prose

VALUE = "0a" * 16
IBAN = "DE89370400440532013000"
REASON = ("--reason", 'our "public" account: für Spenden')


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return make_policies(tmp_path / "policies")


def allow(policies: Path, *arguments: str, state: Path = Path("none")) -> int:
    return main(["guard", "allow", *arguments, "--policies", str(policies), "--state", str(state)])


def from_stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_what_is_printed_is_what_the_policy_takes(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (policies / "guard.yaml").read_text()
    arguments = (VALUE, "--detector", "iban", *REASON, "--team", "hr", "--team", "fin", "--until", "2027-01-31")
    assert allow(policies, *arguments) == 0
    printed = capsys.readouterr().out
    assert (policies / "guard.yaml").read_text() == before
    (policies / "guard.yaml").write_text(before + printed)
    (allowance,) = load_policy(policies).guard.allowances
    assert (allowance.detector, allowance.fingerprint) == ("iban", VALUE)
    assert allowance.teams == {"hr", "fin"}
    assert allowance.until_unix_nano == 1_801_483_200 * 10**9  # noon of 1 February 2027, UTC


def test_write_adds_to_the_policy_and_keeps_the_rest(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guard = policies / "guard.yaml"
    guard.chmod(0o640)
    before = guard.read_text()
    assert allow(policies, VALUE, "--detector", "iban", *REASON, "--write") == 0
    assert "follow within seconds" in capsys.readouterr().out
    assert guard.read_text().startswith(before)
    assert allow(policies, VALUE, "--detector", "email", *REASON, "--write") == 0
    assert stat.S_IMODE(guard.stat().st_mode) == 0o640
    assert [path.name for path in policies.iterdir() if path.name.startswith(".")] == []
    assert {(each.detector, each.fingerprint) for each in load_policy(policies).guard.allowances} == {
        ("iban", VALUE),
        ("email", VALUE),
    }
    assert allow(policies, VALUE, "--detector", "email", *REASON, "--write") == 2
    assert "has this entry already" in capsys.readouterr().err


def test_a_policy_behind_a_link_stays_behind_it(tmp_path: Path, policies: Path) -> None:
    real = tmp_path / "real.yaml"
    (policies / "guard.yaml").rename(real)
    (policies / "guard.yaml").symlink_to(real)
    assert allow(policies, VALUE, "--detector", "iban", *REASON, "--write") == 0
    assert (policies / "guard.yaml").is_symlink()
    assert VALUE in real.read_text()


ENTRY = ["- detector: email", '  fingerprint: "f"']


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1", 'a: 1\n\nallow:\n  - detector: email\n    fingerprint: "f"\n'),
        (
            "allow:  # known\n  # the first\n  - {detector: iban}\nz: 1\n",
            'allow:  # known\n  - detector: email\n    fingerprint: "f"\n  # the first\n  - {detector: iban}\nz: 1\n',
        ),
        ("allow:\n- detector: iban\n", 'allow:\n- detector: email\n  fingerprint: "f"\n- detector: iban\n'),
        ("allow:\r\n- x\r\n", 'allow:\r\n- detector: email\r\n  fingerprint: "f"\r\n- x\r\n'),
    ],
)
def test_an_entry_finds_its_place(before: str, after: str) -> None:
    assert with_allowance(before.encode(), ENTRY).decode() == after


@pytest.mark.parametrize("before", ["allow: [{detector: iban}]\n", "allow:\n  [{detector: iban}]\n", "allow:\n"])
def test_an_entry_that_has_no_place_is_left_to_people(before: str) -> None:
    with pytest.raises(ConfigurationError, match=r"guard.yaml:1: .* by hand"):
        with_allowance(before.encode(), ENTRY)


def test_a_policy_that_would_not_be_one_is_not_written(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (policies / "guard.yaml").read_bytes()
    assert allow(policies, VALUE, "--detector", "dictionary_projects", *REASON, "--write") == 2
    assert "unknown detector 'dictionary_projects'" in capsys.readouterr().err
    (policies / "access.yaml").write_text("access: nobody\n")
    assert allow(policies, VALUE, "--detector", "iban", *REASON, "--write") == 2
    assert "access.yaml:1" in capsys.readouterr().err
    assert (policies / "guard.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give either a fingerprint"),
        ((VALUE, "--value", "-"), "give either a fingerprint"),
        ((VALUE, "--until", "2027-02-30"), "--until: must be a day"),
        ((VALUE, "--team", "hr", "--team", "hr"), "--team: lists 'hr' twice"),
    ],
)
def test_what_makes_no_sense_is_refused(
    policies: Path, arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert allow(policies, *arguments, "--detector", "iban", *REASON) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(IBAN, "--detector", "iban"), ("--value", IBAN, "--detector", "iban")])
def test_a_value_on_the_command_line_is_refused(
    policies: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        allow(policies, *arguments, *REASON)
    assert capsys.readouterr().out == ""


def test_a_value_becomes_the_fingerprint_of_what_the_guard_finds(
    tmp_path: Path, policies: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However it is written; and the text of a request then holds nothing that anybody minds, but for the team alone."""
    with_few_detectors(monkeypatch)
    state = make_state(tmp_path / "state")
    from_stdin(monkeypatch, "DE89 3704 0044 0532 0130 00\n")
    assert allow(policies, "--value", "-", "--detector", "iban", *REASON, "--team", "hr", "--write", state=state) == 0
    told = capsys.readouterr()
    assert IBAN[4:8] not in told.out + told.err
    (allowance,) = load_policy(policies).guard.allowances
    assert allowance.fingerprint == Fingerprints(KEY).of_value(IBAN)

    tried = ["guard", "test", f"Pay to {IBAN}.", "--json", "--state", str(state), "--policies", str(policies)]
    actions = {}
    for team in ("hr", "sales", ""):
        assert main([*tried, "--team", team]) == 0
        (finding,) = json.loads(capsys.readouterr().out)["findings"]
        actions[team] = (finding["action"], finding["sovereign"])
    assert actions == {"hr": ("allowed", False), "sales": ("redact", True), "": ("redact", True)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("account:", "'iban' finds nothing"),
        (f"{IBAN} GB82WEST12345698765432", "finds 2 values"),
    ],
)
def test_a_value_that_is_not_one_is_refused_without_repeating_it(
    tmp_path: Path,
    policies: Path,
    text: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_few_detectors(monkeypatch)
    state = make_state(tmp_path / "state")
    from_stdin(monkeypatch, text)
    assert allow(policies, "--value", "-", "--detector", "iban", *REASON, state=state) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert text[:8] not in shown.err
    assert shown.out == ""


def test_without_the_machines_key_there_is_no_fingerprint(
    tmp_path: Path, policies: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from_stdin(monkeypatch, IBAN)
    assert allow(policies, "--value", "-", "--detector", "iban", *REASON, state=tmp_path / "none") == 2
    assert "give --state" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_terminal_is_asked_for_the_value_without_showing_it(
    tmp_path: Path, policies: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_few_detectors(monkeypatch)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: IBAN)
    state = make_state(tmp_path / "state")
    assert allow(policies, "--value", "-", "--detector", "iban", *REASON, state=state) == 0
    assert Fingerprints(KEY).of_value(IBAN) in capsys.readouterr().out


def test_a_processors_guard_finds_registered_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `guard register` stores is found under a policy, and allowed by the fingerprint that it lists."""
    with_few_detectors(monkeypatch)
    state = make_state(tmp_path / "state")
    contract = tmp_path / "contract.txt"
    contract.write_text(prose(1))
    assert main(["guard", "register", str(contract), "--state", str(state), "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    allowed = (
        f"allow: [{{detector: registered_document, fingerprint: {listed['fingerprint']}, reason: r, teams: [law]}}]\n"
    )
    policy = load_policy(make_policies(tmp_path / "policies", allowed)).guard
    guard = guard_engine(Settings(state_dir=state))
    texts = [Text(("x",), "/x", "user", prose(1)[300:800])]
    actions = []
    for team in ("law", "sales"):
        caller = Principal("anna", "person", "company", CredentialClass.SSO, "k", team=team)
        verdict = asyncio.run(guard.inspect(texts, policy.for_request(caller, frozenset(), 0)))
        actions += [(finding.detector, finding.action) for finding in verdict.findings]
    guard.close()
    assert actions == [("registered_document", "allowed"), ("registered_document", "log")]
