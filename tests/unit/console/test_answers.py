"""How what is raised becomes what is answered, and what is recorded of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway_ext.console import answers, problems
from gateway_ext.credentials.rules import CredentialConflict, CredentialInvalid
from gateway_ext.errors import ConfigurationError, PersonDisabled, Refusal, StandingUnavailable
from tests.unit.console.office import Office

DOCUMENT = Path(__file__).parents[3] / "docs" / "control-api.md"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_a_denied_request_is_recorded_without_what_was_sent(office: Office) -> None:
    async with office.as_("ada") as ada:
        await ada.post("/api/v1/disablings", json={"subject": "grace", "reason": "revenge"})
        await ada.get("/api/v1/credentials/0123?subject=grace")
    assert [(e.name, e.order.scope, e.order.value, e.order.actor, e.order.reason) for e in office.recorded()] == [
        ("console:request:denied", "permission", "people:disable", "ada", "POST /api/v1/disablings"),
        ("console:request:denied", "permission", "credentials:read", "ada", "GET /api/v1/credentials/{credential_id}"),
    ]


async def test_who_goes_on_trying_does_not_fill_the_trail(office: Office) -> None:
    office.allow_changes(2)
    async with office.as_("ada") as ada:
        got = [await ada.get("/api/v1/orders") for _ in range(4)]
    assert [answer.status_code for answer in got] == [403, 403, 429, 429]
    assert 1 <= int(got[-1].headers["retry-after"]) <= 61
    assert len(office.recorded()) == 2


async def test_a_denial_that_cannot_be_recorded_is_one_all_the_same(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.settings.layout.spool.write_text("in the way of the directory")
    async with office.as_("ada") as ada:
        assert (await ada.get("/api/v1/orders")).status_code == 403
    assert "is not recorded" in caplog.text


def test_messages_for_operators_stay_with_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        problem = answers.problem_of_configuration(ConfigurationError("/var/lib/gateway: the disk is full"))
    assert isinstance(problem, problems.Unavailable)
    assert "/var/lib" not in str(problem.document())
    assert "/var/lib" in caplog.text


def test_messages_for_whoever_asks_reach_them() -> None:
    invalid = answers.problem_of_configuration(CredentialInvalid("binding", "bind it"))
    assert invalid.document()["errors"] == [{"pointer": "/client_uri", "detail": "bind it"}]
    assert answers.problem_of_configuration(CredentialConflict("you have 20")).document()["detail"] == "you have 20"


@pytest.mark.parametrize(
    ("refusal", "status"), [(PersonDisabled(), 401), (StandingUnavailable(), 503), (Refusal(), 401)]
)
def test_whom_the_gateway_refuses_is_not_let_in_here(refusal: Refusal, status: int) -> None:
    assert answers.problem_of_refusal(refusal).status == status


def test_a_made_up_field_is_named_shortly_and_its_value_never() -> None:
    error = {"type": "extra_forbidden", "loc": ("body", "a/b~" + "x" * 100), "msg": "Extra", "input": "SECRET"}
    document = answers.problem_of_validation([error]).document()
    assert document["errors"] == [{"pointer": "/a~1b~0" + "x" * 60, "detail": "Extra"}]


def test_every_problem_is_documented_with_its_status() -> None:
    exist = {(each.code, each.status) for each in problems.KINDS}
    lines = [line.split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    assert exist <= {(line[1].strip(" `"), int(line[2])) for line in lines if line[2].strip().isdigit()}
    assert len({code for code, _ in exist}) == len(exist)
