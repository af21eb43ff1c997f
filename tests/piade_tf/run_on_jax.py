"""Loads FOLDER/model.keras knowing Keras and `layers` alone, then the rest, and writes what JAX computes."""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import layers  # noqa: F401

folder, window = Path(sys.argv[1]), int(sys.argv[2])
network = keras.models.load_model(folder / "model.keras", compile=False)
images, others = np.load(folder / "inputs.npz").values()
results = {f"network/{name}": value for name, value in network.predict_on_batch(images).items()}
report = {"backend": keras.backend.backend(), "needed_piade_tf": "piade_tf" in sys.modules}

from piade_tf.losses import ReconstructionLoss  # noqa: E402
from piade_tf.network import build_network  # noqa: E402, F401
from piade_tf.scorer import Scorer  # noqa: E402
from piade_tf.ssim import ssim_map  # noqa: E402

inspection = Scorer.load(folder / "scorer.npz", window).inspection_model(network, "combined")
results |= {f"inspection/{name}": value for name, value in inspection.predict_on_batch(images).items()}
results["ssim"] = ssim_map(keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(others), window)
results["loss"] = ReconstructionLoss(1.0, 0.5, window).call(images, others)
report["needed_tensorflow"] = "tensorflow" in sys.modules
np.savez(folder / "jax.npz", **{name: keras.ops.convert_to_numpy(value) for name, value in results.items()})
(folder / "report.json").write_text(json.dumps(report))
