"""A training that was cut off blocks nothing: every command says how to go on, and what is done is not done again."""

import contextlib
import dataclasses
import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from piade_tf import interrupts, unfinished
from piade_tf.cli import steps_of_training as steps
from piade_tf.cli.exit_codes import OUT_OF_MEMORY, SHORT, errors_in_one_line
from piade_tf.cli.main import main
from piade_tf.cli.parsing import parse_config
from piade_tf.cli.train import train
from piade_tf.data import load_data
from piade_tf.errors import InputError
from piade_tf.run_lock import changing
from piade_tf.training import resumption

ROOT = Path(__file__).parents[3]
OPTIONS = [
    *("--formats", "--no-tensorboard", "--epochs", "4", "--batch-size", "64", "--network.widths", "8"),
    *("--network.stem-stride", "4", "--network.magnifications", "1", "2", "--network.capsule-dim", "4"),
    *("--network.vector-dim", "8", "--network.upsampling", "8"),
]
RESULTS = ("scores.csv", "history.csv", "threshold.json", "known_images.csv")


class Taken(Exception):
    pass


class CutOff(BaseException):
    pass


def cut(*_, **__):
    raise CutOff


def options(runs, name="run", *more):
    return [*OPTIONS, "--runs-dir", str(runs), "--name", name, *more]


def run_train(*arguments):
    return train(parse_config(list(map(str, arguments))))


def metrics(run):
    return json.loads((run / "metrics.json").read_text()) | {"train_seconds": None}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with the run `whole`, and `run`, which was cut off after its second epoch, with a copy of it."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(resumption, "LEAST_APART", 0.0)
        patched.setattr(resumption, "TIME_SHARE", float("inf"))
        assert run_train(*options(folder, "whole")) == 0
        write = resumption.Resumption.on_epoch_end

        def on_epoch_end(self, epoch, logs=None):
            write(self, epoch, logs)
            if epoch == 1:
                raise CutOff

        patched.setattr(resumption.Resumption, "on_epoch_end", on_epoch_end)
        with pytest.raises(CutOff):
            run_train(*options(folder))
    shutil.copytree(folder / "run", folder / "copy")
    return folder


@pytest.fixture
def cut_off(runs, tmp_path):
    """A copy of the run that was cut off."""
    shutil.copytree(runs / "copy", tmp_path / "run")
    return tmp_path / "run"


def test_cut_off_in_every_step_it_ends_like_the_whole_one_and_does_no_step_twice(runs, monkeypatch):
    for name in ("calibrated", "write_results", "add_to_report"):
        with monkeypatch.context() as patched:
            patched.setattr(steps, name, cut)
            with pytest.raises(CutOff):
                run_train(*options(runs))
        monkeypatch.setattr(steps, {"calibrated": "fit", "write_results": "calibrated"}.get(name, "write_results"), cut)
    assert run_train("--resume", runs / "run") == 0
    assert metrics(runs / "run") == metrics(runs / "whole")
    for name in RESULTS:
        assert (runs / "run" / name).read_bytes() == (runs / "whole" / name).read_bytes()
    assert {path.name for path in (runs / "run").iterdir()} == {path.name for path in (runs / "whole").iterdir()}


def test_a_complete_run_has_nothing_to_go_on_with(runs, capsys):
    assert run_train("--resume", runs / "whole") == 0
    assert "whole is complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ("nothing", "It has no checkpoint yet, and starts again with the first epoch."),
        ("an epoch", "Going on after epoch 2 of 4."),
        ("the training", "Its network is trained; going on with what is left."),
    ],
)
def test_it_says_where_it_goes_on(cut_off, monkeypatch, capsys, done, said):
    if done == "nothing":
        for checkpoint in (cut_off / unfinished.FOLDER).glob("epoch-*"):
            checkpoint.unlink()
    if done == "the training":
        with monkeypatch.context() as patched, pytest.raises(CutOff):
            patched.setattr(steps, "calibrated", cut)
            run_train("--resume", cut_off)
        monkeypatch.setattr(steps, "calibrated", cut)
    monkeypatch.setattr(steps, "fit", cut)
    capsys.readouterr()
    with pytest.raises(CutOff):
        run_train("--resume", cut_off)
    printed = capsys.readouterr().out
    assert f"{cut_off} was cut off.\n" in printed and said in printed
    assert printed.count("oing on") == (done != "nothing")


@pytest.mark.parametrize("command", [["predict", "RUN", str(ROOT)], ["export", "RUN"], ["evaluate", "RUN"]])
def test_every_command_on_it_names_the_one_that_goes_on(cut_off, capsys, command):
    with pytest.raises(SystemExit) as stop:
        main([str(cut_off) if word == "RUN" else word for word in command])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1
    assert re.search(rf"train(\.py)? --resume {re.escape(str(cut_off))}$", said.strip())


def test_what_an_earlier_version_filled_in_stays(cut_off, monkeypatch):
    config = json.loads((cut_off / "config.json").read_text())
    schedule = config["schedule"] | {"patience": 17, "learning_rate": 0.123}
    (cut_off / "config.json").write_text(json.dumps(config | {"schedule": schedule}))

    def fit(_, schedule, *others):
        raise Taken(schedule)

    monkeypatch.setattr(steps, "fit", fit)
    with pytest.raises(Taken) as taken:
        run_train("--resume", cut_off)
    assert dataclasses.asdict(taken.value.args[0]) == schedule


