"""Results are written whole or not at all, all in one way."""

import re
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
APPENDS = {"faults.py"}  # a row as it comes, over hours


def test_every_benchmark_leaves_the_writing_of_its_csv_to_write_csv():
    own = {path.name for path in BENCHMARKS.glob("*.py") if re.search(r"csv\.(Dict)?[wW]riter\(", path.read_text())}
    assert own == APPENDS
