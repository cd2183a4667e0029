from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway_ext.attachments.finding import with_attachments
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.errors import ContextLengthExceeded, ModelNotAllowed
from gateway_ext.exchange import Candidate, Endpoint, Prompt
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.steps.windows import Windowed, windowed
from gateway_ext.tokens.counter import Counter, read_vocabularies
from gateway_ext.tokens.prompts import input_tokens

WORD = "sovereign "  # two tokens at most, ten bytes
VOCABULARY = "o200k_base"


@pytest.fixture(scope="module")
def counter() -> Iterator[Counter]:
    read_vocabularies([VOCABULARY])  # else the first request would not wait for it
    made = Counter()
    yield made
    made.close()


def model(*windows: int, name: str = "m", tokenizer: str = VOCABULARY, **more: Any) -> VirtualModel:
    deployments = tuple(
        Candidate(f"p{at}/{name}", f"p{at}", name, "FR", "open-eu", context_tokens=window)
        for at, window in enumerate(windows)
    )
    return VirtualModel(name, deployments, output_tokens_max=1_000, context_tokens=1, tokenizer=tokenizer, **more)


def read(document: dict[str, Any], endpoint: Endpoint = Endpoint.CHAT_COMPLETIONS) -> Prompt:
    return with_attachments(read_prompt(endpoint, json.dumps({"model": "m", **document}).encode()))


def chat(*words: int, **more: Any) -> Prompt:
    """A conversation of questions of so many words, each answered briefly but the last."""
    messages: list[dict[str, str]] = [{"role": "system", "content": "Be brief."}]
    for count in words:
        messages += [{"role": "user", "content": WORD * count}, {"role": "assistant", "content": "Yes."}]
    return read({"messages": messages[:-1], **more})


def nobody(name: str) -> VirtualModel:
    raise AssertionError("not asked for")


def clusters(found: Windowed) -> list[str]:
    return [each.cluster for each in found.model.deployments]


async def test_what_surely_fits_is_not_counted(counter: Counter) -> None:
    prompt = chat(10)
    found = await windowed(prompt, model(10_000), counter, nobody)
    assert found.prompt is prompt
    assert (found.estimate.input_tokens, found.counted, found.reasons) == (prompt.body_bytes, None, ())


async def test_what_is_too_long_for_some_goes_to_the_others(counter: Counter) -> None:
    prompt = chat(2_000)
    found = await windowed(prompt, model(2_000, 8_000, 100_000), counter, nobody)
    counted = input_tokens(prompt, VOCABULARY)
    assert counted is not None
    assert clusters(found) == ["p1/m", "p2/m"]
    assert (found.counted, found.estimate.input_tokens) == (counted, counted.at_most)
    assert found.estimate.output_tokens == 1_000


async def test_who_named_no_limit_gets_what_the_window_leaves_for_each_choice(counter: Counter) -> None:
    prompt = chat(1_000, n=2)
    counted = input_tokens(prompt, VOCABULARY)
    assert counted is not None
    found = await windowed(prompt, model(counted.at_most + 300), counter, nobody)
    assert found.estimate.output_tokens == 2 * 300


async def test_what_no_window_holds_is_refused_with_the_counts(counter: Counter) -> None:
    with pytest.raises(ContextLengthExceeded, match="maximum context length is 2000 tokens"):
        await windowed(chat(5_000), model(1_500, 2_000), counter, nobody)


# --- larger ---------------------------------------------------------------------------------------------------------


async def test_a_larger_model_serves_what_is_too_long(counter: Counter) -> None:
    larger = model(50_000, name="large")
    found = await windowed(chat(5_000), model(2_000, larger="large"), counter, {"large": larger}.__getitem__)
    assert (found.model.name, clusters(found)) == ("large", ["p0/large"])
    assert found.reasons == ("context:larger:large",)


async def test_not_while_the_own_one_holds_it(counter: Counter) -> None:
    found = await windowed(chat(500), model(2_000, larger="large"), counter, nobody)
    assert found.model.name == "m"


