"""Requests as the gateway makes them, to servers that differ on the wire; answers as the gateway reads them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway_ext.dialects.metered import MeteredStream, usage_of_body
from gateway_ext.dialects.requests import read_prompt, replace_model, rewrite
from gateway_ext.exchange import Endpoint, Usage
from gateway_ext.policy.loader import load_policy
from gateway_ext.routing.rules import Provider
from gateway_ext.simulator.flavours import Flavour
from gateway_ext.simulator.server import Simulator, SimulatorOptions
from tests.unit.policy.provider_entries import PAGE, written_to

ENTRIES = {flavour: flavour.value for flavour in Flavour} | {Flavour.SCALEWAY_DEDICATED: "scaleway"}
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "one two three"}]}
USED = Usage(input_tokens=3, output_tokens=5)


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Provider]:
    """As docs/providers.md has them."""
    return dict(load_policy(written_to(tmp_path_factory.mktemp("entries") / "policies")).routing.providers)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    flavours = {flavour.value: flavour for flavour in Flavour}
    async with (
        Simulator(SimulatorOptions(api_keys={"*": "secret"}, flavours=flavours, keeps_bodies=True)) as simulator,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{simulator.port}", timeout=5) as http,
    ):
        yield http


async def ask(http: httpx.AsyncClient, flavour: Flavour, provider: Provider, **asked: Any) -> httpx.Response:
    """A request as it leaves the gateway for that provider."""
    prompt = read_prompt(Endpoint.CHAT_COMPLETIONS, json.dumps({**ASKED, **asked}).encode())
    body = rewrite(prompt, model="theirs", include_usage=True, edits=(), fields={"max_tokens": 64})
    assert body is not None
    key = {provider.credential_header: f"{provider.credential_prefix}secret"} if provider.credential else {}
    told = replace_model(body, "theirs", provider.field_names)
    return await http.post(f"/{flavour}/v1/chat/completions", content=told, headers=key)


@pytest.mark.parametrize("flavour", Flavour)
async def test_a_stream_of_each_is_metered(
    http: httpx.AsyncClient, providers: dict[str, Provider], flavour: Flavour
) -> None:
    answer = await ask(http, flavour, providers[ENTRIES[flavour]], stream=True)
    assert answer.status_code == 200, answer.text
    stream = MeteredStream(strips_usage=True)
    passed = stream.feed(answer.content) + stream.finish()
    assert (stream.usage, stream.saw_end) == (USED, True)
    assert said(passed) == "You said: one two three"
    assert stream.seen_tokens >= USED.output_tokens


@pytest.mark.parametrize("flavour", Flavour)
async def test_a_whole_answer_of_each_is_metered(
    http: httpx.AsyncClient, providers: dict[str, Provider], flavour: Flavour
) -> None:
    answer = await ask(http, flavour, providers[ENTRIES[flavour]])
    assert answer.json()["choices"][0]["message"]["content"] == "You said: one two three"
    assert usage_of_body(answer.content) == USED


async def test_azure_wants_its_key_in_its_own_header(http: httpx.AsyncClient, providers: dict[str, Provider]) -> None:
    assert (await ask(http, Flavour.AZURE, providers["openai"])).status_code == 401
    assert (await ask(http, Flavour.OPENAI, providers["azure"])).status_code == 401


async def test_azure_says_what_its_filter_found(http: httpx.AsyncClient, providers: dict[str, Provider]) -> None:
    answer = await ask(http, Flavour.AZURE, providers["azure"], stream=True)
    opening, first, *_ = events(answer.content)
    assert (opening["choices"], "prompt_filter_results" in opening) == ([], True)
    assert first["choices"][0]["content_filter_results"]["hate"] == {"filtered": False, "severity": "safe"}


async def test_mistral_refuses_what_it_does_not_know(http: httpx.AsyncClient, providers: dict[str, Provider]) -> None:
    refused = await ask(http, Flavour.MISTRAL, providers["openai"], stream=True)
    assert refused.status_code == 422
    (detail,) = refused.json()["message"]["detail"]
    assert (detail["type"], detail["loc"]) == ("extra_forbidden", ["body", "stream_options"])
    assert (await ask(http, Flavour.MISTRAL, providers["mistral"], seed=7)).status_code == 200


async def test_mistral_reports_usage_with_the_last_words(
    http: httpx.AsyncClient, providers: dict[str, Provider]
) -> None:
    chunks = events((await ask(http, Flavour.MISTRAL, providers["mistral"], stream=True)).content)
    assert [bool(chunk.get("usage")) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_tgi_and_ollama_make_one_choice(http: httpx.AsyncClient, providers: dict[str, Provider]) -> None:
    for flavour in (Flavour.TGI, Flavour.OLLAMA):
        answer = await ask(http, flavour, providers[flavour.value], n=3)
        assert len(answer.json()["choices"]) == 1
    assert len((await ask(http, Flavour.OPENAI, providers["openai"], n=3)).json()["choices"]) == 3


async def test_tgi_has_errors_of_its_own_form(http: httpx.AsyncClient, providers: dict[str, Provider]) -> None:
    refused = await ask(http, Flavour.TGI, providers["tgi"], tools="none")
    assert (refused.status_code, refused.json()["error_type"]) == (422, "validation")
    assert isinstance(refused.json()["error"], str)


async def test_openrouter_reports_usage_unasked_and_comments(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/openrouter/v1/chat/completions", json={**ASKED, "stream": True}, headers={"authorization": "Bearer secret"}
    )
    assert answer.text.startswith(": OPENROUTER PROCESSING\n\n")
    assert events(answer.content)[-1]["usage"]["completion_tokens"] == USED.output_tokens


async def test_scaleways_dedicated_servers_count_along(http: httpx.AsyncClient, providers: dict[str, Provider]) -> None:
    chunks = events((await ask(http, Flavour.SCALEWAY_DEDICATED, providers["scaleway"], stream=True)).content)
    counted = [chunk["usage"]["completion_tokens"] for chunk in chunks]
    assert (counted, counted[-1]) == (sorted(counted), USED.output_tokens)
    assert len(set(counted)) > 2


def test_the_page_explains_each_flavour() -> None:
    assert re.findall(r"^\| `([a-z][a-z-]*)` \|", PAGE, re.MULTILINE) == list(Flavour)


def events(stream: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix(b"data: ") for line in stream.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(line) for line in lines]


def said(stream: bytes) -> str:
    choices = [choice for event in events(stream) for choice in event["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)
