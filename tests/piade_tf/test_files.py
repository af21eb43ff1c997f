"""Files are written whole or not at all."""

import csv
import json
import math

import pytest

from piade_tf.files import replacing, write_csv, write_json


def fails_half_way(path):
    with replacing(path) as temporary:
        temporary.write_text("half of")
        raise RuntimeError("the disk is full")


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent and temporary.suffix == path.suffix
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_when_writing_fails_half_way(tmp_path):
    with pytest.raises(RuntimeError):
        fails_half_way(tmp_path / "file.txt")
    assert list(tmp_path.iterdir()) == []


def test_the_old_content_stays_when_writing_fails_half_way(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        fails_half_way(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_replaced_not_written_into(tmp_path):
    path, reader = tmp_path / "file.txt", tmp_path / "reader.txt"
    path.write_text("old")
    reader.hardlink_to(path)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert (path.read_text(), reader.read_text()) == ("new", "old")


def test_json_is_read_back_and_paths_become_text(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, 2.5, None], "path": tmp_path})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": [1, 2.5, None], "path": str(tmp_path)}
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_refuses_what_json_has_not_and_keeps_the_old_file(tmp_path, value):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": [value]})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_csv_is_read_back(tmp_path):
    rows = [["plain", 1, 0.25], ['comma, "quote"', 2, -1e-9], ["T-shirt/top\n", 3, 1.0]]
    write_csv(tmp_path / "a.csv", ["name", "count", "value"], rows)
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        header, *read = csv.reader(file)
    assert header == ["name", "count", "value"]
    assert [[name, int(count), float(value)] for name, count, value in read] == rows


def test_csv_whose_rows_fail_half_way_leaves_nothing(tmp_path):
    def rows():
        yield [1]
        raise RuntimeError("no more rows")

    with pytest.raises(RuntimeError):
        write_csv(tmp_path / "a.csv", ["a"], rows())
    assert list(tmp_path.iterdir()) == []
