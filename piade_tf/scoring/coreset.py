"""A few normal patches that stand for all of them."""

import numpy as np

PROJECTED = 32  # dimensions in which distances are measured while patches are chosen
WAVE = 0.99  # patches with a bound of so much of the largest are looked at together,
TOGETHER = 2**15  # but no more than these: 64 MiB of distances to 500 others


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
        # Distances only fall: what was found against the first `seen` chosen ones bounds what is found against all. A
        # patch that is below the farthest by its bound need not be looked at.
        bound, seen = np.full(len(points), np.inf, "float32"), np.zeros(len(points), "int64")
        for i in range(len(chosen)):
            farthest = bound.argmax() if i else rng.integers(len(points))
            while i and seen[farthest] < i:
                may_be = np.flatnonzero(bound >= WAVE * bound[farthest])
                may_be = may_be[seen[may_be] < i][:TOGETHER]
                since = int(seen[may_be].min())
                others = chosen[since:i]
                distances = squares[others] - 2 * (points[may_be] @ points[others].T)
                nearest = np.maximum(distances.min(axis=1) + squares[may_be], 0)
                bound[may_be], seen[may_be] = np.minimum(bound[may_be], nearest), i
                farthest = bound.argmax()
            chosen[i], bound[farthest] = farthest, -np.inf
        return chosen if rows is None else rows[chosen]

    def _drawn(self) -> tuple[np.ndarray, np.random.Generator]:
        """The projection, `(dim, PROJECTED)`, and the generator after it."""
        rng = np.random.default_rng(self._seed)
        projection = rng.normal(size=(self._dim, PROJECTED)).astype("float32") / np.sqrt(np.float32(PROJECTED))
        return projection, rng
