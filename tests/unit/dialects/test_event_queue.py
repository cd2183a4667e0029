from typing import Any

import orjson
import pytest

from gateway_ext import limits
from gateway_ext.dialects.event_queue import EventQueue, Piece, joined
from gateway_ext.dialects.event_texts import read_document, read_event_texts
from gateway_ext.dialects.sse import SseParser, StreamMalformed


def block(document: Any, head: bytes = b"") -> bytes:
    return head + b"data: " + (document if isinstance(document, bytes) else orjson.dumps(document)) + b"\n\n"


def delta(index: int = 0, **members: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": members, "finish_reason": None}]}


def finish(index: int = 0) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]}


def push(queue: EventQueue, *blocks: bytes) -> list[Piece]:
    pieces: list[Piece] = []
    for event in SseParser().feed(b"".join(blocks)):
        document = read_document(event)
        pieces += queue.push(event, document, read_event_texts(event, document))
    return pieces


def test_events_wait_until_all_their_texts_are_settled() -> None:
    queue = EventQueue()
    blocks = [block(delta(content="Hel")), block(delta(content="lo")), block({"type": "ping"}), block(finish())]
    pieces = push(queue, *blocks)
    assert [(piece.text, piece.ends) for piece in pieces] == [("Hel", False), ("lo", False), ("", True)]
    (channel,) = {piece.channel for piece in pieces}
    for settled, expected in [(0, b""), (2, b""), (3, blocks[0]), (4, b""), (5, b"".join(blocks[1:]))]:
        queue.settle(channel, settled)
        assert queue.pop() == expected


def test_order_is_kept_across_choices() -> None:
    queue = EventQueue()
    blocks = [block(delta(0, content="a")), block(delta(1, content="b")), block(delta(0, content="c"))]
    first, second, _ = push(queue, *blocks)
    queue.settle(second.channel, 1)
    assert queue.pop() == b""
    queue.settle(first.channel, 1)
    assert queue.pop() == blocks[0] + blocks[1]
    queue.settle(first.channel, 2)
    assert queue.pop() == blocks[2]


def test_a_changed_event_keeps_everything_else() -> None:
    head = b"\xef\xbb\xbfevent: chunk\r\nid: 7\r\n: note\r\nretry: 10\r\n"
    document = {"id": "x", **delta(content="Jane"), "new": {"a": [1.5, None, True]}}
    queue = EventQueue()
    pieces = push(queue, block(document, head).replace(b"\n\n", b"\r\n\r\n"))
    for piece in pieces:
        queue.settle(piece.channel, len(piece.text), [(0, 4, "[NAME]")] if piece.text == "Jane" else [])
    document["choices"][0]["delta"]["content"] = "[NAME]"
    assert queue.pop() == block(document, head).replace(b"\n\n", b"\r\n\r\n")


def test_data_in_several_lines_becomes_one() -> None:
    queue = EventQueue()
    (piece,) = push(queue, b'data: {"choices":\ndata:[{"delta":{"content":"Jane"}}]}\n\n')
    queue.settle(piece.channel, 4, [(0, 4, "*")])
    assert queue.pop() == b'data: {"choices":[{"delta":{"content":"*"}}]}\n\n'


def test_what_stands_outside_of_the_data_is_read_and_can_go() -> None:
    queue = EventQueue()
    raw = b": Jane\nevent: Jane\nid: Jane\nevent: chunk\n" + block({"type": "ping"})
    (piece,) = push(queue, raw)
    assert piece.is_whole
    assert piece.text == ": Jane\nevent: Jane\nid: Jane"
    queue.settle(piece.channel, len(piece.text), [(2, 6, "*")])
    assert queue.pop() == b"event: chunk\n" + block({"type": "ping"})


def test_an_edit_of_the_data_leaves_what_stands_outside_of_it() -> None:
    queue = EventQueue()
    for piece in push(queue, block({"message": "Jane"}, b": note\n")):
        queue.settle(piece.channel, len(piece.text), [(0, 4, "*")] if piece.text == "Jane" else [])
    assert queue.pop() == block({"message": "*"}, b": note\n")


def test_whole_texts_are_edited_in_their_event_alone() -> None:
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    done = {"type": "response.output_text.done", **place, "text": "Hi Jane", "logprobs": [{"token": "Jane"}]}
    queue = EventQueue()
    pieces = push(queue, block({"type": "response.output_text.delta", **place, "delta": "Hi Jane"}), block(done))
    assert [(piece.text, piece.is_whole) for piece in pieces] == [
        ("Hi Jane", False),
        ("Hi Jane", True),
        ("Jane", True),
        ("", False),
    ]
    queue.settle(pieces[0].channel, 7, [(3, 7, "*")])
    queue.settle(pieces[2].channel, 4)
    queue.settle(pieces[1].channel, 7, [(3, 7, "*")])
    assert [orjson.loads(event.data) for event in SseParser().feed(queue.pop())] == [
        {"type": "response.output_text.delta", **place, "delta": "Hi *"},
        {**done, "text": "Hi *", "logprobs": []},
    ]


