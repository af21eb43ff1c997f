"""Temporary folders go with their process, however it ends."""

import subprocess
import sys
import tempfile
from pathlib import Path

from piade_tf.temporary import make_temporary_folder, remove_temporary_folder, temporary_folder

ROOT = Path(__file__).parents[2]
KILLED = (
    "import os\nfrom piade_tf.temporary import make_temporary_folder\n"
    "print(make_temporary_folder(), flush=True)\nos.kill(os.getpid(), 9)"
)


def test_that_of_a_killed_process_goes_with_the_next_and_one_in_use_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    used = make_temporary_folder()
    done = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=ROOT, env={"TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )
    left = Path(done.stdout.strip())
    assert left.is_dir() and left.parent == tmp_path
    with temporary_folder() as folder:
        assert not left.exists() and folder.is_dir() and used.is_dir()
    remove_temporary_folder(used)
    assert not list(tmp_path.iterdir())
