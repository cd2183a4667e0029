"""Documents read with the classes that are generated from Envoy's .proto files: which of their fields Envoy would not take.

Envoy 1.40's priority_group.v3 is not among envoy-data-plane 2.2's messages yet; the numbers are Envoy's.
"""

# ruff: noqa: RUF009  (betterproto2.field is its dataclasses.field)

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import betterproto2
from envoy_data_plane.envoy.service.discovery.v3 import DiscoveryResponse
from envoy_data_plane.google import protobuf
from envoy_data_plane.message_pool import default_message_pool

PRIORITY_GROUP = "envoy.extensions.router.cluster_specifiers.priority_group.v3"


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
    priority_groups: list[PriorityGroup] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    override_metadata_namespace: str = betterproto2.field(2, betterproto2.TYPE_STRING)


for _message in (ClusterWeight, PriorityGroup, PriorityGroupClusterSpecifier):
    default_message_pool.register_message(PRIORITY_GROUP, _message.__name__, _message)


def read_by_envoy(document: Mapping[str, Any]) -> Any:
    """A DiscoveryResponse, through Envoy's types and back, with all defaults. Raises what they raise for an unknown field or type."""
    for package in {type_name.rpartition(".")[0] for type_name in _types(document)} - {PRIORITY_GROUP}:
        importlib.import_module(f"envoy_data_plane.{package}")  # registers what it holds
    response = DiscoveryResponse.from_dict(document)
    for resource in response.resources:
        resource.unpack()
    return response.to_dict(casing=betterproto2.Casing.SNAKE, include_default_values=True)


def changed(written: Any, read: Any, path: str = "") -> list[str]:
    """Where `read` is not what was `written`. What it has beyond that are defaults."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [each for key, value in written.items() for each in changed(value, read.get(key), f"{path}.{key}")]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = zip(written, read, strict=True)
        return [each for place, (one, other) in enumerate(pairs) for each in changed(one, other, f"{path}[{place}]")]
    return [] if written == read else [f"{path}: {written!r} is read as {read!r}"]


def _types(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "@type" in value:
            yield value["@type"].removeprefix("type.googleapis.com/")
        for item in value.values():
            yield from _types(item)
    elif isinstance(value, list):
        for item in value:
            yield from _types(item)
