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
    rng = np.random.default_rng(seed)
    projection = rng.normal(size=(patches.shape[1], PROJECTED)).astype("float32") / np.sqrt(np.float32(PROJECTED))
    points = patches.astype("float32") @ projection
    squares = np.einsum("ij,ij->i", points, points)
    count = min(count, len(points))
    chosen = np.empty(count, "int64")
    nearest, owner = np.full(len(points), np.inf, "float32"), np.zeros(len(points), "int64")
    for i in range(count):
        chosen[i] = rng.integers(len(points)) if i == 0 else nearest.argmax()
        last = points[chosen[i]]
        # Triangle inequality: a patch nearer to its own than half the way from there to the new one stays where it is.
        quarter = np.square(points[chosen[: i + 1]] - last).sum(axis=1) / 4
        near = np.flatnonzero(nearest > quarter.take(owner))
        distance = squares.take(near) - 2 * (points.take(near, axis=0) @ last) + last @ last
        closer = distance < nearest.take(near)
        nearest[near[closer]], owner[near[closer]] = distance[closer], i
        nearest[chosen[i]] = -np.inf
    return chosen
