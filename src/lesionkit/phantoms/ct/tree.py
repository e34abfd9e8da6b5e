"""Branching trees that fill the lungs: arteries, veins, and the airways that run along the arteries."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]
_STEP_MM = 7.0


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes joined to their parents; a parent has a smaller number than its children, node 0 is the root.

    Attributes:
        nodes: (n, 3) positions in (x, y, z), mm.
        parents: (n,) node numbers, −1 for the root.
        radii_mm: (n,) by a law like Murray's from the number of leaves beyond.
    """

    nodes: Points
    parents: NDArray[np.int_]
    radii_mm: NDArray[np.float64]

    @property
    def tubes(self) -> "Tubes":
        """One tapered tube per node and its parent."""
        child = np.flatnonzero(self.parents >= 0)
        parent = self.parents[child]
        radii = self.radii_mm
        # A tube starts no wider than its own end by much: a side branch does not begin as wide as the trunk.
        start = np.minimum(radii[parent], 1.25 * radii[child])
        return Tubes(self.nodes[parent], self.nodes[child], start, radii[child])


@dataclass(frozen=True, eq=False)
class Tubes:
    """Tapered tubes with round ends: starts and ends (n, 3) in (x, y, z), radii (n,), all in mm."""

    starts: Points
    ends: Points
    start_radii: NDArray[np.float64]
    end_radii: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.starts)

    def __add__(self, other: "Tubes") -> "Tubes":
        return Tubes(
            np.concatenate([self.starts, other.starts]),
            np.concatenate([self.ends, other.ends]),
            np.concatenate([self.start_radii, other.start_radii]),
            np.concatenate([self.end_radii, other.end_radii]),
        )

    def scaled(self, scale: float) -> "Tubes":
        """All lengths times `scale`."""
        return Tubes(self.starts * scale, self.ends * scale, self.start_radii * scale, self.end_radii * scale)


def grow_tree(rng: Generator, root: Points, leaves: Points, leaf_radius_mm: float, balance: float = 0.25) -> Tree:
    """A tree from `root` (3,) that reaches every leaf (n, 3).

    Leaves are joined from near to far, each to the node where new length plus `balance` times the way from the root is
    least (the minimum-spanning-tree model of Cuntz et al. 2010); `balance` 0 saves length, 1 makes direct ways.
    """
    leaves = leaves[np.argsort(np.linalg.norm(leaves - root, axis=1))]
    nodes, parents, ways = root[None].copy(), np.array([-1]), np.zeros(1)
    done = 0
    while done < len(leaves):
        batch = leaves[done : done + max(2, len(nodes) // 8)]
        done += len(batch)
        nearest = min(16, len(nodes))
        distance, near = cKDTree(nodes).query(batch, k=nearest)
        distance, near = distance.reshape(-1, nearest), near.reshape(-1, nearest)
        best = np.argmin(distance + balance * ways[near], axis=1)
        joined = near[np.arange(len(batch)), best]
        new, links, come = _curved_steps(rng, nodes, ways, joined, batch)
        nodes, parents, ways = np.concatenate([nodes, new]), np.concatenate([parents, links]), np.append(ways, come)
    return Tree(nodes, parents, leaf_radius_mm * _leaves_beyond(parents) ** (1 / 2.95))


def airways_along(tree: Tree, side: Points, least_radius_mm: float) -> Tubes:
    """Tubes beside the vessels of a tree that are wide enough, shifted to the direction `side` (3,)."""
    child = np.flatnonzero((tree.parents >= 0) & (tree.radii_mm > least_radius_mm))
    parent = tree.parents[child]
    along = tree.nodes[child] - tree.nodes[parent]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    shift = np.zeros_like(tree.nodes)
    across = side - along * (along @ side)[:, None]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    shift[child] = across * (1.75 * tree.radii_mm[child] + 0.8)[:, None]
    shift[parent] = np.where(shift[parent] == 0, shift[child], shift[parent])
    radii = np.minimum(0.8 * tree.radii_mm, 4.0)
    start = np.minimum(radii[parent], 1.25 * radii[child])
    return Tubes(tree.nodes[parent] + shift[parent], tree.nodes[child] + shift[child], start, radii[child])


def _curved_steps(
    rng: Generator, nodes: Points, ways: NDArray[np.float64], joined: NDArray[np.int_], ends: Points
) -> tuple[Points, NDArray[np.int_], NDArray[np.float64]]:
    """Nodes on a slightly bent way from each start to its end, their parents' numbers, and how far they have come."""
    starts = nodes[joined]
    lengths = np.linalg.norm(ends - starts, axis=1)
    counts = np.maximum(1, np.round(lengths / _STEP_MM)).astype(int)
    way = np.repeat(np.arange(len(starts)), counts)
    step = np.arange(len(way)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = ((step + 1) / counts[way])[:, None]
    bend = rng.standard_normal((len(starts), 3)) * 0.1 * lengths[:, None]
    new = starts[way] + share * (ends - starts)[way] + bend[way] * (share * (1 - share) * 2)
    links = np.where(step == 0, joined[way], len(nodes) + np.arange(len(way)) - 1)
    return new, links, ways[joined][way] + share[:, 0] * lengths[way]


def _leaves_beyond(parents: NDArray[np.int_]) -> NDArray[np.float64]:
    """Number of leaves beyond each node, itself if it is one."""
    has_child = np.zeros(len(parents), bool)
    has_child[parents[1:]] = True
    count = np.where(has_child, 0, 1).tolist()
    for node in range(len(parents) - 1, 0, -1):
        count[parents[node]] += count[node]
    return np.array(count, dtype=np.float64)
