"""Clients as they are, against deployments of every wire format: only addresses and keys are set, in their environment."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest

from tests.envoy.client_matrix import CLIENTS, FAULTS, WIRES, Client, all_cases, use_deployments
from tests.envoy.client_programs import run_all
from tests.envoy.client_report import AtTheEnd, Verdicts, full_table, short_table, verdicts_of
from tests.envoy.client_verdicts import REFUSAL, verdict
from tests.envoy.stack import PROJECT, Stack

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(700)]  # libraries may have to be installed
_NUMBER = re.compile(r"Say hello (\d+)\.")


@pytest.fixture(scope="module")
def verdicts(stack: Stack, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """What came of each case. The matrix is shown at the end of the run, and written beside the run's other files."""
    stack.forget_upstream_log()
    use_deployments(stack)
    try:
        outcomes = run_all(stack, cases := all_cases())
        arrived: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for seen in stack.upstream_log():
            arrived[int(_NUMBER.findall(seen["body"])[0])].append(seen)
    finally:
        for deployment in FAULTS:
            stack.simulate(deployment)
        stack.use_policy()
    found = {case: verdict(case, outcomes[case.number], arrived[case.number]) for case in cases}
    table = full_table(found)
    (tmp_path_factory.mktemp("clients") / "matrix.md").write_text(f"{table}\n")
    request.config.pluginmanager.register(AtTheEnd("clients and deployments", table))
    return found


@pytest.mark.parametrize(
    ("client", "endpoint"),
    [pytest.param(client, endpoint, id=client.name + endpoint) for client in CLIENTS for endpoint in client.endpoints],
)
def test_client_gets_the_same_from_every_deployment(verdicts: Verdicts, client: Client, endpoint: str) -> None:
    unexpected = [
        f"{serves}, {case}: {verdict}"
        for serves, by_case in verdicts_of(verdicts, client, endpoint).items()
        for case, verdict in by_case.items()
        if verdict != ("ok" if serves in WIRES[endpoint] else REFUSAL)
    ]
    assert not unexpected, "\n".join(unexpected)


def test_matrix_is_documented(verdicts: Verdicts) -> None:
    assert short_table(verdicts) in (PROJECT / "docs" / "dialects.md").read_text()
