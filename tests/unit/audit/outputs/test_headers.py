from pathlib import Path

import pytest

from gateway_ext.audit.outputs.headers import headers_in, no_headers
from gateway_ext.errors import ConfigurationError


def written(directory: Path, content: bytes, mode: int = 0o600) -> Path:
    path = directory / "headers"
    path.touch(mode)
    path.chmod(mode)
    path.write_bytes(content)
    return path


def test_lines_are_headers(tmp_path: Path) -> None:
    path = written(tmp_path, b"authorization: Bearer a b=\r\n\nx-api-key:k \n")
    assert headers_in(path)() == {"authorization": "Bearer a b=", "x-api-key": "k"}
    assert no_headers() == {}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"s3cret", "headers:1: expected"),
        (b"ok: 1\nX-Upper: s3cret", "headers:2: expected"),
        (b"empty:", "headers:1: expected"),
        (b"host: s3cret", "'host' cannot be set"),
        (b"content-length: 3", "cannot be set"),
        (b"grpc-timeout: 3", "cannot be set"),
        (b"a: 1\na: 2", "twice"),
        (b"a: s3cret\x00", "expected"),
        ("a: s3cretä".encode(), "expected ASCII"),
    ],
)
def test_what_is_none_is_refused_without_repeating_it(content: bytes, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        headers_in(written(tmp_path, content))()
    assert "s3cret" not in str(raised.value)


def test_a_file_that_others_may_read_or_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="others may access"):
        headers_in(written(tmp_path, b"a: 1", 0o644))()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        headers_in(tmp_path / "none")()
