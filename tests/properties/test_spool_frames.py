"""The spool's file format: what is cut off or flipped is noticed, and nothing that was never written appears."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.audit.segments import Damage, Frame, frame, scan

payload_lists = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6)


def payloads(data: bytes) -> list[bytes]:
    return [part.payload for part in scan(data) if isinstance(part, Frame)]


@given(payload_lists)
def test_cut_at_every_byte_exactly_the_whole_records_remain(written: Sequence[bytes]) -> None:
    data = b"".join(map(frame, written))
    ends = [len(b"".join(map(frame, written[: index + 1]))) for index in range(len(written))]
    for cut in range(len(data) + 1):
        assert payloads(data[:cut]) == [payload for payload, end in zip(written, ends, strict=True) if end <= cut]
        assert not [part for part in scan(data[:cut]) if isinstance(part, Damage)]


@given(payload_lists, st.data())
def test_a_flipped_bit_costs_its_record_and_no_other(written: Sequence[bytes], data: st.DataObject) -> None:
    whole = b"".join(map(frame, written))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    spoilt = bytearray(whole)
    spoilt[bit // 8] ^= 1 << (bit % 8)
    lengths = [len(frame(payload)) for payload in written]
    hit = next(index for index in range(len(written)) if sum(lengths[: index + 1]) > bit // 8)
    assert payloads(bytes(spoilt)) == [payload for index, payload in enumerate(written) if index != hit]
    damaged = [part for part in scan(bytes(spoilt)) if isinstance(part, Damage)]
    start = sum(lengths[:hit])
    # Behind the last record there is nothing that tells damage from a torn tail.
    assert damaged == ([] if hit == len(written) - 1 else [Damage(start, start + lengths[hit])])


@given(st.binary(max_size=300), payload_lists)
def test_records_behind_garbage_are_found(garbage: bytes, written: Sequence[bytes]) -> None:
    found = payloads(garbage + b"".join(map(frame, written)))
    assert found[-len(written) :] == list(written)


@given(st.binary(max_size=300))
def test_parts_are_within_the_data_and_in_order(data: bytes) -> None:
    position = 0
    for part in scan(data):
        assert position < part.end <= len(data)
        position = part.end
