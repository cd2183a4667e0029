"""Which deployments can do what a request needs. What they cannot do would be an error of the provider, or passed over."""

from __future__ import annotations

from collections.abc import Sequence

from gateway_ext.errors import CapabilityMissing
from gateway_ext.exchange import Candidate


def capable(deployments: Sequence[Candidate], needs: frozenset[str]) -> tuple[Candidate, ...]:
    """Those of `deployments` that can do all of `needs`; of what states no capabilities any is believed.

    Raises CapabilityMissing, which names what no deployment can do, or what none can do at once.
    """
    able = tuple(each for each in deployments if each.capabilities is None or needs <= each.capabilities)
    if able or not deployments:
        return able
    offered = frozenset[str]().union(*(each.capabilities or () for each in deployments))
    raise CapabilityMissing(sorted(needs - offered) or sorted(needs))
