"""The figures of docs/ablations.md, bars for each class in the manner of the paper, drawn from the grid's CSVs.

    python -m benchmarks.ablation_figures

Above: the reconstruction alone, as the paper scores; below: the score that ships. Lines are the standard deviation
over seeds.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.ablations import BASE
from benchmarks.grid_tables import BOTTLE, FASHION
from benchmarks.table_parts import RESULTS, ROOT, Row, read
from piade_tf.files import replacing

IMAGES = ROOT / "docs" / "images"
FIGURES: dict[str, Mapping[str, str]] = {
    "ablation_vectors": {BASE: "2 vectors", "one_vector": "1 vector"},
    "ablation_losses": {"loss_mse": "MSE", BASE: "MSE + SSIM", "loss_perceptual": "MSE + SSIM + perceptual"},
    "ablation_iterations": {
        **{"iterations_1": "1 iteration", "iterations_2": "2", BASE: "3", "iterations_5": "5", "dense": "dense layer"},
    },
    "ablation_dimensions": {"vector_dim_16": "16", "vector_dim_32": "32", BASE: "64", "vector_dim_128": "128"},
    "ablation_parts": {
        **{BASE: "default", "no_squeeze_excitation": "no S-E", "magnification_1": "magnification 1", "skip": "skip"},
    },
}
SCORES = ("reconstruction", "combined")
CLOTHES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=IMAGES)
    args = parser.parse_args()
    rows = [row for name in (FASHION, BOTTLE) if (RESULTS / name).exists() for row in read(name)]
    for name, variants in FIGURES.items():
        if any(row["ablation"] in variants and row["ablation"] != BASE for row in rows):
            draw(rows, variants, args.out / f"{name}.png")
            print(args.out / f"{name}.png")


def heights(rows: Sequence[Row], variants: Mapping[str, str], score: str) -> dict[str, dict[str, list[float]]]:
    """The image AUROC of each class and seed that all variants have, by class and by variant; trained from scratch."""
    of_pair: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        if (row["preset"], row["encoder"]) == ("compact", "scratch") and row["ablation"] in variants:
            name = CLOTHES[int(row["normal_class"])] if row["dataset"] == "fashion_mnist" else row["dataset"]
            of_pair.setdefault((name, row["seed"]), {})[row["ablation"]] = float(row[f"image_AUROC_{score}"])
    found: dict[str, dict[str, list[float]]] = {}
    for (name, _), by_variant in of_pair.items():
        for variant, value in by_variant.items() if set(by_variant) == set(variants) else ():
            found.setdefault(name, {}).setdefault(variant, []).append(value)
    return found


def draw(rows: Sequence[Row], variants: Mapping[str, str], path: Path) -> None:
    """Grouped bars, a panel for each of `SCORES`, values above them, written to `path`."""
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context("default"), replacing(path) as temporary:
        figure = Figure(figsize=(7, 6), dpi=120, layout="constrained")
        for axes, score in zip(figure.subplots(len(SCORES), sharex=True), SCORES, strict=True):
            found = heights(rows, variants, score)
            width = 0.8 / len(variants)
            for place, (variant, label) in enumerate(variants.items()):
                values = [of_class[variant] for of_class in found.values()]
                means = [statistics.mean(of_seeds) for of_seeds in values]
                deviations = [statistics.stdev(of_seeds) if len(of_seeds) > 1 else 0.0 for of_seeds in values]
                left = [group + (place - (len(variants) - 1) / 2) * width for group in range(len(found))]
                bars = axes.bar(left, means, width, yerr=deviations, label=label)
                axes.bar_label(bars, [f"{mean:.3f}".removeprefix("0") for mean in means], fontsize="x-small")
            axes.set_xticks(range(len(found)), list(found))
            axes.set(ylabel="image AUROC", title=f"score {score}", ylim=(0.5, 1.05))
            axes.legend(loc="lower right", fontsize="small", ncols=len(variants))
        figure.savefig(temporary, format="png")


if __name__ == "__main__":
    main()
