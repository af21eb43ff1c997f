"""What a run remembers of its images is read as it was written, and whole."""

import pytest

from piade_tf.data.known_images import KnownImage, read_known, write_known
from piade_tf.errors import InputError


def test_names_of_any_characters_come_back(tmp_path):
    names = ["good/1.png", "/lots/良品/a\nb.png", '/lots/a,"b".png', "C:\\new\\a.png", " ", "/lots/a\u2028b.png"]
    known = [KnownImage(name, "calibration", "0" * 32, "/lots", 0.1, 2.5) for name in names]
    write_known(tmp_path / "known_images.csv", known)
    assert read_known(tmp_path / "known_images.csv", {"calibration": 6}) == known


KNOWN = [
    *(KnownImage(f"good/{i}.png", "train", f"{i}" * 32) for i in range(3)),
    *(KnownImage(f"good/{i}.png", "calibration", f"{i}" * 32, "", 0.25, 2.5) for i in range(3, 6)),
    *(KnownImage(f"test/{i}.png", "test", f"{i}" * 32) for i in range(6, 9)),
]
COUNTS = {"train": 3, "validation": 0, "calibration": 3, "test": 3}


@pytest.fixture
def path(tmp_path):
    write_known(tmp_path / "known_images.csv", KNOWN)
    return tmp_path / "known_images.csv"


def test_a_test_image_that_was_learned_later_is_not_counted_as_one(path):
    added = KnownImage("/lots/0.png", "train", KNOWN[-1].digest, "/lots")
    write_known(path, [*KNOWN, added])
    assert read_known(path, COUNTS | {"train": 4, "test": 2}) == [*KNOWN, added]


def test_an_earlier_version_stored_no_counts(path):
    assert read_known(path, {}) == KNOWN


@pytest.mark.parametrize("rows", [KNOWN, KNOWN[:6]], ids=["test images last", "scores last"])
def test_a_file_that_was_cut_short_anywhere_is_one_line(path, rows):
    write_known(path, rows)
    content = path.read_bytes()
    counts = COUNTS | {"test": len(rows) - 6}
    assert read_known(path, counts) == rows
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(InputError, match="known_images.csv (cannot be read|has) .*; put a whole copy") as error:
            read_known(path, counts)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("row", ["good/9.png,t", "good/9.png,tra,99,,,", "good/9.png,train,99,,much,", "a,b,c,d,e,f,g"])
def test_a_row_that_is_not_one_is_one_line(path, row):
    with open(path, "a", encoding="utf-8") as file:
        file.write(row + "\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_known(path, {})
