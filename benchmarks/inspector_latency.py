"""How long the inspector takes for an image in Chromium, beside LiteRT in Python; and how much a first visit loads.

    make inspector-build
    python benchmarks/inspector_latency.py RUN --csv benchmarks/results/inspector_latency.csv

Drives the worker of the built app (examples/inspector/dist) with photographs of three sizes, drawn with a fixed seed:
that of the network, 720p and 12 megapixels, as JPEG of quality 90. The fastest of 20 calls after 3, which other
programs on the machine change least. Needs Chromium and requirements-dev.txt. Two minutes.
"""

import argparse
import base64
import gzip
import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT), str(ROOT / "tests")]
from chromium import chromium

FORMATS = ["float32", "float16", "dynamic_int8", "int8"]
SIZES = {"input": None, "720p": (1280, 720), "12mp": (4000, 3000)}  # None: that of the network
WARM_UP, CALLS = 3, 20
DRIVE = """async ([format, photographs, warmUp, calls]) => {
  const name = performance.getEntriesByType('resource').map((one) => one.name).find((one) => one.includes('/worker-'));
  const worker = new Worker(name);
  let count = 0;
  const ask = (question) => new Promise((resolve, reject) => {
    const id = count++;
    worker.addEventListener('message', ({data}) => {
      if (data.id === id) 'value' in data ? resolve(data.value) : reject(new Error(data.problem));
    });
    worker.postMessage({id, question});
  });
  const file = await (await fetch(`served/${format}.tflite`)).arrayBuffer();
  await ask({kind: 'load', file, wasm: new URL('wasm/', location.href).href});
  const found = {};
  for (const [size, bytes] of Object.entries(photographs)) {
    const image = new Blob([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], {type: 'image/jpeg'});
    found[size] = [];
    for (let i = 0; i < warmUp + calls; i++) {
      const {milliseconds, score} = await ask({kind: 'inspect', image});
      if (i >= warmUp) found[size].push({...milliseconds, score});
    }
  }
  worker.terminate();
  return found;
}"""


def photograph(width: int, height: int) -> bytes:
    """Soft shapes with fine noise, as a JPEG."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), "uint8")).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    pixels = np.asarray(coarse).astype("int16") + rng.integers(-6, 7, (height, width, 1), "int16")
    content = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype("uint8")).save(content, "JPEG", quality=90)
    return content.getvalue()


def in_python(file: Path) -> float:
    """Milliseconds of the fastest call on one thread."""
    from export.verification.verify import load_litert

    run = load_litert(file, 1)
    shape = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))["input"]["shape"]
    image = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    spent = []
    for _ in range(WARM_UP + CALLS):
        begun = time.perf_counter()
        run(image)
        spent.append(1000 * (time.perf_counter() - begun))
    return min(spent[WARM_UP:])


def first_load(dist: Path, model: Path) -> tuple[float, float]:
    """MiB of a first visit with one model, plain and as a server sends them with gzip; one of the two WebAssemblies."""
    files = [path for path in dist.rglob("*") if path.is_file() and "compat" not in path.name] + [model]
    contents = [path.read_bytes() for path in files]
    return sum(map(len, contents)) / 2**20, sum(len(gzip.compress(content, 6)) for content in contents) / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    from export.publish.manifest import processor
    from piade_tf.files import write_csv

    export = options.run.resolve() / "export"
    height, width = json.loads((export / "float32.json").read_text(encoding="utf-8"))["input"]["resize_to"]
    sizes = {name: size or (width, height) for name, size in SIZES.items()}

    photographs = {name: base64.b64encode(photograph(*size)).decode() for name, size in sizes.items()}
    words = [sys.executable, "-m", "piade_tf", "serve", str(options.run.resolve()), "--port", "0"]
    rows = []
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process, chromium() as browser:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None
        page = browser.new_page()
        page.goto(address[0])
        page.wait_for_selector("body[data-ready]")
        for name in FORMATS:
            found = page.evaluate(DRIVE, [name, photographs, WARM_UP, CALLS])
            python = in_python(export / f"{name}.tflite")
            plain, packed = first_load(ROOT / "examples" / "inspector" / "dist", export / f"{name}.tflite")
            row = {"run": options.run.resolve().name, "format": name, "input": f"{width}x{height}"}
            row |= {"python_ms": f"{python:.1f}"}
            for size, calls in found.items():
                parts = ("network", "decode", "prepare")
                row |= {f"{size}_{part}_ms": f"{min(one[part] for one in calls):.1f}" for part in parts}
            row |= {"first_load_mib": f"{plain:.1f}", "first_load_gzip_mib": f"{packed:.1f}", "processor": processor()}
            rows.append(row)
            print(row)
        process.send_signal(signal.SIGINT)
    if options.csv:
        write_csv(options.csv, list(rows[0]), [list(row.values()) for row in rows])
    return 0


if __name__ == "__main__":
    sys.exit(main())
