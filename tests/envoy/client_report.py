"""The matrix of clients and deployments as tables: every case for the end of a test run, a row a client for docs/dialects.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests.envoy.client_matrix import CLIENTS, SERVES, TALKS, Case, Client

Verdicts = Mapping[Case, str]


def verdicts_of(verdicts: Verdicts, client: Client, endpoint: str) -> dict[str, dict[str, str]]:
    """By what the deployment serves, and by case."""
    found: dict[str, dict[str, str]] = {serves: {} for serves in SERVES}
    for case, verdict in verdicts.items():
        if (case.client, case.endpoint) == (client, endpoint):
            found[case.serves][case.name] = verdict
    return found


def full_table(verdicts: Verdicts) -> str:
    head = ("client", "endpoint", "deployment serves", *TALKS)
    return _table(head, _full_rows(verdicts))


def short_table(verdicts: Verdicts) -> str:
    """One cell for all cases, which say the same unless something is wrong."""
    rows = []
    for client in CLIENTS:
        for endpoint in client.endpoints:
            found = verdicts_of(verdicts, client, endpoint).values()
            rows.append([client.name, f"`{endpoint}`", *(_shown(set(by_case.values())) for by_case in found)])
    return _table(("client", "endpoint", *SERVES), rows)


@dataclass(frozen=True, slots=True)
class AtTheEnd:
    """A plugin of pytest that prints a text below the results."""

    title: str
    text: str

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section(self.title)
        terminalreporter.write_line(self.text)


def _full_rows(verdicts: Verdicts) -> Iterator[list[str]]:
    for client in CLIENTS:
        for endpoint in client.endpoints:
            for serves, by_case in verdicts_of(verdicts, client, endpoint).items():
                asked = {name: _shown({verdict}) for name, verdict in by_case.items()}
                yield [client.name, endpoint, serves, *(asked.get(name, "") for name in TALKS)]


def _shown(verdicts: set[str]) -> str:
    if any(verdict.startswith("wrong") for verdict in verdicts):
        return "wrong"
    return ", ".join(verdict if verdict == "ok" else f"`{verdict}`" for verdict in sorted(verdicts))


def _table(head: Sequence[str], rows: Iterator[list[str]] | list[list[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
