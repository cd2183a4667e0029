"""SQL that both ledgers share: the columns of dimensions, and which holds a question is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gateway_ext.budget.leases.rules import LEASE_PREFIX
from gateway_ext.budget.reports.usage import TOKENS, Dimension, Figures, Group, UsageQuery, figures

_COLUMNS = {
    Dimension.USER: "subject",
    Dimension.CREDENTIAL: "credential_id",
    Dimension.DEPLOYMENT: "cluster",
}

PAYER = "subject, team, business_unit, project, application, environment, cost_center, credential_id, agent_run"
"""The fields of Payer, in their order."""

_ESTIMATED, _LEASE = 1, 2  # as one number: each column more to group by costs time


def column(dimension: Dimension, provider: str) -> str:
    """The expression that `dimension` is. `provider` is the one that cuts it out of a cluster's name."""
    return provider if dimension is Dimension.PROVIDER else _COLUMNS.get(dimension, dimension.value)


def conditions(query: UsageQuery, provider: str, mark: Callable[[int], str]) -> tuple[str, list[str | int]]:
    """The WHERE of `query`, without the word, and its parameters; `mark` writes the placeholder of the n-th one, from 1."""
    parameters: list[str | int] = [query.starts_unix_nano, query.ends_unix_nano]
    clauses = [f"created_unix_nano >= {mark(1)}", f"created_unix_nano < {mark(2)}"]
    for dimension, values in query.where:
        marks = ", ".join(mark(len(parameters) + number) for number in range(1, len(values) + 1))
        clauses.append(f"{column(dimension, provider)} IN ({marks})")
        parameters += values
    return " AND ".join(clauses), parameters


def select_sums(query: UsageQuery, provider: str, is_estimated: str, tokens: Sequence[str], where: str) -> str:
    """A row for each group, state and kind of evidence: the group's values, then the parameters of `figures`.

    `is_estimated` and `tokens` are the expressions that tell them. Tokens of requests charged at their worst case are
    unknown, and count as none.
    """
    is_lease = f"substr(id, 1, {len(LEASE_PREFIX)}) = '{LEASE_PREFIX}'"
    marks = f"CASE WHEN {is_estimated} THEN {_ESTIMATED} ELSE 0 END + CASE WHEN {is_lease} THEN {_LEASE} ELSE 0 END"
    keys = [*(column(each, provider) for each in query.by), "currency"]
    sums = ", ".join(f"coalesce(sum({expression}), 0)" for expression in tokens)
    places = ", ".join(str(number) for number in range(1, len(keys) + 3))
    return (
        f"SELECT {', '.join(keys)}, state, {marks}, count(*), sum(cost_nano), sum(amount_nano), {sums}"  # noqa: S608  (names of columns; values are parameters)
        f" FROM hold WHERE {where} GROUP BY {places}"
    )


def grouped(rows: Iterable[Sequence[Any]]) -> Mapping[Group, Figures]:
    """Rows of `select_sums` as figures by group."""
    found: dict[Group, Figures] = {}
    for row in rows:
        *values, currency, state, marks, holds, cost_nano, amount_nano = row[: len(row) - len(TOKENS)]
        tokens = dict(zip(TOKENS, map(int, row[len(row) - len(TOKENS) :]), strict=True))
        each = figures(
            state, bool(marks & _ESTIMATED), bool(marks & _LEASE), holds, int(cost_nano), int(amount_nano), tokens
        )
        group = Group(currency, tuple(values))
        found[group] = found[group] + each if group in found else each
    return found
