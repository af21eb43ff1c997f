"""A few normal patches that stand for all of them."""

import numpy as np

PROJECTED = 32  # dimensions in which distances are measured while patches are chosen


def greedy_coreset(patches: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Indices of patches such that every patch has one of them near: greedy k-centre selection.

    Args:
        patches: `(n, dim)`, float.
        count: how many to choose; all where there are fewer.
        seed: of the first patch and of the random projection in which distances are measured.

    Returns:
        `(min(count, n),)`, int64, in the order in which they were chosen.

    Source: Roth et al. 2022, "Towards total recall in industrial anomaly detection", arXiv 2106.08265, algorithm 1;
    the projection after Johnson and Lindenstrauss 1984.
    """
    return ProjectedPatches(patches, seed).coreset(count)


class ProjectedPatches:
    """Patches in fewer dimensions, for several coresets, each of some of the patches.

    Args:
        patches, seed: as `greedy_coreset` takes them.
    """

    def __init__(self, patches: np.ndarray, seed: int = 0):
        self._dim, self._seed = patches.shape[1], seed
        self._points = patches.astype("float32") @ self._drawn()[0]

    def coreset(self, count: int, rows: np.ndarray | None = None) -> np.ndarray:
        """As `greedy_coreset`, of the patches of some `rows` alone; the indices are of all patches."""
        points = self._points if rows is None else self._points[rows]
        rng = self._drawn()[1]
        squares = np.einsum("ij,ij->i", points, points)
        chosen = np.empty(min(count, len(points)), "int64")
        nearest, owner = np.full(len(points), np.inf, "float32"), np.zeros(len(points), "int64")
        for i in range(len(chosen)):
            chosen[i] = rng.integers(len(points)) if i == 0 else nearest.argmax()
            last = points[chosen[i]]
            # Triangle inequality: a patch nearer to its own than half the way from there to the new one stays there.
            quarter = np.square(points[chosen[: i + 1]] - last).sum(axis=1) / 4
            near = np.flatnonzero(nearest > quarter.take(owner))
            along = np.einsum("ij,j->i", points.take(near, axis=0), last)  # small: threads of BLAS would only wait
            distance = squares.take(near) - 2 * along + last @ last
            closer = distance < nearest.take(near)
            nearest[near[closer]], owner[near[closer]] = distance[closer], i
            nearest[chosen[i]] = -np.inf
        return chosen if rows is None else rows[chosen]

    def _drawn(self) -> tuple[np.ndarray, np.random.Generator]:
        """The projection, `(dim, PROJECTED)`, and the generator after it."""
        rng = np.random.default_rng(self._seed)
        projection = rng.normal(size=(self._dim, PROJECTED)).astype("float32") / np.sqrt(np.float32(PROJECTED))
        return projection, rng
