"""Answers that come as one JSON object."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from gateway_ext.dialects.answers import AnswerMalformed, answer_texts, edit_answer, read_answer
from gateway_ext.errors import AnswerBlocked, AnswerUninspected, GuardTimedOut, InternalFailure
from gateway_ext.exchange import Text
from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.inspection import finding_of
from gateway_ext.guard.judgement import judge
from gateway_ext.guard.pseudonyms import PseudonymVault
from gateway_ext.ports import Guard
from gateway_ext.response.duty import Duty, Inspected, Withheld
from gateway_ext.verdict import Deny, Edit, Redact, Verdict


async def inspect_whole(body: bytes, duty: Duty, guard: Guard) -> Inspected:
    """A JSON answer, judged and restored. Raises Withheld."""
    try:
        document = read_answer(body)
        texts = answer_texts(document)
        verdict = await _verdict(texts, duty, guard)
    except (AnswerMalformed, GuardTimedOut, InternalFailure, TooManyCandidates):
        raise Withheld(AnswerUninspected()) from None
    if isinstance(verdict, Deny):
        raise Withheld(AnswerBlocked(verdict.reason), verdict.findings)
    redactions = verdict.edits if isinstance(verdict, Redact) else ()
    edits = [*redactions, *_restorations(texts, redactions, duty.vault)]
    return Inspected(verdict.findings, edit_answer(body, document, texts, edits) if edits else None)


async def _verdict(texts: Sequence[Text], duty: Duty, guard: Guard) -> Verdict:
    verdict: Verdict = await guard.inspect(texts, duty.rules) if duty.inspects else judge(texts, ())
    if isinstance(verdict, Deny) or not duty.canaries:
        return verdict
    leaks = [
        finding
        for index, text in enumerate(texts)
        for match in guard.leaks(text.value, duty.canaries)
        if (finding := finding_of(match, index, text, duty.rules)) is not None
    ]
    return judge(texts, (*verdict.findings, *leaks)) if leaks else verdict


def _restorations(texts: Sequence[Text], redactions: Collection[Edit], vault: PseudonymVault) -> Iterator[Edit]:
    """Placeholders to be replaced by what they stand for, but for those that are redacted with what is around them."""
    strings = {text.pointer for text in texts if not text.is_key} if vault else set()
    for index, text in enumerate(texts if vault else ()):
        if text.is_key or text.pointer[:-1] in strings:  # a string inside another: its placeholders stand there, too
            continue
        is_json = text.value.lstrip()[:1] in {"{", "["}
        redacted = [(edit.start, edit.end) for edit in redactions if edit.text_index == index]
        for start, end, original in vault.found(text.value, in_json=is_json):
            if not any(start < last and first < end for first, last in redacted):
                yield Edit(index, start, end, original)
