"""Ranges of activations: of all images, and of units that never vary."""

import numpy as np
import tensorflow as tf
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer

from export.quantization.activation_ranges import NARROW, dead_units_widened, ranges_of
from export.saved_model import write_saved_model
from export.tflite.convert import to_litert


def test_a_unit_that_never_varies_gets_a_range_and_others_keep_theirs():
    ranges = {
        "dead": {"min": np.zeros((1, 1), "float32"), "max": np.zeros((1, 1), "float32")},
        "constant": {"min": np.full((1,), 2.0, "float32"), "max": np.full((1,), 2 + NARROW / 2, "float32")},
        "alive": {"min": np.full((1,), -0.5, "float32"), "max": np.full((1,), 3.0, "float32")},
        "of no numbers": {},
    }
    found = dead_units_widened(ranges)
    assert {name: (float(seen["min"].item()), float(seen["max"].item())) for name, seen in found.items() if seen} == {
        "dead": (0.0, 1.0),
        "constant": (2.0, 3.0),
        "alive": (-0.5, 3.0),
    }
    assert found["dead"]["max"].shape == (1, 1) and found["of no numbers"] == {}
    assert float(ranges["dead"]["max"].item()) == 0


def test_a_range_holds_whatever_any_image_had_in_whichever_order(tmp_path):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 1, 2)).astype("float32")

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 1), tf.float32, name="image")])
    def convolve(image):
        return {"maps": tf.nn.conv2d(image, kernel, 1, "SAME")}

    module = tf.Module()
    module.convolve = convolve
    model = to_litert(write_saved_model(tmp_path, convolve), "inspect")
    quantizer = Quantizer(model)
    quantizer.add_static_config(".*", TFLOperationName.CONV_2D, 8, 8)
    dark_and_bright = [np.full((1, 8, 8, 1), value, "float32") for value in (0.1, 0.2, 5.0, 0.1, 0.1, 0.1)]
    maps = np.concatenate([convolve(image)["maps"] for image in dark_and_bright])
    for images in (dark_and_bright, dark_and_bright[::-1]):
        ranges = ranges_of(quantizer, model, "inspect", [{"image": image} for image in images])
        found = np.array([(seen["min"].min(), seen["max"].max()) for seen in ranges.values() if "min" in seen])
        for expected in ((0.1, 5.0), (maps.min(), maps.max())):
            assert np.isclose(found, expected, rtol=1e-5).all(axis=1).any()
