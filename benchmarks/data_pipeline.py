"""Does memory grow with the data set, and does reading keep up with training?

    python benchmarks/data_pipeline.py

Makes folders of 20,000 and 100,000 JPEGs of 256x256 pixels (a few kB each, removed at the end), and for each, in a
process of its own: the time to list them, the time to read and check them all, images per second through the whole
pipeline (decode, prepare, shuffle, batch; `--cache none`), images per second of training the compact network on
images in memory beside it, and the peak memory. Prints the ratios and writes benchmarks/results/data_pipeline.csv.
About ten minutes on 2 cores, 1 GB of disk.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
from PIL import Image

from export.verification.peak_memory import peak_memory
from piade_tf.files import write_csv

SIDE, KINDS = 256, 64
READ, TRAINED, BATCH = 20_000, 256, 32  # images
HEADER = ("images", "list_seconds", "check_seconds", "pipeline_images_per_second", "training_images_per_second",
          "ratio", "peak_memory_mib", "cores")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where to make the images; left out: the temporary folder")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "data_pipeline.csv")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure)))
        return
    rows = []
    for count in args.images:
        folder = Path(tempfile.mkdtemp(prefix="piade-images-", dir=args.folder))
        try:
            make_images(folder, count)
            command = [sys.executable, __file__, "--measure", str(folder)]
            printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        finally:
            shutil.rmtree(folder)
        rows.append([count, *json.loads(printed.splitlines()[-1]), os.cpu_count()])
        print(", ".join(f"{name} {value}" for name, value in zip(HEADER, rows[-1], strict=True)), flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(args.out, HEADER, rows)
    memory = [row[HEADER.index("peak_memory_mib")] for row in rows]
    print(f"peak memory, most beside least: {max(memory) / min(memory):.3f}")


def make_images(folder: Path, count: int) -> None:
    """JPEGs that differ: one of 64 pictures, with its number behind the end of the image."""
    rng = np.random.default_rng(0)
    contents = []
    for _ in range(KINDS):
        small = Image.fromarray(rng.integers(0, 256, (16, 16, 3), "uint8"))
        content = io.BytesIO()
        small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(content, "JPEG", quality=75)
        contents.append(content.getvalue())
    for i in range(count):
        (folder / f"{i:06d}.jpg").write_bytes(contents[i % KINDS] + i.to_bytes(4, "big"))


def measure(folder: Path) -> list[float]:
    from piade_tf.config import Config, DataConfig, NetworkConfig
    from piade_tf.data import batches, load_data
    from piade_tf.data.folder import list_images
    from piade_tf.pixels import to_unit
    from piade_tf.training.schedule import Schedule
    from piade_tf.training.trainer import build_trainer

    start = time.monotonic()
    list_images(folder, None)
    listed = time.monotonic() - start

    config = Config(data=DataConfig("folder", folder, image_size=(SIDE,), cache="none"))
    start = time.monotonic()
    data = load_data(config.data, seed=0)
    checked = time.monotonic() - start

    seen, start, reading = 0, time.monotonic(), iter(batches(data.train, BATCH, shuffle_seed=0))
    while seen < min(READ, data.train.count):
        seen += len(next(reading))
    pipeline = seen / (time.monotonic() - start)

    network = NetworkConfig(encoder="scratch")
    schedule = Schedule.of(config.training, data.train.count, data.kind, pretrained=False)
    trainer = build_trainer(network, config.loss, config.training, schedule, data)
    images = np.asarray(to_unit(np.stack(list(data.train.images.take(TRAINED).as_numpy_iterator()))))
    trainer.fit(images, batch_size=BATCH, epochs=1, verbose=0)  # traces
    start = time.monotonic()
    trainer.fit(images, batch_size=BATCH, epochs=2, verbose=0)
    training = 2 * TRAINED / (time.monotonic() - start)
    peak = peak_memory() / (1 << 20)
    return [round(listed, 2), round(checked, 1), round(pipeline, 1), round(training, 1), round(pipeline / training, 2),
            round(peak)]  # fmt: skip


if __name__ == "__main__":
    main()
