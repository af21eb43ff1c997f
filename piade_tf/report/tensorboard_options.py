"""The options of a training as TensorBoard shows and compares them."""

import dataclasses
from typing import Any

from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary

from piade_tf.data import DataSplits
from piade_tf.training.schedule import Schedule

METRICS = ("image_AUROC", "image_AUPR", "image_F1Max", "val_loss")  # by which the HParams tab compares runs
FIRST = ("dataset", "normal_class", "epochs", "learning_rate", "seed")  # options to which the HParams tab is opened


def options_by_name(options: dict[str, Any], schedule: Schedule, data: DataSplits) -> dict[str, bool | float | str]:
    """The options that matter to the result, named as on the command line (`learning_rate`, `loss.ssim`).

    Those left out are filled in where the run decides them; a tuple becomes text, an empty one "none", and None "auto".

    Args:
        options: by section and name, as `config.json` has them.
        schedule: of the training.
        data: the splits.
    """
    found = {
        **options["data"],
        **options["training"],
        **{name: options[name] for name in ("preset", "score")},
        **{f"{section}.{name}": value for section in ("loss", "network") for name, value in options[section].items()},
        **dataclasses.asdict(schedule),
        **{"normal_class": data.normal_class, "image_size": data.image_shape[0]},
    }
    return {name: _plain(value) for name, value in found.items() if name not in ("data_dir", "tensorboard")}


def experiment(options: dict[str, bool | float | str]) -> Any:
    """Which options and metrics the HParams tab has as columns, as a `Summary`."""

    def kind(value):
        if isinstance(value, bool):
            return api_pb2.DATA_TYPE_BOOL
        return api_pb2.DATA_TYPE_STRING if isinstance(value, str) else api_pb2.DATA_TYPE_FLOAT64

    return hparams_summary.experiment_pb(
        # Those that "differ" come first; the tab shows five until asked for more.
        [api_pb2.HParamInfo(name=key, type=kind(value), differs=key in FIRST) for key, value in options.items()],
        [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=f"result/{key}"), display_name=key) for key in METRICS],
    )


def _plain(value: Any) -> bool | float | str:
    if value is None:
        return "auto"
    return value if isinstance(value, (bool, int, float, str)) else " ".join(map(str, value)) or "none"
