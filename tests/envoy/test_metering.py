"""Money over the real gateway: what a provider reported × the price of the deployment that answered, charged once."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.status import AccountStatus, read_accounts
from gateway_ext.limits import NANO
from tests.envoy.stack import PLAIN, Stack, chat, free_ports, running_stack

pytestmark = pytest.mark.envoy

# Nano-euros per token in and out, from policies/models.yaml.
PRICES = {("us", "assistant"): (2_500, 10_000), ("eu", "assistant"): (400, 2_000), ("us", "embedder"): (20, 0)}


@pytest.fixture(scope="module")
def metrics_address() -> str:
    return f"127.0.0.1:{free_ports(1)[0]}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, metrics_address: str) -> Iterator[Stack]:
    """One of its own: these tests change its policy."""
    settings = f"metrics_address: {metrics_address}\nmetrics_seconds: 1\ntraces: all\n"
    with running_stack(tmp_path_factory.mktemp("metering"), settings=settings) as running:
        yield running


@dataclass(frozen=True)
class Case:
    """A request, and how often its answer shows usage to a caller who did (not) ask for it."""

    name: str
    path: str
    body: dict[str, Any] = field(repr=False)
    is_stream: bool = False
    asked: bool = False

    @property
    def strips(self) -> bool:
        """Whether a usage chunk is on its way that the caller did not ask for."""
        return self.is_stream and not self.asked and self.path not in ("/responses", "/messages")


def cases() -> list[Case]:
    words = "How much is one two three?"
    completion = {"model": "assistant", "prompt": words}
    response = {"model": "assistant", "input": words}
    asking: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    return [
        Case("chat", "/chat/completions", chat(words)),
        Case("chat-stream", "/chat/completions", chat(words, stream=True), is_stream=True),
        Case("chat-stream-asking", "/chat/completions", chat(words, **asking), is_stream=True, asked=True),
        Case("completion", "/completions", completion),
        Case("completion-stream", "/completions", completion | {"stream": True}, is_stream=True),
        Case("completion-stream-asking", "/completions", completion | asking, is_stream=True, asked=True),
        Case("embedding", "/embeddings", {"model": "embedder", "input": [words, "four"]}),
        Case("response", "/responses", response),
        Case("response-stream", "/responses", response | {"stream": True}, is_stream=True),
        Case("message", "/messages", chat(words, max_tokens=100)),
        Case("message-stream", "/messages", chat(words, max_tokens=100, stream=True), is_stream=True),
    ]


@dataclass(frozen=True)
class Sent:
    case: Case
    subject: str
    cost_nano: int
    answer: httpx.Response


def send(stack: Stack, case: Case, subject: str) -> Sent:
    """Send it, and learn from the provider itself what it reports for what it was sent."""
    stack.forget_upstream_log()
    with stack.client(stack.token(subject=subject)) as client:
        answer = client.post(case.path, json=case.body)
    assert answer.status_code == 200, answer.text
    seen = stack.upstream_log()[-1]
    again = httpx.post(
        f"http://127.0.0.1:{stack.ports.simulator}{seen['path']}",
        content=seen["body"],
        headers=key_of(seen["deployment"]),
        trust_env=False,
    )
    (usage,) = usages(again)
    tokens_in, tokens_out = (usage.get(f"{a}_tokens", usage.get(f"{b}_tokens", 0)) for a, b in SIDES)
    price_in, price_out = PRICES[seen["deployment"], case.body["model"]]
    assert tokens_in > 0
    return Sent(case, subject, tokens_in * price_in + tokens_out * price_out, answer)


SIDES = (("prompt", "input"), ("completion", "output"))


def key_of(deployment: str) -> dict[str, str]:
    """As a provider of either dialect wants it."""
    key = f"provider-key-of-{deployment}"
    return {"authorization": f"Bearer {key}", "x-api-key": key, "anthropic-version": "2023-06-01"}


def usages(answer: httpx.Response) -> list[dict[str, Any]]:
    """Each usage that an answer shows, in a stream or not."""
    documents = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    if (
        documents and documents[0].get("type") == "message_start"
    ):  # the input is told at the start, the output at the end
        return [documents[0]["message"]["usage"] | document["usage"] for document in documents if "usage" in document]
    found = [
        document.get("usage") or document.get("response", {}).get("usage") for document in documents or [answer.json()]
    ]
    return [usage for usage in found if usage]


def settled(stack: Stack, *subjects: str) -> dict[str, dict[str, Any]]:
    """The one outcome of the one request of each of these subjects."""

    def by_subject(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        subject_of = {r["gateway.exchange.id"]: r.get("gateway.principal.subject") for r in records if is_decision(r)}
        found: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            if not is_decision(record) and "gateway.exchange.id" in record:
                found.setdefault(str(subject_of.get(record["gateway.exchange.id"])), []).append(record)
        return found

    records = stack.wait_for_records(lambda records: set(subjects) <= set(by_subject(records)))
    outcomes = by_subject(records)
    assert [len(outcomes[subject]) for subject in subjects] == [1] * len(subjects)
    return {subject: outcomes[subject][0] for subject in subjects}


def is_decision(record: dict[str, Any]) -> bool:
    return str(record["event"]).startswith("request:decision:")


def account(stack: Stack, rule: str, value: str) -> AccountStatus:
    for status in read_accounts(stack.layout.ledger):
        key = AccountKey.parse(status.key)
        if (key.rule, key.value) == (rule, value):
            return status
    return AccountStatus("", rule, 0, 0, 0)


@pytest.mark.parametrize("usage_chunk", ["strip", "pass"])
@pytest.mark.parametrize("metering", ["envoy", "processor"])
def test_the_charge_is_the_price_times_what_the_provider_reported(
    stack: Stack, metering: str, usage_chunk: str
) -> None:
    before = account(stack, "per-team", "demo").posted_nano
    stack.use_policy(
        ("routing.yaml", "usage_chunk: strip", f"usage_chunk: {usage_chunk}"),
        ("routing.yaml", "metering: envoy", f"metering: {metering}"),
    )
    sent = [send(stack, case, f"{metering}.{usage_chunk}.{case.name}") for case in cases()]
    outcomes = settled(stack, *(each.subject for each in sent))
    for each in sent:
        outcome, books = outcomes[each.subject], account(stack, "per-user", each.subject)
        assert outcome["event"] == "request:outcome:settled"
        assert (books.posted_nano, books.held_nano) == (each.cost_nano, 0), each.case
        assert outcome["gateway.budget.cost_nano"] == each.cost_nano
        assert outcome["gateway.outcome.settled_by"] == "access_log"
        assert "gateway.outcome.flags" not in outcome, each.case
        shown = 0 if usage_chunk == "strip" and each.case.strips else 1
        assert len(usages(each.answer)) == shown, each.case
    assert account(stack, "per-team", "demo").posted_nano - before == sum(each.cost_nano for each in sent)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("metering", ["envoy", "processor"])
def test_a_failed_attempt_costs_nothing_and_the_answering_deployments_price_is_charged(
    stack: Stack, metering: str, is_stream: bool
) -> None:
    stack.use_policy(("routing.yaml", "metering: envoy", f"metering: {metering}"))
    stack.simulate("us", fault="500", count=1)
    subject = f"fallback.{metering}.{is_stream}"
    sent = send(stack, Case("chat", "/chat/completions", chat("Hi", stream=is_stream), is_stream), subject)
    outcome = settled(stack, subject)[subject]
    assert (outcome["gateway.route.cluster"], outcome["gateway.route.attempts"]) == ("simulator-eu/assistant", 2)
    assert outcome["gateway.budget.cost_nano"] == sent.cost_nano
    assert account(stack, "per-user", subject).posted_nano == sent.cost_nano
    assert "gateway.outcome.flags" not in outcome


def test_when_every_deployment_fails_nothing_is_charged(stack: Stack) -> None:
    stack.use_policy()
    stack.simulate("us", fault="500")
    stack.simulate("eu", fault="500")
    with stack.client(stack.token(subject="unlucky")) as client:
        assert client.post("/chat/completions", json=chat("Hi")).status_code == 500
    outcome = settled(stack, "unlucky")["unlucky"]
    books = account(stack, "per-user", "unlucky")
    assert (books.posted_nano, books.held_nano, outcome["gateway.budget.cost_nano"]) == (0, 0, 0)
    assert outcome["gateway.outcome.flags"] == ["retries_exhausted", "upstream_error"]


KINDS = {"cached": 1, "cache_write": 5, "cache_write_1h": 2, "reasoning": 2, "audio_input": 3, "audio_output": 3}
PICTURES = {"image_input": 4, "image_output": 4}
IN_THE_MODEL = (", price: {input: 2.5, output: 10, cached_input: 1.25}", ", price: {input: 0.4, output: 2}")
# Nano-euros per token: 1000 and 10000, but 100 for cached ones, and so on.
IN_THE_BOOK = "prices:\n" + "".join(
    f"  simulator-{deployment}/assistant:\n"
    "    - {from: 2025-01-01, input: 1, cached_input: 0.1, cache_write: 2, cache_write_1h: 3, output: 10, reasoning: 20,\n"
    "       audio_input: 30, audio_output: 40, image_input: 50, image_output: 60}\n"
    for deployment in ("us", "eu")
)
CACHED_AND_WRITTEN = 1 * 100 + 5 * 2_000
OWN_RATES = {
    # What kinds cost in each dialect, and how many tokens of input and output they are.
    "/chat/completions": (
        CACHED_AND_WRITTEN + 3 * 30_000 + 4 * 50_000 + 2 * 20_000 + 3 * 40_000 + 4 * 60_000,
        1 + 5 + 3 + 4,
        2 + 3 + 4,
    ),
    "/responses": (CACHED_AND_WRITTEN + 2 * 20_000, 1 + 5, 2),
    "/messages": (1 * 100 + 3 * 2_000 + 2 * 3_000, 1 + 5, 0),
}


@pytest.mark.parametrize("metering", ["envoy", "processor"])
def test_every_kind_of_token_is_charged_at_its_own_rate(stack: Stack, metering: str) -> None:
    stack.use_policy(
        ("routing.yaml", "metering: envoy", f"metering: {metering}"),
        *(("models.yaml", written, "") for written in IN_THE_MODEL),
        ("prices.yaml", "prices:\n", IN_THE_BOOK),
    )
    for deployment in ("us", "eu"):
        stack.simulate(deployment, kinds=KINDS | PICTURES)
    words = "word " * 29 + "word"
    tokens_in, tokens_out = 30, 32  # "You said: word word …"
    sent = {}
    for path, body in (
        ("/chat/completions", chat(words)),
        ("/chat/completions", chat(words, stream=True, stream_options={"include_usage": True})),
        ("/responses", {"model": "assistant", "input": words}),
        ("/responses", {"model": "assistant", "input": words, "stream": True}),
        ("/messages", chat(words, max_tokens=100)),
        ("/messages", chat(words, max_tokens=100, stream=True)),
    ):
        subject = f"kinds.{metering}{path.replace('/', '.')}.{'stream' in body}"
        with stack.client(stack.token(subject=subject)) as client:
            assert client.post(path, json=body).status_code == 200
        sent[subject] = path
    outcomes = settled(stack, *sent)
    for deployment in ("us", "eu"):
        stack.simulate(deployment, kinds={})
    for subject, path in sent.items():
        of_kinds_nano, kinds_in, kinds_out = OWN_RATES[path]
        cost_nano = of_kinds_nano + (tokens_in - kinds_in) * 1_000 + (tokens_out - kinds_out) * 10_000
        outcome = outcomes[subject]
        assert outcome["gen_ai.usage.input_tokens"] == tokens_in, subject
        assert outcome["gen_ai.usage.output_tokens"] == tokens_out, subject
        assert outcome["gen_ai.usage.cache_creation.input_tokens"] == 5, subject
        assert outcome["gateway.budget.cost_nano"] == cost_nano, subject
        assert account(stack, "per-user", subject).posted_nano == cost_nano, subject
        assert "gateway.outcome.flags" not in outcome, subject


@pytest.mark.parametrize("metering", ["envoy", "processor"])
def test_an_error_that_the_provider_bills_is_charged(stack: Stack, metering: str) -> None:
    stack.use_policy(("routing.yaml", "metering: envoy", f"metering: {metering}"))
    for deployment in ("us", "eu"):
        stack.simulate(deployment, fault="billed_error")
    subjects = [f"billed.{metering}.{is_stream}" for is_stream in (False, True)]
    for subject, is_stream in zip(subjects, (False, True), strict=True):
        with stack.client(stack.token(subject=subject)) as client:
            assert client.post("/chat/completions", json=chat("one two", stream=is_stream)).status_code == 400
    for deployment in ("us", "eu"):
        stack.simulate(deployment)
    for subject, outcome in settled(stack, *subjects).items():
        assert outcome["gateway.outcome.flags"] == ["error_billed"]
        price_in, price_out = PRICES[outcome["gateway.route.cluster"][len("simulator-") :][:2], "assistant"]
        assert outcome["gateway.budget.cost_nano"] == 2 * price_in + 4 * price_out
        assert account(stack, "per-user", subject).posted_nano == outcome["gateway.budget.cost_nano"]


def test_usage_that_nobody_reports_is_estimated_and_says_so(stack: Stack) -> None:
    stack.use_policy()
    stack.simulate("us", fault="no_usage")
    with stack.client(stack.token(subject="silent")) as client:
        assert client.post("/chat/completions", json=chat("Hi")).status_code == 200
    outcome = settled(stack, "silent")["silent"]
    assert outcome["gateway.outcome.flags"] == ["usage_estimated"]
    assert account(stack, "per-user", "silent").posted_nano == outcome["gateway.budget.cost_nano"] > 0


def test_a_caller_who_leaves_is_charged_for_what_came_not_for_its_wrapping(stack: Stack) -> None:
    """The processor tells Envoy on the way how much has gone out: after the caller has left it could not."""
    stack.use_policy()
    stack.simulate("us", tokens_per_second=40)
    words, read = "one two three four five six seven eight nine ten " * 8, 0
    with (
        stack.client(stack.token(subject="hasty")) as client,
        client.stream("POST", "/chat/completions", json=chat(words, stream=True)) as answer,
    ):
        for line in answer.iter_lines():
            read += '"content":' in line
            if read > 25:
                break
    outcome = settled(stack, "hasty")["hasty"]
    assert {"client_aborted", "usage_estimated"} <= set(outcome["gateway.outcome.flags"])
    assert read - 1 <= outcome["gen_ai.usage.output_tokens"] < 5 * read
    assert account(stack, "per-user", "hasty").posted_nano == outcome["gateway.budget.cost_nano"] > 0


def budgets(per_user_nano: int, per_team_nano: int) -> tuple[tuple[str, str, str], ...]:
    return (
        ("budgets.yaml", "amount: 20,", f"amount: {Decimal(per_user_nano) / NANO:f},"),
        ("budgets.yaml", "amount: 500,", f"amount: {Decimal(per_team_nano) / NANO:f},"),
    )


LARGE_NANO = 1000 * NANO
OUTPUT_TOKENS_MAX = 20
CHEAP_CHAT = chat("One two three four five", max_tokens=OUTPUT_TOKENS_MAX)


def worst_case_nano(body: bytes) -> int:
    """Of a request to `assistant`: a byte is at most one token, and the dearer deployment may answer."""
    price_in, price_out = PRICES["us", "assistant"]
    return len(body) * price_in + OUTPUT_TOKENS_MAX * price_out


@pytest.mark.parametrize("scope", ["user", "team"])
def test_an_exhausted_budget_is_a_429_before_any_model_is_called(stack: Stack, scope: str) -> None:
    body = json.dumps(CHEAP_CHAT).encode()
    too_little = worst_case_nano(body) - 1
    stack.use_policy(*(budgets(too_little, LARGE_NANO) if scope == "user" else budgets(LARGE_NANO, too_little)))
    token = stack.token(subject=f"poor.{scope}", team=f"poor-{scope}")
    stack.forget_upstream_log()
    with stack.client(token) as client:
        answer = client.post("/chat/completions", content=body, headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (429, "insufficient_quota", "budget_exhausted")
    assert f"per-{scope}" in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert stack.upstream_log() == []
    assert account(stack, f"per-{scope}", f"poor-{scope}" if scope == "team" else f"poor.{scope}").held_nano == 0


def test_at_the_last_cent_exactly_as_many_are_admitted_as_fit(stack: Stack) -> None:
    body = json.dumps(CHEAP_CHAT).encode()
    fit, asked = 7, 30
    stack.use_policy(*budgets(LARGE_NANO, fit * worst_case_nano(body)))
    stack.simulate("us", tokens_per_second=3)  # nobody gives money back before the last one has asked
    stack.forget_upstream_log()
    clients = [stack.client(stack.token(subject=f"crowd-{n}", team="crowd")) for n in range(asked)]

    def ask(client: httpx.Client) -> int:
        with closing(client):
            answer = client.post("/chat/completions", content=body, headers={"content-type": "application/json"})
        return answer.status_code

    with ThreadPoolExecutor(asked) as crowd:
        statuses = list(crowd.map(ask, clients))
    assert sorted(statuses) == [200] * fit + [429] * (asked - fit)
    assert len(stack.upstream_log()) == fit
    outcomes = settled(stack, *(f"crowd-{n}" for n, status in enumerate(statuses) if status == 200))
    team = account(stack, "per-team", "crowd")
    spent = sum(outcome["gateway.budget.cost_nano"] for outcome in outcomes.values())
    assert (team.posted_nano, team.held_nano) == (spent, 0)


def test_metrics_and_spans_tell_what_the_trail_tells(stack: Stack, metrics_address: str) -> None:
    """Scraped from the control process, and sent to the collector as children of the caller's span."""
    stack.use_policy()
    trace, parent = secrets.token_hex(16), secrets.token_hex(8)
    headers = {"traceparent": f"00-{trace}-{parent}-01"}
    for subject, model, status in (("traced", "assistant", 200), ("lost", "nobody", 404)):
        with stack.client(stack.token(subject=f"{subject}.person", team="traced-team")) as client:
            answer = client.post("/chat/completions", json=chat("A secret plan", model=model), headers=headers)
        assert answer.status_code == status
    outcome = settled(stack, "traced.person")["traced.person"]
    samples = _wait_until(lambda: _samples(metrics_address), lambda found: "gateway_cost_total" in found)
    assert (samples["gateway_requests_total forward"], samples["gateway_requests_total refuse"]) == (1, 1)
    assert samples["gateway_cost_total"] == pytest.approx(outcome["gateway.budget.cost_nano"] / NANO)
    spans = _wait_until(lambda: _spans(stack, trace), lambda found: len(found) == 2)
    assert {span["parentSpanId"] for span in spans} == {parent}
    assert {span["name"] for span in spans} == {"chat assistant", "chat"}
    shown = httpx.get(f"http://{metrics_address}/metrics", **PLAIN).text + json.dumps(spans)
    assert "traced-team" in shown
    assert ".person" not in shown
    assert "secret plan" not in shown


def _samples(metrics_address: str) -> dict[str, float]:
    """Of the team's series: by name, and by what was decided where that is told apart."""
    text = httpx.get(f"http://{metrics_address}/metrics", **PLAIN).text
    return {
        f"{sample.name} {sample.labels.get('gateway_decision_action', '')}".rstrip(): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("gateway_principal_team") == "traced-team"
    }


def _spans(stack: Stack, trace: str) -> list[dict[str, Any]]:
    lines = (stack.state / "otlp" / "traces.jsonl").read_text().splitlines()
    spans = [json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in lines]
    return [span for span in spans if span["traceId"] == trace]


Found = TypeVar("Found")


def _wait_until(look: Callable[[], Found], is_enough: Callable[[Found], bool]) -> Found:
    deadline = time.monotonic() + 10
    while not is_enough(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found
