"""Milliseconds for a camera's frame, from `Detector.stream`, beside the bare network on a frame that is ready.

    python benchmarks/detector_frames.py RUN [RUN ...]

Both run one frame at a time and alternate in rounds, so that whatever else the machine does falls on both; medians of
the rounds and their ratio are printed and written to benchmarks/results/detector_frames.csv. Loading and tracing are
left out. Frames come in the network's own size, and as 1280x720, which are resized.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import keras
import numpy as np
import tensorflow as tf

from export.publish.manifest import processor
from piade_tf.detector import Detector
from piade_tf.files import write_csv
from piade_tf.pixels import to_unit

HEADER = ("run", "frame", "network_ms", "stream_ms", "ratio", "predict_with_maps_ms", "rounds", "cores", "machine")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "detector_frames.csv")
    args = parser.parse_args()
    rows = []
    for run in args.run:
        detector = Detector.load(run)
        height, width, channels = detector.preparation.shape
        for size in ((height, width), (720, 1280)):
            rows.append([run.name, f"{size[1]}x{size[0]}", *_measured(detector, (*size, channels), args), args.rounds,
                         os.cpu_count(), processor()])  # fmt: skip
            print(dict(zip(HEADER, rows[-1], strict=True)), flush=True)
    write_csv(args.out, HEADER, rows)


def _measured(detector: Detector, shape: tuple[int, int, int], args: argparse.Namespace) -> list[float]:
    frames = np.random.default_rng(0).integers(0, 256, (args.frames, *shape), "uint8")
    ready = [to_unit(detector.preparation(frame)[None]) for frame in frames]
    bare = keras.Model(detector.inspection.input, detector.inspection.output["pred_score"])
    call = tf.function(lambda images: bare(images, training=False))
    ways = {
        "network": lambda: [call(frame).numpy() for frame in ready],
        "stream": lambda: list(detector.stream(iter(frames))),
        "maps": lambda: [detector.predict(frame) for frame in frames],
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(args.rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if number:  # the first round traces
                times[name].append(1000 * (time.perf_counter() - start) / args.frames)
    network, stream, maps = (statistics.median(found) for found in times.values())
    ratio = statistics.median(b / a for a, b in zip(times["network"], times["stream"], strict=True))
    return [round(network, 2), round(stream, 2), round(ratio, 3), round(maps, 2)]


if __name__ == "__main__":
    main()
