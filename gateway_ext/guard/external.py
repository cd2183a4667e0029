"""An operator's own classifier, a transformer exported to ONNX, which runs beside the request path.

Such a model takes tens of milliseconds for a text, so no request waits for it: exchanges are put into a queue of
bounded length, one thread scores them, and what it finds goes to a callback. When the queue is full an exchange is
dropped, and counted.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gateway_ext.errors import ConfigurationError

QUEUE_EXCHANGES_MAX = 256
QUEUE_CHARACTERS_MAX = 8 * 1024 * 1024  # of all exchanges together
TOKENS_MAX = 512  # of one text; what exceeds it is not read

_log = logging.getLogger(__name__)

Report = Callable[[str, str, float], None]
"""Called from the worker's thread with the id of the exchange, the name of the classifier and the score, 0 … 1."""


class Scorer(Protocol):
    def score(self, texts: Sequence[str]) -> float:
        """The highest score of the texts, 0 … 1."""
        ...


class OnnxScorer:
    """`model.onnx` and `tokenizer.json` of a directory: a text classifier whose last class is the one to report.

    Raises ConfigurationError when the extra `classifier` is not installed or a file is missing or unusable.
    """

    def __init__(self, directory: Path) -> None:
        try:
            import onnxruntime  # noqa: PLC0415  (an optional extra)
            import tokenizers  # noqa: PLC0415
        except ImportError:
            raise ConfigurationError(
                "an external classifier needs the extra 'classifier': pip install 'gateway-ext[classifier]'"
            ) from None
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            self._session: Any = onnxruntime.InferenceSession(
                str(directory / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001  (both libraries raise their own kinds)
            raise ConfigurationError(
                f"the external classifier in {directory} cannot be loaded ({type(error).__name__}): "
                "it needs a readable model.onnx and tokenizer.json"
            ) from None
        self._tokenizer.enable_truncation(TOKENS_MAX)
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]

    def score(self, texts: Sequence[str]) -> float:
        return max((self._score(text) for text in texts if text), default=0.0)

    def _score(self, text: str) -> float:
        encoding = self._tokenizer.encode(text)
        columns = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        feed = {name: np.array([columns[name]], np.int64) for name in self._inputs}
        logits = np.asarray(self._session.run(None, feed)[0], np.float64)[0]
        if len(logits) == 1:
            return float(1 / (1 + np.exp(-logits[0])))
        weights = np.exp(logits - logits.max())
        return float(weights[-1] / weights.sum())


@dataclass(frozen=True, slots=True)
class _Job:
    exchange_id: str
    texts: tuple[str, ...] = field(repr=False)
    characters: int


class ExternalClassifier:
    """Scores exchanges beside the path. `dropped` and `failed` count exchanges that were not scored.

    `directory` holds the model and names the classifier; `scorer` takes its place where one is at hand already.
    Raises ConfigurationError as OnnxScorer. `close` when the process ends.
    """

    def __init__(self, directory: Path, report: Report, scorer: Scorer | None = None) -> None:
        self.name = directory.name
        self.dropped = 0
        self.failed = 0
        self._report = report
        self._scorer = scorer or OnnxScorer(directory)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._waiting_characters = 0
        self._is_closed = False
        self._worker = threading.Thread(target=self._work, name=f"classifier-{self.name}", daemon=True)
        self._worker.start()

    def submit(self, exchange_id: str, texts: Sequence[str]) -> bool:
        """Queue the texts of an exchange; False when there is no room, or after `close`. Never waits for the model."""
        characters = sum(map(len, texts))
        with self._lock:
            has_room = self._waiting < QUEUE_EXCHANGES_MAX and (
                self._waiting_characters + characters <= QUEUE_CHARACTERS_MAX
            )
            if self._is_closed or not has_room:
                self.dropped += 1
                return False
            self._waiting += 1
            self._waiting_characters += characters
            self._queue.put(_Job(exchange_id, tuple(texts), characters))
        return True

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Take no more exchanges and wait for those queued to be scored."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._worker.join(timeout_seconds)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            with self._lock:
                self._waiting -= 1
                self._waiting_characters -= job.characters
            try:
                self._report(job.exchange_id, self.name, self._scorer.score(job.texts))
            except Exception as error:  # noqa: BLE001  (the worker outlives whatever a model raises)
                self.failed += 1
                _log.error("external classifier %s failed: %s", self.name, type(error).__name__)
