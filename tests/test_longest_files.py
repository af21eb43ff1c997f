"""The files that are to be begun first are those that there are."""

from pathlib import Path

from longest_files import LONGEST


def test_each_of_them_is_there_once():
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert [names.count(name) for name in LONGEST] == [1] * len(LONGEST) and len(set(LONGEST)) == len(LONGEST)
