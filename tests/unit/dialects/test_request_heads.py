import dataclasses

import pytest

from gateway_ext.dialects.request_heads import agent_run, require_json, served_endpoint
from gateway_ext.errors import AgentRunInvalid, ContentTypeUnsupported, EndpointUnknown, MethodNotAllowed
from gateway_ext.exchange import Endpoint, Interface, RequestHead

HEAD = RequestHead(Interface.PUBLIC, "POST", "/v1/chat/completions", "application/json", "", "", {})


@pytest.mark.parametrize("endpoint", Endpoint)
def test_every_endpoint_is_served_by_its_method_alone(endpoint: Endpoint) -> None:
    right, wrong = ("GET", "POST") if endpoint is Endpoint.MODELS else ("POST", "GET")
    assert served_endpoint(dataclasses.replace(HEAD, method=right, path=endpoint.value)) is endpoint
    with pytest.raises(MethodNotAllowed):
        served_endpoint(dataclasses.replace(HEAD, method=wrong, path=endpoint.value))


@pytest.mark.parametrize("path", ["", "/v1/chat/completions/", "/V1/models", "/v1/../v1/models"])
def test_nothing_else_is(path: str) -> None:
    with pytest.raises(EndpointUnknown):
        served_endpoint(dataclasses.replace(HEAD, path=path))


@pytest.mark.parametrize(
    "accepted", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_in_utf8_is_accepted(accepted: str) -> None:
    require_json(dataclasses.replace(HEAD, content_type=accepted))


@pytest.mark.parametrize("refused", ["", "text/plain", "application/json; charset=utf-16", "application/json; a=b"])
def test_anything_else_is_refused(refused: str) -> None:
    with pytest.raises(ContentTypeUnsupported):
        require_json(dataclasses.replace(HEAD, content_type=refused))


@pytest.mark.parametrize("name", ["7", "run-1", "4f9c2b1e-8a6d-4c3e-9f00-aabbccddeeff", "a:b.c_d-E", "x" * 128])
def test_a_run_is_called_by_an_id(name: str) -> None:
    assert agent_run(dataclasses.replace(HEAD, agent_run=name)) == name


def test_none_has_to_be_named() -> None:
    assert agent_run(HEAD) == ""


@pytest.mark.parametrize(
    "name", ["", " ", "-1", "a b", "a/b", "a, b", "run\n", "ü", "a%2Fb", "x" * 129, "ada@example.eu"]
)
def test_what_is_no_id_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(AgentRunInvalid) as refusal:
        agent_run(dataclasses.replace(HEAD, agent_run=name))
    assert not name.strip("-1 ") or name not in str(refusal.value)
