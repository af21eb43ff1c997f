"""Whether the JavaScript of docs/mobile.md, run in Chromium, says of golden images what `golden.json` says.

The lines there that call it must judge a video of `golden_2.png` as `golden.json` does.

    npm install @litertjs/core@2.5.3
    python benchmarks/golden_in_browser.py node_modules RUN RUN --csv benchmarks/results/golden_in_browser.csv

Needs Chromium and requirements-dev.txt. Half a minute a run. Exit code 1 if a verdict differs.
"""

import argparse
import functools
import http.server
import json
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT), str(ROOT / "tests" / "docs"), str(ROOT / "tests")]
from chromium import chromium
from mobile_page import blocks

from piade_tf.files import write_csv

PAGE = """<!doctype html><script type="importmap">{"imports": {
"@litertjs/core": "/node_modules/@litertjs/core/dist/index.js",
"@litertjs/wasm-utils": "/node_modules/@litertjs/wasm-utils/dist/index.js"}}</script>
<video id="video" muted></video><p id="verdict"></p><canvas id="overlay"></canvas>"""
JUDGE = """(async () => {
  const {heatmap, loadInspector} = await import('/inspector.js');
  const {about, inspect} = await loadInspector('/export/%s.tflite');
  const found = {};
  for (const name of %s) {
    const picture = await createImageBitmap(await (await fetch('/export/golden/' + name)).blob());
    const context = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
    context.drawImage(picture, 0, 0);
    const {score, anomalous, map} = await inspect(context.getImageData(0, 0, picture.width, picture.height));
    const reds = heatmap(map, about).data.filter((_, i) => i %% 4 === 3);
    found[name] = {pred_score: score, anomalous, anomaly_map_max: Math.max(...map),
      anomaly_map_mean: map.reduce((sum, value) => sum + value, 0) / map.length,
      drawn: Math.abs(Math.max(...reds) - Math.min(127 * Math.max(...map) / about.map_threshold.value, 255)) < 1};
  }
  return found;
})()"""
FILM = """(async () => {
  const picture = await createImageBitmap(await (await fetch('/export/golden/golden_2.png')).blob());
  const context = Object.assign(document.createElement('canvas'), {width: 320, height: 320}).getContext('2d');
  setInterval(() => context.drawImage(picture, 0, 0, 320, 320), 50);
  video.srcObject = context.canvas.captureStream();
  await video.play();
  import('/calling.js'); // never ends
})()"""
NOT_IN_BROWSERS = "int8_full"  # LiteRT.js takes no int8 and no int16
NUMBERS = ("pred_score", "anomaly_map_max", "anomaly_map_mean")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


def judged(run: Path, modules: Path, scratch: Path) -> list[dict]:
    """A row for each golden image and file of a run."""
    site = scratch / run.name
    site.mkdir()
    (site / "index.html").write_text(PAGE, encoding="utf-8")
    calling, inspector, heatmap = blocks("JavaScript")
    (site / "calling.js").write_text(calling, encoding="utf-8")
    (site / "inspector.js").write_text(inspector + heatmap, encoding="utf-8")
    (site / "node_modules").symlink_to(modules.resolve())
    (site / "export").symlink_to((run / "export").resolve())
    (site / "float32.tflite").symlink_to((run / "export/float32.tflite").resolve())
    golden = json.loads((run / "export/golden/golden.json").read_text(encoding="utf-8"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rows = []
    with chromium() as browser:
        page = browser.new_page()
        files = sorted((run / "export").glob("*.tflite"))
        for file in [file for file in files if file.stem != NOT_IN_BROWSERS]:
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            for name, found in page.evaluate(JUDGE % (file.stem, json.dumps(list(golden)))).items():
                said = golden[name][file.stem]
                differences = {n: abs(found[n] - said[n]) / max(1, abs(said[n])) for n in NUMBERS}
                row = {"run": run.name, "file": file.name, "image": name, "pred_score": f"{said['pred_score']:.4f}"}
                row |= {f"{n}_difference": f"{value:.1e}" for n, value in differences.items()}
                rows.append(row | {"same_verdict": found["anomalous"] == said["anomalous"], "drawn": found["drawn"]})
                print(*rows[-1].values())
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        page.evaluate(FILM)
        verdict = page.wait_for_function("verdict.textContent").json_value()
    server.shutdown()
    print(run.name, "float32.tflite", "video of golden_2.png", verdict)
    if (verdict == "anomalous") != golden["golden_2.png"]["float32"]["anomalous"]:
        raise SystemExit("the lines that call say otherwise than golden.json")
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("node_modules", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = [row for run in options.runs for row in judged(run, options.node_modules, Path(scratch))]
    if options.csv:
        write_csv(options.csv, list(rows[0]), [list(row.values()) for row in rows])
    return int(not all(row["same_verdict"] and row["drawn"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
