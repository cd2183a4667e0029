"""The OpenAPI document: complete, valid, and the one that is committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI

from gateway_ext.cli.main import main
from gateway_ext.console import app, budget_shapes, credential_shapes, fields, order_shapes
from gateway_ext.console.description import operations
from gateway_ext.console.fields import Body
from tests.unit.console.office import Office

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"
DOCUMENT = app.openapi()
OPERATIONS = [(f"{method} {path}", operation) for method, path, operation in operations(DOCUMENT)]


def test_the_committed_document_is_the_one_that_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["control", "--openapi"]) == 0
    assert capsys.readouterr().out == COMMITTED.read_text(), "gateway-ext control --openapi > docs/openapi.json"


async def test_it_is_served_without_a_login(tmp_path: Path) -> None:
    async with Office(tmp_path).client() as client:
        assert (await client.get("/api/openapi.json")).json() == DOCUMENT


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    OpenAPI.model_validate(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [each for value in node.values() for each in references(value)]
        return [each for value in node for each in references(value)] if isinstance(node, list) else []

    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        node = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_operation_says_what_it_is_and_how_it_fails(name: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["x-permission"]
    assert operation["security"] == [{"session": []}, {"bearer": []}]
    assert {"401", "503"} <= operation["responses"].keys()
    assert ("403" in operation["responses"]) is (operation["x-permission"] != "signed-in")
    headers = {each["name"]: each["required"] for each in operation["parameters"] if each["in"] == "header"}
    assert set(headers) == (set() if name.startswith("get") else {"Idempotency-Key", "x-csrf-token"})
    if "token" in json.dumps(operation["responses"].get("201", {})).lower() or name.endswith("}/rotation"):
        assert headers["Idempotency-Key"]


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "model",
    [
        credential_shapes.Wish,
        credential_shapes.ServiceWish,
        order_shapes.Stop,
        order_shapes.Disabling,
        order_shapes.Revocation,
        budget_shapes.TopUpWish,
        fields.Because,
    ],
)
def test_examples_are_ones(model: type[Body]) -> None:
    examples = DOCUMENT["components"]["schemas"][model.__name__]["examples"]
    assert examples
    for example in examples:
        model.model_validate(example)


def test_no_body_takes_what_it_does_not_know() -> None:
    bodies = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for _, operation in OPERATIONS
        if "requestBody" in operation
    }
    schemas = DOCUMENT["components"]["schemas"]
    assert bodies
    assert [name for name in bodies if schemas[name].get("additionalProperties") is not False] == []