async def test_who_may_not_use_the_larger_one_hears_of_this_one(counter: Counter) -> None:
    def granted(name: str) -> VirtualModel:
        raise ModelNotAllowed

    with pytest.raises(ContextLengthExceeded, match="2000"):
        await windowed(chat(5_000), model(2_000, larger="large"), counter, granted)


async def test_larger_and_larger(counter: Counter) -> None:
    models = {"large": model(4_000, name="large", larger="largest"), "largest": model(9_000, name="largest")}
    found = await windowed(chat(5_000), model(2_000, larger="large"), counter, models.__getitem__)
    assert found.reasons == ("context:larger:large", "context:larger:largest")
    with pytest.raises(ContextLengthExceeded, match="2000"):
        await windowed(chat(10_000), model(2_000, larger="large"), counter, models.__getitem__)


# --- without its oldest turns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tokenizer", "dropped_turns"), [(VOCABULARY, 1), ("", 3)], ids=["counted", "guessed"])
async def test_the_oldest_turns_go(counter: Counter, tokenizer: str, dropped_turns: int) -> None:
    prompt = chat(1_000, 1_000, 1_000, 10)
    found = await windowed(prompt, model(3_000, tokenizer=tokenizer, drops_oldest=True), counter, nobody)
    assert found.dropped_turns == dropped_turns
    assert found.body is not None
    document = json.loads(found.body)
    assert found.prompt == with_attachments(read_prompt(Endpoint.CHAT_COMPLETIONS, found.body))
    kept = prompt.document["messages"][1 + 2 * found.dropped_turns :]
    assert document == {**prompt.document, "messages": [prompt.document["messages"][0], *kept]}
    assert found.reasons == ("context:dropped_turns",)
    if found.counted is not None:
        assert found.counted.at_most + 256 <= 3_000
        assert found.estimate.input_tokens == found.counted.at_most
    again = await windowed(found.prompt, model(3_000, tokenizer=tokenizer, drops_oldest=True), counter, nobody)
    assert (again.prompt, again.body, again.dropped_turns) == (found.prompt, None, 0)


async def test_a_larger_model_comes_before_dropping(counter: Counter) -> None:
    own = model(2_000, larger="large", drops_oldest=True)
    found = await windowed(chat(2_000, 10), own, counter, {"large": model(50_000, name="large")}.__getitem__)
    assert (found.model.name, found.dropped_turns) == ("large", 0)
    found = await windowed(chat(2_000, 10), own, counter, {"large": model(2_100, name="large")}.__getitem__)
    assert (found.model.name, found.dropped_turns) == ("m", 1)


async def test_the_last_turn_stays_and_is_refused_when_it_is_too_long(counter: Counter) -> None:
    with pytest.raises(ContextLengthExceeded):
        await windowed(chat(10, 5_000), model(2_000, drops_oldest=True), counter, nobody)


async def test_what_was_asked_of_the_answer_needs_its_room(counter: Counter) -> None:
    own = model(2_000, drops_oldest=True)
    assert (await windowed(chat(400, 400, 10), own, counter, nobody)).dropped_turns == 0
    assert (await windowed(chat(400, 400, 10, max_tokens=1_100), own, counter, nobody)).dropped_turns == 1


async def test_a_batch_is_no_conversation(counter: Counter) -> None:
    batch = read({"input": [WORD * 1_000] * 5}, Endpoint.EMBEDDINGS)
    found = await windowed(batch, model(1_500, larger="large", drops_oldest=True), counter, nobody)
    assert (found.model.name, found.body) == ("m", None)


async def test_what_cannot_be_counted_is_not_refused(counter: Counter) -> None:
    found = await windowed(chat(5_000), model(2_000, tokenizer=""), counter, nobody)
    assert (clusters(found), found.counted) == (["p0/m"], None)
    assert found.estimate.input_tokens == chat(5_000).body_bytes, "the bound of the budget stays"
