from pathlib import Path

import pytest

from gateway_ext.witnessed.marker import Marker, read_marker, write_marker


def test_a_marker_comes_back_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "standing.marker"
    assert read_marker(path) is None
    for generation in (0, 7):
        write_marker(path, Marker("store-1", generation))
        assert read_marker(path) == Marker("store-1", generation)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["standing.marker"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"store_id": "a"}', b'{"store_id": 1, "generation": 1}', b"\xff"]
)
def test_a_damaged_one_is_no_marker(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "standing.marker"
    path.write_bytes(content)
    with pytest.raises(ValueError):
        read_marker(path)
