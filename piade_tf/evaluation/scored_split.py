"""The scores of the images of a split."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

import keras
import numpy as np

from piade_tf.data import LabelledSplit, Split, batches
from piade_tf.evaluation.pixel_metrics import PixelMetrics
from piade_tf.model.inference import outputs_of
from piade_tf.progress import track
from piade_tf.workers import ALONE, Workers

SCORE_PREFIX = "score_"
BATCH = 32  # images scored at a time


@dataclasses.dataclass(frozen=True)
class Scored:
    """The scores of a split, in the split's order.

    Attributes:
        pred_score: `(count,)`, float32, of the score that decides.
        by_name: every score by its name, `(count,)`.
        map_max: `(count,)`, the largest value of each anomaly map; None where it was not asked for.
    """

    pred_score: np.ndarray
    by_name: dict[str, np.ndarray]
    map_max: np.ndarray | None = None


def score_split(
    inspection: keras.Model,
    split: Split,
    batch_size: int,
    pixels: dict[str, PixelMetrics] | None = None,
    own_pixels: PixelMetrics | None = None,
    workers: Workers = ALONE,
) -> Scored:
    """Scores every image of a split; maps and reconstructions are not kept.

    Args:
        inspection: as `ScoreSet.inspection_model` gives it.
        split: the images.
        batch_size: images at a time.
        pixels: filled with the pixels of the anomaly maps by class, where the split has masks.
        own_pixels: filled with those in the masks' own size, where that is another.
        workers: that share the images.
    """
    split = split.part(workers.share(split.count))
    masks: Iterable = itertools.repeat(None)
    masked = isinstance(split, LabelledSplit) and split.masks is not None and pixels is not None
    if isinstance(split, LabelledSplit) and masked:
        masks = _mask_batches(split, batch_size)
    names = ["pred_score", *(name for name in inspection.output if name.startswith(SCORE_PREFIX))]
    wanted = {name: inspection.output[name] for name in [*names, "anomaly_map"]}
    wanted["map_max"] = keras.ops.max(wanted["anomaly_map"], axis=(1, 2))
    names.append("map_max")
    if not masked:
        del wanted["anomaly_map"]
    model = keras.Model(inspection.input, wanted)
    found: dict[str, list[np.ndarray]] = {name: [np.zeros(0, "float32")] for name in names}
    scored = track(outputs_of(model, batches(split, batch_size)), -(-split.count // batch_size), "scoring, batch")
    for outputs, chosen in zip(scored, masks, strict=False):
        for name in names:
            found[name].append(outputs[name])
        if chosen is not None and pixels is not None:
            _count_pixels(pixels, outputs["anomaly_map"], *chosen)
            if own_pixels is not None and isinstance(split, LabelledSplit) and split.in_own_size is not None:
                first = sum(map(len, found["pred_score"])) - len(outputs["anomaly_map"])
                for index, anomaly_map in enumerate(outputs["anomaly_map"], start=first):
                    if split.has_mask[index]:
                        one_map, mask = split.in_own_size(index, anomaly_map)
                        own_pixels.add(one_map[None], mask[None])
    columns = workers.joined({name: np.concatenate(values) for name, values in found.items()})
    if workers is not ALONE and pixels is not None and own_pixels is not None:
        _pixels_of_all(workers, pixels, own_pixels)
    pred_score, map_max = columns.pop("pred_score"), columns.pop("map_max")
    return Scored(pred_score, {name.removeprefix(SCORE_PREFIX): columns[name] for name in columns}, map_max)


def _pixels_of_all(workers: Workers, pixels: dict[str, PixelMetrics], own_pixels: PixelMetrics) -> None:
    """Adds to each worker's counts those of the others."""
    names = workers.joined({"names": np.array(list(pixels))} if pixels else {}).get("names", np.zeros(0, "str"))
    own = dict(pixels)
    pixels.clear()
    for name in dict.fromkeys(names.tolist()):
        pixels[name] = own.get(name, PixelMetrics())
        pixels[name].add_others(workers)
    own_pixels.add_others(workers)


def _mask_batches(split: LabelledSplit, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    assert split.masks is not None
    start = 0
    for masks in split.masks.images.batch(batch_size).as_numpy_iterator():
        place = slice(start, start + len(masks))
        yield masks, split.classes[place], split.has_mask[place]
        start += len(masks)


def _count_pixels(
    pixels: dict[str, PixelMetrics], maps: np.ndarray, masks: np.ndarray, classes: np.ndarray, has_mask: np.ndarray
) -> None:
    for name in np.unique(classes):
        chosen = (classes == name) & has_mask
        pixels.setdefault(str(name), PixelMetrics()).add(maps[chosen], masks[chosen])
