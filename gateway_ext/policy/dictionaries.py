"""Dictionaries of terms: files beside guard.yaml, so that one digest covers what a policy says and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway_ext.guard.detector import Classifier
from gateway_ext.policy.files import TERMS
from gateway_ext.policy.guard_schema import GuardFile
from gateway_ext.policy.problems import Problem


def read_dictionaries(
    guard: GuardFile | None, files: Mapping[str, bytes]
) -> tuple[Sequence[Classifier], Sequence[Problem]]:
    """The classifiers of the dictionaries that `guard` names, and what is wrong with their files."""
    if guard is None:
        return (), ()
    used = {dictionary.terms for dictionary in guard.dictionaries.values()}
    problems = [
        Problem(name, 1, 1, "no dictionary of guard.yaml uses this file; name it there, or remove it")
        for name in files
        if name.endswith(TERMS) and name not in used
    ]
    if not guard.dictionaries:
        return (), problems
    # Late: most policies have no dictionary, and few processes need the library.
    from gateway_ext.guard.confidential.dictionary import (  # noqa: PLC0415
        Dictionary,
        DictionaryClassifier,
        DictionaryError,
        read_terms,
    )

    dictionaries: list[Dictionary] = []
    for name, written in guard.dictionaries.items():
        if written.terms not in files:
            continue  # the reference is a problem of guard.yaml's
        try:
            terms = read_terms(files[written.terms].decode("utf-8", "replace"))
        except DictionaryError as error:
            problems.append(Problem(written.terms, error.line, 1, error.problem))
            continue
        dictionaries.append(Dictionary(name, terms, written.case_sensitive, written.inflections, written.terms_min))
    return (DictionaryClassifier(dictionaries),), problems
