"""Each file of tests/policies/bad replaces one file of a good policy; its first line says what must be reported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.problems import PolicyError

BAD = sorted((Path(__file__).parents[2] / "policies" / "bad").glob("*.yaml"))
EXPECTATION = re.compile(rb"# (?P<file>[a-z]+\.yaml):(?P<line>\d+):(?P<column>\d+): (?P<text>[^\n]+)\n")


def test_there_are_many() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize("fixture", BAD, ids=lambda path: path.stem)
def test_the_fault_and_nothing_else_is_reported_where_it_is(fixture: Path, policy_dir: Path) -> None:
    data = fixture.read_bytes()
    expected = EXPECTATION.match(data)
    assert expected, "the first line must be '# file:line:column: telling part of the message'"
    file, text = expected["file"].decode(), expected["text"].decode()
    (policy_dir / file).write_bytes(data)

    with pytest.raises(PolicyError) as caught:
        load_policy(policy_dir)

    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == (file, int(expected["line"]), int(expected["column"]))
    assert text in problem.message
    assert str(problem) in caught.value.diagnostics()


@pytest.mark.parametrize("name", ["credential_is_a_key", "url_with_userinfo"])
def test_what_may_be_a_secret_is_not_repeated(name: str, policy_dir: Path) -> None:
    (fixture,) = (path for path in BAD if path.stem == name)
    (policy_dir / "providers.yaml").write_bytes(fixture.read_bytes())

    with pytest.raises(PolicyError) as caught:
        load_policy(policy_dir)

    assert not re.search("SECRET|hunter2", str(caught.value) + repr(caught.value.problems))
