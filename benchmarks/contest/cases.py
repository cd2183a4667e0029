"""What `make bench` asks for: bodies of chats, streams and embeddings.

A body may hold MARK, in whose place each request has a word of its own: no text with it was ever seen before, so that what a
gateway remembers of texts is of no use to it. Marks are letters only, which no detector takes for a number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.contestants.contestant import Contestant
from benchmarks.load.fixed_upstream import INPUTS
from benchmarks.load.generator import Request, request_bytes

MARK = "@@@@@@@@"
SENTENCES = (
    "Please summarise the attached meeting notes for colleagues who could not take part.",
    "We agreed that the migration of the reporting service starts after the holidays.",
    "Nobody objected to the proposal to keep two versions side by side for a quarter.",
    "The open question is who maintains the adapters once the old platform is gone.",
    "List decisions, owners and risks, and keep the tone friendly but precise.",
)
FINDINGS = "Write to anna.keller@posteo.de or call +49 30 901820 about the transfer to DE89 3704 0044 0532 0130 00."
SECRET = "Why is it refused? aws_access_key_id = " + "AKIA" + "Q7XZ2LMNPRSTUVWY"  # in two parts: it is no secret
_HEX, _LETTERS = b"0123456789abcdef", b"ghijklmnopqrstuv"
_TO_LETTERS = bytes.maketrans(_HEX, _LETTERS)

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Case:
    """`document` makes the body for a model's name. `is_refused`: what counts is the refusal (a status of 4xx)."""

    name: str
    title: str
    document: Callable[[str], Document]
    is_embedding: bool = False
    is_refused: bool = False
    streams: int = 0  # open at the same time; 0: no stream
    connections: int = 32  # that requests come on

    def expects(self, status: int) -> bool:
        return 400 <= status < 500 if self.is_refused else status == 200

    def request(self, contestant: Contestant) -> Request:
        """What the load generator sends to a contestant."""
        path, model = contestant.path, contestant.model
        if self.is_embedding:
            path, model = path.replace("/chat/completions", "/embeddings"), contestant.embedding_model
        body = json.dumps(self.document(model)).encode()
        return marked(request_bytes(path, body, contestant.token, contestant.headers))


def marked(request: bytes) -> Request:
    """The request itself, or one for each number if it holds MARK."""
    pieces = request.split(MARK.encode())
    return request if len(pieces) == 1 else lambda number: word(number).join(pieces)


def word(number: int) -> bytes:
    """Eight letters, another word for each number below 2**32."""
    return (b"%08x" % number).translate(_TO_LETTERS)


def chat(model: str, *, size_bytes: int, mark: str = "", say: str = "") -> Document:
    """A system prompt and turns of plain English of about `size_bytes`, each with `mark`; `say` ends the last one."""
    messages = [{"role": "system", "content": f"You are a careful assistant. {mark}"}]
    while len(json.dumps(messages)) < size_bytes - 600:
        messages.append(_turn(len(messages), mark))
    messages.append({"role": "user", "content": f"{_paragraph(len(messages), mark)} {say}".strip()})
    return {"model": model, "messages": messages, "max_tokens": 200}


def pasted(model: str, *, size_bytes: int) -> Document:
    """A question about one long text, of which each paragraph is new."""
    paragraphs: list[str] = []
    while sum(map(len, paragraphs)) < size_bytes - 600:
        paragraphs.append(_paragraph(len(paragraphs), MARK))
    question = {"role": "user", "content": "\n".join([*paragraphs, "What does it say about the adapters?"])}
    return {"model": model, "messages": [question], "max_tokens": 200}


def conversation(model: str, *, turns: int) -> Document:
    """A history that was sent before, and a new question."""
    messages = [_turn(number, "") for number in range(1, turns)]
    return {"model": model, "messages": [*messages, _turn(turns + turns % 2, MARK)], "max_tokens": 200}


def streamed(model: str) -> Document:
    return {**chat(model, size_bytes=4096, mark=MARK), "stream": True, "stream_options": {"include_usage": True}}


def embedding(model: str) -> Document:
    return {"model": model, "input": [_paragraph(number, MARK) for number in range(INPUTS)], "encoding_format": "float"}


def _turn(number: int, mark: str) -> dict[str, str]:
    return {"role": "assistant" if number % 2 else "user", "content": _paragraph(number, mark)}


def _paragraph(number: int, mark: str) -> str:
    text = " ".join(SENTENCES[(number + offset) % len(SENTENCES)] for offset in range(6))
    return f"{mark} {text}".strip()


CHAT = Case("chat", "4 KB chat, every prompt new", partial(chat, size_bytes=4096, mark=MARK))
CASES = (
    CHAT,
    Case("chat-again", "4 KB chat, the same prompt again and again", partial(chat, size_bytes=4096)),
    Case("findings", "4 KB chat with three findings", partial(chat, size_bytes=4096, mark=MARK, say=FINDINGS)),
    Case("blocked", "4 KB chat with a secret, refused", partial(chat, size_bytes=4096, mark=MARK, say=SECRET), is_refused=True),
    Case("conversation", "turn 200 of a conversation (100 KB)", partial(conversation, turns=200)),
    Case("pasted-32k", "32 KB in one message", partial(pasted, size_bytes=32 * 1024)),
    Case("pasted-1m", "1 MB in one message", partial(pasted, size_bytes=1024 * 1024), connections=4),
    Case("embeddings", f"embeddings of {INPUTS} texts (8 KB)", embedding, is_embedding=True),
    *(Case(f"streams-{count}", f"{count} open streams", streamed, streams=count) for count in (50, 200, 500)),
)  # fmt: skip
