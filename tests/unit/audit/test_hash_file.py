from pathlib import Path

import pytest

from gateway_ext.audit import hash_file
from gateway_ext.audit.hash_file import HashFile, stored_nodes
from gateway_ext.audit.merkle import HASH_BYTES, TreeHead, leaf_hash, node_hash

LEAVES = [leaf_hash(bytes([index])) for index in range(21)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = HashFile(tmp_path / "hashes", writable=True)
    head = TreeHead()
    for leaf in LEAVES:
        file.append(head.append(leaf))
    file.close()
    return tmp_path / "hashes"


def test_every_node_is_where_it_is_looked_for(path: Path) -> None:
    file = HashFile(path)
    level, nodes = 0, LEAVES
    while nodes:
        assert [file.node(level, index) for index in range(len(nodes))] == nodes
        level, nodes = level + 1, [node_hash(*nodes[at : at + 2]) for at in range(0, len(nodes) - 1, 2)]
    assert path.stat().st_size == stored_nodes(21) * HASH_BYTES


def test_leaves_are_read_in_order_over_the_ends_of_chunks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = HashFile(path)
    for nodes in (1, 2, 3, 7, 1000):
        monkeypatch.setattr(hash_file, "_CHUNK_NODES", nodes)
        for leaves in range(22):
            assert list(file.leaf_hashes(leaves)) == LEAVES[:leaves]
    with pytest.raises(ValueError, match="ends early"):
        list(file.leaf_hashes(22))


def test_a_torn_end_does_not_count(path: Path) -> None:
    whole = path.read_bytes()
    sizes = {stored_nodes(leaves) * HASH_BYTES: leaves for leaves in range(22)}
    expected = 0
    for end in range(len(whole)):
        expected = sizes.get(end, expected)
        path.write_bytes(whole[:end])
        file = HashFile(path)
        assert file.leaves() == expected
        file.close()


def test_it_goes_on_after_a_cut(path: Path) -> None:
    whole = path.read_bytes()
    file = HashFile(path, writable=True)
    file.cut(13)
    assert file.leaves() == 13
    head = TreeHead(13, file.node)
    for leaf in LEAVES[13:]:
        file.append(head.append(leaf))
    file.sync()
    assert path.read_bytes() == whole


def test_a_node_that_is_not_there(path: Path) -> None:
    with pytest.raises(ValueError, match="ends early"):
        HashFile(path).node(0, 21)


def test_only_the_owner_may_read_it(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
