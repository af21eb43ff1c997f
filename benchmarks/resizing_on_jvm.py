"""How long examples/kotlin/Inspector.kt takes to resize a frame on the JVM, and how much memory it asks for.

    python benchmarks/resizing_on_jvm.py --csv benchmarks/results/resizing_on_jvm.csv

Compiled against the stand-ins of tests/docs for Android and LiteRT: the "network" is the mean of the image, so that
almost all of the time is the resizing, to 256 x 256 in colour. Needs kotlinc and java. A minute, most of it compiling.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SIZES = [(1280, 720), (1920, 1080), (4000, 3000)]
METADATA = {
    "input": {"shape": [1, 256, 256, 3], "resize": "stretch", "resize_to": [256, 256]},
    "threshold": {"value": 1.0},
    "map_threshold": {"value": 1.0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--source", type=Path, default=ROOT / "examples" / "kotlin" / "Inspector.kt")
    options = parser.parse_args()
    from export.publish.manifest import processor
    from piade_tf.files import write_csv

    stand_ins = [path for path in (ROOT / "tests" / "docs" / "stand_ins").glob("*.kt") if path.name != "Main.kt"]
    with tempfile.TemporaryDirectory() as folder:
        jar, model = Path(folder, "resizing.jar"), Path(folder, "model")
        metadata = json.dumps(METADATA).encode()
        model.write_bytes(b"TFL3PIADEMD1" + struct.pack("<I", len(metadata)) + metadata)
        sources = [options.source, *stand_ins, ROOT / "benchmarks" / "jvm" / "Resizing.kt"]
        subprocess.run(["kotlinc", *sources, "-include-runtime", "-d", jar], check=True)
        sides = [str(side) for size in SIZES for side in size]
        command = ["java", "-Xmx4g", "-cp", jar, "ResizingKt", model, *sides]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = []
    for line in printed.splitlines():
        width, height, milliseconds, allocated = line.split()
        row = {
            "frame": f"{width}x{height}",
            "ms": f"{float(milliseconds):.1f}",
            "mib_allocated": f"{int(allocated) / 2**20:.1f}",
        }
        rows.append(row | {"mib_of_the_frame": f"{4 * int(width) * int(height) / 2**20:.1f}", "processor": processor()})
        print(rows[-1])
    if options.csv:
        write_csv(options.csv, list(rows[0]), [list(row.values()) for row in rows])


if __name__ == "__main__":
    main()
