"""Images per second of `predict` on files beside the bare network on images in memory.

The network is called on one batch after the other, as Keras does, and for comparison on two at once, as `predict`
does. Loading and tracing are left out.

    python benchmarks/predict_throughput.py RUN FOLDER

RUN is a run directory, FOLDER has images (gone through again and again until there are enough). Rounds of both
alternate; the medians and their ratio are printed and written to benchmarks/results/predict_throughput.csv.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import tensorflow as tf

from piade_tf.cli.find_images import find_images
from piade_tf.detector import Detector
from piade_tf.files import write_csv
from piade_tf.model.inference import outputs_of
from piade_tf.pixels import to_unit
from piade_tf.run_directory import RunDirectory

HEADER = (
    "run",
    "image",
    "images",
    "network_images_per_second",
    "predict_images_per_second",
    "ratio",
    "network_two_at_once_images_per_second",
    "ratio_two_at_once",
    "rounds",
    "cores",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder")
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "predict_throughput.csv")
    args = parser.parse_args()
    found = find_images((args.folder,)).paths
    paths = [found[i % len(found)] for i in range(args.images)]
    detector = Detector.load(args.run)
    network = RunDirectory(args.run).read_network()
    shape = detector.preparation.shape
    batch = to_unit(np.random.default_rng(0).integers(0, 256, (args.batch_size, *shape), "uint8"))
    batches = [batch] * (args.images // args.batch_size)

    call = tf.function(lambda images: network(images, training=False))

    def bare() -> Iterator:
        for images in batches:
            yield from [{name: values.numpy() for name, values in call(images).items()}] * len(images)

    def two_at_once() -> Iterator:
        for outputs in outputs_of(network, batches):
            yield from [outputs] * args.batch_size

    def whole() -> Iterator:
        yield from detector.stream(paths, args.batch_size)

    speeds: dict[str, list[float]] = {"bare": [], "two_at_once": [], "whole": []}
    for number in range(args.rounds + 1):
        for name, run in (("bare", bare), ("two_at_once", two_at_once), ("whole", whole)):
            results = run()
            for _ in range(args.batch_size):  # the first batch waits for the tracing of the graph
                next(results)
            start = time.monotonic()
            images = sum(1 for _ in results)
            if number:  # the first round reads files from disk
                speeds[name].append(images / (time.monotonic() - start))
    network_speed, both_speed, predict_speed = (float(np.median(values)) for values in speeds.values())
    label = f"{args.run.name} {'x'.join(map(str, shape))}"
    row = [label, Path(found[0]).suffix, args.images, round(network_speed, 1), round(predict_speed, 1),
           round(predict_speed / network_speed, 3), round(both_speed, 1), round(predict_speed / both_speed, 3),
           args.rounds, os.cpu_count()]  # fmt: skip
    write_csv(args.out, HEADER, [row])
    print(", ".join(f"{name} {value}" for name, value in zip(HEADER, row, strict=True)))


if __name__ == "__main__":
    main()
