import pytest

from gateway_ext.audit.merkle import (
    EMPTY_ROOT,
    TreeHead,
    consistency_path,
    head_of,
    inclusion_path,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# The leaves and roots that implementations of Certificate Transparency are tested with.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def test_roots_are_those_of_other_implementations() -> None:
    head = TreeHead()
    roots = [head.root().hex()]
    for leaf in LEAVES:
        head.append(leaf_hash(leaf))
        roots.append(head.root().hex())
    assert tuple(roots) == ROOTS


def test_the_proofs_of_the_rfcs_example() -> None:
    """RFC 6962 §2.1.3: seven leaves; the nodes a to l are named as there."""
    d = [leaf_hash(bytes([index])) for index in range(7)]
    g, h, i = (node_hash(d[at], d[at + 1]) for at in (0, 2, 4))
    k, j = node_hash(g, h), d[6]
    right = node_hash(i, j)
    root = node_hash(k, right)
    assert inclusion_path(0, 7) == [(1, 2), (2, 4), (4, 7)]
    assert verify_inclusion(d[0], 0, 7, [d[1], h, right], root)
    assert inclusion_path(3, 7) == [(2, 3), (0, 2), (4, 7)]
    assert verify_inclusion(d[3], 3, 7, [d[2], g, right], root)
    assert inclusion_path(4, 7) == [(5, 6), (6, 7), (0, 4)]
    assert verify_inclusion(d[4], 4, 7, [d[5], j, k], root)
    assert inclusion_path(6, 7) == [(4, 6), (0, 4)]
    assert verify_inclusion(d[6], 6, 7, [i, k], root)

    assert consistency_path(3, 7) == [(2, 3), (3, 4), (0, 2), (4, 7)]
    assert verify_consistency(3, node_hash(g, d[2]), 7, root, [d[2], d[3], g, right])
    assert consistency_path(4, 7) == [(4, 7)]
    assert verify_consistency(4, k, 7, root, [right])
    assert consistency_path(6, 7) == [(4, 6), (6, 7), (0, 4)]
    assert verify_consistency(6, node_hash(k, i), 7, root, [i, j, k])


def test_every_log_begins_with_the_empty_one_and_with_itself() -> None:
    root = leaf_hash(b"a")
    assert verify_consistency(0, EMPTY_ROOT, 1, root, [])
    assert verify_consistency(1, root, 1, root, [])
    assert not verify_consistency(0, root, 1, root, [])
    assert not verify_consistency(1, root, 1, leaf_hash(b"b"), [])
    assert not verify_consistency(2, root, 1, root, [])


@pytest.mark.parametrize(("index", "size"), [(1, 1), (-1, 1), (0, 0)])
def test_a_leaf_outside_of_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError):
        inclusion_path(index, size)
    assert not verify_inclusion(leaf_hash(b"a"), index, size, [], leaf_hash(b"a"))


def test_a_larger_tree_is_no_beginning() -> None:
    with pytest.raises(ValueError):
        consistency_path(2, 1)


def test_a_tree_goes_on_from_its_peaks() -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(13)]
    whole = TreeHead()
    for at, each in enumerate(hashes):
        resumed = head_of(at, whole.peaks())
        for rest in hashes[at:]:
            resumed.append(rest)
        whole.append(each)
        assert len(whole.peaks()) == (at + 1).bit_count()
    assert resumed.root() == whole.root()
    for size, peaks in ((3, whole.peaks()[:1]), (0, whole.peaks()[:1]), (1, (b"short",)), (-1, whole.peaks()[:1])):
        with pytest.raises(ValueError, match="does not consist"):
            head_of(size, peaks)
