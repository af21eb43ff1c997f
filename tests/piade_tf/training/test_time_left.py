"""The time left, not told before it means something, and why a training stopped."""

import pytest
from rich.progress import Progress as Bar

from piade_tf.progress import TimeLeft
from piade_tf.training import progress_bar
from piade_tf.training.progress_bar import Progress


@pytest.fixture
def lines(monkeypatch, capsys):
    """What is printed of epochs that take the given seconds."""

    def of(seconds):
        clock = [0.0]
        monkeypatch.setattr(progress_bar.time, "monotonic", lambda: clock[0])
        progress = Progress(len(seconds), 1)
        progress.on_train_begin()
        for epoch, spent in enumerate(seconds):
            clock[0] += spent
            progress.on_epoch_end(epoch, {"loss": 1.0})
        progress.on_train_end()
        return capsys.readouterr().out.splitlines()

    return of


def test_slow_first_epochs_do_not_count(lines):
    printed = lines([60, 20, 20, *[1] * 17])
    assert [line for line in printed if "left" in line][0].startswith("epoch 4/20")
    assert next(line for line in printed if line.startswith("epoch 10/20")).endswith("(about 10 s left)")
    assert "left" not in printed[-1]


def test_before_the_first_epoch_a_line_says_why_nothing_moves(lines):
    first, second = lines([30])
    assert first.startswith("preparing the first step") and second.startswith("epoch 1/1")


@pytest.mark.parametrize(
    "val_loss, said", [(1.0, ["stopped after epoch 1: the validation loss no longer fell"]), (float("nan"), [])]
)
def test_why_a_training_stopped_is_said_unless_it_diverged_which_an_error_says(capsys, val_loss, said):
    progress = Progress(3, 1)
    progress.on_train_begin()
    progress.on_epoch_end(0, {"loss": 1.0, "val_loss": val_loss})
    progress.on_train_end()
    assert [line for line in capsys.readouterr().out.splitlines() if "stopped" in line] == said


def test_a_bar_says_nothing_before_a_fifth_is_done():
    bar = Bar(auto_refresh=False)
    bar.add_task("", total=10, completed=1)
    (task,) = bar.tasks
    assert TimeLeft().render(task).plain == ""
    task.completed = 5
    assert "left" in TimeLeft().render(task).plain
