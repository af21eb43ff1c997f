"""A picture of a data set, whatever its classes are called."""

import numpy as np
import pytest
from PIL import Image

from piade_tf.data.summary import Samples
from piade_tf.report.contact_sheet import write_contact_sheet


@pytest.mark.parametrize("name", ["good", "anomaly_nomask", "W" * 30, "a class whose name takes a whole sentence " * 3])
def test_names_of_classes_are_not_cut_off(tmp_path, name):
    images = np.zeros((2, 8, 8, 3), "uint8")
    write_contact_sheet(tmp_path / "sheet.png", [Samples(f"test, {name} (anomalous)", images, None)], "bolts")
    ink = np.asarray(Image.open(tmp_path / "sheet.png").convert("L")) < 128
    assert ink.any() and not ink[:, :4].any()
