"""Envoy 1.40's priority_group.v3 messages, which envoy-data-plane 2.2 does not have yet. Numbers are Envoy's."""

# ruff: noqa: RUF009  (betterproto2.field is its dataclasses.field)

from __future__ import annotations

from dataclasses import dataclass

import betterproto2
from envoy_data_plane.google import protobuf
from envoy_data_plane.message_pool import default_message_pool

PACKAGE = "envoy.extensions.router.cluster_specifiers.priority_group.v3"


@dataclass(eq=False, repr=False)
class ClusterWeight(betterproto2.Message):
    cluster_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    weight: int | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: protobuf.UInt32Value, optional=True
    )


@dataclass(eq=False, repr=False)
class PriorityGroup(betterproto2.Message):
    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    clusters: list[ClusterWeight] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)


@dataclass(eq=False, repr=False)
class PriorityGroupClusterSpecifier(betterproto2.Message):
    """Attempt n goes to group n. Dynamic metadata in `override_metadata_namespace` replaces `priority_groups`."""

    priority_groups: list[PriorityGroup] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    override_metadata_namespace: str = betterproto2.field(2, betterproto2.TYPE_STRING)


for _message in (ClusterWeight, PriorityGroup, PriorityGroupClusterSpecifier):
    default_message_pool.register_message(PACKAGE, _message.__name__, _message)
