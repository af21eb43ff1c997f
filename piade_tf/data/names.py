"""What folders are called: one table of synonyms, compared in one form, for every layout and command."""

import re
import unicodedata
from collections.abc import Iterable

GOOD = {
    *("good", "ok", "okay", "normal", "nominal", "pass", "passed", "nodefect", "nondefective", "defectfree"),
    *("nodefects", "undamaged", "intact", "flawless", "accepted", "gut", "io", "bon", "conforme", "bueno", "buono"),
    *("良品", "正常", "合格", "合格品", "양품", "정상"),
}
BAD = {
    *("bad", "ng", "nok", "ko", "notok", "notgood", "defect", "defects", "defective", "anomaly", "anomalies"),
    *("anomalous", "abnormal", "fail", "failed", "faulty", "reject", "rejects", "rejected"),
    *("damaged", "scrap", "schlecht", "defekt", "ausschuss", "nio", "不良", "不良品", "異常", "异常", "不合格", "불량"),
}
TRAIN = {"train", "training", "traindata", "trainingdata", "trainset", "trainingset"}
VALIDATION = {"validation", "val", "valid", "validationset", "dev"}
TEST = {"test", "testing", "tests", "testdata", "testset"}
MASKS = {"groundtruth", "gt", "mask", "masks", "segmentation", "segmentations", "annotation", "annotations"}


def same_form(name: str) -> str:
    """A name as it is compared with others: composed (NFC) and without case, since systems differ in both."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def means(name: str, synonyms: set[str]) -> bool:
    """Whether a name is one of `synonyms`, whatever its case, width, marks and number: i.O., ＮＧ, bad_1."""
    plain = unicodedata.normalize("NFKC", same_form(name))
    return re.sub(r"[\s_.()-]+", "", plain).strip("0123456789") in synonyms


def of_meaning(names: Iterable[str], synonyms: set[str]) -> list[str]:
    """Those of `names` that mean `synonyms`, the likeliest word first: the plain one, then in their own order."""
    return sorted((name for name in names if means(name, synonyms)), key=lambda name: (len(name), name))


def same_class(name: str, normal_class: str) -> bool:
    """Whether a folder's name is that of the normal class, or both say good in their own words."""
    return same_form(name) == same_form(normal_class) or (means(name, GOOD) and means(normal_class, GOOD))