@pytest.mark.parametrize("schedule", [None, {}, {"steps": 3}])
def test_without_its_schedule_one_line_says_so(cut_off, schedule):
    config = json.loads((cut_off / "config.json").read_text())
    (cut_off / "config.json").write_text(json.dumps(config | {"schedule": schedule}))
    with pytest.raises(InputError, match="config.json has no schedule .*train again"):
        run_train("--resume", cut_off)


def test_with_other_images_one_line_says_what_to_do_and_not_to_go_on(cut_off, monkeypatch):
    monkeypatch.setattr(steps, "load_data", lambda *given: dataclasses.replace(load_data(*given), fingerprint="other"))
    with pytest.raises(InputError) as error:
        run_train("--resume", cut_off)
    assert str(error.value) == (
        f"the images are not those that {cut_off} was begun with: their fingerprint differs; put them back as they "
        "were, or train anew under another --name"
    )


def test_its_name_with_other_options_is_refused_with_the_command(cut_off):
    with pytest.raises(InputError, match="begun with other options .* --resume .*; for other options choose another"):
        run_train(*options(cut_off.parent, "run", "--seed", "3"))


@pytest.mark.parametrize("more", [["--epochs", "9"], ["--seed", "1"], ["--name", "x"]])
def test_beside_resume_no_option_that_changes_the_result_is_taken(cut_off, more):
    with pytest.raises(InputError, match="--resume takes the options from the run"):
        parse_config(["--resume", str(cut_off), *more])


def test_what_is_no_run_that_was_cut_off_is_refused(tmp_path):
    with pytest.raises(InputError, match="no training to go on with"):
        run_train("--resume", tmp_path)


def test_a_second_process_is_refused(cut_off):
    with changing(cut_off, "piade train"), pytest.raises(InputError, match="is being changed by piade train"):
        run_train("--resume", cut_off)


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (MemoryError(), f"{OUT_OF_MEMORY}; with enough memory go on with it: "),
        (OSError(errno.ENOSPC, "No space left on device"), f"{SHORT[errno.ENOSPC]}; then go on with it: "),
    ],
)
def test_where_memory_or_room_is_short_one_line_says_what_to_try(cut_off, monkeypatch, capsys, error, start):
    def short(*_, **__):
        raise error

    monkeypatch.setattr(steps, "fit", short)
    with pytest.raises(SystemExit) as stop, errors_in_one_line():
        run_train("--resume", cut_off)
    said = capsys.readouterr().err
    assert stop.value.code == 2 and said.count("\n") == 1
    assert said.startswith(f"error: {start}")


@contextlib.contextmanager
def started(*arguments, **settings):
    command = [sys.executable, "train.py", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONUNBUFFERED": "1"}, **settings) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_after_the_step_with_the_command_to_go_on(tmp_path, number, code):
    with started(*options(tmp_path, "run", "--epochs", "100000")) as process:
        while not next(process.stdout).startswith("epoch 1/"):
            pass
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert said.splitlines()[-1] == f"error: interrupted; go on with it: python train.py --resume {tmp_path / 'run'}"
    assert "Traceback" not in said and unfinished.is_unfinished(tmp_path / "run")


@pytest.mark.parametrize("wait", [0.1, 1.5])
def test_at_its_start_a_signal_ends_it_at_once_and_leaves_nothing(tmp_path, wait):
    with started(*options(tmp_path / "runs")) as process:
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode in (130, -signal.SIGINT)  # the latter before any of its own code has run
    assert "Traceback" not in said or process.returncode == -signal.SIGINT


def test_a_limit_on_the_size_of_files_is_told_in_one_line_and_the_run_goes_on_later(cut_off):
    before = {path.name: path.read_bytes() for path in cut_off.glob("checkpoints/epoch*.npz")}

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    with started("--resume", cut_off, preexec_fn=limit) as process:
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 2 and said.count("\n") == 1
    assert "File too large" in said and f"--resume {cut_off}" in said
    assert {path.name: path.read_bytes() for path in cut_off.glob("checkpoints/epoch*.npz")} == before


@pytest.mark.parametrize("taken_back, code", [(True, 143), (False, 0)])
def test_a_signal_that_a_library_took_is_taken_back(taken_back, code):
    """As TensorFlow takes SIGTERM where several workers train, past Python."""
    script = (
        "import ctypes, os, signal, time\nfrom piade_tf import interrupts as i\ni.install()\n"
        "ctypes.CDLL(None).signal(int(signal.SIGTERM), ctypes.c_void_p(1))\n"  # SIG_IGN
        f"if {taken_back}: i.take_back()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(3)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60).returncode == code


def test_the_second_signal_ends_it_at_once():
    script = (
        "import time\nfrom piade_tf import interrupts as i\ni.install()\ni.how_to_go_on('again')\n"
        "with i.finishing():\n    print('in', flush=True)\n    time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "\n" and "again to stop at once" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[1] == "error: interrupted; again\n" and process.returncode == 130
    assert interrupts.exit_code(signal.SIGTERM) == 143
