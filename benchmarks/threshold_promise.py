"""Does the threshold keep its promise on real scores?

    python benchmarks/threshold_promise.py RUN [--fpr 0.01 0.05 0.1] [--calibration-share 0.5]

RUN is a run directory of train.py. Its normal test images, which took no part in training, are split at random into
calibration and test images, 200 times from seed 0; `fit_threshold("fpr", ...)` sees the calibration scores, and the
false-positive rate is counted on the test ones. The CSV has a row a rate: what was asked for, what was promised, the
mean over the splits and its standard error. The promise is kept on average, not by every split. A second.
"""

import argparse
import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np

from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.files import write_csv

HEADER = ["wanted_fpr", "promised_fpr", "mean_fpr", "standard_error", "n_calibration", "n_test", "splits"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--fpr", nargs="+", type=float, default=[0.01, 0.05, 0.1])
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--calibration-share", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="left out: benchmarks/results/threshold_promise_RUN.csv")
    args = parser.parse_args()
    if args.splits < 2:
        parser.error(f"--splits must be at least 2, got {args.splits}")
    out = args.out or ROOT / "benchmarks" / "results" / f"threshold_promise_{args.run.resolve().name}.csv"
    try:
        scores = normal_scores(args.run / "scores.csv")
        n_calibration = round(args.calibration_share * len(scores))
        if not 0 < n_calibration < len(scores):
            raise InputError(
                f"--calibration-share must leave calibration and test images, got {args.calibration_share} of "
                f"{len(scores)} normal images"
            )
        rows = [row(scores, n_calibration, fpr, args.splits, args.seed) for fpr in args.fpr]
    except InputError as error:
        parser.error(str(error))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(out, HEADER, rows)
    for wanted, promised, mean, standard_error, *_ in rows:
        print(f"wanted {wanted:<6} promised {promised}  realised {mean} +- {standard_error}")
    return 0


def normal_scores(path: Path) -> np.ndarray:
    """`pred_score` of the rows whose gt_label is 0, float32, as the network gave it."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return np.array([row["pred_score"] for row in csv.DictReader(file) if row["gt_label"] == "0"], "float32")
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}); give a run directory of train.py") from None
    except (KeyError, ValueError):
        raise InputError(
            f"{path} must have the columns gt_label and pred_score with numbers; run train.py again"
        ) from None


def row(scores: np.ndarray, n_calibration: int, fpr: float, splits: int, seed: int) -> list:
    """The row of one rate; every rate sees the same splits."""
    rng = np.random.default_rng(seed)
    rates = []
    for _ in range(splits):
        calibration, test = np.split(rng.permutation(scores), [n_calibration])
        threshold = fit_threshold("fpr", fpr, calibration)
        rates.append(threshold.is_anomalous(test).mean())
    standard_error = np.std(rates, ddof=1) / np.sqrt(splits)
    measured = [f"{value:.6f}" for value in (threshold.promised_fpr, np.mean(rates), standard_error)]
    return [fpr, *measured, n_calibration, len(scores) - n_calibration, splits]


if __name__ == "__main__":
    sys.exit(main())
