"""The HTTP interface of `piade serve`: verdicts as the run's, and a sentence for everything that is no image."""

import base64
import concurrent.futures
import contextlib
import dataclasses
import io
import json
import os
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest
import uvicorn
from PIL import Image

from export.tflite.flatbuffer import metadata_of, with_metadata
from export.verification.verify import Runner, load_litert
from piade_tf.cli.serve import trusted
from piade_tf.serving.app import make_app
from piade_tf.serving.inspector import Inspection, Inspector
from piade_tf.serving.served_file import ServedFile

BOUNDARY = "between"


def ask(address, body=None, headers=None, path="v1/inspect"):
    """Status, headers and content of an answer."""
    request = urllib.request.Request(address + path, body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def said(answer):
    return json.loads(answer[2])


def form(name, content, filename="photo.png"):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def picture(width=40, height=30, kind="PNG", **options):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width), "uint8")
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind, **options)
    return content.getvalue()


@pytest.fixture(scope="module")
def server(exported, serving):
    """The address of the run on digits, as `piade serve` serves it."""
    with serving(exported.run, "--max-megabytes", 2, "--max-megapixels", 1) as address:
        yield address


def test_golden_images_get_the_scores_and_verdicts_of_the_manifest(server, exported):
    golden = json.loads((exported.folder / "golden" / "golden.json").read_text())
    limit = exported.manifest["files"]["float32"]["threshold"]["value"]
    for name, image in golden.items():
        content = (exported.folder / "golden" / name).read_bytes()
        for body, headers in ((content, {}), form("image", content)):
            answer = said(ask(server, body, headers))
            assert answer["score"] == pytest.approx(image["float32"]["pred_score"], rel=1e-4, abs=1e-4)
            assert (answer["verdict"] == "anomalous") == image["float32"]["anomalous"]
            assert answer["map_max"] == pytest.approx(image["float32"]["anomaly_map_max"], rel=1e-4, abs=1e-4)
            assert answer["threshold"] == limit and 0 <= answer["percentile"] <= 100 and "map_png" not in answer


def test_photographs_are_prepared_as_predict_prepares_them(server, exported):
    from piade_tf.detector import Detector

    exif = Image.Exif()
    exif[0x0112] = 6  # taken upright
    content = picture(120, 90, "JPEG", exif=exif)
    (expected,) = Detector.load(exported.run).predict(
        [np.asarray(Image.open(io.BytesIO(content)).rotate(-90, expand=True))]
    )
    answer = said(ask(server, content))
    assert answer["score"] == pytest.approx(expected.pred_score, rel=1e-3)
    assert answer["percentile"] == pytest.approx(expected.percentile, abs=0.5)


def test_the_map_shows_places_above_its_threshold_in_bright(server):
    answer = said(ask(server, picture(), path="v1/inspect?map=png"))
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["map_png"]))))
    assert shown.shape == (32, 32) and shown.dtype == np.uint8
    assert (shown.max() >= 128) == (answer["map_max"] > answer["map_threshold"])


@pytest.mark.parametrize(
    ("body", "headers", "status", "named"),
    [
        (b"", {}, 400, "image"),
        (b"no image at all", {}, 422, "PNG"),
        (picture()[:200], {}, 422, "damaged"),
        (picture(1200, 1000), {}, 413, "1200 x 1000"),
        (bytes(3 << 20), {}, 413, "2 MiB"),
        (*form("image", bytes((2 << 20) + 1)), 413, "2 MiB"),
        (*form("photo", b"x"), 400, "'photo'"),
        (*form("image", b""), 400, "image"),
        (b"--", {"Content-Type": "multipart/form-data"}, 400, "image"),
        (b"garbage", {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, 400, "image"),
    ],
)  # fmt: skip
def test_what_is_no_image_gets_a_sentence(server, body, headers, status, named):
    answer = ask(server, body, headers)
    assert answer[0] == status
    assert named in said(answer)["error"] and "\n" not in said(answer)["error"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("v1/inspect?map=tiff", b"x", 400),
        ("v1/inspect", None, 405),
        ("nowhere", None, 404),
        ("served/../config.json", None, 404),
    ],
)
def test_other_addresses_get_a_sentence(server, path, body, status):
    answer = ask(server, body, path=path)
    assert answer[0] == status and said(answer)["error"]


