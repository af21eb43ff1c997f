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
    chosen = [int(rng.integers(len(points)))]
    nearest = np.full(len(points), np.inf, "float32")
    while len(chosen) < min(count, len(points)):
        last = points[chosen[-1]]
        np.minimum(nearest, squares - 2 * (points @ last) + last @ last, out=nearest)
        nearest[chosen] = -np.inf
        chosen.append(int(nearest.argmax()))
    return np.array(chosen)
