"""What is wrong with a policy, and exactly where: an operator fixes a file from this text alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from gateway_ext.errors import ConfigurationError


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`file` is the bare name; `line` and `column` count from 1. `message` says what is wrong and how to fix it."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class PolicyError(ConfigurationError):
    """A policy directory is unusable. `problems` holds all of its faults, by file and line; there is at least one."""

    def __init__(self, directory: Path, problems: Iterable[Problem]):
        self.directory = directory
        self.problems = tuple(sorted(problems))
        super().__init__(self.diagnostics())

    def diagnostics(self) -> str:
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        return "\n".join([f"policy in '{self.directory}' has {count}:", *(f"  {problem}" for problem in self.problems)])


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'? Known: a, b`: the tail of a message about a name that is not one of `known`."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ";"
    return f"{hint} known: {', '.join(names) or '(none)'}"
