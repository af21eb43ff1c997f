"""What a developer gets: files that say of the run's test images what the run said, each in a process of its own."""

import hashlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from sklearn.metrics import roc_auc_score

from export.tflite.flatbuffer import is_untouched, metadata_of, operators, signatures
from piade_tf.data.decode import decode_file
from piade_tf.data.preparation import Preparation

LITERT = ("float32", "float16", "dynamic_int8", "int8")  # what is the same in these; test_int8_full.py has the other
ALL_LITERT = (*LITERT, "int8_full")
SHAPES = {
    "pred_score": ([1], "float32"),
    "anomaly_map": ([1, 32, 32], "float32"),
    "reconstruction": ([1, 32, 32, 1], "uint8"),
    "latent": ([1, 8], "float32"),
}


def runner(folder, name):
    return Interpreter(str(folder / f"{name}.tflite")).get_signature_runner("inspect")


def test_train_ends_with_every_format_shipped_and_a_table(exported):
    assert list(exported.manifest["files"]) == ["saved_model", *ALL_LITERT]
    assert all(entry["accepted"] for entry in exported.manifest["files"].values())
    assert not (exported.folder / "rejected").exists()
    for name in exported.manifest["files"]:
        (line,) = [line for line in exported.printed.splitlines() if line.startswith(f"{name} ")]
        assert line.endswith("ships")


def test_libraries_inside_greet_nobody(exported):
    assert "XNNPACK" not in exported.printed and exported.complaints == ""


@pytest.mark.parametrize("name", LITERT)
def test_input_and_outputs_have_the_names_types_and_shapes_that_are_documented(exported, name):
    ends = signatures((exported.folder / f"{name}.tflite").read_bytes())["inspect"]
    assert {key: (end["shape"], end["dtype"]) for key, end in ends["outputs"].items()} == SHAPES
    assert {key: (end["shape"], end["dtype"]) for key, end in ends["inputs"].items()} == {
        "image": ([1, 32, 32, 1], "uint8")
    }


@pytest.mark.parametrize("name", ALL_LITERT)
def test_operators_are_builtin_and_those_that_the_interpreter_sees(exported, name):
    path = exported.folder / f"{name}.tflite"
    found = operators(path.read_bytes())
    assert found == exported.manifest["files"][name]["operators"]
    seen: dict[str, int] = {}
    for operator in Interpreter(str(path))._get_ops_details():
        if operator["op_name"] != "DELEGATE":
            seen[operator["op_name"]] = seen.get(operator["op_name"], 0) + 1
    assert found == dict(sorted(seen.items()))
    assert not any(name.startswith(("CUSTOM", "FLEX")) for name in found)


def test_float32_scores_the_test_images_as_the_run_did(exported, test_images, scores):
    inspect = runner(exported.folder, "float32")
    found = np.array([inspect(image=image[None])["pred_score"][0] for image in test_images])
    np.testing.assert_allclose(found, scores.pred_score, atol=1e-4 * np.maximum(1, np.abs(scores.pred_score)).max())


@pytest.mark.parametrize("name", LITERT)
def test_the_manifest_says_what_the_file_does(exported, test_images, scores, name):
    inspect, entry = runner(exported.folder, name), exported.manifest["files"][name]
    found = np.array([inspect(image=image[None])["pred_score"][0] for image in test_images])
    assert entry["image_AUROC"] == pytest.approx(roc_auc_score(scores.label, found), abs=1e-6)
    flagged = found > entry["threshold"]["value"]
    assert entry["at_threshold"]["TP"] == np.sum(flagged & (scores.label == 1))
    assert entry["at_threshold"]["FP"] == np.sum(flagged & (scores.label == 0))


@pytest.mark.parametrize("name", ALL_LITERT)
def test_bytes_and_digest_are_those_of_the_file(exported, name):
    content, entry = (exported.folder / f"{name}.tflite").read_bytes(), exported.manifest["files"][name]
    assert entry["bytes"] == len(content)
    assert entry["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", ALL_LITERT)
def test_metadata_inside_sidecar_and_manifest_agree(exported, name):
    content = (exported.folder / f"{name}.tflite").read_bytes()
    metadata = metadata_of(content)
    assert is_untouched(content)
    sidecar = json.loads((exported.folder / f"{name}.json").read_text(encoding="utf-8"))
    assert metadata == sidecar
    assert metadata["threshold"] == exported.manifest["files"][name]["threshold"]
    assert metadata["config_sha256"] == hashlib.sha256((exported.run / "config.json").read_bytes()).hexdigest()
    assert (metadata["format"], metadata["normal_class"], metadata["input"]["colour"]) == (name, "0", "grey")


@pytest.mark.parametrize("name", LITERT)
def test_golden_images_give_what_golden_json_says(exported, name):
    golden = json.loads((exported.folder / "golden/golden.json").read_text(encoding="utf-8"))
    assert sorted(golden) == ["golden_0.png", "golden_1.png", "golden_2.png"]
    inspect = runner(exported.folder, name)
    for file, expected in golden.items():
        pixels = np.asarray(Image.open(exported.folder / "golden" / file))[None, ..., None]
        outputs = inspect(image=pixels)
        assert outputs["pred_score"][0] == pytest.approx(expected[name]["pred_score"], rel=1e-5, abs=1e-5)
        assert outputs["anomaly_map"].max() == pytest.approx(expected[name]["anomaly_map_max"], rel=1e-5)
        assert outputs["reconstruction"].mean() == pytest.approx(expected[name]["reconstruction_mean"], abs=0.01)
        threshold = exported.manifest["files"][name]["threshold"]["value"]
        assert expected[name]["anomalous"] == bool(outputs["pred_score"][0] > threshold)


