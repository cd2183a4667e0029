from __future__ import annotations

import json
import time
from collections.abc import Iterable

import pytest

from gateway_ext.guard.pseudonyms import Pseudonyms, PseudonymVault, Restorer

ORIGINALS = {
    "<EMAIL_1>": "jeanne@example.fr",
    "<EMAIL_12>": "jan@example.nl",
    "<DE_STEUER_ID_1>": 'with "quotes" \\ and\nlines',
    "<IBAN_2>": "<EMAIL_1>",
}
VAULT = PseudonymVault(ORIGINALS)


def streamed(pieces: Iterable[str], vault: PseudonymVault = VAULT, *, in_json: bool = False) -> str:
    restorer = Restorer(vault, in_json=in_json)
    return "".join([*map(restorer.feed, pieces), restorer.finish()])


def test_placeholders_are_numbered_by_kind_and_first_appearance() -> None:
    pseudonyms = Pseudonyms(["whatever"])
    assert pseudonyms.placeholder("email", "a", "a@x.eu") == "<EMAIL_1>"
    assert pseudonyms.placeholder("iban", "a", "DE89") == "<IBAN_1>"
    assert pseudonyms.placeholder("email", "b", "b@x.eu") == "<EMAIL_2>"
    assert pseudonyms.placeholder("email", "a", "A@X.EU") == "<EMAIL_1>"
    assert pseudonyms.originals == {"<EMAIL_1>": "a@x.eu", "<IBAN_1>": "DE89", "<EMAIL_2>": "b@x.eu"}


def test_a_conversation_that_grows_keeps_its_numbers() -> None:
    first, second = Pseudonyms(["turn 1"]), Pseudonyms(["turn 1", "answer", "turn 2"])
    values = ["x", "y", "x"]
    earlier = [first.placeholder("phone", value, value) for value in values]
    assert [second.placeholder("phone", value, value) for value in [*values, "z"]] == [*earlier, "<PHONE_3>"]


@pytest.mark.parametrize(
    "written", ["<EMAIL_1>", "<email_1>", r"\<EMAIL\_1\>", "&lt;EMAIL_1&gt;", "EMAIL_1", r"\u003cEMAIL_1\u003e"]
)
def test_what_the_caller_writes_himself_is_no_placeholder(written: str) -> None:
    pseudonyms = Pseudonyms(["hello", f"what is {written}?"])
    assert pseudonyms.placeholder("email", "a", "a@x.eu") == "<EMAIL_2>"
    assert PseudonymVault(pseudonyms.originals).restore(written) == written


def test_numbers_that_only_begin_alike_are_free() -> None:
    assert Pseudonyms(["<EMAIL_12>"]).placeholder("email", "a", "a@x.eu") == "<EMAIL_1>"


@pytest.mark.parametrize(
    "written",
    [
        "<EMAIL_1>",
        "<email_1>",
        "<Email_1>",
        r"\<EMAIL_1\>",
        r"\<EMAIL\_1\>",
        r"<EMAIL\_1>",
        "&lt;EMAIL_1&gt;",
        "&LT;email_1&GT;",
        r"\u003cEMAIL_1\u003e",
        r"\u003CEMAIL_1\u003E",
        "EMAIL_1",
        r"EMAIL\_1",
    ],
)
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("Write to ", ", please."), ("**", "**"), ("a < b ", "\n"), ("(", ")")]
)
def test_what_models_make_of_placeholders_is_restored(written: str, before: str, after: str) -> None:
    text = before + written + after
    expected = f"{before}jeanne@example.fr{after}"
    assert VAULT.restore(text) == expected
    for place in range(len(text) + 1):
        assert streamed([text[:place], text[place:]]) == expected
    assert streamed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<EMAIL_2>",
        "<EMAIL_123>",
        "EMAIL_123",
        "XEMAIL_1",
        "EMAIL_1x",
        "email_1",
        "MY_EMAIL_1",
        "EMAIL_1_2",
        r"EMAIL_1\_2",
        "< EMAIL_1",
        "<EMAIL>",
        "<>",
        "<b>",
        "a && b < c",
        "\\",
        "&lt;",
    ],
)
def test_what_is_not_in_the_vault_stays(text: str) -> None:
    expected = VAULT.restore(text)
    if "< EMAIL_1" not in text:
        assert expected == text
    assert streamed(text) == expected
    assert streamed([text]) == expected


def test_each_placeholder_is_restored_once() -> None:
    assert VAULT.restore("<IBAN_2> <EMAIL_12>") == "<EMAIL_1> jan@example.nl"
    assert streamed("<IBAN_2> <EMAIL_12>") == "<EMAIL_1> jan@example.nl"


def test_another_requests_placeholders_stay() -> None:
    other = PseudonymVault({"<PHONE_1>": "+33 6 12 34 56 78"})
    text = "<EMAIL_1> <PHONE_1> <IBAN_2>"
    assert other.restore(text) == "<EMAIL_1> +33 6 12 34 56 78 <IBAN_2>"
    assert streamed(text, other) == other.restore(text)
    assert PseudonymVault({}).restore(text) == text
    assert streamed(text, PseudonymVault({})) == text


def test_in_json_the_original_is_escaped() -> None:
    source = r'{"to": "<DE_STEUER_ID_1>", "lines": "\nEMAIL_1\tEMAIL_12"}'
    for restored in (VAULT.restore(source, in_json=True), streamed(source, in_json=True)):
        assert json.loads(restored) == {
            "to": ORIGINALS["<DE_STEUER_ID_1>"],
            "lines": "\njeanne@example.fr\tjan@example.nl",
        }


def test_only_a_beginning_of_a_placeholder_is_held_back() -> None:
    restorer = Restorer(VAULT)
    assert restorer.feed("a < b, ") == "a < b, "
    assert restorer.feed("EMAI") == ""
    assert restorer.feed("L is short") == "EMAIL is short"
    assert restorer.feed(" <EMAIL_") == " "
    assert restorer.feed("7") == "<EMAIL_7"
    assert restorer.feed("&l") == ""
    assert restorer.feed("ess") == "&less"
    assert restorer.feed(" <IBAN_2") == " "
    assert restorer.finish() == "<" + ORIGINALS["<IBAN_2>"]


def test_nothing_shows_what_a_vault_holds() -> None:
    for shown in (repr(VAULT), str(VAULT), repr(Restorer(VAULT)), repr(Pseudonyms(["a@x.eu"]))):
        assert "example" not in shown
        assert "a@x" not in shown


@pytest.mark.parametrize("unit", ["<", "\\", "&lt;", "<EMAIL_1", "A_", "EMAIL_", "<A_A", r"\_", "&", "_1"])
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    started = time.process_time()
    assert VAULT.restore(text).count("jeanne") == (text.count("<EMAIL_1") if unit == "<EMAIL_1" else 0)
    assert streamed(text[i : i + 5000] for i in range(0, len(text), 5000)) == VAULT.restore(text)
    assert time.process_time() - started < 5.0


def test_a_request_full_of_what_looks_written_takes_linear_time() -> None:
    pseudonyms = Pseudonyms(["EMAIL_1 " * 100_000])
    started = time.process_time()
    assert [pseudonyms.placeholder("email", str(i), str(i)) for i in range(1000)][-1] == "<EMAIL_1001>"
    assert time.process_time() - started < 2.0
