"""The table of exported files in the report of their run."""

from test_html_page import HOSTILE, make_content, words

from piade_tf.report.export_section import END, START, write_export
from piade_tf.report.html_page import write_report

ROWS = [("format", "KiB", "verdict"), ("int8", "310", "ships"), ("float32", "900", "rejected")]


def test_the_table_takes_its_place_in_the_page_and_a_second_one_that_of_the_first(tmp_path):
    report = tmp_path / "report.html"
    write_report(report, make_content())
    assert "Exported files None so far." in words(report.read_text())
    for size in ("310", "311"):
        rows = [ROWS[0], ("int8", size, "ships"), ROWS[2]]
        write_export(report, rows, "KiB: the size.", [("float32", "rejected: it does not give the run's verdicts")])
    text = words(report.read_text())
    assert "int8 311 ships" in text and "int8 310" not in text and "None so far" not in text
    assert "KiB: the size." in text and "float32 was rejected: it does" in text and "Training" in text


def test_nothing_from_data_is_taken_for_its_place(tmp_path):
    report = tmp_path / "report.html"
    write_report(report, make_content(title=f"{START}{HOSTILE}{END}"))
    write_export(report, ROWS, "", [])
    page = report.read_text()
    assert page.count(START) == 1 and "int8 310 ships" in words(page)


def test_a_report_that_is_gone_or_of_an_earlier_version_stays_so(tmp_path):
    write_export(tmp_path / "report.html", ROWS, "", [])
    assert not list(tmp_path.iterdir())
    (tmp_path / "report.html").write_text("<p>earlier</p>")
    write_export(tmp_path / "report.html", ROWS, "", [])
    assert (tmp_path / "report.html").read_text() == "<p>earlier</p>"
