"""How TensorFlow is imported: quietly, without what is not needed, and without getting in the way of those who do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = ("jax", "matplotlib", "scipy.stats", "sklearn", "tensorflow_datasets")


def run_python(code, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in ("KERAS_BACKEND", "KERAS_HOME")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean | environment, capture_output=True, text=True, timeout=120
    )


def test_a_detector_needs_none_of_the_heavy_packages_but_tensorflow_and_says_nothing(tmp_path):
    process = run_python(
        "import sys\nfrom piade_tf.cli.startup import start_tensorflow\nstart_tensorflow()\n"
        f"import piade_tf.detector\nprint([name for name in {HEAVY} if name in sys.modules])\n"
        "import matplotlib.pyplot, sklearn.metrics, jax",
        KERAS_HOME=str(tmp_path),
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize(
    "variable, file",
    [
        ("torch", '{"floatx": "float16", "image_data_format": "channels_first", "epsilon": 0.1}'),
        (None, '{"floatx": "float64", "backend": "openvino"}'),
    ],
)
def test_settings_of_other_projects_do_not_count(tmp_path, variable, file):
    (tmp_path / "keras.json").write_text(file)
    process = run_python(
        "from piade_tf.cli.startup import import_tensorflow\nimport_tensorflow()\n"
        "from keras import config as c\nprint(c.backend(), c.image_data_format(), c.floatx(), c.dtype_policy().name, "
        "c.epsilon())",
        KERAS_HOME=str(tmp_path),
        **({"KERAS_BACKEND": variable} if variable else {}),
    )
    assert process.stdout == "tensorflow channels_last float32 float32 1e-07\n", process.stderr
    assert (tmp_path / "keras.json").read_text() == file


def test_settings_that_keras_does_not_start_with_are_named(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "half"}')
    process = run_python(
        "from piade_tf.cli.exit_codes import errors_in_one_line\nwith errors_in_one_line():\n"
        "    from piade_tf import Detector",
        KERAS_HOME=str(tmp_path),
    )
    assert process.returncode == 2
    assert process.stderr.startswith("error: ") and process.stderr.count("\n") == 1
    assert str(tmp_path / "keras.json") in process.stderr
