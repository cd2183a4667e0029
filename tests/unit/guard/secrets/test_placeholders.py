from __future__ import annotations

import math

import pytest

from gateway_ext.guard.secrets.placeholders import entropy_bits, is_made_up, is_placeholder, is_prose, is_reference


@pytest.mark.parametrize(
    "value",
    [
        "your_api_key",
        "YOUR-SECRET-HERE",
        "yourapikeyhere",
        "mypassword123",
        "P@ssw0rd1",
        "changeme",
        "change_me_please",
        "xxxxxxxx",
        "XXXX-XXXX",
        "********",
        "<TOKEN>",
        "<your token>",
        "${DB_PASSWORD}",
        "$DB_PASSWORD",
        "{{ vault.password }}",
        "%(password)s",
        "%PASSWORD%",
        "abc...xyz",
        "not-a-real-key",
        "example-key-7f3a",
        "abcdef123",
        "test1234",
        "",
    ],
)
def test_placeholders(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value", ["hunter22", "Sommer2024!", "s3cr3t-Pa55", "k7Qp-x", "Tr0ub4dor&3", "passage9", "Gata#77"]
)
def test_passwords_are_none(value: str) -> None:
    assert not is_placeholder(value)


def test_long_values_are_none_and_cost_nothing() -> None:
    assert not is_placeholder("password" * 100_000 + "!")


@pytest.mark.parametrize("body", ["xxxxxxxxxxxx1A", "your-Key-1234", "onlylowercaseletters", "ABCDEFGHIJKLMNOPQ1a"])
def test_bodies_of_tokens_that_are_not_random(body: str) -> None:
    assert is_made_up(body)


def test_random_bodies_are_not_made_up() -> None:
    assert not is_made_up("a1B2c3D4e5F6")


@pytest.mark.parametrize("value", ["config.password", "os.getenv('X1')", "tokens[0]", "f(x)", "self.key1", "new Key1"])
def test_references(value: str) -> None:
    assert is_reference(value)


@pytest.mark.parametrize(
    "value", ["at least 8 characters", "Enter your name", "/run/secrets/db", "https://e.org/x", "required"]
)
def test_prose(value: str) -> None:
    assert is_prose(value)


@pytest.mark.parametrize("value", ["hunter22", "correct1 horse", "S0mmer.2024"])
def test_passwords_are_no_prose_and_no_reference(value: str) -> None:
    assert not is_prose(value)
    assert not is_reference(value)


def test_entropy() -> None:
    assert entropy_bits("aaaa") == 0
    assert math.isclose(entropy_bits("abcd"), 2)
