from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.cli.pseudonyms import Pseudonyms
from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.settings import Settings

KEY = bytes(range(32))


def test_a_person_has_one_name_that_no_finding_has(tmp_path: Path) -> None:
    (tmp_path / "fingerprint.key").write_bytes(KEY)
    hidden = Pseudonyms(Settings(state_dir=tmp_path))
    assert hidden.of("ada@example.com") == Pseudonyms(Settings(state_dir=tmp_path)).of("ada@example.com")
    assert hidden.of("ada@example.com") != hidden.of("bob@example.com")
    assert hidden.of("ada@example.com")[1:] not in Fingerprints(KEY).of_value("ada@example.com")
    assert hidden.of("") == ""


def test_without_a_key_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"fingerprint.key: the fingerprint key cannot be read \(No such file"):
        Pseudonyms(Settings(state_dir=tmp_path))
