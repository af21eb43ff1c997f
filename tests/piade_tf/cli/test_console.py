"""A console that takes no more, or not every character, ends nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRINT = """
import sys
from piade_tf.cli.console import nobody_reads, steady_console
steady_console()
for _ in range(3):
    print("部品 é", flush=True)
open(sys.argv[1], "w").write(f"done {nobody_reads()}")
"""


def run(tmp_path, shell, **environment):
    """The exit code, what the console got, and what the program wrote at its end."""
    script = tmp_path / "script.py"
    script.write_text(PRINT, encoding="utf-8")
    line = f'{sys.executable} {script} {tmp_path / "end"} {shell}; echo "code ${{PIPESTATUS[0]}}" >&2'
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = subprocess.run(
        ["bash", "-c", line], env={**clean, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, timeout=60
    )
    end = tmp_path / "end"
    return process.stderr.split()[-1], process.stdout, end.read_text() if end.exists() else None


@pytest.mark.parametrize(
    "encoding, printed",
    [("cp1252", rb"\u90e8\u54c1 " + b"\xe9"), ("ascii", rb"\u90e8\u54c1 \xe9"), ("utf-8", "部品 é".encode())],
)
def test_what_an_encoding_lacks_is_escaped(tmp_path, encoding, printed):
    assert run(tmp_path, "", PYTHONIOENCODING=encoding) == (b"0", (printed + b"\n") * 3, "done False")


@pytest.mark.skipif(sys.platform != "linux", reason="a device that is always full")
@pytest.mark.parametrize(
    "shell, gone", [("| true", True), ("> /dev/full", True), (">&-", False), (">&- 2>&- <&-", False)]
)
def test_a_console_that_has_gone_does_not_end_the_work(tmp_path, shell, gone):
    code, _, end = run(tmp_path, shell)
    assert code == b"0"
    assert end in ({"done True", "done False"} if shell == "| true" else {f"done {gone}"})
