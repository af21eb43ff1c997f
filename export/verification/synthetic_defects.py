"""Good images with defects drawn into them: what a file that is spoiled may call normal though the run does not.

A spoiled file can leave every good image normal, since its threshold follows its own scores. Verdicts on changed images
tell it from a sound one. Nothing of a real defect is known here, and no label is used: what counts is whether file and
run say the same, whatever they say. The kinds are those of Li et al. 2021 (CutPaste, arXiv 2104.04015: a patch moved, a
scar) and a blob.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from piade_tf.pixels import WHITE

COUNT = 120
STRENGTHS = (1.0, 0.5, 0.25, 0.125, 0.0625)  # 1: defects can cover what was there
WEAKEST = 0.25  # of a set of defects, as a share of its strength
SIDES = (0.1, 0.5)  # of a defect, as shares of the image's shorter side
THIN = 0.1  # of a scar's length


def defects_near_threshold(
    images: np.ndarray, share_flagged: Callable[[Iterable[np.ndarray]], float], seed: int
) -> list[np.ndarray]:
    """Images with defects of the strength at which about half are called anomalous: where verdicts can differ.

    Args:
        images: `(n, height, width, channels)`, uint8, normal.
        share_flagged: tells for images which share of them the run calls anomalous.
        seed: of places and shapes.
    """

    def drawn(strength: float) -> list[np.ndarray]:
        return list(with_defects(images, strength, seed))

    return drawn(min(STRENGTHS, key=lambda strength: abs(share_flagged(drawn(strength)) - 0.5)))


def with_defects(images: np.ndarray, strength: float, seed: int) -> Iterator[np.ndarray]:
    """Yields `COUNT` images `(height, width, channels)`, uint8, with one defect each.

    Args:
        images: `(n, height, width, channels)`, uint8; used in turn.
        strength: 0 to 1, of the strongest.
        seed: of places and shapes.
    """
    rng = np.random.default_rng(seed)
    for i in range(COUNT):
        turn, place = divmod(i, len(images))
        draw = KINDS[(turn + place) % len(KINDS)]
        changed = draw(images[place].astype("float32"), strength * rng.uniform(WEAKEST, 1), rng)
        yield changed.round().astype("uint8")


def _moved_patch(image: np.ndarray, opacity: float, rng: np.random.Generator) -> np.ndarray:
    height, width = _side(image, rng), _side(image, rng)
    place, source = (
        np.s_[top : top + height, left : left + width]
        for top, left in rng.integers([image.shape[0] - height + 1, image.shape[1] - width + 1], size=(2, 2))
    )
    moved = image.copy()
    moved[place] += opacity * (image[source] - image[place])
    return moved


def _scar(image: np.ndarray, opacity: float, rng: np.random.Generator) -> np.ndarray:
    along, across = _axes(image, rng)
    length = _side(image, rng)
    return _covered(image, opacity * ((np.abs(along) <= length / 2) & (np.abs(across) <= THIN * length / 2)), rng)


def _blob(image: np.ndarray, opacity: float, rng: np.random.Generator) -> np.ndarray:
    along, across = _axes(image, rng)
    distance = np.square(along / _side(image, rng)) + np.square(across / _side(image, rng))
    return _covered(image, opacity * np.exp(-8 * distance), rng)


KINDS = (_moved_patch, _scar, _blob)


def _side(image: np.ndarray, rng: np.random.Generator) -> int:
    return max(1, round(rng.uniform(*SIDES) * min(image.shape[:2])))


def _axes(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in pixels, `(height, width)` each, from a random place on, turned at random."""
    rows, columns = np.indices(image.shape[:2])
    rows, columns = rows - rng.integers(image.shape[0]), columns - rng.integers(image.shape[1])
    angle = rng.uniform(0, np.pi)
    return rows * np.cos(angle) + columns * np.sin(angle), columns * np.cos(angle) - rows * np.sin(angle)


def _covered(image: np.ndarray, opacity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image under a random colour, of which `opacity`, `(height, width)`, tells how much of it is seen."""
    return image + opacity[..., None] * (rng.uniform(0, WHITE, image.shape[2]) - image)
