"""Cases beside a policy: `tests/*.yaml` in its directory, read with the same strictness and judged by its names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from gateway_ext.errors import ConfigurationError
from gateway_ext.policy.cases_schema import CasesFile, WrittenCase
from gateway_ext.policy.diagnosis import diagnose
from gateway_ext.policy.fields import KnownNames
from gateway_ext.policy.problems import PolicyError, Problem
from gateway_ext.policy.yaml_source import Source, read_source

DIRECTORY = "tests"


@dataclass(frozen=True, slots=True)
class PlacedCase:
    """Where it stands: the file's name below the directory of cases, and the line of its name."""

    file: str
    line: int
    case: WrittenCase


def case_files(directory: Path) -> list[Path]:
    """By name; none when there is no such directory."""
    return sorted(path for path in directory.glob("*.yaml") if not path.name.startswith("."))


def read_cases(directory: Path, known: KnownNames) -> tuple[PlacedCase, ...]:
    """The cases of all files in `directory`. `known` are the names of the policy that they are about.

    Raises PolicyError with all that is wrong with them, ConfigurationError when a file cannot be read.
    """
    placed: list[PlacedCase] = []
    problems: list[Problem] = []
    for path in case_files(directory):
        try:
            source = read_source(path.name, path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
        problems += source.problems
        if not source.is_readable:
            continue
        try:
            file = CasesFile.model_validate(source.document, context=known)
        except ValidationError as error:
            problems += diagnose(source, CasesFile, error)
            continue
        placed += _placed(source, file)
    problems += _repeated(placed)
    if problems:
        raise PolicyError(directory, problems)
    return tuple(placed)


def _placed(source: Source, file: CasesFile) -> Iterator[PlacedCase]:
    for index, case in enumerate(file.cases):
        line, _ = source.position(("cases", index, "name"))
        yield PlacedCase(source.file, line, case)


def _repeated(placed: list[PlacedCase]) -> Iterator[Problem]:
    first: dict[str, PlacedCase] = {}
    for each in placed:
        other = first.setdefault(each.case.name, each)
        if other is not each:
            message = f"the name '{each.case.name}' is already used in {other.file}, line {other.line}"
            yield Problem(each.file, each.line, 1, message)
