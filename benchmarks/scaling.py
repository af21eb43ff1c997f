"""What more workers bring, and what grows with the number of images: two CSVs.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --table workers --workers 1 2 --rounds 1

`workers`: as many processes on this machine as TF_CONFIG would name, each on a core of its own as long as there are
cores (`cores`), share the same photographs (256x256 PNG files, half noise, made for it). Images per second of: features
of the frozen encoder for the decoder's training, the training itself, the statistics with their variants, and the
scores. Rounds go through all numbers of workers in turn.

`images`: seconds and peak memory of statistics and of scores for 1,000 to 100,000 images of 64x64 pixels on all cores,
by the `split` calibration, as from 1,000 good images on. About 20 minutes in all on 2 cores.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

from benchmarks.rows_so_far import rows_so_far
from piade_tf.files import write_csv

RESULTS = ROOT / "benchmarks" / "results"
PHOTOGRAPHS, SIDE, EPOCHS = 480, 256, 4
SMALL = 64
STEPS = ("features", "training", "statistics", "scores")
WORKERS = ("workers", "round", "cores", *(f"{step}_per_second" for step in STEPS), "processor", "git_commit")
IMAGES = ("images", "statistics_seconds", "scores_seconds", "peak_MiB", "cores", "processor", "git_commit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", nargs="+", choices=("workers", "images"), default=("workers", "images"))
    parser.add_argument("--workers", nargs="+", type=int, default=(1, 2, 3))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", nargs="+", type=int, default=(1_000, 3_000, 10_000, 30_000, 100_000))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)  # of a process of its own
    args = parser.parse_args()
    if args.part:
        kind, value = args.part
        print(json.dumps(shared_work(Path(value)) if kind == "workers" else growing_work(int(value))))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    if "workers" in args.table:
        rows = []
        with tempfile.TemporaryDirectory() as folder:
            make_photographs(Path(folder))
            for number in range(args.rounds):
                for count in args.workers:
                    rows.append([count, number, *together(count, Path(folder))])
                    print(*rows[-1][:-1], flush=True)
                    write_csv(args.out / "scaling_workers.csv", WORKERS, rows)
    if "images" in args.table:
        path = args.out / "scaling_images.csv"
        rows = [row for row in rows_so_far(path) if int(row[0]) not in args.images]
        for count in args.images:
            command = [sys.executable, __file__, "--part", "images", str(count)]
            found = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            )
            rows.append([count, *found])
            print(*rows[-1][:-1], flush=True)
            write_csv(path, IMAGES, sorted(rows, key=lambda row: int(row[0])))


def make_photographs(folder: Path) -> None:
    """A folder of good and of bad images."""
    rng = np.random.default_rng(0)
    for name, count in (("good", PHOTOGRAPHS), ("bad", PHOTOGRAPHS // 4)):
        (folder / name).mkdir()
        for number in range(count):
            coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), "uint8")).resize(
                (SIDE, SIDE), Image.Resampling.BICUBIC
            )
            pixels = np.asarray(coarse, "int16") + rng.integers(-8, 9, (SIDE, SIDE, 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype("uint8")).save(folder / name / f"{number:04}.png")


def together(count: int, folder: Path) -> list[Any]:
    """What so many workers do in a second."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    cores = sorted(os.sched_getaffinity(0))
    processes = []
    for index in range(count):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        process = subprocess.Popen(
            [sys.executable, __file__, "--part", "workers", str(folder)],
            env={**os.environ, "TF_CONFIG": json.dumps(task)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        os.sched_setaffinity(process.pid, {cores[index % len(cores)]})
        processes.append(process)
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit(f"a worker ended with {[process.returncode for process in processes]}")
    return [len(cores), *json.loads(outputs[0].splitlines()[-1])]


def shared_work(folder: Path) -> list[Any]:
    """Images per second of each step, of all workers."""
    from piade_tf.config import Config, DataConfig, TrainingConfig
    from piade_tf.data import batches, load_data
    from piade_tf.evaluation.scored_split import BATCH, score_split
    from piade_tf.scoring.parameters import parameters_for
    from piade_tf.training.distribution import distribution_for, share_threads
    from piade_tf.training.feature_cache import with_features
    from piade_tf.training.fit_scores import fit_scores
    from piade_tf.training.schedule import Schedule
    from piade_tf.training.trainer import build_trainer, fit, make_reproducible

    share_threads(SIDE)
    distribution = distribution_for("auto")
    make_reproducible(0)
    workers, config = distribution.workers, Config()
    data = load_data(DataConfig(dataset="folder", data_dir=folder), 0)
    network_options = config.network.for_image(SIDE, SIDE)
    options = TrainingConfig(epochs=EPOCHS, patience=EPOCHS, batch_size=16)  # the default from 1,000 images on
    schedule = Schedule.of(options, data.train.count, data.kind, pretrained=True)
    trainer = build_trainer(network_options, config.loss, options, schedule, data, distribution)
    network = trainer.network
    list(batches(data.train.part(workers.share(data.train.count)), BATCH))  # the files are in memory, as ever

    def seconds(work: Callable[[], Any]) -> float:
        workers.wait()
        start = time.monotonic()
        work()
        workers.wait()
        return time.monotonic() - start

    with_features(network, data.validation, BATCH, workers=workers)  # traces
    found = [data.train.count / seconds(lambda: with_features(network, data.train, BATCH, workers=workers))]
    whole = seconds(lambda: fit(trainer, schedule, data, 0, distribution=distribution))
    again = seconds(lambda: fit(trainer, schedule, data, 0, distribution=distribution))  # traced by now
    del whole
    found.append(EPOCHS * data.train.count / again)
    parameters = parameters_for(network_options.encoder, config.loss.ssim_window, data.kind)
    scorers = []
    found.append(
        data.train.count / seconds(lambda: scorers.append(fit_scores(network, parameters, data, "none", 0, workers)))
    )
    inspection = scorers[0].inspection_model(network, "combined")
    found.append(data.train.count / seconds(lambda: score_split(inspection, data.train, BATCH, workers=workers)))
    return [*(round(value, 2) for value in found), *about_machine()]


def growing_work(count: int) -> list[Any]:
    """Seconds of statistics and of scores for so many images, and the peak of memory."""
    import tensorflow as tf

    from piade_tf.config import Config
    from piade_tf.data import DataSplits, Split
    from piade_tf.data.splits import all_normal
    from piade_tf.evaluation.scored_split import BATCH, score_split
    from piade_tf.model.network import build_network
    from piade_tf.scoring.parameters import parameters_for
    from piade_tf.training.fit_scores import fit_scores

    def image(number):
        return tf.cast(tf.random.stateless_uniform((SMALL, SMALL, 3), [0, number], 0, 256, tf.int32), tf.uint8)

    def split(first: int, images: int) -> Split:
        return Split(tf.data.Dataset.range(first, first + images), images, image, 8)

    config = Config()
    options = config.network.for_image(SMALL, SMALL)
    network = build_network(options, SMALL, SMALL, 3, "parts")
    train, held_out = split(0, count), split(count, count // 10)
    data = DataSplits(train, held_out, held_out, all_normal(held_out, "good"), "good", (SMALL, SMALL, 3), "", "parts")
    parameters = parameters_for(options.encoder, config.loss.ssim_window, "parts")
    start = time.monotonic()
    scorer = fit_scores(network, parameters, data, "none", 0)
    statistics = time.monotonic() - start
    inspection = scorer.inspection_model(network, "combined")
    start = time.monotonic()
    score_split(inspection, train, BATCH)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    values = round(statistics, 1), round(time.monotonic() - start, 1), round(peak)
    return [*values, os.cpu_count(), *about_machine()]


def about_machine() -> tuple[Any, ...]:
    from export.publish.manifest import processor
    from piade_tf.run_directory import git_commit

    return processor(), git_commit()


if __name__ == "__main__":
    main()