def test_the_fastest_file_is_named_with_the_processor(exported):
    files = {name: entry for name, entry in exported.manifest["files"].items() if name != "saved_model"}
    took = {name: entry["latency_ms"]["1_thread"]["median"] for name, entry in files.items()}
    name = exported.manifest["fastest"]
    assert took[name] == min(took.values())
    (line,) = [line for line in exported.printed.splitlines() if line.startswith("Fastest here: ")]
    assert name in line and exported.manifest["machine"]["processor"] in line


@pytest.mark.parametrize("name", LITERT)
def test_photographs_give_what_photographs_json_says_once_they_are_prepared(exported, name):
    said = json.loads((exported.folder / "golden/photographs.json").read_text(encoding="utf-8"))
    golden = json.loads((exported.folder / "golden/golden.json").read_text(encoding="utf-8"))
    assert {one[name]["anomalous"] for one in golden.values()} == {False, True}
    assert sorted(said) == ["photograph_0.jpg", "photograph_1.jpg"]
    inspect, threshold = runner(exported.folder, name), exported.manifest["files"][name]["threshold"]["value"]
    for file, expected in said.items():
        path = exported.folder / "golden" / file
        with Image.open(path) as image:
            assert image.size == (720, 960) and image.getexif()[0x0112] == expected["orientation"]  # lies on its side
        outputs = inspect(image=Preparation((32, 32))(decode_file(path))[None])
        assert outputs["pred_score"][0] == pytest.approx(expected[name]["pred_score"], rel=1e-5, abs=1e-5)
        assert outputs["anomaly_map"].max() == pytest.approx(expected[name]["anomaly_map_max"], rel=1e-5)
        assert expected[name]["anomalous"] == bool(outputs["pred_score"][0] > threshold)


def test_the_lines_of_python_in_the_readme_say_what_golden_json_says(exported):
    (code,) = re.findall(r"```python\n(.*?)```", (exported.folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], cwd=exported.folder, capture_output=True, text=True)
    score, verdict = done.stdout.split()
    said = json.loads((exported.folder / "golden/golden.json").read_text(encoding="utf-8"))["golden_0.png"]["float32"]
    assert float(score) == pytest.approx(said["pred_score"], rel=1e-5)
    assert (verdict == "anomalous") == said["anomalous"]


def test_sizes_fall_as_the_formats_promise(exported):
    size = {name: entry["bytes"] for name, entry in exported.manifest["files"].items()}
    assert size["float16"] < 0.6 * size["float32"]
    for name in ("dynamic_int8", "int8", "int8_full"):
        entry = exported.manifest["files"][name]
        assert entry["size_ratio"] == pytest.approx(size[name] / size["float32"], rel=0.05)
        assert entry["size_ratio"] < 0.4  # in a small model the graph itself weighs


def test_int8_convolutions_compute_in_integers_and_the_score_in_floats(exported):
    details = Interpreter(str(exported.folder / "int8.tflite"), experimental_preserve_all_tensors=True)
    details.allocate_tensors()
    tensors = {tensor["index"]: tensor for tensor in details.get_tensor_details()}
    put_out: dict[str, set] = {}
    for operator in details._get_ops_details():
        kind, found = operator["op_name"], tensors[operator["outputs"][0]]
        if kind in ("CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED") and "score/" not in found["name"]:
            assert tensors[operator["inputs"][1]]["dtype"] == np.int8, found["name"]
            # Integers stay integers from a ReLU on; what is added to floats, and the pyramid, are not rounded again.
            stays = "_relu" in found["name"] or "decoder_last" in found["name"]
            first = "pyramid" in found["name"] or "upsampling_0" in found["name"]
            assert found["dtype"] == (np.int8 if stays and not first else np.float32), found["name"]
        scope = "score" if "score/" in found["name"] else "network"
        put_out.setdefault(f"{scope} {kind}", set()).add(found["dtype"])
    assert put_out["network CONV_2D"] == {np.int8, np.float32}
    assert put_out["network TRANSPOSE_CONV"] == {np.int8}
    assert put_out["score BATCH_MATMUL"] == {np.float32}


LOAD_WITH_TENSORFLOW_ALONE = """
import sys
sys.modules["keras"] = sys.modules["piade_tf"] = sys.modules["layers"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
assert set(model.signatures) == {"inspect", "serving_default"}, set(model.signatures)
images = np.load(sys.argv[2])
serve = model.signatures["serving_default"]
scores = [float(serve(image=tf.constant(image[None]))["pred_score"][0]) for image in images]
np.save(sys.argv[3], scores)
"""


def test_the_saved_model_loads_with_tensorflow_alone_and_equals_the_run(
    exported, test_images, scores, python, tmp_path
):
    np.save(tmp_path / "images.npy", test_images[:100])
    version = exported.folder / "saved_model" / "1"
    python("-c", LOAD_WITH_TENSORFLOW_ALONE, version, tmp_path / "images.npy", tmp_path / "scores.npy", cwd=tmp_path)
    expected = scores.pred_score[:100]
    error = np.abs(np.load(tmp_path / "scores.npy") - expected) / np.maximum(1, np.abs(expected))
    assert error.max() < 1e-4


def test_the_model_card_has_no_empty_fields(exported):
    card = (exported.folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "None" not in card and "| |" not in card and ": \n" not in card
    for entry in exported.manifest["files"].values():
        assert f"{entry['image_AUROC']:.4f}" in card


def test_a_trained_run_tells_digits_apart(exported):
    assert exported.manifest["keras"]["image_AUROC"] > 0.95
