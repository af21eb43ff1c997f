"""What folders are called: one table of synonyms, compared in one form, for every layout and command."""

import re
import unicodedata
from collections.abc import Iterable

GOOD = {
    *("good", "ok", "okay", "normal", "nominal", "pass", "passed", "nodefect", "nondefective", "defectfree"),
    *("flawless", "gut", "io", "bon", "bueno", "buono", "良品", "正常"),
}
BAD = {
    *("bad", "ng", "nok", "ko", "notok", "notgood", "defect", "defects", "defective", "anomaly", "anomalies"),
    *("anomalous", "abnormal", "fail", "failed", "faulty", "reject", "rejects", "rejected"),
    *("schlecht", "nio", "不良", "不良品", "異常", "异常"),
}
TRAIN = {"train", "training", "traindata", "trainingdata", "trainset", "trainingset"}
VALIDATION = {"validation", "val", "valid", "validationset", "dev"}
TEST = {"test", "testing", "tests", "testdata", "testset"}
MASKS = {"groundtruth", "gt", "mask", "masks", "segmentation", "segmentations", "annotation", "annotations"}


def same_form(name: str) -> str:
    """A name as it is compared with others: composed (NFC) and without case, since systems differ in both."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def means(name: str, synonyms: set[str]) -> bool:
    """Whether a name is one of `synonyms`, whatever its case and the marks between its words (Ground-Truth, i.O.)."""
    return re.sub(r"[\s_.-]+", "", same_form(name)) in synonyms


def of_meaning(names: Iterable[str], synonyms: set[str]) -> list[str]:
    """Those of `names` that mean `synonyms`, the likeliest word first: the plain one, then in their own order."""
    return sorted((name for name in names if means(name, synonyms)), key=lambda name: (len(name), name))
