"""Which scores pay? Measured on training splits alone, so that test images play no part in the choice.

    python benchmarks/choose_score.py --dataset fashion_mnist --data-dir DIR --classes 0 3 6 8

For each class: a seeded tenth of the data set's *training* split, of all classes, is set aside to score;
PIADE learns from the normal images among the rest. The CSV has the AUROC of every score and of every sum
of standardised scores. The folder must hold the four IDX files. Classes that the CSV has are not run again.
"""

import argparse
import csv
import itertools
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402

from piade_tf.command_line import parse_config  # noqa: E402
from piade_tf.data import CLASS_NAMES, batches, idx  # noqa: E402
from piade_tf.data.splits import LabelledImages, one_class_splits  # noqa: E402
from piade_tf.evaluation import score_split  # noqa: E402
from piade_tf.files import write_csv  # noqa: E402
from piade_tf.scorer import Scorer  # noqa: E402
from piade_tf.training import build_trainer, fit, make_reproducible  # noqa: E402

PARTS = ("reconstruction", "latent", "embedding", "local")
SUMS = [parts for size in (1, 2, 3, 4) for parts in itertools.combinations(PARTS, size)]
HEADER = ("dataset", "normal_class", "seed", "options", *("+".join(parts) for parts in SUMS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=["mnist", "fashion_mnist"], required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--classes", nargs="+", default=["0", "3", "6", "8"])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "choose_score.csv")
    parser.add_argument("options", nargs="*", help="options of train.py, behind --")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    if args.out.exists():
        with open(args.out, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))[1:]
    for normal_class in args.classes:
        config = parse_config(["--dataset", args.dataset, "--normal-class", normal_class, *args.options])
        key = [args.dataset, normal_class, str(config.training.seed), " ".join(args.options)]
        if any(row[:4] == key for row in rows):
            continue
        rows.append([*key, *(f"{value:.6f}" for value in auroc_of_sums(config, args.data_dir))])
        write_csv(args.out, HEADER, rows)
        print(dict(zip(HEADER, rows[-1], strict=True)), flush=True)


def auroc_of_sums(config, data_dir: Path) -> list[float]:
    """Trains on one class and returns the AUROC of each of `SUMS` on the images set aside."""
    make_reproducible(config.training.seed)
    training_split, _ = idx.load(data_dir)
    learned, aside = train_test_split(
        np.arange(len(training_split.labels)), test_size=0.1, stratify=training_split.labels, random_state=0
    )
    parts = [LabelledImages(training_split.images[index], training_split.labels[index]) for index in (learned, aside)]
    data = one_class_splits(
        *parts, CLASS_NAMES[config.data.dataset], config.data.normal_class, None, config.training.seed
    )
    trainer = build_trainer(config, data)
    fit(trainer, config, data)
    scorer = Scorer(config.loss.ssim_window)
    scorer.fit(trainer.network, batches(data.train, 64), batches(data.validation, 64))
    inspection = scorer.inspection_model(trainer.network, "combined")
    test = score_split(inspection, data.test, 256).by_name
    validation = score_split(inspection, data.validation, 256).by_name
    standardised = {name: (test[name] - validation[name].mean()) / validation[name].std() for name in PARTS}
    return [roc_auc_score(data.test.labels, sum(standardised[name] for name in parts)) for parts in SUMS]


if __name__ == "__main__":
    main()
