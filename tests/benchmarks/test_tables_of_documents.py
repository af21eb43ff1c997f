"""The documents say what the CSVs say."""

import re

import pytest

from benchmarks.tables import BLOCK, PAGES, TABLES, with_tables

BLOCKS = [(page, found[2]) for page in PAGES for found in BLOCK.finditer(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page, name", BLOCKS, ids=[f"{page.name}-{name}" for page, name in BLOCKS])
def test_a_table_is_what_the_benchmarks_measured(page, name):
    text = page.read_text(encoding="utf-8")
    (shown,) = re.findall(rf"<!-- table {name} -->\n(.*?)<!-- end of table -->", text, re.DOTALL)
    assert shown == TABLES[name]()


def test_there_are_tables_and_every_one_is_closed():
    assert BLOCKS
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("<!-- table ") == text.count("<!-- end of table -->") == len(BLOCK.findall(text))


def test_a_figure_that_was_changed_by_hand_is_found():
    page, name = BLOCKS[0]
    text = page.read_text(encoding="utf-8")
    changed = BLOCK.sub(lambda found: found[0].replace("1", "7"), text)
    assert changed != text == with_tables(changed)
