"""The Merkle tree against RFC 6962's reference vectors and against its plain recursive text."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licenses.evidence import tree

# The reference inputs and roots of Certificate Transparency.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# RFC 6962 reference audit paths: leaf (from 1), size, path.
PATHS = (
    (1, 1, ()),
    (
        1,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        6,
        8,
        (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (3, 3, ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",)),
    (
        2,
        5,
        (
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    ),
)

LEAVES = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


def by_the_text(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + by_the_text(leaves[:k]) + by_the_text(leaves[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_reference_roots(size: int) -> None:
    leaves = [tree.leaf_hash(data) for data in INPUTS[:size]]
    assert tree.root(leaves).hex() == ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert tree.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("number", "size", "path"), PATHS)
def test_audit_paths_are_the_reference_paths(number: int, size: int, path: tuple[str, ...]) -> None:
    leaves = [tree.leaf_hash(data) for data in INPUTS[:size]]
    assert [node.hex() for node in tree.inclusion(number - 1, leaves)] == list(path)


@given(LEAVES)
def test_a_growing_tree_has_the_root_of_the_text_at_every_size(data: list[bytes]) -> None:
    grown = tree.Tree()
    for count, piece in enumerate(data, 1):
        grown.add(tree.leaf_hash(piece))
        assert grown.root() == by_the_text(data[:count])
        assert grown.size == count


@given(LEAVES, st.data())
def test_each_path_leads_to_the_root_and_no_other_does(data: list[bytes], draw) -> None:
    leaves = [tree.leaf_hash(piece) for piece in data]
    index = draw.draw(st.integers(0, len(leaves) - 1))
    path = tree.inclusion(index, leaves)
    root = tree.root(leaves)
    assert tree.root_from_inclusion(leaves[index], index, len(leaves), path) == root
    for wrong in ([*path, tree.EMPTY], path[:-1]):
        if wrong != path:
            with pytest.raises(ValueError, match="too"):
                tree.root_from_inclusion(leaves[index], index, len(leaves), wrong)
    if path:
        spot = draw.draw(st.integers(0, len(path) - 1))
        bent = [*path[:spot], tree.leaf_hash(path[spot]), *path[spot + 1 :]]
        assert tree.root_from_inclusion(leaves[index], index, len(leaves), bent) != root


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_path(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        tree.inclusion(index, [tree.EMPTY] * size)
    with pytest.raises(ValueError, match="no leaf"):
        tree.root_from_inclusion(tree.EMPTY, index, size, [])


@given(LEAVES, st.data())
def test_pieces_cover_all_leaves_and_hold_own_ones_alone(data: list[bytes], draw) -> None:
    own = draw.draw(st.sets(st.integers(0, len(data) - 1)))
    pieces = list(tree.cover([index in own for index in range(len(data))]))
    assert [first + offset for first, count in pieces for offset in range(count)] == list(
        range(len(data))
    )
    assert own <= {first for first, count in pieces if count == 1}
    # Each piece is a node of the tree: its own root, put in its place, gives the whole root.
    hashes = iter([by_the_text(data[first : first + count]) for first, count in pieces])
    sizes = iter([count for _first, count in pieces])

    def build(size: int, count: int | None) -> bytes:
        count = next(sizes) if count is None else count
        if count == size:
            return next(hashes)
        at = tree.split(size)
        left = build(at, count)
        return tree.node_hash(left, build(size - at, None))

    assert build(len(data), None) == by_the_text(data)
