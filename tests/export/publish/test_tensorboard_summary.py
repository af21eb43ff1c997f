"""The export in TensorBoard: the same figures as in the manifest, and those of the last export alone."""

import json

from event_files import Log

from export.options import Export
from export.run import export


def test_tensorboard_gets_the_table_and_a_second_export_replaces_it(run):
    (run / "logs").mkdir()
    for formats in (("float32", "float16"), ("float32",)):
        assert export(Export(run, formats)) == 0
        log = Log(run / "logs" / "export")
        table = log.text("export/table")
        manifest = json.loads((run / "export/manifest.json").read_text(encoding="utf-8"))
        rows = [line for line in table.splitlines() if line.startswith("| float")]
        assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in formats]
        for entry, row in zip(manifest["files"].values(), rows, strict=True):
            assert f" {entry['bytes'] / 1024:.0f} |" in row and row.endswith("| ships |")
            assert f"{entry['image_AUROC']:.4f}" in row
        assert log.tags == {"export/table"}  # a scalar would be a chart of one point


def test_a_run_without_logs_gets_none(exported):
    assert exported.folder.exists() and not (exported.run / "logs").exists()


WITH_SMALL_FILES_ONLY = """
import json, resource, sys
from pathlib import Path
from export.publish.tensorboard_summary import write_log
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_log(Path(sys.argv[2]), json.loads(Path(sys.argv[1]).read_text()))
except OSError as error:
    print(error)
"""


def test_a_log_that_cannot_be_written_whole_is_an_error_of_the_disk(exported, python, tmp_path):
    done = python("-c", WITH_SMALL_FILES_ONLY, exported.folder / "manifest.json", tmp_path / "log")
    assert done.stdout.strip() == "File too large"
