"""A command for all that is not normal."""

import os
import signal
import sys
import threading
import time

import pytest
from watching import options

from piade_tf.cli.alarm import AT_ONCE, Alarm
from piade_tf.cli.watch import watch


def test_the_command_is_started_without_a_shell_for_all_that_is_not_normal(detector, folder, tmp_path):
    odd = folder / "'; touch gone; {score}'.png"
    odd.write_bytes(b"b")
    script = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + chr(10))"
    log = tmp_path / "log"
    watch(options(folder, tmp_path / "t.csv",
                  on_anomaly=f"{sys.executable} -c \"{script}\" {log} {{verdict}} {{score}} {{path}}"))  # fmt: skip
    deadline = time.monotonic() + 20
    while (not log.exists() or log.read_text().count("\n") < 3) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sorted(log.read_text().splitlines()) == [
        f"anomalous 1 {odd}",
        f"anomalous 1 {folder / 'lot' / '2.png'}",
        f"unreadable - {folder / '3.jpg'}",
    ]


def test_of_many_commands_a_few_run_at_once_and_none_is_lost(tmp_path, capfd):
    (tmp_path / "running").mkdir()
    (tmp_path / "alarm.py").write_text(
        f"import os, sys, time; os.chdir({str(tmp_path)!r}); mine = 'running/' + sys.argv[1]; os.mkdir(mine)\n"
        "open('log', 'a').write(f'{len(os.listdir(\"running\"))} '); time.sleep(0.3); os.rmdir(mine)"
    )
    with Alarm(f"{sys.executable} {tmp_path / 'alarm.py'} {{path}}") as alarm:
        for number in range(3 * AT_ONCE):
            alarm.start(f"{number}", "1", "anomalous")
    running = [int(word) for word in (tmp_path / "log").read_text().split()]
    assert len(running) == 3 * AT_ONCE and max(running) <= AT_ONCE
    assert f"that for {AT_ONCE} waits" in capfd.readouterr().err


def test_where_no_thread_can_be_started_any_more_the_first_does_it_all(tmp_path, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()"
    with Alarm(f'{sys.executable} -c "{script}" {{path}}') as alarm:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        for number in range(4):
            alarm.start(str(tmp_path / f"{number}"), "1", "anomalous")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("when", ["in the block", "after it"])
def test_commands_that_are_not_started_any_more_after_an_interrupt_are_counted(capfd, when):
    def interrupt():
        while sum(future.running() for future in alarm._open) < AT_ONCE:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt), Alarm(f'{sys.executable} -c "import time; time.sleep(2)"') as alarm:
        for number in range(AT_ONCE + 3):
            alarm.start(str(number), "1", "anomalous")
        interrupting.start()
        if when == "in the block":
            time.sleep(5)
    assert "was not started for 3 photographs any more" in capfd.readouterr().err
