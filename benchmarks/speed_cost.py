"""What statistics and scores cost by the size and by the number of images, for benchmarks/speed.py.

    python benchmarks/speed_cost.py SIDE COUNT      # one figure, as a line of JSON

With the defaults for photographs, on all cores: what `piade train` does behind the decoder's training, the statistics
and the scores of the calibration images, in folds below 1,000 good images, once and cold; then the scores of as many
images, as `piade predict` computes them, warm. Images are random ones in memory. Nothing is decoded, and no decoder is
trained.
"""

import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from piade_tf.files import write_csv

COST_SIDES, COST_IMAGES = (64, 96, 128, 192, 256, 384), (128, 384, 1_024, 3_072)  # whole batches
OF_A_SIZE, SIDE = 128, 64  # how many images of each size; the size of each number
PASSES = 3  # through the scored images, behind one that warms up; the median counts
HEADER = ("side", "images", "statistics_seconds", "scores_seconds", "peak_MiB", "cores", "processor", "git_commit")


def cost(path: Path, sides: Sequence[int], images: Sequence[int]) -> None:
    """Adds a row for each size and each number of images to the CSV, unless it has one."""
    rows: list[list] = []
    if path.exists():
        with open(path, newline="", encoding="utf-8") as file:
            rows.extend(list(csv.reader(file))[1:])
    done = {(int(row[0]), int(row[1])) for row in rows}
    for side, count in dict.fromkeys([*((side, OF_A_SIZE) for side in sides), *((SIDE, count) for count in images)]):
        if (side, count) in done:
            continue
        command = [sys.executable, __file__, str(side), str(count)]
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        rows.append([side, count, *json.loads(told.splitlines()[-1])])
        print(f"cost of {count} images of {side} pixels: {rows[-1][2]} s, {rows[-1][3]} s", flush=True)
        write_csv(path, HEADER, rows)


def measured(side: int, count: int) -> list:
    """The last six columns: seconds of statistics and of scores, and the rest."""
    import keras
    import numpy as np
    import tensorflow as tf

    from export.publish.manifest import processor
    from piade_tf.config import Config
    from piade_tf.data import DataSplits, Split, batches
    from piade_tf.data.splits import all_normal
    from piade_tf.evaluation.calibration import calibrated, calibration_for, good_images
    from piade_tf.evaluation.scored_split import BATCH
    from piade_tf.model.inference import Runner
    from piade_tf.model.network import build_network
    from piade_tf.run_directory import git_commit
    from piade_tf.scoring.parameters import parameters_for

    def split(first: int, images: int) -> Split:
        pixels = np.random.default_rng(first).integers(0, 256, (min(images, 64), side, side, 3), "uint8")
        return Split(tf.data.Dataset.from_tensor_slices(pixels).repeat().take(images), images)

    config, held_out = Config(), count // 10
    options = config.network.for_image(side, side)
    network = build_network(options, side, side, 3, "parts")
    train, validation, calibration = split(0, count - 2 * held_out), split(1, held_out), split(2, held_out)
    shape = (side, side, 3)
    data = DataSplits(train, validation, calibration, all_normal(validation, "good"), "good", shape, "", "parts")
    parameters = parameters_for(options.encoder, config.loss.ssim_window, "parts")
    way = calibration_for("auto", options.encoder, config.score, good_images(data))
    start = time.monotonic()
    scorer = calibrated(network, parameters, data, "none", 0, config.score, way).scorer
    fitted = time.monotonic() - start
    inspection = scorer.inspection_model(network, config.score)
    model = keras.Model(inspection.input, {name: inspection.output[name] for name in ("pred_score", "anomaly_map")})
    run, images, spent = Runner(model), batches(split(3, count), BATCH), []
    for _ in range(1 + PASSES):
        start = time.monotonic()
        for _ in run(images):
            pass
        spent.append(time.monotonic() - start)
    scores, peak = statistics.median(spent[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [round(fitted, 2), round(scores, 3), round(peak), os.cpu_count(), processor(), git_commit()]


if __name__ == "__main__":
    print(json.dumps(measured(*map(int, sys.argv[1:]))))
