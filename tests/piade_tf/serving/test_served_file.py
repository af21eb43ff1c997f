"""Which file `piade serve` takes of a run, and what it reads in it."""

import shutil

import pytest

from export.tflite.flatbuffer import metadata_of, with_metadata
from piade_tf.errors import InputError
from piade_tf.serving.served_file import ServedFile


@pytest.fixture
def run(exported, tmp_path):
    """The file of a run, which can be changed."""
    (tmp_path / "run" / "export").mkdir(parents=True)
    shutil.copy(exported.folder / "float32.tflite", tmp_path / "run" / "export")
    return tmp_path / "run"


def test_a_change_that_was_cut_short_is_completed_first(run):
    content = (run / "export" / "float32.tflite").read_bytes()
    metadata = metadata_of(content)
    changed = with_metadata(content, metadata | {"threshold": metadata["threshold"] | {"value": 1234.0}})
    (run / ".ready" / "export").mkdir(parents=True)
    (run / ".ready" / "export" / "float32.tflite").write_bytes(changed)
    assert ServedFile.of_run(run, "float32").threshold.value == 1234
    assert not (run / ".ready").exists()


def test_a_later_format_is_refused(run):
    path = run / "export" / "float32.tflite"
    path.write_bytes(with_metadata(path.read_bytes(), metadata_of(path.read_bytes()) | {"format_version": 2}))
    with pytest.raises(InputError, match="float32.tflite have the format 2, this version reads 1"):
        ServedFile.of_run(run, "float32")
