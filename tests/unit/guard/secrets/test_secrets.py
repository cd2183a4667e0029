from __future__ import annotations

import base64
import json

import pytest
from detect_secrets.plugins.base import BasePlugin

from gateway_ext.guard.scanner import Scanner


def found(scanner: Scanner, text: str) -> set[tuple[str, str]]:
    steps = scanner.steps(text)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return {(scanner.detectors[m.detector].name, text[m.start : m.end]) for m in stop.value}


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


A = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"  # 40 characters without meaning
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
JWT = f"{b64({'alg': 'HS256', 'typ': 'JWT'})}.{b64({'sub': '1234567890', 'name': 'Jeanne'})}.{A}-{A}_x"

TOKENS = [
    ("artifactory_token", "AKC" + A[:20]),
    ("aws_key", "AKIAIOSFODNN7EXAMPLE"),
    ("aws_key", "ASIAIOSFODNN7EXAMPLE"),
    ("azure_storage_key", "AccountKey=" + (A * 3)[:86] + "=="),
    ("discord_token", "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"),
    ("github_token", "ghp_" + A[:36]),
    ("github_token", "ghs_" + A[:36] + "LongerThanToday"),
    ("gitlab_token", "glpat-" + A[:20]),
    ("gitlab_token", "glptt-" + A),
    ("jwt", JWT),
    ("mailchimp_key", HEX + "-us12"),
    ("openai_key", f"sk-{A[:20]}T3BlbkFJ{A[:20]}"),
    ("openai_key", f"sk-proj-{A}{A[:30]}T3BlbkFJ{A}{A[:30]}"),
    ("pypi_token", "pypi-AgEIcHlwaS5vcmc" + A * 2),
    ("sendgrid_key", f"SG.{A[:22]}.{(A * 2)[:43]}"),
    ("slack_token", "xoxb-123456789012-1234567890123-" + A[:24]),
    ("slack_token", "https://hooks.slack.com/services/T00000000/B00000000/" + A[:24]),
    ("square_oauth", "sq0csp-" + (A * 2)[:43]),
    ("stripe_key", "sk_live_" + A[:24]),
    ("telegram_token", "110201543:" + A[:35]),
    ("twilio_key", "AC" + HEX),
]


@pytest.mark.parametrize(("name", "token"), TOKENS)
@pytest.mark.parametrize(
    "frame", ["{}", "see {} .", 'key="{}"', "é {} ü\nnext", "x = f( {} )  # pragma: allowlist secret"]
)
def test_the_whole_token_is_found(scanner: Scanner, name: str, token: str, frame: str) -> None:
    assert (name, token) in found(scanner, frame.format(token))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("aws_key", f'aws_secret_access_key = "{A}"', A),
        ("basic_auth", "postgres://app:s3cr3t-Pa55@db.internal:5432/x", "s3cr3t-Pa55"),
        ("cloudant_key", f"cloudant_password = '{HEX * 2}'", HEX * 2),
        ("ibm_cloud_key", f'ibm_cloud_api_key: "{A}wxyz"', A + "wxyz"),
        ("ibm_cos_key", f"cos_hmac_secret_access_key={HEX}{HEX[:16]}", HEX + HEX[:16]),
        ("npm_token", f"//registry.example.org/:_authToken=npm_{A[:36]}", f"npm_{A[:36]}"),
        ("softlayer_key", f"softlayer_api_key: {HEX * 2}", HEX * 2),
        ("ip_public", "from 8.8.4.4 today", "8.8.4.4"),
        ("secret_keyword", 'db_password = "hunter22"', "hunter22"),
        ("secret_keyword", "{'api_key': 'not-a-real-key'}", "not-a-real-key"),
        ("secret_keyword", 'if "hunter22" == my_password_x: pass', "hunter22"),
        ("secret_keyword", 'CONTRASEÑA = "hunter22"', "hunter22"),
        ("high_entropy_base64", f"x = '{A}+/'", A + "+/"),
        ("high_entropy_hex", f"x = '{HEX}'", HEX),
    ],
)
def test_only_the_value_of_an_assignment_is_taken(scanner: Scanner, name: str, text: str, value: str) -> None:
    assert (name, value) in found(scanner, text)


def test_every_value_of_a_line_is_found(scanner: Scanner) -> None:
    line = 'db_password = "hunter22", api_key = "hunter33"; x = foo(bar)'
    assert {value for name, value in found(scanner, line) if name == "secret_keyword"} == {"hunter22", "hunter33"}


@pytest.mark.parametrize(
    "text",
    [
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        'id = "7c9e6679-7425-40de-944b-e07fc1f90ae7"',
        'password = "${DB_PASSWORD}"',
        'password = "<password>"',
        "password = get_password()",
        "the password is secret",
        "version 2.14.0, 10.0.0.1, 192.168.1.10, 127.0.0.1",
        'name = "conversation_history_manager"',
        'user_id = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"',
        "eyJub3QiOiJqd3Qi.notclaims.x",
        "AKIA is a prefix, ghp_ too, sk-learn and pypi-server are packages",
        "https://example.org/a:b@c",
    ],
)
def test_near_misses(scanner: Scanner, text: str) -> None:
    assert found(scanner, text) == set()


def test_a_token_longer_than_a_passage_is_found_whole(scanner: Scanner) -> None:
    claims = b64({"groups": [f"group-{number}" for number in range(400)]})
    token = f"{b64({'alg': 'RS256'})}.{claims}.{A * 8}"
    assert ("jwt", token) in found(scanner, f"Authorization: Bearer {token}\n")


def test_hostile_json_in_a_token_is_no_failure(scanner: Scanner) -> None:
    deep = base64.urlsafe_b64encode(b'{"a":' + b"[" * 5000).decode().rstrip("=")
    assert found(scanner, f"{deep}.{deep}.x") == set()


@pytest.mark.parametrize(
    "key",
    [
        "-----BEGIN RSA PRIVATE KEY-----\n" + f"{A}{A[:24]}\n" * 20 + "-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\n" + f"{A}{A[:24]}\\n" * 20 + "-----END PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\r\n" + f"{A}{A[:24]}\r\n" * 8 + "-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + f"{A}\n" * 20 + "-----END PGP PRIVATE KEY BLOCK-----",
        "-----BEGIN EC PRIVATE KEY-----\n" + f"{A}\n" * 3 + A,  # cut off
    ],
)
def test_private_keys_from_first_line_to_last(scanner: Scanner, key: str) -> None:
    assert ("private_key", key) in found(scanner, f"Here it is:\n{key}\nThanks")


def test_no_plugin_is_ever_asked_to_verify(scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("verification contacts providers")

    for plugin in _all_subclasses(BasePlugin):
        monkeypatch.setattr(plugin, "verify", refuse)
    monkeypatch.setattr(BasePlugin, "analyze_line", refuse)
    text = " fresh text ".join(token for _, token in TOKENS)
    assert len(found(scanner, text)) >= len(TOKENS) - 3


def _all_subclasses(base: type) -> set[type]:
    classes: set[type] = {base}
    children: list[type] = base.__subclasses__()
    for child in children:
        classes |= _all_subclasses(child)
    return classes
