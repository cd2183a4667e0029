"""`gateway-ext keys`: what is printed where, what is refused, and what is left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway_ext.cli.main import main
from gateway_ext.local.certificates import CLIENT_URI, ensure_certificates
from gateway_ext.settings import StateLayout
from gateway_ext.standing.directives import Measure, Scope
from gateway_ext.standing.sqlite_store import StandingStore
from tests.unit.credentials.key_service import KeyService

POLICIES = Path(__file__).parents[3] / "policies"
ANNA = ("--subject", "anna@example.com", "--team", "demo")
BATCH = ("--service", "batch", "--team", "platform")


class Shell:
    def __init__(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.state, self._capsys = state, capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main(["keys", *arguments, "--state", str(self.state), "--policies", str(POLICIES)])
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def json(self, *arguments: str) -> Any:
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    StandingStore(StateLayout(tmp_path).standing).make("store")
    return Shell(tmp_path, capsys)


def test_create_prints_two_variables_and_says_that_it_is_shown_once(shell: Shell) -> None:
    code, out, err = shell.run("create", *ANNA, "--name", "laptop", "--base-url", "https://gateway.example/v1")
    assert code == 0
    url, key = out.splitlines()
    assert url == "export OPENAI_BASE_URL=https://gateway.example/v1"
    token = key.removeprefix("export OPENAI_API_KEY=")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == "anna@example.com"
    assert claims["exp"] - claims["iat"] == 30 * 86_400
    assert "shown once" in err
    assert claims["jti"] in err
    assert token not in err


def test_list_shows_what_lives_and_all_of_it_on_demand(shell: Shell) -> None:
    assert shell.run("list")[1].startswith("No credentials.")
    first = shell.json("create", *ANNA, "--name", "laptop", "--purpose", "editor")
    second = shell.json("create", *BATCH, "--client-uri", CLIENT_URI, "--days", "3")
    _, out, _ = shell.run("list")
    header, *rows = out.splitlines()
    assert header.split()[:6] == ["ID", "CLASS", "NAME", "SUBJECT", "TEAM", "STATE"]
    assert {row.split()[0] for row in rows} == {first["id"], second["id"]}
    assert not any(each["token"] in out for each in (first, second))
    shell.json("revoke", second["id"])
    assert [each["id"] for each in shell.json("list")] == [first["id"]]
    assert {each["state"] for each in shell.json("list", "--all")} == {"active", "revoked"}


def test_revoke_orders_it_where_processors_look(shell: Shell) -> None:
    made = shell.json("create", *ANNA)
    assert shell.json("revoke", made["id"][:8])["state"] == "revoked"
    (directive,) = StandingStore(StateLayout(shell.state).standing).directives(0)
    assert (directive.target.measure, directive.target.scope) == (Measure.REVOKED, Scope.CREDENTIAL)
    assert directive.target.value == made["id"]
    assert directive.expires_unix_nano > 0
    assert shell.run("revoke", made["id"])[0] == 0  # once more changes nothing


def test_without_the_standing_store_nothing_is_called_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(tmp_path, capsys)
    made = shell.json("create", *ANNA)
    code, _, err = shell.run("revoke", made["id"])
    assert code == 2
    assert "standing" in err
    assert shell.json("list")[0]["state"] == "active"


def test_rotate_shows_the_successor_and_retires_the_old_one(shell: Shell) -> None:
    old = shell.json("create", *ANNA, "--days", "2")
    new = shell.json("rotate", old["id"], "--overlap", "5")
    assert new["token"] != old["token"]
    states = {each["id"]: (each["state"], each["successor"]) for each in shell.json("list")}
    assert states == {old["id"]: ("retiring", new["id"]), new["id"]: ("active", None)}
    newest = shell.json("rotate", new["id"], "--overlap", "0")
    assert {each["id"]: each["state"] for each in shell.json("list", "--all")} == {
        old["id"]: "retiring",
        new["id"]: "revoked",
        newest["id"]: "active",
    }


def test_a_budget_is_shown_where_credentials_are_listed_and_outlives_a_rotation(shell: Shell) -> None:
    made = shell.json("create", *ANNA, "--budget", "2.500000001")
    budget = {"account": made["id"], "currency": "EUR", "limit_nano": 2_500_000_001, "window": "month"}
    assert made["budget"] == budget
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert claims["budget"] == budget | {"limit_nano": "2500000001"}
    assert "2.500000001 EUR/month" in shell.run("list")[1]
    assert shell.json("rotate", made["id"])["budget"] == budget
    assert shell.json("create", *ANNA, "--budget", "20")["budget"]["limit_nano"] == 20 * 10**9
    assert "20 EUR/month" in shell.run("list")[1]


def test_mail_and_cost_center_are_in_the_credential(shell: Shell) -> None:
    made = shell.json("create", *ANNA, "--email", "anna@example.com", "--cost-center", "4711")
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert (
        (claims["email"], claims["cost_center"]) == (made["email"], made["cost_center"]) == ("anna@example.com", "4711")
    )


def test_an_operators_program_signs_in_the_place_of_files(shell: Shell, tmp_path: Path) -> None:
    service, settings = KeyService(tmp_path / "service"), tmp_path / "settings.yaml"
    settings.write_text(f"signer_command: {service.program}\n")
    by_program = ("--settings", str(settings))
    service.add("personal", "v1")
    service.add("service", "s1", on_p256=True)
    header = jwt.get_unverified_header(shell.json("create", *ANNA, *by_program)["token"])
    assert (header["alg"], header["kid"]) == ("EdDSA", "v1")
    bound = shell.json("create", *BATCH, "--client-uri", CLIENT_URI, *by_program)
    assert jwt.get_unverified_header(bound["token"])["alg"] == "ES256"
    service.add("personal", "v2")
    rotated = shell.json("signing", "rotate", "personal", "--lead", "0", *by_program)
    assert [(each["key"], each["state"]) for each in rotated] == [("v1", "retired"), ("v2", "active")]
    assert jwt.get_unverified_header(shell.json("create", *ANNA, *by_program)["token"])["kid"] == "v2"
    listed = shell.json("signing", "list", *by_program)
    assert [(each["issuer"], each["key"]) for each in listed] == [
        ("personal", "v1"),
        ("personal", "v2"),
        ("service", "s1"),
    ]
    assert not StateLayout(shell.state).issuers.exists()


def test_a_service_is_bound_to_its_certificate(shell: Shell) -> None:
    certs = StateLayout(shell.state).certs
    ensure_certificates(certs, 1_800_000_000 * 10**9)
    made = shell.json("create", *BATCH, "--client-cert", str(certs / "client.pem"))
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert claims["cnf"] == {"x5t#S256": made["client_certificate_thumbprint"]}
    assert len(made["client_certificate_thumbprint"]) == 43
    assert claims["aud"] == "llm-gateway-internal"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", *ANNA, "--days", "31"), "--days: policy allows 1 to 30"),
        (("create", *ANNA, "--budget", "1,5"), "--budget: must be a plain decimal number"),
        (("create", *ANNA, "--budget", "0"), "--budget: must be above 0"),
        (("create", *ANNA, "--budget", "-5"), "--budget: must be a plain decimal number"),
        (("create", *ANNA, "--group", "a\nb"), "--group: must be one line"),
        (("create", *ANNA, "--cost-center", "x" * 257), "--cost-center: must be one line"),
        (("create", *ANNA, "--model", ""), "--model: must be one line"),
        (("create", *BATCH, "--client-uri", "a\nb"), "--client-uri: must be one line"),
        (("create", *ANNA, "--client-uri", CLIENT_URI), "give --service"),
        (("create", *BATCH), "--client-uri: a service credential must be bound"),
        (("create", *BATCH, "--client-cert", "no-such.pem"), "no-such.pem: cannot be read as a PEM certificate"),
        (("revoke", "123456"), "no credentials"),
        (("rotate", "123456"), "no credentials"),
        (("signing", "rotate", "personal"), "no issuer key"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(shell: Shell, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = shell.run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert shell.json("list", "--all") == []


def test_a_mistyped_state_directory_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("create", *ANNA), ("list",), ("signing", "list")):
        code, _, err = Shell(tmp_path / "mistyped", capsys).run(*arguments)
        assert code == 2
        assert "no such state directory" in err
    assert not (tmp_path / "mistyped").exists()


def test_signing_keys_are_rotated_and_listed(shell: Shell) -> None:
    shell.json("create", *ANNA)
    shell.json("create", *BATCH, "--client-uri", CLIENT_URI)
    rotated = shell.json("signing", "rotate", "personal", "--lead", "60")
    assert [each["state"] for each in rotated] == ["active", "next"]
    assert rotated[0]["published_until"] > rotated[1]["signs_from"]
    _, out, _ = shell.run("signing", "list")
    assert [row.split()[0] for row in out.splitlines()] == ["ISSUER", "personal", "personal", "service"]
    code, _, err = shell.run("signing", "rotate", "personal")
    assert code == 2
    assert "takes over in" in err
    (only,) = shell.json("signing", "rotate", "personal", "--compromised")
    assert only["key"] not in {each["key"] for each in rotated}


@pytest.mark.parametrize("lead", ["-1", "soon", "604801"])
def test_a_lead_that_is_none(shell: Shell, lead: str) -> None:
    with pytest.raises(SystemExit):
        shell.run("signing", "rotate", "personal", "--lead", lead)
