"""The decoder behind the pretrained encoder: normalised or not, from grey or from the median colour, small batches.

    python benchmarks/decoder_start.py --data-dir DIR
    python benchmarks/decoder_start.py --data-dir DIR --data bottle --image-size 256 --variants "none, median, 4"

DIR is that of benchmarks/photographs.py. Trains the decoder as `piade train` does, without scores and without the test
images, and compares it on the good images that are held out of training for validation: the mean squared error of its
reconstructions at the weights that are kept, and that of the mean training image, which knows nothing of the one at
hand. A variant is the normalisation of the linear upsampling, where the decoder starts, and the images of a batch. A
row for each set, seed and variant; can be interrupted and started again. A minute a row on 2 cores.
"""

import argparse
import dataclasses
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.photographs import DATA
from benchmarks.rows_so_far import rows_so_far
from piade_tf.files import write_csv

HEADER = ("data", "seed", "image", "variant", "val_mse", "mean_image_mse", "n_train", "n_validation", "epochs",
          "seconds", "cores", "processor", "git_commit")  # fmt: skip


class Variant(NamedTuple):
    """A way to train the decoder.

    Attributes:
        norm: `--network.upsampling-norm`.
        typical: whether it starts at the median colour of the images; otherwise at grey.
        batch: images a step. All variants see every image equally often.
    """

    norm: str
    typical: bool
    batch: int


VARIANTS = {
    "none, median, 4": Variant("none", True, 4),
    "none, median, 16": Variant("none", True, 16),
    "none, grey, 4": Variant("none", False, 4),
    "batch, median, 4": Variant("batch", True, 4),
    "batch, grey, 16": Variant("batch", False, 16),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--image-size", type=int, default=128, help="KolektorSDD: its width, twice as high (128)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "decoder_start.csv")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rows = rows_so_far(args.out)
    for seed in args.seeds:
        for data in args.data:
            sides = (2 * args.image_size, args.image_size) if data == "kolektorsdd" else (args.image_size,) * 2
            for name in args.variants:
                key = [data, str(seed), "x".join(map(str, sides)), name]
                if key in [row[: len(key)] for row in rows]:
                    continue
                rows.append([*key, *measured(args.data_dir / DATA[data][0], seed, sides, VARIANTS[name])])
                write_csv(args.out, HEADER, rows)
                print(*rows[-1][:6], flush=True)
    print(summary(rows), end="")


def measured(folder: Path, seed: int, sides: tuple[int, int], variant: Variant) -> list[Any]:
    """The columns of a row from `val_mse` on."""
    import keras
    import numpy as np

    from export.publish.manifest import processor
    from piade_tf.config import Config, DataConfig, NetworkConfig
    from piade_tf.data import load_data
    from piade_tf.pixels import to_unit
    from piade_tf.run_directory import git_commit
    from piade_tf.training import trainer as training
    from piade_tf.training.schedule import Schedule

    training.make_reproducible(seed)
    start = time.monotonic()
    config = Config(data=DataConfig("folder", folder, image_size=sides))
    data = load_data(config.data, seed)
    network = NetworkConfig(upsampling_norm=variant.norm).for_image(*data.image_shape[:2])
    options = dataclasses.replace(config.training, batch_size=variant.batch)
    schedule = Schedule.of(options, data.train.count, data.kind, True)
    trainer = training.build_trainer(network, config.loss, options, schedule, data)
    with_start = training.start_at_typical_pixel
    training.start_at_typical_pixel = with_start if variant.typical else lambda *_: None
    try:
        history = training.fit(trainer, schedule, data, seed)
    finally:
        training.start_at_typical_pixel = with_start
    kept = int(np.argmin(history["val_loss"]))
    train, validation = (
        np.stack([to_unit(image) for image in split.images.as_numpy_iterator()])
        for split in (data.train, data.validation)
    )
    of_mean = float(np.mean((validation - train.mean(axis=0)) ** 2))
    keras.backend.clear_session()
    return [
        *(f"{history['val_mse'][kept]:.6f}", f"{of_mean:.6f}", data.train.count, data.validation.count),
        *(len(history["loss"]), f"{time.monotonic() - start:.1f}"),
        *(len(os.sched_getaffinity(0)), processor(), git_commit()),
    ]


def summary(rows: Sequence[Sequence[Any]]) -> str:
    """A line for each set, size and variant: mean and standard deviation over seeds."""
    groups: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in rows:
        groups[row[0], row[2], row[3]].append(float(row[4]))
    return "".join(
        f"{' '.join(key)}: validation mse {statistics.mean(values):.4f}"
        + (f" +- {statistics.stdev(values):.4f}" if len(values) > 1 else "")
        + f", {len(values)} seeds\n"
        for key, values in groups.items()
    )


if __name__ == "__main__":
    main()
