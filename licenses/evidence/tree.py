"""The Merkle tree of RFC 6962 (SHA-256): what binds any number of lines into one root.

Leaves and nodes are hashed under different prefixes, so that a node can never pass for a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the 32 bytes that stand for a leaf."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def split(size: int) -> int:
    """Return how many of *size* leaves (2 or more) lie under the root's left node: the greatest
    power of two below."""
    return 1 << (size - 1).bit_length() - 1


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes in order; of none, the hash of nothing.

    Holds one hash for each level only, so that the leaves may come from a stream.
    """
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


class Tree:
    """A tree that grows by leaves and tells its root at any time."""

    def __init__(self) -> None:
        self.size = 0
        self._full: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        self.size += 1
        width = 1
        while self._full and self._full[-1][0] == width:
            leaf = node_hash(self._full.pop()[1], leaf)
            width *= 2
        self._full.append((width, leaf))

    def root(self) -> bytes:
        """Return the root over the leaves so far."""
        found = EMPTY
        for position, (_width, node) in enumerate(reversed(self._full)):
            found = node_hash(node, found) if position else node
        return found


def inclusion(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of the leaf at *index* (0 is the first), from the leaf upwards."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"There is no leaf {index} among {len(leaves)}.")
    if len(leaves) == 1:
        return []
    at = split(len(leaves))
    if index < at:
        return [*inclusion(index, leaves[:at]), root(leaves[at:])]
    return [*inclusion(index - at, leaves[at:]), root(leaves[:at])]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an audit path leads to. Raises ValueError where its length is not the
    one that the position demands."""
    if not 0 <= index < size:
        raise ValueError(f"There is no leaf {index} among {size}.")
    rest = list(path)

    def climb(index: int, size: int) -> bytes:
        if size == 1:
            return leaf
        if not rest:
            raise ValueError("The path is too short.")
        sibling, at = rest.pop(), split(size)
        if index < at:
            return node_hash(climb(index, at), sibling)
        return node_hash(sibling, climb(index - at, size - at))

    found = climb(index, size)
    if rest:
        raise ValueError("The path is too long.")
    return found


def cover(own: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield, in order, the fewest pieces (first, count) that cover all leaves and hold each own one
    alone: a piece of others is a whole node of the tree, so that its one hash stands for it.

    own: for each leaf, whether it is one.
    """

    def walk(first: int, count: int) -> Iterator[tuple[int, int]]:
        if count == 1 or not any(own[first : first + count]):
            yield first, count
            return
        at = split(count)
        yield from walk(first, at)
        yield from walk(first + at, count - at)

    if own:
        yield from walk(0, len(own))
