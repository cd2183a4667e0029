from __future__ import annotations

import re

from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.guard.confidential.detectors import classifiers, detectors
from gateway_ext.guard.confidential.names import DICTIONARY_NAME, NAMES, ROLES, dictionary_kind

ELSEWHERE = {"registered_document", "source_code"}  # from the registry, and from the n-gram model


def test_every_name_has_a_detector() -> None:
    names = [detector.name for detector in detectors()]
    names += [kind.name for classifier in classifiers(frozenset(NAMES)) for kind in classifier.kinds]
    assert sorted(names) == sorted(set(NAMES) - ELSEWHERE)
    assert {detector.data_class for detector in detectors()} == {CONFIDENTIAL}
    assert ROLES.keys() <= set(NAMES)


def test_only_what_is_enabled_is_built() -> None:
    assert classifiers(frozenset()) == []


def test_names_of_dictionaries_stay_apart() -> None:
    assert re.fullmatch(DICTIONARY_NAME, "projects_2")
    assert not any(re.fullmatch(DICTIONARY_NAME, name) for name in ("", "2", "Projects", "a-b", "a" * 49))
    assert dictionary_kind("projects") == "dictionary_projects"
    assert not any(name.startswith(dictionary_kind("")) for name in NAMES)
