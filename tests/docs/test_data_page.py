"""docs/data.md promises what the walk and the table of names keep."""

import re
from pathlib import Path

import pytest

from piade_tf.data.names import BAD, GOOD, MASKS, TEST, TRAIN, VALIDATION, means
from piade_tf.data.walk import SUFFIXES, left_behind

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
ROWS = {"good": GOOD, "bad": BAD, "train": TRAIN, "validation": VALIDATION, "test": TEST, "ground_truth": MASKS}


@pytest.mark.parametrize("meaning", ROWS)
def test_every_word_of_the_table_of_names_is_understood(meaning):
    (row,) = re.findall(rf"^\| {meaning}(?:, [^|]*)? \| ([^|]*) \|$", PAGE, re.MULTILINE)
    words = row.split(";")[0].removesuffix(" and the like").split(", ")
    assert len(words) > 2
    for word in (meaning, *words):
        for written in (word, word.upper(), word.replace(" ", "_"), f"{word} 2"):
            assert means(written, ROWS[meaning]), written


def test_the_endings_are_those_that_are_read():
    (listed,) = re.findall(r"known by these endings, in any case: ([a-z\s]+)\.", PAGE)
    assert {f".{ending}" for ending in listed.split()} == set(SUFFIXES)


def test_what_is_said_to_be_passed_over_is():
    (part,) = re.findall(r"\*\*What is passed over\*\*.*?- half downloads.*?;", PAGE, re.DOTALL)
    names = re.findall(r"`([^`]+)`", part)
    assert len(names) > 10
    for name in names:
        assert left_behind(name.replace("*", "a.png")), name
