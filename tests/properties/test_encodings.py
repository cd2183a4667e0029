"""Content codings: what was encoded comes back; anything else is refused, within bounds."""

import gzip

import brotli
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext import limits
from gateway_ext.dialects.encodings import decode_body
from gateway_ext.errors import Refusal

CODINGS = {"gzip": lambda body: gzip.compress(body, mtime=0), "br": brotli.compress}
STACKS = st.lists(st.sampled_from(sorted(CODINGS)), min_size=1, max_size=2)


def encoded(body: bytes, codings: list[str]) -> bytes:
    for coding in codings:
        body = CODINGS[coding](body)
    return body


@given(st.binary(max_size=2000), STACKS)
def test_decoding_undoes_encoding(body: bytes, codings: list[str]) -> None:
    assert decode_body(encoded(body, codings), ", ".join(codings)) == (body, True)


@given(st.binary(min_size=1, max_size=500), STACKS, st.data())
def test_a_body_cut_short_is_refused(body: bytes, codings: list[str], data: st.DataObject) -> None:
    whole = encoded(body, codings)
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        decoded, _ = decode_body(whole[:cut], ", ".join(codings))
    except Refusal:
        return
    raise AssertionError(f"{len(decoded)} bytes were accepted")


@given(st.binary(max_size=500), STACKS, st.data())
def test_a_damaged_body_is_refused_or_bounded(body: bytes, codings: list[str], data: st.DataObject) -> None:
    damaged = bytearray(encoded(body, codings))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded, was_coded = decode_body(bytes(damaged), ", ".join(codings))
    except Refusal:
        return
    assert was_coded
    assert len(decoded) <= limits.DECODED_BODY_BYTES_MAX
