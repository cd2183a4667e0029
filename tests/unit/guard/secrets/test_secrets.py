"""Credentials known by their surroundings, in texts as people send them."""

from __future__ import annotations

import base64
import json
import time

import pytest
from detect_secrets.plugins.base import BasePlugin

from benchmarks.guard.secrets_corpus import Finder, cases


def found(finder: Finder, text: str) -> set[tuple[str, str]]:
    return {(name, text[start:end]) for name, start, end in finder.found(text)}


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


A = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"  # 40 characters without meaning
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("aws_secret_key", f'aws_secret_access_key = "{A}"', A),
        ("aws_secret_key", f"AKIAIOSFODNN7EXAMPLE / {A}", A),
        ("basic_auth", "postgres://app:s3cr3t-Pa55@db.internal:5432/x", "s3cr3t-Pa55"),
        ("basic_auth", "https://a:b1c2@h.de/", "b1c2"),
        ("cloudant_key", f"cloudant_password = '{HEX * 2}'", HEX * 2),
        ("ibm_cloud_key", f'ibm_cloud_api_key: "{A}wxyz"', A + "wxyz"),
        ("softlayer_key", f"softlayer_api_key: {HEX * 2}", HEX * 2),
        ("stripe_key", "use sk_live_" + "a1B2" * 6 + ".", "sk_live_" + "a1B2" * 6),
        ("secret_keyword", 'db_password = "hunter22"', "hunter22"),
        ("secret_keyword", 'if "hunter22" == my_password_x: pass', "hunter22"),
        ("secret_keyword", 'CONTRASEÑA = "hunter22"', "hunter22"),
        ("high_entropy_base64", f"x = '{A}+/'", A + "+/"),
        ("high_entropy_hex", f"x = '{HEX}'", HEX),
        ("env_secret", "DB_PASSWORD=hunter22", "hunter22"),
        ("env_secret", "export STRIPE_SECRET_KEY=k7x1234def # live", "k7x1234def"),
        ("env_secret", "  password: hunter22\r\n", "hunter22"),
        ("password_phrase", "Le mot de passe : Tournesol-77, merci", "Tournesol-77"),
        ("password_phrase", "Passwort: „Sommer2024!“", "Sommer2024!"),
        ("password_phrase", "**Password:** `hunter22`", "hunter22"),
        ("password_phrase", "HASŁO: Kotek123.", "Kotek123"),
        ("password_phrase", "ΚΩΔΙΚΌΣ: Gata2024", "Gata2024"),
        ("connection_string", "Server=db;Uid=app;Pwd={a1;b2};", "a1;b2"),
        ("connection_string", "jdbc:mysql://db/x?user=app&password=k7Qp9&ssl=true", "k7Qp9"),
        ("curl_credentials", "curl -u 'jeanne:k7:Qp9x' https://e.org", "k7:Qp9x"),
        ("authorization_header", "Authorization: Basic amVhbm5lOmsxcEAy", "amVhbm5lOmsxcEAy"),
        ("kubernetes_secret", "kind: Secret\ndata:\n  # base64\n  dsn: cG9zdGdyZXM=\n", "cG9zdGdyZXM="),
    ],
)
def test_only_the_secret_is_taken(finder: Finder, name: str, text: str, value: str) -> None:
    assert (name, value) in found(finder, text)
    assert {other for kind, other in found(finder, text) if kind == name} == {value}


def test_every_value_of_a_line_is_found(finder: Finder) -> None:
    line = 'db_password = "hunter22", api_key = "hunter33"; x = foo(bar)'
    assert {value for name, value in found(finder, line) if name == "secret_keyword"} == {"hunter22", "hunter33"}


def test_every_entry_of_a_secret_and_none_of_its_neighbours(finder: Finder) -> None:
    secret = "kind: Secret\ndata:\n  a: cG9zdGdyZXM=\n  b: bXlzcWwtMQ==\nmetadata:\n  name: shop-server\n"
    config = "---\nkind: ConfigMap\ndata:\n  c: c29tZXRoaW5n\n"
    values = {value for name, value in found(finder, secret + config) if name == "kubernetes_secret"}
    assert values == {"cG9zdGdyZXM=", "bXlzcWwtMQ=="}


