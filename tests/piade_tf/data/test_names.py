"""What folders are called: the same meaning in other words, cases, marks and Unicode forms."""

import unicodedata

import pytest

from piade_tf.data.names import BAD, GOOD, MASKS, TEST, TRAIN, VALIDATION, means, of_meaning, same_form
from piade_tf.data.source import find_class
from piade_tf.errors import InputError


@pytest.mark.parametrize(
    "name, synonyms",
    [
        *(("OK", GOOD), ("i.O.", GOOD), ("No_Defect", GOOD), ("良品", GOOD), ("NG", BAD), ("n.i.O.", BAD)),
        *(("Training", TRAIN), ("train_data", TRAIN), ("Val", VALIDATION), ("TEST-set", TEST)),
        *(("Ground Truth", MASKS), ("ground-truth", MASKS), ("GT", MASKS)),
        *(("ＯＫ", GOOD), ("good_1", GOOD), ("0_Good", GOOD), ("合格品", GOOD), ("no defect (2)", GOOD)),
        *(("ＮＧ", BAD), ("bad_1", BAD), ("NG007", BAD), ("02-schlecht", BAD), ("train2017", TRAIN)),
    ],
)
def test_synonyms_are_understood_in_any_case_and_with_any_marks(name, synonyms):
    assert means(name, synonyms)
    assert sum(means(name, other) for other in (GOOD, BAD, TRAIN, VALIDATION, TEST, MASKS)) == 1


def test_a_defect_is_none_of_them():
    for name in ("scratch", "goods", "broken_large", "oké", "7"):
        assert not means(name, GOOD | TRAIN | TEST | MASKS)


def test_the_plain_word_comes_first():
    assert of_meaning(["Training", "other", "train"], TRAIN) == ["train", "Training"]


def test_a_name_is_found_in_either_unicode_form():
    for typed, stored in (
        ("Müller", "Mu\u0308ller"),
        ("CAFÉ", "cafe\u0301"),
        ("가", unicodedata.normalize("NFD", "가")),
    ):
        assert typed != stored and same_form(typed) == same_form(stored)
        assert find_class(typed, ["a", stored]) == 1
        assert find_class(stored, ["a", typed]) == 1
    with pytest.raises(InputError, match="Mueller"):
        find_class("Mueller", ["Müller"])
