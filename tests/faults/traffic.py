"""A caller that never stops asking, and remembers how each request ended."""

from __future__ import annotations

import threading
import time
from collections import Counter
from types import TracebackType

import httpx

from tests.envoy.stack import Stack, chat


class Traffic:
    """Sends chats one after the other while the context lasts. `ended` counts status codes and error codes."""

    def __init__(
        self, stack: Stack, text: str = "Hello there", pause_seconds: float = 0.005, model: str = "assistant"
    ) -> None:
        self.ended: Counter[tuple[int, str]] = Counter()
        self._stack = stack
        self._text = text
        self._pause_seconds = pause_seconds
        self._model = model
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def answered(self) -> int:
        return self.ended[200, ""]

    def flows(self, requests: int = 20, seconds: float = 15) -> None:
        """Wait until so many more requests have been answered with 200."""
        enough, deadline = self.answered + requests, time.monotonic() + seconds
        while self.answered < enough:
            assert time.monotonic() < deadline, f"requests are not served: {self.ended}"
            time.sleep(0.02)

    def _run(self) -> None:
        with self._stack.client() as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/chat/completions", json=chat(self._text, self._model))
                    code = "" if answer.status_code == 200 else str(answer.json()["error"]["code"])
                    self.ended[answer.status_code, code] += 1
                except httpx.HTTPError as error:
                    self.ended[0, type(error).__name__] += 1
                time.sleep(self._pause_seconds)
