"""Loads FOLDER/model.keras knowing Keras and `layers` alone, then the rest, and writes what JAX computes."""

import json
import sys
from pathlib import Path

import jax
import keras
import numpy as np

import layers  # noqa: F401

folder, window = Path(sys.argv[1]), int(sys.argv[2])
network = keras.models.load_model(folder / "model.keras", compile=False)
images, others = np.load(folder / "inputs.npz").values()
report = {"backend": keras.backend.backend(), "needed_piade_tf": "piade_tf" in sys.modules}

from piade_tf.model import network as _  # noqa: E402, F401
from piade_tf.model.losses import ReconstructionLoss  # noqa: E402
from piade_tf.model.ssim import ssim_map  # noqa: E402

report["needed_tensorflow"] = "tensorflow" in sys.modules

from piade_tf.scoring.scorer_file import read_scorer  # noqa: E402

inspection = read_scorer(folder / "scorer.npz", window).inspection_model(network, "combined")
results = jax.jit(lambda x: inspection(x, training=False))(images)
results["ssim"] = ssim_map(keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(others), window)
results["loss"] = ReconstructionLoss(1.0, 0.5, window).call(images, others)
np.savez(folder / "jax.npz", **{name: keras.ops.convert_to_numpy(value) for name, value in results.items()})
(folder / "report.json").write_text(json.dumps(report))