def test_it_tells_of_the_model_and_of_itself(server, exported):
    model = said(ask(server, path="v1/model"))
    assert model["format"] == "float32" and model["input"]["shape"] == [1, 32, 32, 1] and "outside" not in model
    assert model["threshold"] == exported.manifest["files"]["float32"]["threshold"]
    assert said(ask(server, path="healthz"))["status"] == "ok"
    api = said(ask(server, path="v1/openapi.json"))
    assert set(api["paths"]) == {"/v1/inspect", "/v1/model", "/healthz"}
    answer = said(ask(server, picture(), path="v1/inspect?map=png"))
    assert set(answer) == set(api["components"]["schemas"]["Inspection"]["properties"])


def test_the_page_of_the_interface_needs_nothing_from_elsewhere(server):
    _, headers, content = ask(server, path="v1/docs")
    page = content.decode()
    assert "/v1/inspect" in page and "<script" not in page and "style=" not in page
    assert "http" not in page.replace(server, "")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy


def test_the_inspector_gets_models_manifest_and_golden_images(server, exported):
    for name in ("manifest.json", "int8.tflite", "golden/golden.json", "golden/golden_0.png"):
        status, headers, content = ask(server, path=f"served/{name}")
        assert status == 200 and content == (exported.folder / name).read_bytes()
        assert headers["Cache-Control"] == "no-cache" and headers["X-Content-Type-Options"] == "nosniff"
    assert ask(server, path="served/int8_full.tflite")[0] == 404  # no browser runs it


def test_pages_of_other_names_are_not_served(server):
    assert ask(server, path="v1/model", headers={"Host": "attacker.example"})[0] == 400


def test_a_server_for_this_machine_answers_under_its_own_names(stand_in):
    with running(make_app(stand_in, 1 << 20, None, trusted("127.0.1.1", "Camera-7"))) as server:
        for host in ("127.0.1.1:8000", "camera-7", "Camera-7:80", "localhost", "127.0.0.1", "[::1]:80"):
            assert ask(server, path="healthz", headers={"Host": host})[0] == 200, host
        for host in ("camera-8", "attacker.example"):
            assert ask(server, path="healthz", headers={"Host": host})[0] == 400, host


def test_many_clients_get_the_verdicts_of_their_own_images(server):
    images = [picture(20 + i, 30) for i in range(8)]
    alone = [said(ask(server, image))["score"] for image in images]
    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        together = list(clients.map(lambda i: said(ask(server, images[i % 8]))["score"], range(64)))
    assert together == [alone[i % 8] for i in range(64)]


