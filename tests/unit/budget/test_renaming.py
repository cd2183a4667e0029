import pytest

from gateway_ext.budget.person import Renaming
from gateway_ext.budget.renaming import renamed, renamed_budget, renamed_value
from gateway_ext.budget.reserve import AccountKey


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("EUR/2026-11/mine/user/ada%40x", "EUR/2026-11/mine/user/no%2Fone"),
        ("EUR/2026-11/mine/user/ada%40x/large", "EUR/2026-11/mine/user/no%2Fone/large"),
        ("tokens/60/fast/user/ada%40x", "tokens/60/fast/user/no%2Fone"),
        ("EUR/total/runs/agent_run/ada%40x%2Frun-1", "EUR/total/runs/agent_run/no%2Fone%2Frun-1"),
        ("EUR/2026-11/mine/user/ada%40x.eu", None),
        ("EUR/2026-11/mine/user/eva/ada%40x", None),
        ("EUR/2026-11/ours/team/ada%40x", None),
        ("EUR/total/runs/agent_run/eva%2Fada%40x", None),
        ("EUR/total/runs/agent_run/ada%40x.eu%2Frun-1", None),
        ("user", None),
    ],
)
def test_only_keys_of_the_person_and_their_runs_change(key: str, expected: str | None) -> None:
    assert renamed(key, "ada@x", "no/one") == (expected or key)


def test_what_comes_out_is_a_key_again() -> None:
    key = AccountKey("EUR", "2026-11", "mine", "user", "a/d a", "large")
    assert AccountKey.parse(renamed(str(key), "a/d a", "e%va")).value == "e%va"


def test_top_ups_have_no_period() -> None:
    assert renamed_budget("EUR/mine/user/ada", "ada", "eva") == "EUR/mine/user/eva"
    assert renamed_budget("EUR/mine/user/ada/large", "ada", "eva") == "EUR/mine/user/eva/large"
    assert renamed_budget("EUR/mine/team/ada", "ada", "eva") == "EUR/mine/team/ada"


def test_plain_values_of_scopes() -> None:
    assert renamed_value("user", "ada", "ada", "eva") == "eva"
    assert renamed_value("agent_run", "ada/run-1", "ada", "eva") == "eva/run-1"
    assert renamed_value("team", "ada", "ada", "eva") == "ada"
    assert renamed_value("agent_run", "adam/run-1", "ada", "eva") == "adam/run-1"


def test_only_own_credentials_are_renamed() -> None:
    renaming = Renaming("ada", "nobody", {"key-1"})
    assert renaming.credential("key-1") == "nobody"
    assert renaming.credential("of-a-front-end") == "of-a-front-end"
    assert renaming.person("eva") == "eva"
