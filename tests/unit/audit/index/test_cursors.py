import pytest

from gateway_ext.audit.index.cursors import Direction, Position, read_cursor, write_cursor
from gateway_ext.errors import ConfigurationError

POSITION = Position(Direction.NEWER, 1_790_812_800_000_000_000, 42)
GENERATION = "0123456789abcdef"


def test_a_cursor_is_its_position() -> None:
    text = write_cursor(POSITION, GENERATION)
    assert read_cursor(text, GENERATION) == POSITION
    assert "=" not in text


def test_one_of_another_index_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="made anew"):
        read_cursor(write_cursor(POSITION, GENERATION), "f" * 16)


@pytest.mark.parametrize("text", ["", "1", "2abc", "1!!!", "x" * 50, "1" + "A" * 34, "é"])
def test_anything_else_is_no_cursor(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no cursor"):
        read_cursor(text, GENERATION)
