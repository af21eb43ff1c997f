"""Lists of paths on standard input: as programs and shells write them, and answered as they come."""

import codecs
import io
import os
import sys
import threading
import time

import pytest

from piade_tf.cli.main import main
from piade_tf.cli.stdin_paths import split_paths
from piade_tf.errors import InputError

NAMES = ["lot/検査 1.png", "b.jpg", " spaced .png", "-v.png"]
LINES = "\n".join(NAMES)
LATIN = b"caf\xe9.png"

LISTS = {
    "lines": f"{LINES}\n".encode(),
    "lines without an end": LINES.encode(),
    "lines of Windows with empty ones": f"\r\n{LINES}\n \n".replace("\n", "\r\n").encode(),
    "zeros": "".join(f"{name}\0" for name in NAMES).encode(),
    "zeros without an end": "\0".join(NAMES).encode(),
    "UTF-8 with a mark": codecs.BOM_UTF8 + LINES.encode(),
    "UTF-16 of Windows": codecs.BOM_UTF16_LE + LINES.replace("\n", "\r\n").encode("utf-16-le"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"),
    "UTF-16 without a mark": LINES.encode("utf-16-le"),
    "UTF-16 without a mark, big end first": LINES.encode("utf-16-be"),
    "UTF-16 with zeros": "\0".join(NAMES).encode("utf-16"),
}


def paths(content, size):
    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    return [path for found in split_paths(blocks) for path in found]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("how", LISTS)
def test_the_same_paths_are_read_however_they_are_written_and_wherever_they_are_cut(how, size):
    assert paths(LISTS[how], size) == NAMES


@pytest.mark.parametrize("content", [LATIN + b"\n\xff\xfe.png\n", LATIN + b"\0\xff\xfe.png\0"])
def test_names_are_bytes(content):
    assert [os.fsencode(path) for path in paths(content, 5)] == [LATIN, b"\xff\xfe.png"]


def test_line_breaks_in_names_and_a_list_that_turns_to_zeros():
    assert paths(b"a\nb.png\0c.png\0", 1000) == ["a\nb.png", "c.png"]
    assert paths(b"a.png\nb.png\0c\nd.png\0", 6) == ["a.png", "b.png", "c\nd.png"]


@pytest.mark.parametrize("content", [b"", b"\n \n\r\n", b"\0\0", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_an_empty_list_has_no_paths(content):
    assert paths(content, 1) == []


def test_half_a_character_is_told():
    with pytest.raises(InputError, match="UTF-16"):
        paths("a.png\n".encode("utf-16") + b"\n", 4)


# === predict RUN - ===


@pytest.fixture
def stdin(monkeypatch):
    """Standard input of this process: a function that writes to it, and one that ends it."""
    reading, writing = os.pipe()
    with open(reading) as stream, open(writing, "wb", buffering=0) as file:
        monkeypatch.setattr(sys, "stdin", stream)
        yield file


@pytest.mark.parametrize("end", [b"\n", b"\0"])
def test_each_path_is_answered_before_the_next_is_written(detector, photos, tmp_path, monkeypatch, stdin, end):
    printed, answered = tmp_path / "printed", []

    def answer(to):
        give_up = time.monotonic() + 20
        while f"{to}\n" not in printed.read_text() and time.monotonic() < give_up:
            time.sleep(0.01)
        return printed.read_text().splitlines()[-1].split()[0]

    def partner():
        answered.append(answer("path"))
        for i in (1, 4, 2):
            stdin.write(os.fsencode(photos / f"{i}.png") + end)
            answered.append(answer(f"{i}.png"))
        stdin.close()

    with open(printed, "w") as console:
        monkeypatch.setattr(sys, "stdout", console)
        thread = threading.Thread(target=partner)
        thread.start()
        assert main(["predict", "run", "-"]) == 1
        thread.join()
    assert answered == ["verdict", "normal", "anomalous", "normal"]
    assert "1 anomalous and 2 normal of 3 images" in printed.read_text().splitlines()[-1]


def test_a_list_comes_after_what_else_is_given_and_is_counted(detector, photos, tmp_path, monkeypatch, capsys):
    listed = b"\n".join(os.fsencode(photos / name) for name in ("1.png", "gone.png"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed)))
    assert main(["predict", "run", "-", str(photos / "4.png")]) == 2
    printed = [line.rsplit("/", 1)[-1] for line in capsys.readouterr().out.splitlines()]
    assert printed[1:4] == ["4.png", "1.png", "gone.png"]
    assert printed[4].startswith("1 anomalous and 1 normal of 3 images")


@pytest.mark.parametrize("stream", [None, io.TextIOWrapper(io.BytesIO(b"\n\n"))])
def test_nothing_on_standard_input_is_one_line_and_no_table(detector, tmp_path, monkeypatch, capsys, stream):
    monkeypatch.setattr(sys, "stdin", stream)
    with pytest.raises(SystemExit) as stop:
        main(["predict", "run", "-", "--csv", str(tmp_path / "t.csv")])
    assert stop.value.code == 2 and list(tmp_path.iterdir()) == []
    error = capsys.readouterr().err
    assert "no images" in error and error.count("\n") == 1
