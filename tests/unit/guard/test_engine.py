from __future__ import annotations

import asyncio
import dataclasses
import logging
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from gateway_ext.attachments import names as attachments
from gateway_ext.errors import ConfigurationError, GuardTimedOut, InternalFailure
from gateway_ext.exchange import Text
from gateway_ext.guard.catalog import CONFIDENTIAL, DETECTORS, PERSONAL
from gateway_ext.guard.confidential.documents import DocumentClassifier
from gateway_ext.guard.detector import Classifier, Detector, Kind, Span, TooManyCandidates
from gateway_ext.guard.engine import GuardEngine, shipped_classifiers, shipped_detectors
from gateway_ext.guard.personal.names import PERSON_NAME
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.limits import FINDINGS_MAX, GUARD_INLINE_CHARACTERS_MAX
from gateway_ext.verdict import Allow, Deny, Redact, Verdict

KEY = b"0123456789abcdef0123456789abcdef"
IBAN = "DE89 3704 0044 0532 0130 00"
AWS = "AKIAIOSFODNN7EXAMPLE"


def rules(deadline_seconds: float = 5.0, denies_on_timeout: bool = True, **detectors: DetectorRule) -> GuardRules:
    return GuardRules(
        classes={"personal": DetectorRule(Action.REDACT), "secret": DetectorRule(Action.LOG)},
        detectors=detectors,
        deadline_seconds=deadline_seconds,
        detector_deadline_seconds=deadline_seconds,
        denies_on_timeout=denies_on_timeout,
    )


def texts(*values: str, is_key: bool = False) -> list[Text]:
    return [
        Text(("messages", index, "content"), f"messages[{index}].content", "user", value, is_key)
        for index, value in enumerate(values)
    ]


def redacted(verdict: Verdict, values: Sequence[str]) -> list[str]:
    assert isinstance(verdict, Redact)
    result = list(values)
    for edit in sorted(verdict.edits, key=lambda edit: -edit.start):
        value = result[edit.text_index]
        result[edit.text_index] = value[: edit.start] + edit.replacement + value[edit.end :]
    return result


@dataclass
class Stub(Detector):
    """A detector of the letter Q that does as told."""

    name: str = "q"
    version: str = "1"
    data_class: str = "personal"
    patterns: Sequence[re.Pattern[str]] = (re.compile("Q", re.ASCII),)
    failure: Exception | None = None
    seconds: float = 0.0
    confirmed: list[tuple[int, int]] = field(default_factory=list)

    def confirm(self, text: str, start: int, end: int) -> Iterable[Span]:
        self.confirmed.append((start, end))
        until = time.thread_time() + self.seconds
        while time.thread_time() < until:
            pass
        if self.failure:
            raise self.failure
        return [Span(m.start(), m.end(), 1.0, "Q") for m in re.compile("Q+").finditer(text, start, end)]


async def test_clean_text_is_allowed(guard: GuardEngine) -> None:
    assert await guard.inspect(texts("Good morning.", "", "Guten Morgen – schön"), rules()) == Allow()


async def test_redaction_leaves_nothing_of_the_value(guard: GuardEngine) -> None:
    values = ["clean", f"pay {IBAN} to jeanne@example.fr", "ＤＥ８９ 3704\u00a00044\u200b0532 0130 00!"]
    verdict = await guard.inspect(texts(*values), rules())
    assert redacted(verdict, values) == ["clean", "pay [IBAN] to [EMAIL]", "[IBAN]!"]
    assert {finding.place for finding in verdict.findings} == {"messages[1].content", "messages[2].content"}


async def test_equal_values_have_equal_fingerprints_and_no_value_is_kept(guard: GuardEngine) -> None:
    verdict = await guard.inspect(texts(IBAN, IBAN.replace(" ", "").lower(), "FR1420041010050500013M02606"), rules())
    first, second, third = (finding.fingerprint for finding in verdict.findings)
    assert first == second != third
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert "3704" not in repr(verdict)
    other = GuardEngine(KEY[::-1])
    assert (await other.inspect(texts(IBAN), rules())).findings[0].fingerprint != first
    other.close()


async def test_actions_are_policy(guard: GuardEngine) -> None:
    value = texts(f"{AWS} and {IBAN}")
    assert isinstance(await guard.inspect(value, rules(iban=DetectorRule(Action.LOG, sovereign=True))), Allow)
    denied = await guard.inspect(value, rules(aws_key=DetectorRule(Action.BLOCK)))
    assert isinstance(denied, Deny)
    assert denied.reason == "blocked: aws_key"
    assert {finding.detector: finding.action for finding in denied.findings} == {"aws_key": "block", "iban": "redact"}
    disabled = await guard.inspect(value, rules(iban=DetectorRule(Action.BLOCK, is_enabled=False)))
    assert [finding.detector for finding in disabled.findings] == ["aws_key"]


