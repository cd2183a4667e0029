from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gateway_ext.attachments.finding import with_attachments
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.exchange import Carriage, Endpoint, Prompt
from gateway_ext.limits import DOCUMENT_TOKENS_MAX, IMAGE_TOKENS_MAX
from tests.unit.attachments.documents import PNG, archive

IMAGE = base64.b64encode(PNG).decode()
ZIP = base64.b64encode(archive({"a.txt": "x"})).decode()
TEXT = base64.b64encode(b"plain text").decode()
URL = "https://files.example.org/a.png"


def chat(*parts: dict[str, Any]) -> Prompt:
    document = {"model": "m", "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": "look"}]}]}
    return with_attachments(read_prompt(Endpoint.CHAT_COMPLETIONS, json.dumps(document).encode()))


def responses(*parts: dict[str, Any], **others: Any) -> Prompt:
    document = {"model": "m", "input": [{"role": "user", "content": list(parts)}], **others}
    return with_attachments(read_prompt(Endpoint.RESPONSES, json.dumps(document).encode()))


def messages(*blocks: dict[str, Any]) -> Prompt:
    document = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": list(blocks)}]}
    return with_attachments(read_prompt(Endpoint.MESSAGES, json.dumps(document).encode()))


def found(prompt: Prompt) -> list[tuple[str, str]]:
    """Carriage and the last step of the pointer of each attachment."""
    return [(each.carriage.value, str(each.pointer[-1])) for each in prompt.attachments]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (chat({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}), ("data", "url")),
        (chat({"type": "image_url", "image_url": {"url": URL}}), ("remote", "url")),
        (chat({"type": "image_url", "image_url": URL}), ("remote", "image_url")),
        (chat({"type": "image_url", "image_url": {"url": IMAGE * 6}}), ("data", "url")),
        (chat({"type": "input_audio", "input_audio": {"data": TEXT, "format": "wav"}}), ("data", "data")),
        (chat({"type": "file", "file": {"file_data": TEXT, "filename": "a.txt"}}), ("data", "file_data")),
        (chat({"type": "file", "file": {"file_id": "file-1"}}), ("file_id", "file_id")),
        (chat({"type": "video_url", "video_url": {"url": URL}}), ("remote", "url")),
        (responses({"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}"}), ("data", "image_url")),
        (responses({"type": "input_image", "file_id": "file-1"}), ("file_id", "file_id")),
        (responses({"type": "input_file", "file_data": f"data:;base64,{TEXT}"}), ("data", "file_data")),
        (responses({"type": "input_file", "file_url": URL}), ("remote", "file_url")),
        (responses({"type": "image_generation_call", "result": IMAGE}), ("data", "result")),
        (
            responses(tools=[{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]),
            ("file_id", "0"),
        ),
        (
            messages({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}}),
            ("data", "data"),
        ),
        (messages({"type": "document", "source": {"type": "url", "url": URL}}), ("remote", "url")),
        (messages({"type": "document", "source": {"type": "file", "file_id": "file-1"}}), ("file_id", "file_id")),
        (
            messages(
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "image", "source": {"type": "url", "url": URL}}],
                }
            ),
            ("remote", "url"),
        ),
    ],
)
def test_attachments_of_all_dialects(prompt: Prompt, expected: tuple[str, str]) -> None:
    assert found(prompt) == [expected]
    attachment = prompt.attachments[0]
    assert attachment.place.startswith("/")
    read = {text.pointer for text in prompt.texts if not text.is_key}
    assert (attachment.pointer in read) == (attachment.carriage is not Carriage.DATA)


@pytest.mark.parametrize(
    "prompt",
    [
        chat(),
        chat({"type": "file", "file": {"file_data": "my own words, not encoded"}}),
        messages({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "c2VjcmV0"}}),
        messages({"type": "tool_use", "id": "t", "name": "n", "input": {"file_id": "x", "url": URL}}),
        responses(metadata={"file_id": "x"}),
        responses(tools=[{"type": "function", "name": "f", "parameters": {"properties": {"x": {"file_id": "y"}}}}]),
    ],
)
def test_what_only_looks_like_an_attachment_stays_a_text(prompt: Prompt) -> None:
    assert prompt.attachments == ()
    assert with_attachments(prompt) is prompt


def test_keys_and_neighbours_stay_texts() -> None:
    prompt = chat({"type": "file", "file": {"file_data": TEXT, "filename": "jane@example.org.txt", "my key": "v"}})
    assert {text.value for text in prompt.texts} == {"jane@example.org.txt", "my key", "v", "look"}


def test_the_role_and_declared_type_go_along() -> None:
    source = {"type": "base64", "media_type": "text/csv; charset=iso-8859-1", "data": TEXT}
    attachment = messages({"type": "document", "source": source}).attachments[0]
    assert (attachment.role, attachment.media_type) == ("user", "text/csv; charset=iso-8859-1")
    assert TEXT not in repr(attachment)


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"type": "image_url", "image_url": {"url": URL}}, IMAGE_TOKENS_MAX),
        ({"type": "image_url", "image_url": {"url": IMAGE * 6}}, IMAGE_TOKENS_MAX - 6 * len(IMAGE)),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 20_000}}, 0),
        ({"type": "file", "file": {"file_id": "file-1"}}, DOCUMENT_TOKENS_MAX),
        ({"type": "file", "file": {"file_data": ZIP}}, DOCUMENT_TOKENS_MAX - len(ZIP)),
        ({"type": "file", "file": {"file_data": TEXT}}, 0),
    ],
)
def test_tokens_beyond_the_bytes(part: dict[str, Any], tokens: int) -> None:
    assert chat(part).attachments[0].extra_tokens == tokens
