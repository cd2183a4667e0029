"""What `guard test` is given: a file, a text or standard input; a request's body, or one text in the place of a message."""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway_ext.attachments.finding import with_attachments
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.errors import BodyInvalid, ConfigurationError
from gateway_ext.exchange import Endpoint, Prompt

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
ENDPOINTS = tuple(each.value for each in Endpoint if each is not Endpoint.MODELS)

_FILE_SUFFIXES = (".json", ".jsonl", ".txt", ".md", ".csv", ".log", ".eml", ".yaml", ".yml", ".xml", ".html")


@dataclass(frozen=True, slots=True)
class Input:
    """`read_as` says what was read, and as what, without repeating any of it. `prompt` is as the pipeline reads it."""

    read_as: str
    prompt: Prompt


def read(argument: str, role: str | None, endpoint: Endpoint | None) -> Input:
    """What was given. Raises ConfigurationError when it cannot be read, or not as what it is said to be."""
    origin, data = _data(argument)
    if endpoint is None and role is None:
        endpoint = _endpoint(data)
    if endpoint is not None:
        return Input(f"{origin}, a request to {endpoint.value}", _request(origin, data, endpoint))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{origin}: is not UTF-8 text (byte {error.start})") from None
    role = role or "user"
    body = orjson.dumps({"model": "-", "messages": [{"role": role, "content": text}]})
    return Input(
        f"{origin}, {len(text)} characters as one text of role {role}",
        _request(origin, body, Endpoint.CHAT_COMPLETIONS),
    )


def _data(argument: str) -> tuple[str, bytes]:
    if argument == "-":
        return "standard input", sys.stdin.buffer.read()
    path = Path(argument)
    try:
        if path.is_file():
            return str(path), path.read_bytes()
    except OSError as error:
        # Of a text that is too long for the name of a file nothing may be repeated.
        if error.errno != errno.ENAMETOOLONG:
            raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    if _looks_like_a_file(argument):
        raise ConfigurationError(f"{argument}: there is no such file; to test these words, give them on standard input")
    return "the argument", argument.encode("utf-8", "surrogateescape")


def _looks_like_a_file(argument: str) -> bool:
    """Better asked once too often than a misspelt file's name found to be clean."""
    if len(argument.split()) != 1:
        return False
    return argument.startswith(("/", "./", "../", "~")) or argument.lower().endswith(_FILE_SUFFIXES)


def _endpoint(data: bytes) -> Endpoint | None:
    """What the body is meant for, by its fields; None when it is not a request's."""
    try:
        document: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, Mapping):
        return None
    if "messages" in document:
        return Endpoint.MESSAGES if "system" in document else Endpoint.CHAT_COMPLETIONS
    if "prompt" in document:
        return Endpoint.COMPLETIONS
    if "input" not in document:
        return None
    given = document["input"]
    is_embedding = isinstance(given, list) and not all(isinstance(item, dict) for item in given)
    return Endpoint.EMBEDDINGS if is_embedding else Endpoint.RESPONSES


def _request(origin: str, data: bytes, endpoint: Endpoint) -> Prompt:
    try:
        return with_attachments(read_prompt(endpoint, data))
    except BodyInvalid as error:
        raise ConfigurationError(
            f"{origin}: would be refused as a request to {endpoint}: {error} (--role user reads it as one text)"
        ) from None
