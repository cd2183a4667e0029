"""What takes part in a measurement, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class DidNotStart(Exception):  # noqa: N818  (an outcome that is reported, no fault of ours)
    """A contestant that cannot take part; its text says why, and is shown in its row."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something that answers on `port` of the loopback address.

    `processes` maps roles to process ids, of all that belongs to it; those of `on_path` are what a caller waits for.
    `path` is where chats are asked; `headers` are further ones that each request needs. Without an `embedding_model`
    it serves no embeddings. `admin`: the port of its Envoy's admin interface, 0 where there is none. `installed`: bytes that
    an image of it would hold, by component.
    """

    name: str
    port: int
    token: str = field(repr=False)
    processes: dict[str, list[int]]
    on_path: tuple[str, ...]
    path: str = "/v1/chat/completions"
    model: str = "assistant"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    embedding_model: str = "embedder"
    admin: int = 0
    installed: Mapping[str, int] = field(default_factory=dict)
