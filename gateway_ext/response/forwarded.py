"""What the pipeline hands over to the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_ext.audit.records import DecisionRecord
from gateway_ext.dialects.translation.translate import Translation
from gateway_ext.exchange import Endpoint, Estimate, Forward, Hold, Principal, RequestHead
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.response.duty import Duty
from gateway_ext.response.remembering import Remembering


@dataclass(frozen=True, slots=True)
class Exchange:
    """An admitted request: judged by one policy snapshot from here to its end.

    `agent_run` is the id that the caller gives the run of an agent it belongs to, "" for none: it narrows, and proves nothing.
    """

    id: str
    head: RequestHead
    endpoint: Endpoint
    snapshot: Snapshot
    principal: Principal
    started_ns: int
    agent_run: str = ""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A decided request that is on its way: what the response side needs to know."""

    exchange: Exchange
    forward: Forward
    hold: Hold
    estimate: Estimate
    strips_usage: bool
    decision: DecisionRecord
    duty: Duty
    output_events_max: int | None = None  # of a stream; with more it has more output than was held, and is ended
    translations: Mapping[str, Translation] = field(
        default_factory=dict
    )  # by cluster; absent: the caller's wire format
    remembering: Remembering | None = None  # None: nothing is remembered of its conversation

    @property
    def reads_response(self) -> bool:
        """Whether any response to this request may have to be read."""
        if self.duty or self.translations or self.strips_usage or self.may_be_cut or self.output_events_max is not None:
            return True
        return self.exchange.snapshot.routing.metering == "processor"

    def translation_of(self, cluster: str) -> Translation | None:
        """How the answer of `cluster` becomes the caller's; None when it is. Raises KeyError for one it was not sent to."""
        if not self.translations:
            return None
        if all(candidate.cluster != cluster for candidate in self.forward.candidates):
            raise KeyError("the answer of a deployment that the request was not sent to")
        return self.translations.get(cluster)

    @property
    def may_be_cut(self) -> bool:
        """Whether an order of the operator's ends the stream of this request while it runs."""
        return self.decision.is_stream and self.exchange.snapshot.routing.cuts_streams
