"""Loads FOLDER/model.keras knowing Keras and `layers` alone, and writes what it computes beside it."""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import layers  # noqa: F401

folder, backend = Path(sys.argv[1]), keras.backend.backend()
model = keras.models.load_model(folder / "model.keras", compile=False)
inputs = dict(np.load(folder / "inputs.npz"))
for mode in ("inference", "training"):
    outputs = model(inputs, training=mode == "training")
    np.savez(folder / f"{backend}_{mode}.npz", **{k: keras.ops.convert_to_numpy(v) for k, v in outputs.items()})
report = {
    "backend": backend,
    "frameworks": sorted({"jax", "tensorflow", "torch"} & set(sys.modules)),
    "configs": {name: model.get_layer(name).get_config() for name in outputs},
}
(folder / f"{backend}.json").write_text(json.dumps(report))
