from pathlib import Path

import pytest

from gateway_ext.audit.leaf_places import LeafPlaces


def test_a_leaf_is_in_the_last_segment_that_begins_at_or_before_it(tmp_path: Path) -> None:
    places = LeafPlaces(tmp_path / "segments")
    assert places.segment_of(0) is None
    for segment, first_leaf in ((4, 0), (5, 10), (6, 10), (9, 12)):
        places.begin(segment, first_leaf)
    places.sync()
    for found in (places, LeafPlaces(tmp_path / "segments")):
        assert [found.segment_of(leaf) for leaf in (0, 9, 10, 11, 12, 99)] == [4, 4, 6, 6, 9, 9]
        assert (found.first_leaf(5), found.first_leaf(7)) == (10, None)


def test_what_begins_behind_a_cut_is_forgotten(tmp_path: Path) -> None:
    places = LeafPlaces(tmp_path / "segments")
    for segment in range(1, 5):
        places.begin(segment, 10 * segment - 10)
    places.cut(20)
    assert LeafPlaces(tmp_path / "segments").segment_of(99) == places.segment_of(99) == 3


def test_a_torn_line_does_not_count_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "segments"
    path.write_text("1 0\n2 5\n3")
    assert LeafPlaces(path).segment_of(99) == 2
    path.write_text("1 0\nx\n")
    with pytest.raises(ValueError, match="damaged"):
        LeafPlaces(path)
