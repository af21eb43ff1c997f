"""PIADE's own layers: Keras 3, `keras.ops` only, on every backend.

Importing this package registers them with Keras, which is all that
`keras.models.load_model("model.keras")` needs to load a saved network.
"""

from layers.dynamic_routing import DynamicRouting
from layers.longest_vector import LongestVector
from layers.pyramid_pooling import PyramidPooling
from layers.se_block import SEBlock

__all__ = ["DynamicRouting", "LongestVector", "PyramidPooling", "SEBlock"]
