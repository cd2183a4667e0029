"""From a directory to a snapshot, or to every fault in it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway_ext.clock import SystemClock
from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.policy import references
from gateway_ext.policy.catalog_references import catalog_faults
from gateway_ext.policy.compile import compile_snapshot
from gateway_ext.policy.diagnosis import diagnose
from gateway_ext.policy.dictionaries import read_dictionaries
from gateway_ext.policy.files import Directory, read_directory
from gateway_ext.policy.price_book import price_faults
from gateway_ext.policy.problems import PolicyError, Problem
from gateway_ext.policy.references import PolicyFiles
from gateway_ext.policy.schema import FILES
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.policy.yaml_source import read_source

_NOW_UNIX_NANO = SystemClock().now_unix_nano


@dataclass(frozen=True, slots=True)
class Reading:
    """A usable policy, and what in it is hardly meant that way."""

    snapshot: Snapshot
    warnings: tuple[Problem, ...]


def load_policy(directory: Path) -> Snapshot:
    """The policy in `directory`. Raises PolicyError with all problems of all files."""
    return read_policy(directory).snapshot


def read_policy(directory: Path) -> Reading:
    """As `load_policy`, with warnings."""
    return judge(directory, read_directory(directory))


def judge(
    directory: Path,
    found: Directory,
    detectors: Mapping[str, str] = DETECTORS,
    now_unix_nano: Callable[[], int] = _NOW_UNIX_NANO,
) -> Reading:
    """The reading of bytes already read from `directory`. Raises PolicyError, also for prices that begin later than now."""
    sources = {name: read_source(name, data) for name, data in found.files.items() if name in FILES}
    detectors = {**detectors, **references.dictionary_detectors(sources)}
    names = references.declared_names(sources, found.files, detectors)
    problems = [*found.problems, *(problem for source in sources.values() for problem in source.problems)]
    shapes: dict[str, Any] = {}
    for name, source in sources.items():
        if not source.is_readable:
            continue
        try:
            shapes[name] = FILES[name].model_validate(source.document, context=names)
        except ValidationError as error:
            problems += diagnose(source, FILES[name], error)
    problems += references.contradictions(sources, shapes)
    problems += catalog_faults(sources, shapes, found.files)
    problems += price_faults(sources, shapes, now_unix_nano())
    dictionaries, faults = read_dictionaries(shapes.get("guard.yaml"), found.files)
    problems += faults
    if problems:
        raise PolicyError(directory, problems)
    files = PolicyFiles(**{name.removesuffix(".yaml"): shape for name, shape in shapes.items()})
    warnings = sorted(references.warnings(sources, files))
    snapshot = compile_snapshot(files, detectors, dictionaries, found.digest)
    return Reading(replace(snapshot, files=found.file_digests), tuple(warnings))
