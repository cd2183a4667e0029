"""The Guard with the state that it has on this machine, and what is known of conversations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_ext.bootstrap.fingerprint_key import fingerprint_key
from gateway_ext.conversations.identify import conversation_key
from gateway_ext.conversations.sqlite_store import SqliteConversations
from gateway_ext.settings import Settings
from gateway_ext.steps.classifying import Classifying

if TYPE_CHECKING:
    from gateway_ext.guard.engine import GuardEngine
    from gateway_ext.guard.external import ExternalClassifier


def guard_engine(settings: Settings) -> GuardEngine:
    """The Guard with the key and the registered documents of a state directory. Raises ConfigurationError."""
    # Late, because the Guard's libraries take a second to import, and the control process does without.
    from gateway_ext.guard.confidential.live_registry import Registry  # noqa: PLC0415
    from gateway_ext.guard.confidential.registry import FILE_NAME  # noqa: PLC0415
    from gateway_ext.guard.engine import GuardEngine  # noqa: PLC0415
    from gateway_ext.guard.personal.names_model import PersonNames  # noqa: PLC0415

    layout = settings.layout
    key = fingerprint_key(layout.fingerprint_key)
    documents = Registry(layout.root / FILE_NAME, key)
    names = [PersonNames(Path(settings.person_name_model))] if settings.person_name_model else []
    return GuardEngine(
        key, registered=lambda: (documents.current(), *names), database_path=layout.root / "guard-patterns.db"
    )


@asynccontextmanager
async def classifier_beside(
    settings: Settings, report: Callable[[str, str, float], None]
) -> AsyncIterator[ExternalClassifier | None]:
    """The operator's own classifier, if there is one. `report` is called on the event loop. Raises ConfigurationError."""
    if not settings.classifier_model:
        yield None
        return
    from gateway_ext.guard.external import ExternalClassifier  # noqa: PLC0415

    loop = asyncio.get_running_loop()

    def hand_over(exchange_id: str, name: str, score: float) -> None:
        loop.call_soon_threadsafe(report, exchange_id, name, score)

    classifier = ExternalClassifier(Path(settings.classifier_model), hand_over)
    try:
        yield classifier
    finally:
        await asyncio.to_thread(classifier.close)


@contextmanager
def opened_conversations(settings: Settings) -> Iterator[Classifying]:
    """How content is classified, with what conversations have held at hand while the context lasts."""
    key = conversation_key(fingerprint_key(settings.layout.fingerprint_key))
    conversations = SqliteConversations(settings.layout.conversations, key)
    try:
        yield Classifying(conversations, key)
    finally:
        conversations.close()
