"""The pictures of a found defect and of the inspector in README.md and docs/: from a run and photographs.

    make inspector-build
    python benchmarks/pictures_of_use.py RUN DEFECT GOOD

RUN is on cookies and exported as float32; DEFECT and GOOD are photographs that it has not seen, with a licence that
allows it. Needs Chromium and requirements-dev.txt.
"""

import argparse
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT), str(ROOT / "tests")]
from chromium import chromium

from piade_tf import Detector
from piade_tf.files import replacing

PICTURES = ROOT / "docs" / "images"
PHONE = {"viewport": {"width": 360, "height": 640}, "device_scale_factor": 1.5}
DESKTOP = {"viewport": {"width": 1100, "height": 720}, "color_scheme": "dark"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("defect", type=Path)
    parser.add_argument("good", type=Path)
    args = parser.parse_args()
    draw_found_defect(args.run, args.defect)
    words = [sys.executable, "-m", "piade_tf", "serve", str(args.run.resolve()), "--port", "0"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process, chromium() as browser:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None
        for name, options, photographs in (
            ("inspector_phone", PHONE, [args.defect]),
            ("inspector_desktop", DESKTOP, [args.good, args.defect]),
        ):
            page = browser.new_context(service_workers="block", **options).new_page()
            page.goto(address[0])
            page.wait_for_selector("body[data-ready]")
            page.set_input_files("#files", photographs)
            page.wait_for_selector(f"#results tbody tr:nth-child({len(photographs)})")
            page.wait_for_timeout(1000)  # the heatmap is drawn after the row
            page.screenshot(path=PICTURES / f"{name}.png")
        process.send_signal(signal.SIGINT)


def draw_found_defect(run: Path, photograph: Path) -> None:
    """Image, anomaly map, and the outline of what is above the map's threshold, side by side."""
    from matplotlib.figure import Figure

    from piade_tf.report.heatmap import coloured, overlay
    from piade_tf.report.heatmap_figure import outlined_from
    from piade_tf.report.map_scale import last_colour

    detector = Detector.load(run)
    (found,) = detector.predict([photograph])
    assert found.pred_label and found.anomaly_map is not None
    limit = detector.map_threshold.value
    top = last_colour(limit, found.anomaly_map)
    figure = Figure(figsize=(8.8, 2.88), layout="constrained")
    panels = (found.image, coloured(found.anomaly_map, 0, top), overlay(found.image, found.anomaly_map, 0, top))
    for axes, pixels in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axes.imshow(pixels)
        axes.set(xticks=[], yticks=[])
    inside = np.where(found.anomaly_map >= outlined_from(found.anomaly_map, limit), 1.0, 0.0)
    axes.contour(inside, [0.5], colors="#FFFFFF", linewidths=1.5)
    path = PICTURES / "found_defect.png"
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


if __name__ == "__main__":
    main()