def test_probabilities_of_a_changed_delta_go() -> None:
    queue = EventQueue()
    document = delta(content="Jane")
    document["choices"][0]["logprobs"] = {"content": [{"token": "Ja", "bytes": [74, 97]}, {"token": "ne"}]}
    pieces = push(queue, block(document))
    assert [piece.text for piece in pieces] == ["Jane", "Jane"]
    content = next(piece for piece in pieces if piece.place.endswith("content"))
    queue.settle(content.channel, 4, [(0, 4, "*")])
    assert queue.pop() == b""
    queue.settle(next(piece.channel for piece in pieces if piece is not content), 4)
    (event,) = SseParser().feed(queue.pop())
    assert orjson.loads(event.data)["choices"] == [{**delta(content="*")["choices"][0], "logprobs": None}]


def test_keys_are_read_and_cannot_be_changed() -> None:
    queue = EventQueue()
    (piece,) = push(queue, block({"jane": 1}))
    assert piece.is_key
    with pytest.raises(ValueError):
        queue.settle(piece.channel, 4, [(0, 4, "*")])
    queue.settle(piece.channel, 4)
    assert queue.pop() == block({"jane": 1})


def test_a_whole_text_is_settled_at_once() -> None:
    queue = EventQueue()
    (piece,) = push(queue, block({"message": "Hello"}))
    with pytest.raises(ValueError):
        queue.settle(piece.channel, 3)


def test_a_text_that_others_of_its_choice_outgrow_has_ended() -> None:
    queue = EventQueue()
    (thought,) = push(queue, block(delta(reasoning_content="Hm")))
    assert not push(queue, block(delta(1, content="x" * 100)))[0].ends
    few, many = "x" * limits.STREAM_SILENT_CHARACTERS, "y"
    assert [piece.ends for piece in push(queue, block(delta(content=few)))] == [False]
    ended, content = push(queue, block(delta(content=many)))
    assert (ended.channel, ended.ends) == (thought.channel, True)
    assert (content.text, content.ends) == (many, False)
    (again,) = push(queue, block(delta(reasoning_content="Oh")))
    assert again.channel not in {thought.channel, content.channel}


def test_texts_that_take_turns_stay_whole() -> None:
    queue = EventQueue()
    pieces = [push(queue, block(delta(0, **{key: "x" * 20}))) for key in ("content", "refusal") * 20]
    assert {len(found) for found in pieces} == {1}
    assert len({found[0].channel for found in pieces}) == 2


@pytest.mark.parametrize("end", [finish(), b"[DONE]", {"type": "message_stop"}])
def test_a_text_that_was_complete_must_not_go_on(end: Any) -> None:
    queue = EventQueue()
    push(queue, block(delta(content="Hel")), block(end), block(delta(content="")))
    with pytest.raises(StreamMalformed):
        push(queue, block(delta(content="lo")))


def test_at_the_end_of_the_stream_all_texts_end() -> None:
    queue = EventQueue()
    pieces = push(queue, block(delta(0, content="a")), block(delta(1, content="b")))
    assert [(piece.channel, piece.ends) for piece in queue.finish()] == [(piece.channel, True) for piece in pieces]
    assert queue.finish() == []


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = block(delta(content="a"))
    for name, value in [
        ("STREAM_HELD_EVENTS_MAX", 2),
        ("STREAM_HELD_BYTES_MAX", 2 * len(raw)),
        ("STREAM_TEXTS_MAX", 2),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(limits, name, value)
            queue = EventQueue()
            push(queue, raw, block(delta(1, content="a")))
            with pytest.raises(StreamMalformed):
                push(queue, block(delta(2, content="a")))


def test_what_has_left_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAM_HELD_EVENTS_MAX", 2)
    queue = EventQueue()
    for number in range(1, 10):
        (piece,) = push(queue, block(delta(content="a")))
        queue.settle(piece.channel, number)
        assert queue.pop()


def test_pieces_do_not_show_what_they_hold() -> None:
    (piece,) = push(EventQueue(), block(delta(content="Jane")))
    assert "Jane" not in repr(piece)


def test_pieces_of_one_channel_that_follow_each_other_are_read_as_one() -> None:
    queue = EventQueue()
    blocks = [block(delta(content="Hel")), block(delta(content="lo")), block(delta(1, content="Hi")), block(finish())]
    pieces = push(queue, *blocks)
    read = joined(pieces)
    assert [(piece.text, piece.ends) for piece in read] == [("Hello", False), ("Hi", False), ("", True)]
    assert [piece.channel for piece in read] == [pieces[0].channel, pieces[2].channel, pieces[0].channel]
    (last,) = joined([pieces[1], pieces[3]])
    assert (last.text, last.ends) == ("lo", True)
    for piece in read:
        queue.settle(piece.channel, 5 if piece.channel == pieces[0].channel else 2)
    assert queue.pop() == b"".join(blocks)