@contextlib.contextmanager
def running(app):
    """The address of an application, served by a thread."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def stand_in(tmp_path):
    """An inspector that finds every image normal, once `go` is set."""
    limit = SimpleNamespace(value=1.0)

    class StandIn(SimpleNamespace):
        def __call__(self, _content, _with_map):
            self.go.wait(30)
            return Inspection(file, 0.5, 50.0, False, 0.1, None)

    file = SimpleNamespace(threshold=limit, map_threshold=limit, description={})
    return StandIn(
        path=tmp_path / "x.tflite",
        current=lambda: file,
        pool=concurrent.futures.ThreadPoolExecutor(1),
        most_pixels=10,
        go=threading.Event(),
    )


@pytest.fixture
def slow(stand_in):
    """A server that holds two images at most, and whose images take until `go` is set."""
    with running(make_app(stand_in, 100, None, None, waiting=2)) as address:
        yield SimpleNamespace(address=address, go=stand_in.go)
        stand_in.go.set()


def test_no_more_images_wait_than_can_be_held(slow):
    with concurrent.futures.ThreadPoolExecutor(2) as clients:
        waiting = [clients.submit(ask, slow.address, b"x") for _ in range(2)]
        while said(ask(slow.address, path="healthz"))["waiting"] < 2:
            time.sleep(0.01)
        status, headers, _ = sent_away = ask(slow.address, b"x")
        assert (status, headers["Retry-After"]) == (503, "1") and "again" in said(sent_away)["error"]
        slow.go.set()
        assert [done.result()[0] for done in waiting] == [200, 200]
    assert ask(slow.address, b"x")[0] == 200


def test_without_the_inspector_a_page_tells_how_to_build_it(slow):
    assert b"make inspector-build" in ask(slow.address, path="")[2]


@pytest.mark.parametrize("as_form", [False, True])
def test_an_image_as_large_as_allowed_is_taken_where_it_is_more_than_is_held_together(stand_in, monkeypatch, as_form):
    monkeypatch.setattr("piade_tf.serving.app.ROOM", 100)
    stand_in.go.set()
    with running(make_app(stand_in, 5000, None, None)) as address:
        assert ask(address, *(form("image", bytes(5000)) if as_form else (bytes(5000),)))[0] == 200


def test_a_file_that_takes_several_images_gives_the_verdict_of_one(exported, monkeypatch):
    def of_three(path, threads):
        one = load_litert(path, threads)

        def call(images):
            assert len(images) == 3
            found = [one(image[None]) for image in images]
            return {name: np.concatenate([single[name] for single in found]) for name in found[0]}

        return Runner(3, call)

    file = ServedFile.of_run(exported.run, "float32")
    alone = inspected(file, picture())
    monkeypatch.setattr("piade_tf.serving.inspector.load_litert", of_three)
    assert inspected(file, picture())[::2] == alone[::2]


# === Another threshold meanwhile ===


@pytest.fixture
def copied(exported, tmp_path):
    """A run of its own."""
    shutil.copytree(exported.run, tmp_path / "run")
    return tmp_path / "run"


def set_threshold(path, value, target=None):
    """As `piade threshold` does: the file is replaced by a whole one."""
    content = path.read_bytes()
    about = metadata_of(content)
    about["threshold"]["value"] = about["map_threshold"]["value"] = value
    (path.parent / "new").write_bytes(with_metadata(content, about))
    os.replace(path.parent / "new", target or path)


def test_a_threshold_that_is_set_meanwhile_judges_the_next_image(copied, capsys):
    file = ServedFile.of_run(copied, "float32")
    with running(make_app(Inspector(file, 2, 10**6), 1 << 20, None, None)) as address:
        before = said(ask(address, picture()))
        for value, verdict in ((before["score"] + 1, "normal"), (before["score"] - 1, "anomalous")):
            set_threshold(file.path, value)
            answers = [said(ask(address, picture())) for _ in range(2)]
            assert answers == [before | {"threshold": value, "map_threshold": value, "verdict": verdict}] * 2
            told = said(ask(address, path="v1/model"))
            assert told["threshold"]["value"] == told["map_threshold"]["value"] == value
            assert capsys.readouterr().out.count(f"threshold {value:.4g}") == 1


def test_an_answer_is_of_one_file_also_where_that_changes_while_it_is_loaded(copied, monkeypatch):
    path, float32 = copied / "export" / "float32.tflite", (copied / "export" / "float32.tflite").read_bytes()
    inspector = Inspector(ServedFile.of_run(copied, "float32"), 2, 10**6)
    path.with_stem("int8").replace(path)
    of_int8 = inspected(ServedFile.of_run(copied, "float32"), picture())

    def back_meanwhile(file, threads):
        (copied / "new").write_bytes(float32)
        (copied / "new").replace(path)
        return load_litert(file, threads)

    monkeypatch.setattr("piade_tf.serving.inspector.load_litert", back_meanwhile)
    with running(make_app(inspector, 1 << 20, None, None)) as address:
        first, second = (said(ask(address, picture())) for _ in range(2))
    assert first == said(of_int8)
    assert second["score"] != first["score"] and second["threshold"] != first["threshold"]


def test_a_file_that_has_changed_and_cannot_be_run_gives_no_verdict_until_it_can(copied):
    file = ServedFile.of_run(copied, "float32")
    whole = file.path.read_bytes()
    with running(make_app(Inspector(file, 1, 10**6), 1 << 20, None, None)) as address:
        file.path.write_bytes(whole[:1000])  # a copy that has just begun
        for answer in (ask(address, picture()), ask(address, path="v1/model")):
            assert answer[0] == 500 and "was changed or cut short" in said(answer)["error"]
        file.path.write_bytes(whole)
        assert ask(address, picture())[0] == 200


def test_a_file_that_goes_is_served_from_memory(copied):
    file = ServedFile.of_run(copied, "float32")
    with running(make_app(Inspector(file, 1, 10**6), 1 << 20, None, None)) as address:
        shutil.rmtree(copied)  # or a network drive that does not answer
        assert ask(address, picture())[0] == 200


@pytest.mark.parametrize("files", [{"float32": {"accepted": False}}, {"int8": {"accepted": True}}, {}])
def test_a_file_that_a_new_export_rejects_or_leaves_out_gives_no_verdict(copied, files):
    file = ServedFile.of_run(copied, "float32")
    with running(make_app(Inspector(file, 1, 10**6), 1 << 20, None, None)) as address:
        file.path.rename(copied / "float32.tflite")
        (file.path.parent / "manifest.json").write_text(json.dumps({"files": files}))
        for answer in (ask(address, picture()), ask(address, path="v1/model")):
            assert answer[0] == 500 and "float32.tflite is not there" in said(answer)["error"]
        (copied / "float32.tflite").rename(file.path)
        assert ask(address, picture())[0] == 200


@pytest.mark.parametrize("manifest", ['{"files": {"float32": {"accepted": true}}}', '{"fi', "[]", '{"files": []}'])
def test_a_file_that_goes_is_served_from_memory_where_the_export_does_not_tell_why(copied, manifest):
    file = ServedFile.of_run(copied, "float32")
    with running(make_app(Inspector(file, 1, 10**6), 1 << 20, None, None)) as address:
        file.path.unlink()  # a copy of the export that is not yet whole
        (file.path.parent / "manifest.json").write_text(manifest)
        assert ask(address, picture())[0] == 200


def test_the_inspector_gets_what_a_new_export_adds(copied):
    export = copied / "export"
    shutil.move(export / "int8.tflite", copied)
    with running(make_app(Inspector(ServedFile.of_run(copied, "float32"), 1, 10**6), 1 << 20, None, None)) as address:
        assert ask(address, path="served/int8.tflite")[0] == 404
        shutil.move(copied / "int8.tflite", export)
        shutil.copy(export / "golden" / "golden_0.png", export / "golden" / "golden_9.png")
        for name in ("int8.tflite", "golden/golden_9.png"):
            assert ask(address, path=f"served/{name}")[::2] == (200, (export / name).read_bytes())


# === What predict refuses ===


def inspected(file, content):
    """The answer of a server that runs a file."""
    with running(make_app(Inspector(file, 1, 10**6), 1 << 20, None, None)) as address:
        return ask(address, content)


@pytest.mark.parametrize(("largest", "status"), [(4095, 200), (60_000, 422)])
def test_an_image_of_more_bits_than_were_trained_for_gets_no_verdict(exported, largest, status):
    file = ServedFile.of_run(exported.run, "float32")
    file = dataclasses.replace(file, preparation=dataclasses.replace(file.preparation, bits=12))
    content = io.BytesIO()
    Image.fromarray(np.linspace(0, largest, 1200).astype("uint16").reshape(30, 40)).save(content, "PNG")
    answer = inspected(file, content.getvalue())
    assert answer[0] == status
    assert status == 200 or "up to 60000, and the run was trained for 12 bits" in said(answer)["error"]


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_no_verdict(exported, monkeypatch, score):
    found = {"pred_score": np.array([score], "float32"), "anomaly_map": np.zeros((1, 32, 32), "float32")}
    monkeypatch.setattr("piade_tf.serving.inspector.load_litert", lambda *_: Runner(1, lambda _image: found))
    answer = inspected(ServedFile.of_run(exported.run, "float32"), picture())
    assert answer[0] == 500
    assert said(answer) == {"error": f"the image has the score {score}, which is no number; train and export again"}
