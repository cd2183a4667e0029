from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.cli.main import main
from gateway_ext.guard.fingerprint import Fingerprints
from tests.unit.cli.guard_world import KEY, make_policies, make_state, with_few_detectors

IBAN = "DE89370400440532013000"
AWS_KEY = "AKIA" + "Q4T7M2X6P5R3W6Z5"


@pytest.fixture(autouse=True)
def few_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    with_few_detectors(monkeypatch)


class World:
    def __init__(self, root: Path, guard: str = "") -> None:
        self.root = root
        self.state = make_state(root / "state")
        self.policies = make_policies(root / "policies", guard)

    def run(self, *arguments: str, state: Path | None = None) -> int:
        return main(
            ["guard", "test", *arguments, "--state", str(state or self.state), "--policies", str(self.policies)]
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def findings(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["findings"]
    return found


def from_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def chat(content: str, role: str = "user") -> bytes:
    return json.dumps({"model": "assistant", "messages": [{"role": role, "content": content}]}).encode()


def test_a_text_is_shown_with_what_was_found_and_what_to_do(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run(f"Write to jane@example.eu and pay to {IBAN}.") == 0
    shown = capsys.readouterr().out
    assert f"Write to ⟦jane@example.eu⟧ and pay to ⟦{IBAN}⟧." in shown
    rows = [line.split() for line in shown.splitlines() if line.startswith(("email ", "iban "))]
    email, iban = rows
    assert email[:5] == ["email", "personal", "log", "+", "sovereign"]
    assert iban[:5] == ["iban", "personal", "redact", "+", "sovereign"]
    assert iban[-1] == Fingerprints(KEY).of_value(IBAN)
    assert "Would be sent with 1 replaced, to sovereign deployments only" in shown
    assert f"gateway-ext guard mark {email[-1]} --detector email --false" in shown
    assert "\033" not in shown


def test_on_a_terminal_values_are_in_colour(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert world.run(f"pay to {IBAN}") == 0
    assert f"\033[43;30m{IBAN}\033[0m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    assert world.run(f"pay to {IBAN}") == 0
    assert f"⟦{IBAN}⟧" in capsys.readouterr().out


def test_what_policy_blocks_is_exit_code_1(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run(f"key {AWS_KEY}") == 1
    assert "Would not be sent: blocked: aws_key" in capsys.readouterr().out
    assert world.run("nothing to see") == 0
    assert "Would be sent: nothing found" in capsys.readouterr().out


def test_json_has_values_only_when_asked_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run(f"key {AWS_KEY}", "--json") == 1
    shown = capsys.readouterr().out
    assert AWS_KEY not in shown
    told = json.loads(shown)
    assert (told["verdict"], told["reason"], told["sovereign"]) == ("deny", "blocked: aws_key", False)
    (found,) = told["findings"]
    assert (found["start"], found["end"], found["action"], found["role"]) == (4, 24, "block", "user")
    assert "value" not in found
    assert world.run(f"key {AWS_KEY}", "--json", "--show-values") == 1
    assert findings(capsys.readouterr().out)[0]["value"] == AWS_KEY


def test_a_request_is_read_as_the_gateway_reads_it(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = json.dumps({"note": f"pay to {IBAN[:4]}\\u0033{IBAN[5:]}"}).replace("\\\\u", "\\u")
    file = world.root / "request.json"
    file.write_bytes(chat(hidden, "tool"))
    assert world.run(str(file), "--json") == 0
    shown = capsys.readouterr().out
    assert "/v1/chat/completions" in json.loads(shown)["read_as"]
    places = {(found["detector"], found["role"], found["place"]) for found in findings(shown)}
    assert ("iban", "tool", "/messages/0/content/*") in places
    from_stdin(monkeypatch, chat(IBAN, "system"))
    assert world.run("-", "--json") == 0
    assert findings(capsys.readouterr().out)[0]["role"] == "system"


@pytest.mark.parametrize(
    ("body", "endpoint"),
    [
        ({"messages": [{"role": "user", "content": IBAN}]}, "/v1/chat/completions"),
        ({"prompt": IBAN}, "/v1/completions"),
        ({"input": IBAN}, "/v1/responses"),
        ({"input": [{"role": "user", "content": IBAN}]}, "/v1/responses"),
        ({"input": [IBAN]}, "/v1/embeddings"),
    ],
)
def test_the_endpoint_is_told_by_the_fields(
    world: World, body: dict[str, Any], endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    request = json.dumps({"model": "assistant"} | body)
    assert world.run(request, "--json") == 0
    shown = capsys.readouterr().out
    assert f"a request to {endpoint}" in json.loads(shown)["read_as"]
    assert [found["detector"] for found in findings(shown)] == ["iban"]
    assert world.run(request, "--json", "--role", "tool") == 0
    shown = capsys.readouterr().out
    assert "one text of role tool" in json.loads(shown)["read_as"]
    assert {found["role"] for found in findings(shown)} == {"tool"}


@pytest.mark.parametrize(
    "text", ['{"a": 1}', "[1, 2]", '"quoted"', "{not json", "see /etc/hosts", "jane@example.eu", "", "x" * 5000, "a\0b"]
)
def test_everything_else_is_one_text(world: World, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run(text, "--json") == 0
    assert f"{len(text)} characters as one text of role user" in json.loads(capsys.readouterr().out)["read_as"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("letter.txt",), "there is no such file"),
        (("../secret",), "there is no such file"),
        (('{"messages": []}',), "would be refused as a request"),
        (("plain", "--model", "assistent"), "--model: policy has assistant, local"),
        (("plain", "--endpoint", "/v1/completions"), "would be refused as a request"),
    ],
)
def test_what_cannot_be_read_is_explained(
    world: World, given: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run(*given) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_is_no_text_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    file = world.root / "image.png"
    file.write_bytes(b"\x89PNG\xff")
    assert world.run(str(file)) == 2
    assert "is not UTF-8 text" in capsys.readouterr().err


def test_attachments_are_opened(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    data = base64.b64encode(f"Pay to {IBAN}".encode()).decode()
    part = {"type": "file", "file": {"filename": "x.txt", "file_data": f"data:text/plain;base64,{data}"}}
    request = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": [part]}]})
    assert world.run(request, "--json", "--show-values") == 1  # redaction asked for, and not possible in a file
    (found,) = [each for each in findings(capsys.readouterr().out) if each["detector"] == "iban"]
    assert (found["value"], found["place"].rpartition("#")[2]) == (IBAN, "text")


def test_token_ids_are_refused_as_policy_says(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    request = json.dumps({"model": "assistant", "input": [1, 2, 3]})
    assert world.run(request) == 1
    assert "Would not be sent: 403 content_unreadable" in capsys.readouterr().out
    assert world.run(request, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["reason"]) == ("refuse", "content_unreadable")


def test_overrides_go_by_the_caller_and_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(
        tmp_path / "world",
        "overrides:\n"
        "  - {name: hr, when: {teams: [hr], groups: [staff]}, detectors: {email: {action: block}}}\n"
        "  - {name: app, when: {applications: [mailer]}, detectors: {email: {enabled: false}}}\n"
        "  - {name: own, when: {tiers: [open-eu]}, detectors: {email: {action: redact, sovereign: false}}}\n"
        "  - {name: tools, when: {roles: [tool]}, detectors: {email: {action: redact}}}\n"
        "  - {name: services, when: {credential_classes: [service]}, detectors: {email: {sovereign: false}}}\n",
    )

    def action(*arguments: str) -> list[tuple[str, bool]]:
        world.run("jane@example.eu", "--json", *arguments)
        return [(found["action"], found["sovereign"]) for found in findings(capsys.readouterr().out)]

    assert action() == [("log", True)]
    assert action("--team", "hr") == [("log", True)]
    assert action("--team", "hr", "--group", "staff") == [("block", True)]
    assert action("--application", "mailer") == []
    assert action("--model", "assistant") == [("log", True)]  # may also go elsewhere
    assert action("--model", "local") == [("redact", False)]
    assert action("--role", "tool") == [("redact", True)]
    assert action("--credential-class", "service") == [("log", False)]


def test_an_answer_is_judged_by_the_rules_for_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(tmp_path, "responses: {inspect: true, detectors: {email: {action: redact}}}\n")
    for arguments, expected in (((), ("log", "user")), (("--answer",), ("redact", "assistant"))):
        assert world.run("jane@example.eu", "--json", *arguments) == 0
        (found,) = findings(capsys.readouterr().out)
        assert (found["action"], found["role"]) == expected


def test_trying_out_makes_no_state(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = world.root / "nowhere"
    assert world.run("jane@example.eu", state=nowhere) == 0
    shown = capsys.readouterr().out
    assert "these findings have no fingerprint" in shown
    assert "guard mark" not in shown
    assert world.run("jane@example.eu", "--json", state=nowhere) == 0
    assert findings(capsys.readouterr().out)[0]["fingerprint"] is None
    assert not nowhere.exists()


def test_a_terminal_is_told_what_takes_so_long(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.run("nothing to see") == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert world.run("nothing to see") == 0
    assert capsys.readouterr().err == "Loading the Guard …\r\033[K"
