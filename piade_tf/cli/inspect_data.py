"""`piade inspect-data`: what is in a data set, before an hour of training is spent."""

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from piade_tf.cli.startup import start_tensorflow
from piade_tf.config import Config, DataConfig, check_data, check_seed
from piade_tf.errors import InputError
from piade_tf.files import check_file
from piade_tf.lost_images import losses_told
from piade_tf.printable import some

if TYPE_CHECKING:
    from piade_tf.data import DataSplits

IMAGES_A_ROW = 8
KINDS_SHOWN = 6
NAMES_SHOWN = 8


@dataclasses.dataclass(frozen=True)
class InspectData:
    """Print what is in a data set and what is wrong with it, and draw a contact sheet.

    piade inspect-data --dataset folder --data-dir DIR

    piade inspect-data --dataset mvtec --data-dir DIR --category bottle
    """

    data: Annotated[DataConfig, tyro.conf.OmitArgPrefixes] = DataConfig()
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The contact sheet. Left out: contact_sheet_DATASET.png in the current folder."""
    seed: int = 0
    """Seed of the split and of the images that are shown."""


@losses_told()
def inspect_data(options: InspectData) -> None:
    """Prints and draws.

    Raises:
        InputError: the data cannot be used. What is wrong with a folder's layout is printed before.
    """
    check_data(options.data)
    check_seed(options.seed)
    data_config = options.data
    parts = (data_config.title, data_config.normal_class)
    name = "_".join(re.sub(r"[^\w.-]+", "_", part) for part in parts if part)
    out = options.out or Path(f"contact_sheet_{name}.png")
    root = data_config.data_dir
    if root is not None and root.resolve() in out.resolve().parents:
        raise InputError(f"--out {out} lies in the data's own folder, which is left as it is; give a path elsewhere")

    check_file(out, "--out")
    start_tensorflow()
    from piade_tf.data import divide_source, find_source
    from piade_tf.data.image_checks import UnreadableImagesError
    from piade_tf.data.listing import LayoutError
    from piade_tf.data.summary import samples
    from piade_tf.report.contact_sheet import write_contact_sheet
    from piade_tf.report.terminal import IN_FOLDS

    try:
        source = find_source(data_config)
    except LayoutError as error:
        print(f"Looked for\n{_indented(error.looked_for)}\n\nFound\n{_indented(error.found)}\n", flush=True)
        raise
    except UnreadableImagesError as error:
        for one in error.skipped:
            print(f"unreadable: {one.path} {one.reason}", flush=True)
        raise
    _print_source(source)
    data = divide_source(source, data_config, options.seed)
    height, width, channels = data.image_shape
    print(
        f"\nThe network would learn from {data.train.count} images, be watched on "
        f"{data.validation.count} and never see {data.calibration.count}; {data.test.count} to test, as "
        f"{height}x{width}x{channels}."
    )
    if _in_folds(data):
        print(IN_FOLDS)

    rows = samples(data, IMAGES_A_ROW, options.seed)
    write_contact_sheet(out, rows, f"{data_config.title}: {source.layout}")
    print(f"Contact sheet: {out}")


def _in_folds(data: "DataSplits") -> bool:
    """Whether a training with the default options has every good image choose the threshold."""
    from piade_tf.evaluation.calibration import calibration_for, good_images

    config = Config()
    try:
        encoder = config.network.for_image(*data.image_shape[:2]).encoder
    except InputError:  # no network takes images of this size; `train` says which it would
        return False
    return calibration_for(config.calibration, encoder, config.score, good_images(data)) == "folds"


def _print_source(source) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from piade_tf.data.summary import class_counts

    print(f"Found: {source.layout}.")
    counts = class_counts(source)
    table = Table("class", "train", "test")
    for column in table.columns[1:]:
        column.justify = "right"
    for name in sorted(set(counts["train"]) | set(counts["test"])):
        kind = " (normal)" if name == source.normal_class else ""
        table.add_row(escape(name) + kind, *(str(counts[split][name] or "-") for split in ("train", "test")))
    Console().print(table)
    kinds = sorted(source.kinds.items(), key=lambda kind: -kind[1])
    more = f", and {len(kinds) - KINDS_SHOWN} other sizes" if len(kinds) > KINDS_SHOWN else ""
    print("Sizes and modes: " + ", ".join(f"{count} of {kind}" for kind, count in kinds[:KINDS_SHOWN]) + more)
    print("Normal training images are all grey." if source.grey else "Normal training images have colour.")
    if not len(source.test.labels):
        print("No test images: a run trains and sets a threshold, but there will be no metrics.")
    elif not source.test.labels.any():
        print("No anomalous test images: there will be no AUROC, only the false-positive rate.")
    if source.passed_over:
        print(f"Passed over, since they are no photographs: {some(source.passed_over, NAMES_SHOWN)}")
    for one in source.skipped:
        print(f"unreadable: {one.path} {one.reason}")
    for warning in source.warnings:
        print(f"warning: {warning}")
    if not source.warnings and not source.skipped:
        print("Every file can be read, and none is there twice.")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
