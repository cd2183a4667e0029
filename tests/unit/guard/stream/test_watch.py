from __future__ import annotations

import pytest

from gateway_ext.guard.stream.holding import Holding
from gateway_ext.guard.stream.openings import Phrases
from gateway_ext.guard.stream.watch import Watch, may_announce

SECRETS = Holding.of(["secret_keyword", "github_token", "email"])


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox (as they say) jumps, doesn't it?",
        "Les élèves s'étaient-ils trompés\u00a0? Non\u202f!",
        "def function(name: str) -> bool:\n    return self.some_attribute_of_it\n",
        "Παρακαλώ συνοψίστε. Пожалуйста. 请总结上次会议的要点。",
        "**bold** and `code` and *more*",
    ],
)
def test_plain_words_hold_nothing(text: str) -> None:
    assert not Watch(SECRETS).may_hold(text, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "call 4",
        "me@home",
        "ASIASTVPVUGCPMNVFMQX",
        "QUtJQXNlY3JldHRva2Vu",
        "password = hunter",
        "curl -u admin:hunter",
        "Authorization: Basic abcdefghij",
        "it is fo!obar",
        "pаssword",  # the second letter is Cyrillic
        "ｓｅｃｒｅｔ",
        "s\u200becret",
        "%70ass",
        "P<UTOERIKSSON<<ANNA",
        "-----BEGIN RSA",
        "de:ad:be:ef",
    ],
)
def test_whatever_may_be_a_value_or_announce_one_is_looked_at(text: str) -> None:
    assert Watch(SECRETS).may_hold(f"and {text}", 0, 0)


def test_what_is_announced_is_looked_at_in_pieces() -> None:
    watch = Watch(SECRETS)
    assert watch.may_hold("the password is", 0, 0)
    assert watch.may_hold("the password is hunter", 0, 15)
    assert not watch.may_hold("the password is hunter" + " and so on" * 60, 0, 600)


def test_phrases_are_looked_for_where_their_first_word_stands() -> None:
    holding = Holding.of(["project names"], phrases=[Phrases(lambda word: 20 * (word.casefold() == "blue"))])
    watch = Watch(holding)
    assert not watch.may_hold("the red danube", 0, 0)
    assert watch.may_hold("the red danube, the Blue danube", 0, 14)


def test_values_of_any_words_are_always_looked_for() -> None:
    assert Watch(Holding.of(["person_name"])).may_hold("anna", 0, 0)
    assert Watch(Holding.of(["a dictionary"])).may_hold("words", 0, 0)


@pytest.mark.parametrize("before", ['password = "', "{'api_key': '", 'secret="', 'my_password != "', "Пароль: '"])
def test_what_may_stand_before_a_quoted_password(before: str) -> None:
    assert may_announce(before)


@pytest.mark.parametrize("before", ['print("', '{"name": "', 'he said: "', 'the secret of it is told, as "'])
def test_most_quotes_are_not_announced(before: str) -> None:
    assert not may_announce(before)
