"""Which scores pay, and with which weight? Measured without any test image.

    python benchmarks/choose_score.py --data-dir DIR RUN [RUN ...]

For each run of train.py on MNIST or Fashion-MNIST: its validation images (normal) against 4,000 seeded images of
the other classes from the data set's *training* split, all unseen by the network. DIR/DATASET must hold the four
IDX files. The CSV has the AUROC of each score and of `embedding`, `latent` or both plus weighted `local` and
`reconstruction`, each standardised on the validation images. A few seconds a run; takes the runs that
benchmarks/grid.py leaves. Seen on seed 0: the mean is flat around `embedding + 0.5 local`.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

import layers  # noqa: F401 (registers the layers)
from piade_tf.config import DataConfig
from piade_tf.data import batches, idx, load_data
from piade_tf.evaluation.scored_split import SCORE_PREFIX
from piade_tf.files import write_csv
from piade_tf.model.inference import outputs_of
from piade_tf.pixels import to_unit
from piade_tf.scoring.scorer_file import read_scorer

ANOMALIES, BATCH = 4000, 250
SUMS: list[dict[str, float]] = [
    *({name: 1.0} for name in ("reconstruction", "latent", "embedding", "local")),
    *({"embedding": 1.0, "local": weight} for weight in (0.25, 0.5, 1.0, 2.0)),
    *({"latent": 1.0, "local": weight} for weight in (0.25, 0.5, 1.0, 2.0)),
    {"latent": 1.0, "embedding": 1.0, "local": 1.0},
    *({"embedding": 1.0, "local": 0.5, "reconstruction": weight} for weight in (0.25, 0.5, 1.0)),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "choose_score.csv")
    args = parser.parse_args()
    header = ["dataset", "normal_class", *(describe(parts) for parts in SUMS)]
    rows = []
    for run in args.runs:
        options = json.loads((run / "config.json").read_text(encoding="utf-8"))["options"]
        dataset, normal_class = options["data"]["dataset"], options["data"]["normal_class"]
        aurocs = auroc_of_sums(run, options, args.data_dir / dataset)
        rows.append([dataset, normal_class, *(f"{value:.6f}" for value in aurocs)])
        print(*rows[-1], flush=True)
    means = np.array([row[2:] for row in rows], "float64").mean(axis=0)
    rows.append(["mean", "", *(f"{value:.6f}" for value in means)])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(args.out, header, rows)
    for name, value in zip(header[2:], means, strict=True):
        print(f"{value:.4f}  {name}")


def describe(parts: dict[str, float]) -> str:
    return " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in parts.items())


def auroc_of_sums(run: Path, options: dict, data_dir: Path) -> list[float]:
    """The AUROC of each of `SUMS` for one run."""
    config = DataConfig(options["data"]["dataset"], data_dir, normal_class=options["data"]["normal_class"])
    data = load_data(config, options["training"]["seed"])
    training_split, _ = idx.load(data_dir)
    others = np.flatnonzero(training_split.labels != int(config.normal_class))
    chosen = np.random.default_rng(0).choice(others, ANOMALIES, replace=False)
    anomalous = to_unit(training_split.images[chosen])

    scorer = read_scorer(run / "scorer.npz", options["loss"]["ssim_window"])
    inspection = scorer.inspection_model(keras.models.load_model(run / "model.keras"), "combined")
    scores = {name: values for name, values in inspection.output.items() if name.startswith(SCORE_PREFIX)}
    model = keras.Model(inspection.input, scores)
    normal_outputs = list(outputs_of(model, batches(data.validation, BATCH)))
    anomalous_outputs = list(outputs_of(model, (anomalous[at : at + BATCH] for at in range(0, ANOMALIES, BATCH))))
    standardised = {}
    for name in scores:
        normal = np.concatenate([outputs[name] for outputs in normal_outputs])
        both = np.concatenate([normal, *(outputs[name] for outputs in anomalous_outputs)])
        standardised[name.removeprefix(SCORE_PREFIX)] = (both - normal.mean()) / normal.std()
    labels = np.arange(data.validation.count + ANOMALIES) >= data.validation.count
    return [roc_auc_score(labels, sum(weight * standardised[name] for name, weight in parts.items())) for parts in SUMS]


if __name__ == "__main__":
    main()
