from __future__ import annotations

import argparse
import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.cli import policy
from gateway_ext.cli.main import main
from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.policy.loader import load_policy
from tests.unit.pipeline_world import ENGINE

GOOD = Path(__file__).parents[2] / "policies" / "good"
SHIPPED = Path(__file__).parents[3] / "policies"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    policy.register(parser.add_subparsers())
    args = parser.parse_args(["policy", *arguments])
    status: int = args.run(args)
    return status


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    directory = Path(shutil.copytree(GOOD, tmp_path / "policies"))
    (directory / "budgets.yaml").write_text("currency: eur\ntimezone: Europe/Paris\nbudgets: []\n")
    (directory / "routing.yaml").unlink()
    return directory


def test_a_good_policy_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(GOOD)) == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert ["assistant", "us/big", "frontier", "US"] in lines
    assert ["sales", "team", "sales-*", "499.99", "EUR", "month"] in lines
    assert ["iban", "personal", "redact", "yes"] in lines
    assert load_policy(GOOD).digest in out
    assert err == ""


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(GOOD), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["digest"] == load_policy(GOOD).digest
    assert found["models"]["local"] == [{"cluster": "own/local", "tier": "open-eu", "jurisdiction": "FR"}]
    assert found["budgets"][0]["amount"] == "20"
    assert {detector["name"] for detector in found["detectors"]} == set(DETECTORS)
    assert found["warnings"] == []


def test_rules_are_shown_with_the_deployments_they_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = Path(shutil.copytree(GOOD, tmp_path / "policies"))
    with (directory / "routing.yaml").open("a") as file:
        file.write("rules: [{name: not-us, without: {jurisdictions: [US]}, when: request.is_stream}]\n")
    assert run("check", str(directory)) == 0
    assert "  not-us  *       without  us/big       request.is_stream" in capsys.readouterr().out
    assert run("check", str(directory), "--json") == 0
    assert json.loads(capsys.readouterr().out)["rules"] == [
        {
            "name": "not-us",
            "models": ["*"],
            "when": "request.is_stream",
            "effect": "without",
            "deployments": ["us/big"],
            "stop": False,
        }
    ]


