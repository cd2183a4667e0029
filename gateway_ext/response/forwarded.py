"""What the pipeline hands over to the way back."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_ext.audit.records import DecisionRecord
from gateway_ext.exchange import Endpoint, Estimate, Forward, Hold, Principal, RequestHead
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.response.duty import Duty


@dataclass(frozen=True, slots=True)
class Exchange:
    """An admitted request: judged by one policy snapshot from here to its end."""

    id: str
    head: RequestHead
    endpoint: Endpoint
    snapshot: Snapshot
    principal: Principal
    started_ns: int


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

    @property
    def reads_response(self) -> bool:
        """Whether any response to this request may have to be read."""
        if self.duty or self.strips_usage or self.may_be_cut or self.output_events_max is not None:
            return True
        return self.exchange.snapshot.routing.metering == "processor"

    @property
    def may_be_cut(self) -> bool:
        """Whether an order of the operator's ends the stream of this request while it runs."""
        return self.decision.is_stream and self.exchange.snapshot.routing.cuts_streams