@pytest.mark.parametrize(
    "text",
    [
        'password = "${DB_PASSWORD}"',
        'password_hash: "sha256"',
        "password = get_password()",
        "password: string1",
        "token = generate_token_v2",
        "the password is secret",
        "The password is Base64-encoded.",
        "password is 8 characters, sometimes 12.",
        'name = "conversation_history_manager"',
        'user_id = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"',
        "eyJub3QiOiJqd3Qi.notclaims.x",
        "AKIA is a prefix, ghp_ too, sk-learn and pypi-server are packages",
        "https://example.org/a:b@c",
        "https://user:user@example.org and https://user:<password>@example.org",
        "def connect(user=name, password=read_password, host=server): ...",
        "TOKEN_URL=https://id.example.org/oauth2/token",
        "PASSWORD_FILE=/run/secrets/db1",
        "-----BEGIN RSA PRIVATE KEY----- is the first line, then base64 follows",
        "basic understanding of token generation2 and bearer documents",
    ],
)
def test_near_misses(finder: Finder, text: str) -> None:
    assert found(finder, text) == set()


def test_a_pragma_does_not_switch_detection_off(finder: Finder) -> None:
    assert ("secret_keyword", "hunter22") in found(finder, 'password = "hunter22"  # pragma: allowlist secret')


def test_a_token_longer_than_a_passage_is_found_whole(finder: Finder) -> None:
    claims = b64({"groups": [f"group-{number}" for number in range(400)]})
    token = f"{b64({'alg': 'RS256'})}.{claims}.{A * 8}"
    assert ("jwt", token) in found(finder, f"Authorization: Bearer {token}\n")


def test_hostile_json_in_a_token_is_no_failure(finder: Finder) -> None:
    deep = base64.urlsafe_b64encode(b'{"a":' + b"[" * 5000).decode().rstrip("=")
    assert found(finder, f"{deep}.{deep}.x") == set()


@pytest.mark.parametrize(
    "key",
    [
        "-----BEGIN PRIVATE KEY-----\\n" + f"{A}{A[:24]}\\n" * 20 + "-----END PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\r\n" + f"{A}{A[:24]}\r\n" * 8 + "-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        + f"    {A}{A[:24]}\n" * 8
        + "    -----END ENCRYPTED PRIVATE KEY-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n" + f"{A}\n" * 8 + "---- END SSH2 ENCRYPTED PRIVATE KEY ----",
        "-----BEGIN EC PRIVATE KEY-----\n" + f"{A}\n" * 3 + A,  # cut off
    ],
)
def test_private_keys_from_first_line_to_last(finder: Finder, key: str) -> None:
    assert ("private_key", key) in found(finder, f"Here it is:\n{key}\nThanks")


def test_two_keys_are_two_findings(finder: Finder) -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\n" + f"{A}\n" * 2 + "-----END EC PRIVATE KEY-----"
    assert len(finder.found(f"{key}\n{key}\n")) == 2


HOSTILE = (
    "password is a1 ",
    "pwd=abc1;",
    "://a:",
    "://a:b@c ",
    "-----BEGIN PRIVATE KEY-----\n" + "A" * 24 + "\n",
    "PuTTY-User-Key-File-2: A: ",
    "data:\n  a: bcdefghij\n",
    "eyJhbGciOiJIUzI1NiJ9.",
    "bearer aaaaaaaaaaaaa1 ",
    "SECRET_KEY=",
    "datadog key " + HEX + " ",
    "glpat-",
    "sk-aaaaaaaaaaaaaaaaaaaaaaaaT3BlbkFJ",
    "'password",
    'password == "',
    '{"password":"a1b2c3d4","x":1},',
    "A",
)


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_with_length_alone(finder: Finder, unit: str) -> None:
    def seconds(characters: int) -> float:
        text = unit * (characters // len(unit))
        started = time.process_time()
        finder.found(text)
        return time.process_time() - started

    seconds(1_000)
    assert seconds(64_000) < 12 * max(seconds(16_000), 0.02)  # four times as long; sixteen would be quadratic


def test_no_plugin_is_ever_asked_to_verify(finder: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("verification contacts providers")

    for plugin in _all_subclasses(BasePlugin):
        monkeypatch.setattr(plugin, "verify", refuse)
    monkeypatch.setattr(BasePlugin, "analyze_line", refuse)
    plugins = [case for case in cases(seed=2, per_family=1) if case.family in {"jwt", "cloudant_key", "softlayer_key"}]
    assert all(finder.found(case.text) for case in plugins)


def _all_subclasses(base: type) -> set[type]:
    classes: set[type] = {base}
    children: list[type] = base.__subclasses__()
    for child in children:
        classes |= _all_subclasses(child)
    return classes
