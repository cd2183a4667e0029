"""Policy edited a hundred times a minute while requests and streams run: no request fails, no stream breaks, no two policies mix."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest

from gateway_ext.exchange import CredentialClass, Endpoint, Principal
from gateway_ext.judged import Case, judge
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from tests.envoy.stack import PROJECT, Stack, chat, running_stack
from tests.faults.traffic import Traffic

pytestmark = pytest.mark.envoy

EDITS, IN_A_ROW = 36, 6  # then a pause, because what changes all the time is not taken
EDIT_SECONDS, PAUSE_SECONDS = 0.1, 2.8  # 20 s in all
EDITS_PER_MINUTE_MIN = 60  # 108 where nothing else runs
POLICIES_MIN = 4  # that served requests
WORDS, WORDS_PER_SECOND = 30, 20
US, EU, FR = (f"{{provider: simulator-{name}, price: {{input: 1, output: 1}}" for name in ("us", "eu", "fr"))
DEMO = Principal(
    "demo@local", "person", "personal", CredentialClass.PERSONAL, "c", team="demo", groups=frozenset({"llm-users"})
)


class Versions:
    """A policy directory as Kubernetes mounts one: files are links into `..data`, which is swapped in one step."""

    def __init__(self, policies: Path, simulator_port: int) -> None:
        self._policies = policies
        self._fr = f"http://127.0.0.1:{simulator_port}/fr/v1"
        self._texts = {path.name: path.read_text() for path in policies.glob("*.yaml")}
        self.by_digest: dict[str, Snapshot] = {}

    def put(self, number: int) -> str:
        """Version `number` into place; its digest. What it changes takes turns."""
        texts = dict(self._texts)
        with_fr, deployments, rules = CHANGES[number % len(CHANGES)]
        if with_fr:
            line = f'  simulator-fr: {{url: "{self._fr}", jurisdiction: FR, tier: frontier-eu, legal: {{inference_region: FR}}}}'
            texts["providers.yaml"] = texts["providers.yaml"].replace("\nproviders:\n", f"\nproviders:\n{line}\n")
        model = f"  moving: {{strategy: {{by: weighted, sticky_by: none}}, deployments: [{deployments}]}}"
        weights = model.replace("WEIGHT", str(number + 1))
        texts["models.yaml"] = texts["models.yaml"].replace("\nmodels:\n", f"\nmodels:\n{weights}\n")
        texts["routing.yaml"] += f"\nrules: [{rules}]\n# version {number}\n"
        directory = self._policies / f"..v{number}"
        directory.mkdir()
        for name, text in texts.items():
            (directory / name).write_text(text)
        snapshot = load_policy(directory)
        self.by_digest[snapshot.digest] = snapshot
        (self._policies / "..next").symlink_to(directory.name)
        (self._policies / "..next").replace(self._policies / "..data")
        return snapshot.digest


CHANGES = (  # a provider comes, moves to the front, is weighed, ruled out and preferred, and goes
    (False, f"{US}, weight: 1}}, {EU}, weight: WEIGHT}}", ""),
    (True, f"{US}, weight: 1}}, {EU}, weight: WEIGHT}}, {FR}}}", ""),
    (True, f"{FR}, weight: WEIGHT}}, {US}}}", ""),
    (
        True,
        f"{US}}}, {FR}, weight: 1}}, {EU}, weight: WEIGHT}}",
        "{name: without-eu, without: {providers: [simulator-eu]}}",
    ),
    (True, f"{US}, weight: WEIGHT}}, {FR}}}", "{name: home, models: [moving], only: {jurisdictions: [FR]}}"),
    (True, f"{US}}}, {EU}}}, {FR}, weight: WEIGHT}}", "{name: fr-first, prefer: {providers: [simulator-fr]}}"),
    (False, f"{EU}, weight: WEIGHT}}", "{name: at-home, models: [moving], only: {at_least: frontier-eu}}"),
)


def linked(policies: Path) -> None:
    """Make the directory one of links."""
    first = policies / "..first"
    first.mkdir()
    for path in sorted(policies.glob("*.yaml")):
        path.rename(first / path.name)
        path.symlink_to(Path("..data") / path.name)
    (policies / "..data").symlink_to(first.name)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("edits"), change_policies=linked) as running:
        shutil.copy(running.key_of["fr"], running.layout.secrets / "simulator-fr")
        yield running


@dataclass(slots=True)
class Streams:
    """A caller of streams, one after the other. `ended` counts whether each came to its proper end."""

    stack: Stack
    model: str
    ended: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Streams:
        self._thread = threading.Thread(target=self._run, name="streams")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def _run(self) -> None:
        body = chat("word " * WORDS, self.model, stream=True, max_tokens=2 * WORDS)
        with self.stack.client() as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/chat/completions", json=body)
                    is_whole = answer.text.rstrip().endswith("data: [DONE]") and answer.text.count("word") >= WORDS
                    self.ended["whole" if answer.status_code == 200 and is_whole else answer.text[-300:]] += 1
                except httpx.HTTPError as error:
                    self.ended[type(error).__name__] += 1


def test_nothing_fails_breaks_or_mixes(stack: Stack) -> None:
    for deployment in ("us", "eu", "fr"):
        stack.simulate(deployment, tokens_per_second=WORDS_PER_SECOND)
    versions = Versions(stack.policies, stack.ports.simulator)
    versions.put(0)
    stack.wait_for_policy()
    began = time.monotonic()
    with (
        Traffic(stack, pause_seconds=0.02, model="moving") as moving,
        Traffic(stack, pause_seconds=0.02) as steady,
        Streams(stack, "moving") as streams,
        Streams(stack, "assistant") as steady_streams,
    ):
        for number in range(1, EDITS + 1):
            versions.put(number)
            time.sleep(EDIT_SECONDS if number % IN_A_ROW else PAUSE_SECONDS)
        seconds = time.monotonic() - began
        stack.wait_for_policy()
        moving.flows()
    assert EDITS / seconds * 60 >= EDITS_PER_MINUTE_MIN
    assert set(moving.ended) == set(steady.ended) == {(200, "")}
    assert set(streams.ended) == set(steady_streams.ended) == {"whole"}
    answered = moving.answered + steady.answered + streams.ended.total() + steady_streams.ended.total()
    served = exchanges(stack, answered)
    for exchange in served.values():
        require_one_policy(exchange, versions)
    assert len({exchange["decision"]["gateway.policy.digest"] for exchange in served.values()}) >= POLICIES_MIN


def exchanges(stack: Stack, count: int) -> dict[str, dict[str, Any]]:
    """By id: the decision and the outcome of at least so many."""

    def found(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        by_id: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for record in records:
            if record["event"] == "request:decision:forwarded":
                by_id[record["gateway.exchange.id"]]["decision"] = record
            elif record["event"].startswith("request:outcome:"):
                by_id[record["gateway.exchange.id"]]["outcome"] = record
        return {exchange_id: each for exchange_id, each in by_id.items() if len(each) == 2}

    return found(stack.wait_for_records(lambda records: len(found(records)) >= count))


def require_one_policy(exchange: dict[str, Any], versions: Versions) -> None:
    """Who was in line, and who answered, are those of the policy whose digest the decision carries."""
    decision, outcome = exchange["decision"], exchange["outcome"]
    snapshot = versions.by_digest[decision["gateway.policy.digest"]]
    case = Case(DEMO, decision["gen_ai.request.model"], Endpoint.CHAT_COMPLETIONS, 0)
    allowed = judge(case, snapshot).clusters
    assert set(decision["gateway.route.candidates"]) == set(allowed), (decision, allowed)
    assert outcome["gateway.route.cluster"] in allowed
    assert outcome["http.response.status_code"] == 200


def test_versions_say_what_they_are_to_say(tmp_path: Path) -> None:
    """Else the test above would be one of seven policies that all are the same."""
    policies = Path(shutil.copytree(PROJECT / "policies", tmp_path / "policies"))
    linked(policies)
    case, versions = Case(DEMO, "moving", Endpoint.CHAT_COMPLETIONS, 0), Versions(policies, 18_081)
    served = [judge(case, versions.by_digest[versions.put(number)]).clusters for number in range(len(CHANGES))]
    assert len(set(served)) == len(CHANGES), served
