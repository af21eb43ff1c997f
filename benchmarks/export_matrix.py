"""Every format of several runs beside the Keras model, one CSV row each.

    python benchmarks/export_matrix.py RUN RUN ...

Exports each run that has no export yet (`--again`: each run), and reads the manifests. About two minutes a run. A file
that could not be run has no figures. `speed.py` has latencies beside those of Keras and PyTorch.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from export.publish.manifest import is_measured
from piade_tf.files import write_csv

HEADER = ("run", "data", "image", "n_normal", "n_anomalous", "keras_AUROC", "format", "KiB", "share_of_float32",
          "AUROC", "AUROC_loss", "verdicts", "verdicts_differ", "rank_correlation", "median_score_error", "ms_1_thread",
          "share_of_float32_ms", "ms_2_threads", "accepted", "processor")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--again", action="store_true", help="export again what is exported already")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "export_matrix.csv")
    args = parser.parse_args()
    rows: list[list] = []
    for run in args.runs:
        manifest = run / "export" / "manifest.json"
        if args.again or not manifest.exists():
            subprocess.run([sys.executable, "-m", "export", str(run.resolve())], cwd=ROOT, check=False)
        content, config = (json.loads(path.read_text(encoding="utf-8")) for path in (manifest, run / "config.json"))
        rows += rows_of(content, config)
        write_csv(args.out, HEADER, rows)


def rows_of(manifest: dict, config: dict) -> list[list]:
    """A row a format."""
    files = manifest["files"]
    base_bytes = base_ms = math.nan
    if is_measured(files["float32"]):
        base_bytes, base_ms = files["float32"]["bytes"], files["float32"]["latency_ms"]["1_thread"]["median"]
    data = config["options"]["data"]
    label = " ".join(str(part) for part in (data["dataset"], data["category"] or config["normal_class"]))
    rows = []
    about = [manifest["run"], label, "x".join(map(str, config["image_shape"])), manifest["n_normal"],
             manifest["n_anomalous"], round(manifest["keras"]["image_AUROC"], 6)]  # fmt: skip
    for name, entry in files.items():
        if not is_measured(entry):
            rows.append([*about, name, *[None] * 11, entry["accepted"], manifest["machine"]["processor"]])
            continue
        one, two = (entry["latency_ms"].get(key, {}).get("median") for key in ("1_thread", "2_threads"))
        rows.append(
            [*about, name, round(entry["bytes"] / 1024), round(entry["bytes"] / base_bytes, 4),
             round(entry["image_AUROC"], 6), round(entry["image_AUROC_loss"], 6), entry["verdicts"],
             entry["verdicts_differ"], round(entry["rank_correlation"], 5), f"{entry['median_score_error']:.2e}", one,
             round(one / base_ms, 3), two, entry["accepted"],
             manifest["machine"]["processor"]]
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
