"""The inspector, built once and served with the run on digits, in the system's Chromium.

Skipped where Node, npm or Chromium is missing, or where npm cannot get the packages.
"""

import functools
import http.server
import io
import json
import shutil
import subprocess
import threading
from types import SimpleNamespace

import pytest
from chromium import CHROMIUM, chromium
from inspector_site import INSPECTOR, as_png
from PIL import Image

OLDEST_NODE = [20, 19]  # Vite's
PHONE = {"width": 360, "height": 640}


def npm(*words):
    return subprocess.run(["npm", "--prefix", INSPECTOR, *words], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="session")
def built(made_once):
    """`dist`, the built app, and `core`, its modules without a page, for Node."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if [int(part) for part in version.removeprefix("v").split(".")[:2]] < OLDEST_NODE:
        pytest.skip(f"needs Node {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or later, this is {version}")

    def fill(folder):
        if not (INSPECTOR / "node_modules" / ".package-lock.json").is_file():
            got = npm("ci", "--silent", "--no-audit", "--no-fund")
            if got.returncode:
                pytest.skip(f"npm cannot get the packages of the inspector ({got.stderr.strip()[-120:]})")
        for script, target in (("build", "dist"), ("core", "core")):
            done = npm("run", "--silent", script, "--", "--outDir", str(folder / target))
            assert done.returncode == 0, done.stdout + done.stderr
        (folder / "package.json").write_text('{"type": "module"}')

    folder = made_once("inspector", fill)
    return SimpleNamespace(dist=folder / "dist", core=folder / "core")


@pytest.fixture(scope="session")
def in_node(built, tmp_path_factory):
    """Runs a program that has `given` and imports modules of `core`; returns the JSON of what it puts into `found`."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "core").symlink_to(built.core)

    def run(program, given=None):
        (folder / "given.json").write_text(json.dumps(given))
        lines = "import {readFileSync} from 'node:fs';\nconst given = JSON.parse(readFileSync('given.json', 'utf8'));\n"
        (folder / "program.mjs").write_text(f"{lines}let found;\n{program}\nconsole.log(JSON.stringify(found));\n")
        command = ["node", "program.mjs"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def address(built, exported, serving):
    """Where `piade serve` shows the app with the run on digits."""
    with serving(exported.run, "--app", built.dist) as found:
        yield found


@pytest.fixture(scope="session")
def digits():
    """Images such as the run on digits has learned, of its normal class, as PNG of 8x8 pixels."""
    from piade_tf.data.digits import load

    _, test = load()
    return [as_png(image[..., 0]) for image in test.images[test.labels == 0]]


@pytest.fixture(scope="session")
def video(tmp_path_factory, digits):
    """A digit as a film, for Chromium's camera that is none."""
    frame = io.BytesIO()
    Image.open(io.BytesIO(digits[0])).convert("RGB").resize((320, 240)).save(frame, "JPEG", quality=95)
    path = tmp_path_factory.mktemp("film") / "digit.mjpeg"
    path.write_bytes(frame.getvalue() * 10)
    return path


@pytest.fixture(scope="package")
def browser(video):
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with chromium("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={video}") as found:
        yield found


@pytest.fixture
def opened(browser, address):
    """Opens the app in a browser that has never seen it; at the end, nothing may have broken the rules of the page."""
    contexts, broken = [], []

    def open_page(at=address, **options):
        context = browser.new_context(**{"viewport": PHONE, "service_workers": "block", **options})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("request", lambda asked: None if asked.url.startswith((at, "blob:")) else broken.append(asked.url))
        page.goto(at)
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert broken == []


@pytest.fixture(scope="session")
def static():
    """Shows a folder as any web server would, for a `with` statement; gives the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    class Shown:
        def __init__(self, folder):
            handler = functools.partial(Quiet, directory=folder)
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

        def __enter__(self):
            threading.Thread(target=self.server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{self.server.server_port}/"

        def __exit__(self, *_):
            self.server.shutdown()
            self.server.server_close()

    return Shown
