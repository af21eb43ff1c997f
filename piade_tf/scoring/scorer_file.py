"""The file that fitted scores are kept in."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from piade_tf.errors import InputError
from piade_tf.files import replacing
from piade_tf.json_text import json_text
from piade_tf.scoring.bank_score import BankScore
from piade_tf.scoring.local_score import LocalScore
from piade_tf.scoring.normal_statistics import Gaussians
from piade_tf.scoring.parameters import FORMAT_VERSION, ScoreParameters, scratch_parameters
from piade_tf.scoring.score_set import ScoreSet


def write_scorer(scorer: ScoreSet, path: Path) -> None:
    """Writes parameters (JSON) and statistics of fitted scores as `.npz`."""
    parameters = json_text(dataclasses.asdict(scorer.parameters)).encode()
    arrays: dict[str, np.ndarray] = {"parameters": np.frombuffer(parameters, "uint8")}
    for score in scorer.gaussian_scores:
        for feature, fitted in score.gaussians.items():
            for field, values in dataclasses.asdict(fitted).items():
                if values is not None:
                    arrays[f"{score.name}/{feature}/{field}"] = values
    scaled: list[LocalScore | BankScore] = [scorer.local, *([scorer.bank] if scorer.bank else [])]
    for part in scaled:
        for name, scale in part.scales.items():
            arrays[f"scales/{part.name}/{name}"] = np.array(scale)
    if scorer.bank and scorer.bank.bank is not None:
        arrays["bank"] = scorer.bank.bank
        if scorer.bank.chosen is not None:
            arrays["bank_chosen"] = scorer.bank.chosen
    for name, standard in scorer.combined.standards.items():
        arrays[f"combined/{name}"] = np.array(standard)
    for name, weight in scorer.combined.map_weights.items():
        arrays[f"map_weights/{name}"] = np.array(weight)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_scorer(path: Path, ssim_window: int = 7) -> ScoreSet:
    """Reads what `write_scorer` wrote; nothing is unpickled.

    Args:
        path: the file.
        ssim_window: of a file of format 1, which had its parameters in the code.

    Raises:
        InputError: the file is missing, cut short, something else, or of a newer version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file.items())
        return _of_arrays(arrays, ssim_window)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path} is not a scorer that a training wrote ({error}); train again") from error


def _of_arrays(arrays: dict[str, np.ndarray], ssim_window: int) -> ScoreSet:
    parameters = scratch_parameters(ssim_window)
    if "parameters" in arrays:
        content = json.loads(arrays["parameters"].tobytes())
        if content["format_version"] > FORMAT_VERSION:
            raise InputError(
                f"the scorer was written by a newer version, in format {content['format_version']} where this one "
                f"reads {FORMAT_VERSION}; update piade-tf"
            )
        parameters = ScoreParameters.from_json(content)
    else:  # format 1
        names = sorted({key.split("/")[1] for key in arrays if key.startswith("local/")})
        parameters = dataclasses.replace(parameters, local=dataclasses.replace(parameters.local, maps=tuple(names)))
    found = ScoreSet(parameters)
    for score in found.gaussian_scores:
        features = {key.split("/")[1] for key in arrays if key.startswith(f"{score.name}/")}
        if not features:
            raise KeyError(f"{score.name} is missing")
        for feature in sorted(features):
            place = f"{score.name}/{feature}"
            score.gaussians[feature] = Gaussians(
                arrays[f"{place}/mean"], arrays[f"{place}/whitening"], arrays.get(f"{place}/projection")
            )
    if found.bank:
        found.bank.bank, found.bank.chosen = arrays["bank"], arrays.get("bank_chosen")
    for key in [key for key in arrays if key.startswith("scales/")]:
        _, owner, name = key.split("/")
        scaled = found.local if owner == found.local.name else found.bank
        assert scaled is not None
        scaled.scales[name] = float(arrays[key])
    for part in found.combined.parts:
        mean, deviation = arrays[f"combined/{part.name}"]
        found.combined.standards[part.name] = (float(mean), float(deviation))
        if f"map_weights/{part.name}" in arrays:  # none in runs from before there were some
            found.combined.map_weights[part.name] = float(arrays[f"map_weights/{part.name}"])
    return found
