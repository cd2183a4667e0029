"""What an ended exchange costs: pure judgement of an outcome. Nobody pays for errors, unless the provider bills them; nobody
rides for free."""

from __future__ import annotations

from dataclasses import replace

from gateway_ext.budget.rules import Settlement
from gateway_ext.exchange import Estimate, Outcome, Usage
from gateway_ext.limits import USAGE_ESTIMATE_BYTES_PER_TOKEN

# By us, from a caller who caused the cost; codes of errors.py.
_WITHHELD = frozenset({"answer_blocked", "answer_uninspected", "credential_revoked", "person_disabled", "stopped"})


def settlement(outcome: Outcome, bounds: Estimate) -> Settlement:
    """What to ask of the ledger for `outcome`. `bounds` are what was reserved; estimates never exceed them."""
    if not outcome.cluster:
        return Settlement(outcome.hold_id, None, "", outcome.settled_by, ("no_upstream",))
    is_withheld = not _WITHHELD.isdisjoint(outcome.flags)
    usage, flags = outcome.usage, outcome.flags
    if outcome.http_status >= 400 and not is_withheld:  # what is withheld whole is answered with an error of ours
        if not _is_billed(usage):
            return Settlement(outcome.hold_id, None, "", outcome.settled_by, ("upstream_error",))
        flags = (*flags, "error_billed")
    if usage is None and is_withheld and outcome.http_status >= 400:  # produced, but what went out does not show it
        usage = Usage(bounds.input_tokens, bounds.output_tokens, is_estimated=True)
    elif usage is None or usage.is_estimated:
        # A stream that was cut, a client that left, a provider that does not say: the tokens were produced all the same.
        usage = estimated(outcome, bounds)
    if usage.is_estimated:
        flags = (*flags, "usage_estimated")
    if outcome.served_ns:
        usage = replace(usage, served_ns=outcome.served_ns)
    return Settlement(outcome.hold_id, usage, outcome.cluster, outcome.settled_by, flags)


def _is_billed(usage: Usage | None) -> bool:
    """Whether a provider says with its error that it used something: it will be on its invoice."""
    return usage is not None and not usage.is_estimated and usage.input_tokens + usage.output_tokens > 0


def estimated(outcome: Outcome, bounds: Estimate) -> Usage:
    """A usage nobody reported; its output never above what was reserved.

    The input is what the stream's beginning said, or by the bytes of the request. The output is what was counted on its way
    to the caller, or by the bytes of the response, which includes all that is wrapped around the text.
    """
    seen = outcome.output_tokens_seen
    output_tokens = min(bounds.output_tokens, _tokens(outcome.response_bytes) if seen is None else seen)
    if outcome.usage is not None:
        return replace(outcome.usage, output_tokens=output_tokens, is_estimated=True)
    input_tokens = min(bounds.input_tokens, _tokens(outcome.request_bytes))
    return Usage(input_tokens, output_tokens, is_estimated=True)


def _tokens(size_bytes: int) -> int:
    return -(-size_bytes // USAGE_ESTIMATE_BYTES_PER_TOKEN)
