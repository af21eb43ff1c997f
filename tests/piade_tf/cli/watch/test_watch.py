"""Watching a folder: each photograph once, and an exit code that says what was found."""

import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from watching import options, rows_of

from piade_tf.cli import watch as watch_module
from piade_tf.cli.main import main
from piade_tf.cli.watch import Watch, watch
from piade_tf.errors import InputError

ROOT = Path(__file__).parents[4]


def test_what_lies_there_is_scored_once_also_after_a_restart(detector, folder, tmp_path, capsys):
    table = tmp_path / "t.csv"
    assert watch(options(folder, table)) == 2
    rows = {row["path"]: row["verdict"].split(":")[0] for row in rows_of(table)}
    assert rows == {"1.png": "normal", "lot/2.png": "anomalous", "3.jpg": "unreadable"}
    detector.read.clear()
    assert watch(options(folder, table)) == 0
    assert detector.read == []
    (folder / "1.png").write_bytes(b"b")  # another photograph under the same name
    (folder / "5.webp").write_bytes(b"g")
    assert watch(options(folder, table)) == 1
    assert sorted(detector.read) == [("1.png", b"b"), ("5.webp", b"g")]
    assert len(rows_of(table)) == 5
    assert "1 anomalous, 1 normal and 0 unreadable" in capsys.readouterr().out


def test_a_listing_opens_nothing_that_was_scored_and_searches_for_its_folder_once(detector, tmp_path, monkeypatch):
    folder, asked_for = tmp_path / "photos", []
    folder.mkdir()

    def tell(module, name):
        function = getattr(module, name)

        def told(path, *others, **options):
            asked_for.append(Path(path))
            return function(path, *others, **options)

        monkeypatch.setattr(module, name, told)

    def listed_again(*names):
        for name in names:
            (folder / name).write_bytes(b"\x89PNG\r\n")
        watch(options(folder, tmp_path / "t.csv"))
        asked_for.clear()
        watch(options(folder, tmp_path / "t.csv"))
        return [path for path in asked_for if folder in (path, path.parent)]

    tell(os, "open")
    tell(os.path, "realpath")
    of_one = listed_again("1.png")
    assert listed_again("2.png", "00003_cam.png", "without_ending") == of_one == [folder] * len(of_one)
    assert len(detector.read) == 4


@pytest.mark.parametrize("verdicts, code", [(b"gg", 0), (b"gb", 1), (b"b?", 2)])
def test_the_exit_code_is_that_of_predict(detector, tmp_path, verdicts, code):
    for number, content in enumerate(verdicts):
        (tmp_path / f"{number}.png").write_bytes(bytes([content]))
    assert watch(options(tmp_path, tmp_path / "t.csv")) == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("content, code", [(b"g", 0), (b"b", 1), (b"?", 2)])
def test_a_signal_ends_it_with_the_exit_code_of_what_it_found(detector, tmp_path, number, content, code):
    (tmp_path / "1.png").write_bytes(content)

    def end_when_scored():
        deadline = time.monotonic() + 20
        while not detector.read and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=end_when_scored)
    thread.start()
    assert watch(Watch(Path("run"), tmp_path, csv=tmp_path / "t.csv", settle=0.0)) == code
    thread.join()


def test_a_second_signal_ends_it_at_once(detector, tmp_path, monkeypatch):
    def stream(_paths, batch_size):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("it went on")

    (tmp_path / "1.png").write_bytes(b"g")
    monkeypatch.setattr(detector, "stream", stream)
    with pytest.raises(KeyboardInterrupt):  # which `errors_in_one_line` ends with 130
        watch(options(tmp_path, tmp_path / "t.csv"))


def test_help_and_page_name_the_exit_codes_of_an_interrupt(capsys):
    with pytest.raises(SystemExit):
        main(["watch", "--help"])
    page = (ROOT / "docs" / "in_use.md").read_text(encoding="utf-8").partition("## A folder that fills up")[2]
    for text in (capsys.readouterr().out, page):
        text = " ".join(text.split())
        assert "Ctrl-C or SIGTERM ends it after the current photograph" in text
        assert (
            "0 if all were normal, 1 if one was anomalous, 2 if one could not be read" in text and "with 130." in text
        )


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read anything")
def test_a_folder_below_that_cannot_be_entered_gets_a_row_and_does_not_end_it(detector, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(watch_module, "TRY_AGAIN", 0.5)
    (folder / "closed").mkdir(mode=0)
    (folder / "3.jpg").unlink()
    assert watch(options(folder, tmp_path / "t.csv")) == 2
    assert {row["path"]: row["verdict"][:10] for row in rows_of(tmp_path / "t.csv")} == {
        "1.png": "normal", "lot/2.png": "anomalous", "closed": "unreadable",
    }  # fmt: skip


def test_a_folder_that_cannot_be_listed_any_more_is_told(detector, folder, tmp_path, monkeypatch, capsys):
    lost = SimpleNamespace(images=[], unread=[(".", "cannot be entered: Permission denied")])
    monkeypatch.setattr("piade_tf.data.walk.walk", lambda _folder, leave_out: lost)
    watch(options(folder, tmp_path / "t.csv"))
    assert f"warning: {folder} cannot be entered: Permission denied; nothing" in capsys.readouterr().out


def test_what_is_wrong_is_told_before_anything_is_scored(detector, folder, tmp_path):
    other, half = tmp_path / "other.csv", tmp_path / "half.csv"
    other.write_text("a,b\n1,2\n")
    half.write_text("notes without an end")
    wrong = {
        "gone does not exist": options(tmp_path / "gone", tmp_path / "t.csv"),
        "other.csv is a file": options(other, tmp_path / "t.csv"),
        "other.csv is another table": options(folder, other),
        "half.csv is another file": options(folder, half),
        f"{tmp_path} is no file": options(folder, tmp_path),
        "/dev/full is no file": options(folder, Path("/dev/full")),
        "cannot write .*File name too long": options(folder, tmp_path / ("a" * 300)),
        "--on-anomaly: there is no program 'no-such-program'": options(folder, None, on_anomaly="no-such-program x"),
        "--on-anomaly .* is not a command": options(folder, None, on_anomaly="echo 'x"),
    }
    for message, given in wrong.items():
        with pytest.raises(InputError, match=message):
            watch(given)
    assert detector.read == [] and other.read_text() == "a,b\n1,2\n" and half.read_text() == "notes without an end"
