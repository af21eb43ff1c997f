"""The backends that were compared compute the same, and what cannot be started is told in one line."""

import sys

import pytest

from benchmarks import backends
from benchmarks.table_parts import read
from piade_tf.errors import InputError


def test_every_backend_gave_the_outputs_of_tensorflow_on_every_network():
    rows = read("backends.csv")
    found = {(row["backend"], row["network"]) for row in rows}
    assert found == {(name, subject.name) for name in backends.BACKENDS for subject in backends.SUBJECTS}
    assert all(float(row["largest_difference"]) <= backends.TOLERANCE for row in rows)


@pytest.mark.parametrize("given, said", [("jax", "NAME=PATH"), ("mxnet=python", "'mxnet=python'")])
def test_what_is_no_backend_with_a_python_is_refused(monkeypatch, given, said):
    monkeypatch.setattr(sys, "argv", ["backends.py", "--python", given])
    with pytest.raises(InputError, match=said):
        backends.main()


def test_a_python_that_is_not_there_and_one_that_fails_are_named(tmp_path):
    with pytest.raises(InputError, match="jax=nowhere cannot be started"):
        backends.run({"jax": "nowhere"}, 1, tmp_path)
    fails = tmp_path / "python"
    fails.write_text("#!/bin/sh\necho no module named jax >&2\nexit 1\n")
    fails.chmod(0o755)
    with pytest.raises(InputError, match="jax failed with .*: no module named jax; .*requirements-backends.txt"):
        backends.run({"jax": str(fails)}, 1, tmp_path)
