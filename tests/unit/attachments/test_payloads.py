from __future__ import annotations

import base64

import pytest

from gateway_ext.attachments.payloads import begin, decode, is_data_url, may_be_base64

DATA = bytes(range(256)) * 3000
PLAIN = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "value",
    [
        PLAIN,
        PLAIN.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        base64.encodebytes(DATA).decode(),
        f"data:image/png;base64,{PLAIN}",
        f" DATA:;BASE64,{PLAIN}",
    ],
    ids=["plain", "unpadded", "url safe", "lines", "data url", "odd data url"],
)
def test_base64_in_all_its_ways(value: str) -> None:
    payload = decode(value)
    assert payload is not None
    assert payload.data == DATA
    assert DATA.startswith(begin(value))
    assert 1000 < len(begin(value)) < 10_000


def test_a_data_url_in_percent_encoding_with_a_charset() -> None:
    payload = decode("data:text/plain;charset=ISO-8859-1,Gr%F6%DFe")
    assert payload is not None
    assert (payload.data, payload.charset, payload.head) == (
        b"Gr\xf6\xdfe",
        "ISO-8859-1",
        "text/plain;charset=ISO-8859-1",
    )
    declared = decode("R3I=", "text/csv; charset=utf-16")
    assert declared is not None
    assert declared.charset == "utf-16"


@pytest.mark.parametrize("value", ["no base64!", "QUJD=QUJD", "QUJD====", "A", "Grö\u00dfe", "data:;base64,QUJD,QUJD"])
def test_what_decoders_read_differently_is_not_decoded(value: str) -> None:
    assert decode(value) is None
    assert not may_be_base64(value)


def test_the_begin_tells_little_of_the_rest() -> None:
    value = "QUJD" * 5000 + "!"
    assert may_be_base64(value)
    assert decode(value) is None
    assert not is_data_url("https://example.org/data:x,")


def test_the_payload_is_not_shown() -> None:
    assert "secret" not in repr(decode("data:secret/secret,secret"))


def test_decoding_can_be_stopped() -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        decode(PLAIN, tick=stop)
