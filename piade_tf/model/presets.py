"""Networks by name, as plain data."""

import dataclasses
from typing import Any

from piade_tf.config import Config, NetworkConfig, PresetName

# The paper's figure: S-E ResNet-18 of width 64 at 120x120. The stem has no max pooling, so that the
# last map is 8x8 and takes magnification 8.
PRESETS: dict[PresetName, dict[str, Any]] = {
    "compact": {"data": {}, "network": {}},
    "paper": {
        "data": {"image_size": (156,), "crop": (120,)},
        "network": {
            "encoder": "scratch",
            "widths": (64, 128, 256, 512),
            "stem_kernel": 7,
            "stem_stride": 2,
            "magnifications": (1, 2, 4, 8),
            "decoder_widths": (512, 256, 128, 64),
            "skip": True,
            "output_activation": "tanh",
        },
    },
}


def preset_config(preset: PresetName) -> Config:
    """The options' defaults under a preset."""
    values, config = PRESETS[preset], Config()
    return dataclasses.replace(
        config,
        preset=preset,
        data=dataclasses.replace(config.data, **values["data"]),
        network=NetworkConfig(**values["network"]),
    )
