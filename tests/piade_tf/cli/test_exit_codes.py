"""How a program ends: one line and the exit code that fits, and a traceback for mistakes of ours."""

import errno
import os
import signal
from pathlib import Path

import pytest

from piade_tf.cli.exit_codes import OUT_OF_MEMORY, SHORT, errors_in_one_line
from piade_tf.cli.main import main
from piade_tf.errors import InputError
from piade_tf.interrupts import Stopped


class ResourceExhaustedError(Exception):
    """What TensorFlow's is called."""


@pytest.mark.parametrize(
    "raised, code, said",
    [
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (Stopped(signal.SIGTERM), 143, "error: interrupted\n"),
        (MemoryError(), 2, f"error: {OUT_OF_MEMORY}\n"),
        (ResourceExhaustedError("OOM when allocating tensor"), 2, f"error: {OUT_OF_MEMORY}\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, f"error: {SHORT[errno.ENOSPC]}\n"),
        (OSError(errno.EIO, "Input/output error"), 2, "Input/output error\n"),
        (
            PermissionError(errno.EACCES, "Permission denied", "lot\n1/run"),
            2,
            "error: lot\\n1/run: Permission denied; mend its permissions, or run this as a user who has them\n",
        ),
        (
            OSError(errno.EIO, "Input/output error", b"a"),
            2,
            "error: a: Input/output error; see whether its drive is well, and try again\n",
        ),
        (OSError(errno.EIO, "Input/output error", 7), 2, "Input/output error: 7\n"),
        (FileNotFoundError(errno.ENOENT, "No such file", "of ours"), 2, "No such file: 'of ours'\n"),
        (InputError("no such thing"), 2, "error: no such thing\n"),
        (ZeroDivisionError("ours"), 2, "ZeroDivisionError: ours\n"),
    ],
)
def test_no_failure_ends_with_the_exit_code_that_means_anomalous(capsys, raised, code, said):
    with pytest.raises(SystemExit) as stop, errors_in_one_line():
        raise raised
    assert stop.value.code == code
    assert capsys.readouterr().err.endswith(said)


REFUSED = [
    *("predict RUN a.png", "watch RUN .", "serve RUN --port 0", "threshold RUN", "threshold RUN --fpr 0.1"),
    *("adapt RUN --good .", "evaluate RUN", "export RUN", "train --resume RUN"),
]


@pytest.mark.parametrize("words", REFUSED)
def test_a_path_that_the_system_refuses_is_one_line_in_every_command(capsys, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    Path("a.png").touch()
    with pytest.raises(SystemExit) as stop:
        main(words.replace("RUN", "a" * 300).split())
    line = capsys.readouterr().err
    assert stop.value.code == 2
    assert line.startswith("error: ") and line.count("\n") == 1 and "File name too long" in line


@pytest.mark.parametrize("number", SHORT)
def test_what_tensorflow_calls_exhausted_is_told_from_memory(capsys, number):
    with pytest.raises(SystemExit), errors_in_one_line():
        raise ResourceExhaustedError(f"logs/train; {os.strerror(number)} [Op:FlushSummaryWriter]")
    assert capsys.readouterr().err == f"error: {SHORT[number]}\n"
