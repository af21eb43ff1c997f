"""What share of the training the TensorBoard log takes: the time spent inside its callback over that of `fit`.

    python benchmarks/tensorboard_cost.py --dataset fashion_mnist --normal-class 3 --data-dir DIR --epochs 2

Takes the options of train.py. The share is of one and the same training, so that it does not suffer from what else
runs on the machine; it includes the first round of images, which short trainings feel most. Three rounds; the median
goes to benchmarks/results/tensorboard_cost.csv, a row for each set of options.
"""

import dataclasses
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rows_so_far import rows_so_far
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.cli.parsing import parse_config
from piade_tf.data import load_data
from piade_tf.data.catalogue import side_of
from piade_tf.files import write_csv
from piade_tf.report.tensorboard_log import TensorBoardLog
from piade_tf.report.tensorboard_options import options_by_name
from piade_tf.training.distribution import share_threads
from piade_tf.training.schedule import Schedule
from piade_tf.training.trainer import build_trainer, fit, make_reproducible

ROUNDS = 3
OUT = ROOT / "benchmarks" / "results" / "tensorboard_cost.csv"
HEADER = ("options", "share_median", "share_least", "share_most", "fit_seconds_median", "rounds", "cores")


def main(arguments: list[str]) -> None:
    config = parse_config(arguments)
    share_threads(side_of(config.data))
    data = load_data(config.data, config.training.seed)
    network = config.network.for_image(*data.image_shape[:2])
    schedule = Schedule.of(config.training, data.train.count, data.kind, network.encoder != "scratch")
    options = options_by_name(dataclasses.asdict(dataclasses.replace(config, network=network)), schedule, data)
    seed = config.training.seed
    shares, seconds = [], []
    for _ in range(ROUNDS):
        make_reproducible(seed)
        trainer = build_trainer(network, config.loss, config.training, schedule, data)
        with tempfile.TemporaryDirectory() as folder:
            log = TensorBoardLog(Path(folder), options, schedule, data, config.loss.ssim_window, seed)
            start = time.perf_counter()
            fit(trainer, schedule, data, seed, callbacks=[log])
            seconds.append(time.perf_counter() - start)
        shares.append(log.seconds / seconds[-1])
    label = " ".join(arguments).replace(str(config.data.data_dir), "DIR")
    numbers = (statistics.median(shares), min(shares), max(shares), statistics.median(seconds))
    row = [label, *(f"{number:.4f}" for number in numbers), ROUNDS, os.cpu_count()]
    rows = [old for old in rows_so_far(OUT) if old[0] != label]
    write_csv(OUT, HEADER, [*rows, row])
    print(", ".join(f"{name} {value}" for name, value in zip(HEADER, row, strict=True)))


if __name__ == "__main__":
    with errors_in_one_line():
        main(sys.argv[1:])
