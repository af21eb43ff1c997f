"""What a run remembers of each image that it has seen, so that it can tell a new one, and fit its threshold again."""

import csv
import dataclasses
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from piade_tf.data.splits import DataSplits
from piade_tf.errors import InputError
from piade_tf.files import write_csv

GOOD = ("train", "validation", "calibration")
SPLITS = (*GOOD, "test")
COLUMNS = ("image", "split", "digest", "added", "pred_score", "map_max")


@dataclasses.dataclass(frozen=True)
class KnownImage:
    """An image that a run has seen.

    Attributes:
        image: its path or index in the run's data; of an added one its whole path.
        split: what it served for, one of `SPLITS`.
        digest: of its pixels as the network takes them.
        added: the folder that it came from, if it was added after the training; else empty.
        pred_score: of an image that the threshold was chosen from: a calibration image, or, where these were scored in
            folds, any good one; else None.
        map_max: of the same, the largest value of its anomaly map; else None.
    """

    image: str
    split: str
    digest: str
    added: str = ""
    pred_score: float | None = None
    map_max: float | None = None


def known_images(data: DataSplits, pred_score: np.ndarray, map_max: np.ndarray) -> list[KnownImage]:
    """All images of the splits, each read once.

    Args:
        data: the splits.
        pred_score, map_max: as `with_scores` takes them.
    """
    found = []
    for name in SPLITS:
        split = getattr(data, name)
        ids = split.ids if len(split.ids) else np.arange(split.count)
        for image, digest in zip(ids, digests_of(split.images.as_numpy_iterator()), strict=True):
            found.append(KnownImage(str(image), name, digest))
    return with_scores(found, pred_score, map_max)


def with_scores(known: Iterable[KnownImage], pred_score: np.ndarray, map_max: np.ndarray) -> list[KnownImage]:
    """The same with these scores, and no others.

    Args:
        known: the images.
        pred_score, map_max: of the calibration images, `(n,)`, or of the training, validation and calibration images,
            in this order.

    Raises:
        ValueError: there are as many scores as neither.
    """
    listed = list(known)
    places = {name: [i for i, one in enumerate(listed) if one.split == name] for name in GOOD}
    in_order = [place for name in GOOD for place in places[name]]
    scored = places["calibration"] if len(pred_score) == len(places["calibration"]) else in_order
    found = [dataclasses.replace(one, pred_score=None, map_max=None) for one in listed]
    for place, score, largest in zip(scored, pred_score.tolist(), map_max.tolist(), strict=True):
        found[place] = dataclasses.replace(found[place], pred_score=score, map_max=largest)
    return found


def calibration_images(known: Iterable[KnownImage]) -> list[KnownImage]:
    """Those that the threshold was chosen from: of the training, the validation, then the calibration images."""
    listed = list(known)
    return [one for name in GOOD for one in listed if one.split == name and one.pred_score is not None]


def calibration_scores(known: Iterable[KnownImage]) -> tuple[np.ndarray, np.ndarray]:
    """`pred_score` and `map_max` of `calibration_images`, float64."""
    pairs = [(one.pred_score, one.map_max) for one in calibration_images(known)]
    columns = np.array(pairs, "float64").reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def joined_later(known: Iterable[KnownImage], config: Mapping[str, Any]) -> list[KnownImage]:
    """The last calibration images, which `piade threshold` added: no statistics have seen them.

    Args:
        known: the images.
        config: the content of `config.json`.
    """
    learned = (config.get("lineage") or {}).get("images_added_in_all", 0)  # they come first
    return [one for one in known if one.added][learned:]


def digests_of(images: Iterable[np.ndarray]) -> list[str]:
    """A digest of the pixels of each image, in hexadecimal."""
    return [hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).hexdigest() for image in images]


def write_known(path: Path, known: Sequence[KnownImage]) -> None:
    """Writes a row an image."""
    write_csv(path, COLUMNS, [["" if value is None else value for value in dataclasses.astuple(one)] for one in known])


def read_known(path: Path, counts: Mapping[str, int]) -> list[KnownImage]:
    """Reads what `write_known` wrote.

    Args:
        path: of the file.
        counts: of images by split, which it must have; empty where an earlier version stored none.

    Raises:
        InputError: the file is missing, as in runs of earlier versions, was cut short or is something else.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        if not text.endswith("\n"):  # a number that was cut is still a number
            raise ValueError("its last line is cut short")
        found = [_from_row(row) for row in csv.DictReader(io.StringIO(text, newline=""))]
    except FileNotFoundError:
        raise InputError(
            f"{path.parent} was trained by an earlier version, which did not keep the scores of its calibration images "
            f"({path.name}); train again"
        ) from None
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error}); put a whole copy there, or train again") from None
    has = _counts(found)
    for split, count in counts.items():
        if has[split] != count:
            raise InputError(
                f"{path} has {has[split]} {split} images and the run {count}; put a whole copy there, or train again"
            )
    if not calibration_images(found):
        raise InputError(f"{path} has no scores of calibration images; train again")
    return found


def _counts(known: Sequence[KnownImage]) -> Counter[str]:
    """How many there are by split, as a run counts them: a test image that was learned is tested on no more."""
    added = {one.digest for one in known if one.added}
    return Counter(one.split for one in known if one.split != "test" or one.digest not in added)


def _from_row(row: dict[str, Any]) -> KnownImage:
    if None in row.values() or row["split"] not in SPLITS:
        raise ValueError(f"the row of {row['image']} is not whole")
    texts = [row[name] for name in COLUMNS]
    return KnownImage(*texts[:4], *(float(text) if text else None for text in texts[4:]))