async def test_a_class_without_a_rule_blocks(guard: GuardEngine) -> None:
    assert isinstance(await guard.inspect(texts(IBAN), GuardRules({}, {}, 5.0)), Deny)


async def test_an_allowed_value_is_noted_and_left_alone(guard: GuardEngine) -> None:
    found = (await guard.inspect(texts(IBAN), rules())).findings[0]
    allowed = dataclasses.replace(
        rules(iban=DetectorRule(Action.BLOCK, sovereign=True)), allowed=frozenset({("iban", found.fingerprint)})
    )
    verdict = await guard.inspect(texts(f"to {IBAN}", "or to FR1420041010050500013M02606"), allowed)
    assert isinstance(verdict, Deny)
    assert [finding.action for finding in verdict.findings] == ["allowed", "block"]
    alone = await guard.inspect(texts(f"to {IBAN}"), allowed)
    assert isinstance(alone, Allow)
    assert not alone.findings[0].sovereign


async def test_findings_say_whose_words_they_stand_in(guard: GuardEngine) -> None:
    said = [Text((0,), "a", "user", IBAN), Text((1,), "b", "tool", IBAN)]
    assert [finding.role for finding in (await guard.inspect(said, rules())).findings] == ["user", "tool"]


async def test_a_detector_past_its_own_deadline_ends_the_inspection_or_is_left_out() -> None:
    slow = Stub(seconds=0.02)
    quick = Stub(name="z", patterns=(re.compile("Z", re.ASCII),))
    guard = GuardEngine(KEY, [slow, quick])
    given = dataclasses.replace(rules(), detector_deadline_seconds=0.05)
    with pytest.raises(GuardTimedOut):
        await guard.inspect(texts("the Q of it\n" * 50), given)
    lenient = dataclasses.replace(given, denies_on_timeout=False)
    asked_before = len(slow.confirmed)
    verdict = await guard.inspect(texts("the Q of it\n" * 50 + "\na Z\n"), lenient)
    assert len(slow.confirmed) - asked_before < 10
    assert len(quick.confirmed) == 1
    assert verdict.findings[-1].detector == "guard_timeout"
    again = await guard.inspect(
        texts("the Q of it\n" * 50 + "\na Z\n"), dataclasses.replace(lenient, detector_deadline_seconds=5.0)
    )
    assert len(again.findings) > len(verdict.findings)  # what was left out had not been cached as clean
    guard.close()


async def test_what_cannot_be_redacted_in_place_is_denied(guard: GuardEngine) -> None:
    verdict = await guard.inspect(texts(IBAN, is_key=True), rules())
    assert isinstance(verdict, Deny)
    assert "iban" in verdict.reason


