"""Who can log in on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway_ext.errors import ConfigurationError
from gateway_ext.local.identity_provider.people import ensure_people, find, read_people


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.yaml"
    ensure_people(path)
    return path


def test_three_people_with_passwords_of_their_own(file: Path, tmp_path: Path) -> None:
    people = {each.name: each for each in read_people(file)}
    assert {name: each.groups for name, each in people.items()} == {
        "ada": ("llm-users",),
        "grace": ("llm-users", "llm-admins"),
        "sofia": ("llm-security",),
    }
    other = tmp_path / "other.yaml"
    ensure_people(other)
    passwords = [each.password for path in (file, other) for each in read_people(path)]
    assert len(set(passwords)) == 6
    assert min(map(len, passwords)) >= 16
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_file_is_made_once(file: Path) -> None:
    before = file.read_bytes()
    ensure_people(file)
    assert file.read_bytes() == before


def test_a_password_is_in_no_repr(file: Path) -> None:
    people = read_people(file)
    assert not any(each.password in repr(people) + str(people) for each in people)


def test_find_takes_name_and_password_together(file: Path) -> None:
    people = read_people(file)
    ada, grace, _ = people
    assert find(people, "ada", ada.password) is ada
    for name, password in (("ada", grace.password), ("ADA", ada.password), ("ada", ""), ("", ""), ("x", "ü")):
        assert find(people, name, password) is None


def test_a_file_that_others_may_read_is_refused(file: Path) -> None:
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may access it"):
        ensure_people(file)


def test_without_a_file_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gateway-ext up"):
        read_people(tmp_path / "people.yaml")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"password": "hunter2hunt"}, "people.0.password"),
        ({"name": "Ada Lovelace"}, "people.0.name"),
        ({"email": "nowhere"}, "people.0.email"),
        ({"groups": "llm-users"}, "people.0.groups"),
        ({"role": "admin"}, "people.0.role"),
    ],
)
def test_a_damaged_file_is_told_by_place_and_never_by_value(file: Path, change: dict[str, str], where: str) -> None:
    document = yaml.safe_load(file.read_text())
    document["people"][0] |= change
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match=where) as refused:
        read_people(file)
    assert not any(value in str(refused.value) for value in change.values())


@pytest.mark.parametrize("text", ["", "people: []", "- a", "a: [", "people: [1]", "\x00"])
def test_what_is_no_such_file_is_told(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"people\.yaml: .* cannot be understood"):
        read_people(file)


def test_two_of_the_same_name_are_told(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    document["people"].append(document["people"][0])
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match="same name"):
        read_people(file)
