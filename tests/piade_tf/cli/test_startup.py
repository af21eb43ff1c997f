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


@pytest.mark.parametrize("by", ["variable", "file"])
def test_keras_still_runs_on_jax(tmp_path, by):
    (tmp_path / "keras.json").write_text('{"backend": "jax"}' if by == "file" else "{}")
    process = run_python(
        "from piade_tf.cli.startup import import_tensorflow\nimport_tensorflow()\n"
        "import keras\nprint(keras.backend.backend(), keras.ops.sum([1, 2]))",
        KERAS_HOME=str(tmp_path),
        **({"KERAS_BACKEND": "jax"} if by == "variable" else {}),
    )
    assert process.stdout == "jax 3\n", process.stderr