async def test_too_many_findings_are_denied(guard: GuardEngine) -> None:
    values = texts(*[f"{IBAN}\n" * 100] * (FINDINGS_MAX // 100), IBAN)
    verdict = await guard.inspect(values, rules(iban=DetectorRule(Action.LOG)))
    assert isinstance(verdict, Deny)
    assert len(verdict.findings) == FINDINGS_MAX


async def test_too_many_candidates_are_denied(guard: GuardEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_ext.guard.scanner.GUARD_CANDIDATES_MAX", 3)
    assert isinstance(await guard.inspect(texts("a@b.de\n" * 50), rules()), Deny)


@pytest.mark.parametrize("filler", ["a\u200b", "\ufdfa"])
async def test_texts_that_swell_when_folded_are_denied(guard: GuardEngine, filler: str) -> None:
    assert isinstance(await guard.inspect(texts(filler * 300_000), rules(30.0)), Deny)


@pytest.mark.parametrize("filler", ["lorem ipsum dolor sit amet\n", "请总结上次会议的要点，并列出负责人\n", "x"])
async def test_large_texts_are_inspected_in_threads_at_the_same_time(guard: GuardEngine, filler: str) -> None:
    large = filler * (2 * GUARD_INLINE_CHARACTERS_MAX // len(filler))
    requests = [texts(f"{large} {IBAN} request {number}\n{large}") for number in range(8)]
    verdicts = await asyncio.gather(*(guard.inspect(request, rules(30.0)) for request in requests))
    for request, verdict in zip(requests, verdicts, strict=True):
        (finding,) = verdict.findings
        assert request[0].value[finding.start : finding.end] == IBAN


async def test_a_slow_detector_does_not_block_the_loop() -> None:
    guard = GuardEngine(KEY, [Stub(seconds=0.03)])
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            started = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - started)

    watching = asyncio.get_running_loop().create_task(watch())
    await guard.inspect(texts("Q\n" * 20), rules())
    watching.cancel()
    assert longest < 0.45  # of 0.6 seconds, were it to hold the loop up
    guard.close()


@pytest.mark.parametrize("lines", [50, 40_000])
async def test_past_the_deadline_the_request_is_refused(lines: int) -> None:
    guard = GuardEngine(KEY, [Stub(seconds=0.01)])
    started = time.monotonic()
    with pytest.raises(GuardTimedOut):
        await guard.inspect(texts("Q\n" * lines), rules(deadline_seconds=0.1))
    assert time.monotonic() - started < 1.0
    guard.close()


async def test_past_the_deadline_policy_may_allow_what_is_then_marked() -> None:
    guard = GuardEngine(KEY, [Stub(seconds=0.01)])
    given = rules(0.1, False, q=DetectorRule(Action.REDACT), x=DetectorRule(Action.LOG, sovereign=True))
    verdict = await guard.inspect(texts("Q", "Q\n" * 50), given)
    assert isinstance(verdict, Redact)
    assert [edit.text_index for edit in verdict.edits] == [0]
    marker = verdict.findings[-1]
    assert (marker.detector, marker.text_index, marker.sovereign) == ("guard_timeout", 1, True)
    guard.close()


async def test_a_deadline_of_nothing_inspects_nothing(guard: GuardEngine) -> None:
    with pytest.raises(GuardTimedOut):
        await guard.inspect(texts("hello"), rules(deadline_seconds=0.0))


@pytest.mark.parametrize("size", [1, GUARD_INLINE_CHARACTERS_MAX])
async def test_a_detector_that_fails_refuses_the_request(caplog: pytest.LogCaptureFixture, size: int) -> None:
    guard = GuardEngine(KEY, [Stub(failure=ValueError("the secret text"))])
    with caplog.at_level(logging.DEBUG), pytest.raises(InternalFailure) as refused:
        await guard.inspect(texts("Q" * size + " "), rules(q=DetectorRule(Action.LOG, is_enabled=False)))
    assert refused.value.__context__ is None
    assert refused.value.__cause__ is None
    assert "detector q failed: ValueError" in caplog.text
    assert "secret text" not in caplog.text + repr(refused.value)
    guard.close()


async def test_a_text_seen_before_is_not_confirmed_again() -> None:
    stub = Stub()
    guard = GuardEngine(KEY, [stub])
    first = await guard.inspect(texts("a Q"), rules())
    second = await guard.inspect(texts("new", "a Q"), rules(q=DetectorRule(Action.BLOCK)))
    assert len(stub.confirmed) == 1
    assert isinstance(second, Deny)
    assert second.findings[0].fingerprint == first.findings[0].fingerprint
    guard.close()


async def test_matches_of_one_text_are_those_of_an_inspection_and_not_remembered() -> None:
    stub = Stub()
    guard = GuardEngine(KEY, [stub])
    given = rules()
    (match,) = guard.matches("é a QQ", given)
    assert (match.kind.name, match.start, match.end) == ("q", 4, 6)
    assert guard.matches("é a QQ", given) == (match,)
    assert len(stub.confirmed) == 2
    (finding,) = (await guard.inspect(texts("é a QQ"), given)).findings
    assert len(stub.confirmed) == 3
    assert (finding.start, finding.end, finding.fingerprint) == (match.start, match.end, match.fingerprint)
    assert guard.matches("nothing", given) == ()
    guard.close()


def test_matches_raise_what_an_inspection_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = GuardEngine(KEY, [Stub(failure=ValueError("the text"))])
    with pytest.raises(InternalFailure):
        guard.matches("a Q", rules())
    monkeypatch.setattr("gateway_ext.guard.scanner.GUARD_CANDIDATES_MAX", 3)
    with pytest.raises(TooManyCandidates):
        guard.matches("a Q\n" * 10, rules())
    guard.close()


async def test_only_passages_with_hits_are_confirmed() -> None:
    stub = Stub()
    guard = GuardEngine(KEY, [stub])
    await guard.inspect(texts("nothing\nhere Q é\nnothing"), rules())
    assert stub.confirmed == [(8, 16)]
    guard.close()


class Words(Classifier):
    """Finds a word in every text it is given, and remembers the texts."""

    kinds = (Kind("dictionary_words", "1", "confidential"),)

    def __init__(self, word: str, failure: Exception | None = None) -> None:
        self.word = word
        self.failure = failure
        self.read: list[str] = []

    def spans(self, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        if self.failure:
            raise self.failure
        self.read.extend(texts)
        return [[(0, Span(m.start(), m.end(), 0.5, self.word)) for m in re.finditer(self.word, text)] for text in texts]


async def test_classifiers_read_texts_as_they_are_and_folded() -> None:
    words = Words("Adler")
    guard = GuardEngine(KEY, [Stub()])
    given = dataclasses.replace(rules(), classes={"confidential": DetectorRule(Action.REDACT)}, dictionaries=(words,))
    values = ["on Adler", "clean", "Ａｄ\u200bｌｅｒ…", "Straße"]
    verdict = await guard.inspect(texts(*values), given)
    assert [(found.text_index, found.start, found.end) for found in verdict.findings] == [(0, 3, 8), (2, 0, 6)]
    assert words.read == [*values, "Adler..."]
    await guard.inspect(texts(*values), given)
    assert len(words.read) == 5  # every text was remembered, the clean ones, too
    guard.close()


async def test_classifiers_that_fail_or_give_up_refuse_the_request(caplog: pytest.LogCaptureFixture) -> None:
    guard = GuardEngine(KEY, [Stub()])
    base = rules()
    for size in (1, GUARD_INLINE_CHARACTERS_MAX):
        failing = Words("x", ValueError("the secret text"))
        with pytest.raises(InternalFailure) as refused:
            await guard.inspect(texts("a" * size, "b"), dataclasses.replace(base, dictionaries=(failing,)))
        assert refused.value.__context__ is None
        assert "secret text" not in caplog.text
        overwhelmed = Words("x", TooManyCandidates())
        given = dataclasses.replace(base, dictionaries=(overwhelmed,))
        for _ in range(2):
            assert isinstance(await guard.inspect(texts("a" * size, "b"), given), Deny)
    guard.close()


async def test_of_many_new_texts_only_those_with_candidates_are_looked_at_again() -> None:
    stub = Stub()
    guard = GuardEngine(KEY, [stub])
    for size in (10, 2000):  # at once, and in a thread
        values = [f"{'clean text ' * size}{number} é" for number in range(20)]
        values[7] += " Q"
        values[19] += "Q"
        verdict = await guard.inspect(texts(*values), rules())
        assert [found.text_index for found in verdict.findings] == [7, 19]
        again = await guard.inspect(texts(*values), rules())
        assert again.findings == verdict.findings
    assert len(stub.confirmed) == 4
    guard.close()


def test_the_catalogue_names_all_shipped_detectors() -> None:
    kinds = [Kind(one.name, one.version, one.data_class) for one in shipped_detectors()]
    kinds += [kind for one in shipped_classifiers(frozenset(DETECTORS)) for kind in one.kinds]
    kinds += [*DocumentClassifier.kinds, Kind(PERSON_NAME, "", PERSONAL)]  # those that an operator supplies
    found = {kind.name: kind.data_class for kind in kinds} | dict.fromkeys(attachments.NAMES, CONFIDENTIAL)
    assert found == dict(DETECTORS)
    assert GuardEngine.detector_names() == DETECTORS


def test_only_enabled_classifiers_are_built() -> None:
    assert shipped_classifiers(frozenset({"iban"})) == ()


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="16 bytes"):
        GuardEngine(b"short")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        asked.append("network")
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return iter([asked])


async def test_nothing_asks_the_network(no_network: Iterator[list[str]]) -> None:
    asked = next(no_network)
    guard = GuardEngine(KEY)
    value = f"{AWS} {IBAN} jeanne@unseen-domain.co.uk +33 6 12 34 56 78 sk_live_{'a1B2' * 6} https://a:b1c2@h.de/"
    names = {finding.detector for finding in (await guard.inspect(texts(value), rules())).findings}
    assert {"aws_key", "iban", "email", "phone", "stripe_key", "basic_auth"} <= names
    assert asked == []
    guard.close()


def test_rules_and_catalogue_import_no_library() -> None:
    code = (
        "import sys, gateway_ext.guard.rules, gateway_ext.guard.catalog;"
        "print(*{'presidio_analyzer', 'spacy', 'hyperscan', 'detect_secrets', 'phonenumbers'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
