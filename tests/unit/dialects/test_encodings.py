import gzip
import os
import zlib

import brotli
import pytest

from gateway_ext import limits
from gateway_ext.dialects.encodings import decode_body
from gateway_ext.errors import BodyInvalid, BodyTooLarge, ContentCodingUnsupported

TEXT = b'{"model":"m","input":"' + b"hello " * 100 + b'"}'


@pytest.mark.parametrize("header", ["", "identity", " Identity ", ","])
def test_a_body_without_coding_stays_as_it_is(header: str) -> None:
    assert decode_body(TEXT, header) == (TEXT, False)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("X-GZip", gzip.compress(TEXT)),
        ("br", brotli.compress(TEXT)),
        ("gzip, br", brotli.compress(gzip.compress(TEXT))),
        ("br,, identity ,gzip", gzip.compress(brotli.compress(TEXT))),
        ("gzip", gzip.compress(TEXT[:50]) + gzip.compress(b"") + gzip.compress(TEXT[50:])),
    ],
)
def test_decodes(header: str, body: bytes) -> None:
    assert decode_body(body, header) == (TEXT, True)


@pytest.mark.parametrize("header", ["zstd", "deflate", "compress", "*", "gzip;q=1", "gzip, zstd", "gzip, gzip, gzip"])
def test_refuses_other_codings(header: str) -> None:
    with pytest.raises(ContentCodingUnsupported):
        decode_body(TEXT, header)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("gzip", b""),
        ("gzip", TEXT),
        ("gzip", zlib.compress(TEXT)),
        ("gzip", gzip.compress(TEXT)[:-1]),
        ("gzip", gzip.compress(TEXT) + b"trailing"),
        ("gzip", gzip.compress(TEXT)[:-8] + b"\x00" * 8),
        ("gzip", gzip.compress(b"x") * 17),
        ("br", b""),
        ("br", TEXT),
        ("br", brotli.compress(TEXT)[:-1]),
        ("br", brotli.compress(TEXT) + b"trailing"),
        ("gzip, br", gzip.compress(brotli.compress(TEXT))),
    ],
)
def test_refuses_what_does_not_decode_to_the_end(header: str, body: bytes) -> None:
    with pytest.raises(BodyInvalid) as caught:
        decode_body(body, header)
    assert "hello" not in repr(caught.value)


@pytest.mark.parametrize(
    ("header", "bomb"),
    [
        ("gzip", gzip.compress(bytes(8 * 1024 * 1024))),
        ("br", brotli.compress(bytes(8 * 1024 * 1024))),
        ("gzip, gzip", gzip.compress(gzip.compress(bytes(8 * 1024 * 1024)))),
        ("gzip", gzip.compress(bytes(600 * 1024)) * 2),
    ],
)
def test_refuses_bombs_by_their_ratio(header: str, bomb: bytes) -> None:
    with pytest.raises(BodyTooLarge):
        decode_body(bomb, header)


def test_a_small_body_may_compress_well() -> None:
    body = bytes(1024 * 1024)
    assert decode_body(gzip.compress(body), "gzip") == (body, True)
    assert decode_body(brotli.compress(body), "br") == (body, True)


@pytest.mark.parametrize(("header", "compress"), [("gzip", gzip.compress), ("br", brotli.compress)])
def test_refuses_more_than_the_limit_exactly(
    header: str, compress: type[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DECODED_BODY_BYTES_MAX", 10_000)
    body = os.urandom(10_000)
    assert decode_body(compress(body), header) == (body, True)
    with pytest.raises(BodyTooLarge):
        decode_body(compress(body + b"x"), header)