def test_every_problem_is_printed_where_it_is(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(bad)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith(f"{bad}/budgets.yaml:1:11: error: 'currency' must be three capital letters")
    assert second.startswith(f"{bad}/routing.yaml:1:1: error: the file is missing")


def test_problems_as_json(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(bad), "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert [(problem["file"], problem["line"]) for problem in found["problems"]] == [
        ("budgets.yaml", 1),
        ("routing.yaml", 1),
    ]


def test_warnings_do_not_fail_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = Path(shutil.copytree(GOOD, tmp_path / "policies"))
    (directory / "access.yaml").write_text("access: []\n")
    assert run("check", str(directory)) == 0
    assert f"{directory}/access.yaml:1:1: warning: no rule grants anyone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("issuer", "team", "group"), [("service", "platform", "llm-services"), ("personal", "demo", "llm-users")]
)
def test_explain_takes_a_bound_token_to_come_with_its_certificate(
    issuer: str, team: str, group: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = tmp_path / "request.json"
    request.write_text('{"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}')
    caller = ["--issuer", issuer, "--subject", "batch", "--team", team, "--group", group]
    assert main(["policy", "explain", str(request), "--policies", str(SHIPPED), "--json", *caller]) == 0
    assert json.loads(capsys.readouterr().out)


def test_explain_takes_keys_of_an_identity_provider_for_fresh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = Path(shutil.copytree(SHIPPED, tmp_path / "policies"))
    file = directory / "identity.yaml"
    file.write_text(file.read_text().replace("    class: sso\n", "    class: sso\n    keys_max_age_seconds: 60\n"))
    request, claims = tmp_path / "request.json", tmp_path / "claims.json"
    request.write_text('{"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}')
    claims.write_text('{"sub": "ada@corp.example", "team": "demo", "groups": ["llm-users"]}')
    arguments = ["--policies", str(directory), "--issuer", "company", "--claims", str(claims), "--json"]
    assert main(["policy", "explain", str(request), *arguments]) == 0
    assert "identity_provider_unavailable" not in capsys.readouterr().out


FRONT_ENDS = """
front_ends:
  chat-ui: {issuer: service, people: company, asserts: {subject: x-openwebui-user-email}}
"""
CHAT_UI = ["--issuer", "service", "--subject", "chat-ui", "--team", "platform", "--group", "llm-services"]
NAMES_ADA = ["--header", "X-OpenWebUI-User-Email: ada@corp.example"]


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped policy, with a front end; explained with one Guard for all, as it takes seconds to make."""
    monkeypatch.setattr("gateway_ext.cli.policy_explain.loaded_guard", lambda _: contextlib.nullcontext(ENGINE))
    directory = Path(shutil.copytree(SHIPPED, tmp_path / "policies"))
    with (directory / "identity.yaml").open("a") as file:
        file.write(FRONT_ENDS)
    return directory


def explained(policies: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    request = policies.parent / "request.json"
    request.write_text('{"model": "assistant", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}')
    status = main(["policy", "explain", str(request), "--policies", str(policies), "--json", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (1 if found["action"] == "refuse" else 0)
    return found


def test_explain_plays_a_front_end(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = explained(policies, capsys, *CHAT_UI, *NAMES_ADA)
    assert (found["action"], found["principal"], found["front_end"]) == ("forward", "ada@corp.example", "chat-ui")
    assert found["rules"][0] == "access:services"
    assert explained(policies, capsys, *CHAT_UI)["reason"] == "user_header_missing"
    assert explained(policies, capsys, *CHAT_UI, *NAMES_ADA, *NAMES_ADA)["reason"] == "user_header_invalid"
    ignored = explained(policies, capsys, *NAMES_ADA)
    assert (ignored["principal"], ignored["front_end"]) == ("demo@local", None)


def test_explain_plays_a_run_of_an_agent(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budgets = policies / "budgets.yaml"
    rule = "{name: per-run, scope: agent_run, amount: 1, window: total, required: true}"
    budgets.write_text(budgets.read_text().replace("budgets:\n", f"budgets:\n  - {rule}\n", 1))
    assert explained(policies, capsys)["reason"] == "agent_run_missing"
    found = explained(policies, capsys, "--header", "X-Agent-Run: run-1")
    assert (found["action"], found["budgets"]) == ("forward", ["per-run", "per-user", "per-team"])
    twice = ["--header", "x-agent-run: run-1", "--header", "x-agent-run: run-2"]
    assert explained(policies, capsys, *twice)["reason"] == "agent_run_invalid"


def test_explain_says_of_which_classes_content_is_and_why(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    identity = policies / "identity.yaml"
    asserted = "asserts: {subject: x-openwebui-user-email}"
    identity.write_text(identity.read_text().replace(f"{asserted}}}", f"{asserted}, labels_header: x-data-class}}"))
    labelled = [*CHAT_UI, *NAMES_ADA, "--header", "X-Data-Class: health"]
    found = explained(policies, capsys, *labelled)
    assert (found["data_classes"], found["labels"]) == (["internal", "personal", "special-category"], ["health"])
    assert found["candidates"] == ["simulator-eu/assistant"]
    request = policies.parent / "request.json"
    main(["policy", "explain", str(request), "--policies", str(policies), *labelled])
    line = "content is internal, personal, special-category (label:special-category): simulator-eu/assistant"
    assert line in capsys.readouterr().out
    assert explained(policies, capsys, *labelled, "--header", "X-Data-Class: nonsense")["reason"] == "label_unknown"


def test_explain_plays_endpoint_environment_and_purpose(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (policies / "access.yaml").write_text(
        "access:\n"
        "  - {name: chat, models: [assistant], purposes: [research], endpoints: [/v1/chat/completions]}\n"
        "  - {name: test, models: [embedder], environments: [test]}\n"
    )
    assert explained(policies, capsys)["reason"] == "purpose_not_allowed"
    assert explained(policies, capsys, "--purpose", "research")["rules"][0] == "access:chat"
    messages = explained(policies, capsys, "--purpose", "research", "--endpoint", "/v1/messages")
    assert messages["reason"] == "endpoint_not_allowed"
    listed = explained(policies, capsys, *CHAT_UI[:2], "--environment", "test", "--endpoint", "/v1/models")
    assert (listed["action"], listed["models"]) == ("answer", ["embedder"])


def test_explain_says_when_an_operators_order_would_refuse(
    policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    order = ["people", "disable", "ada@corp.example", "--reason", "test", "--state", str(state)]
    assert main(["standing", "init", "--state", str(state)]) == 0
    assert main(order) == 0
    capsys.readouterr()
    assert explained(policies, capsys, *CHAT_UI, *NAMES_ADA)["action"] == "forward"
    refused = explained(policies, capsys, *CHAT_UI, *NAMES_ADA, "--state", str(state))
    assert (refused["reason"], refused["refused_at"]) == ("person_disabled", "authenticate")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--environment", "test"], "--environment: issuer 'personal' takes it from no claim"),
        (["--header", "x-user"], "--header: write it as"),
        (["--claims", "nowhere.json"], "nowhere.json: cannot be read"),
    ],
)
def test_explain_does_not_play_what_cannot_be(
    arguments: list[str], complaint: str, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = policies.parent / "request.json"
    request.write_text("{}")
    assert main(["policy", "explain", str(request), "--policies", str(policies), *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_explain_says_what_the_gateway_counts_by_itself(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = explained(policies, capsys, "--endpoint", "/v1/messages/count_tokens")
    assert (found["action"], found["candidates"], found["reserved_nano"], found["models"]) == ("answer", [], 0, [])
    assert found["input_tokens"] > 0
    request = policies.parent / "request.json"
    main(["policy", "explain", str(request), "--policies", str(policies), "--endpoint", "/v1/messages/count_tokens"])
    assert f"counted by the gateway, {found['input_tokens']} input tokens" in capsys.readouterr().out
