"""Integers throughout: no float in the file, and the score is computed outside as the file says."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from sklearn.metrics import roc_auc_score

from export.graph import NetworkGraph
from export.quantization.full_integer import off_powers_of_two, quantize_throughout
from export.refusal import CannotRun
from export.saved_model import write_saved_model
from export.tflite.convert import to_litert
from export.tflite.flatbuffer import is_untouched, metadata_of
from piade_tf.config import NetworkConfig
from piade_tf.model.network import build_network
from piade_tf.scoring.parameters import scratch_parameters
from piade_tf.scoring.score_set import ScoreSet

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "examples"))

from score_outside import HostScore  # noqa: E402

INTEGERS = {schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT16, schema.TensorType.INT32}


@pytest.fixture(scope="module")
def file(exported):
    return exported.folder / "int8_full.tflite"


def log2_of_scales(graph, operator):
    tensors = [graph.Tensors(i) for i in (*operator.InputsAsNumpy(), *operator.OutputsAsNumpy())]
    if {tensor.Type() for tensor in tensors} != {schema.TensorType.INT16}:
        return None
    return np.log2([tensor.Quantization().Scale(0) for tensor in tensors])


def test_no_sum_in_16_bits_has_powers_of_two_alone(file):
    """The kernels of ADD and SUB in LiteRT refuse most of those (add.cc, sub.cc: PrepareInt16POT)."""
    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    graph, sums = model.Subgraphs(0), {schema.BuiltinOperator.ADD, schema.BuiltinOperator.SUB}
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    scales = [
        found
        for one in operators
        if model.OperatorCodes(one.OpcodeIndex()).BuiltinCode() in sums
        and (found := log2_of_scales(graph, one)) is not None
    ]
    assert len(scales) > 10
    for found in scales:
        assert np.abs(found - np.round(found)).max() >= 1e-3


@pytest.mark.parametrize("largest", [2.0, 2.0000001, 1.9985, 2.0028, 32767 / 16, 3e-7, 0.0])
def test_a_range_is_moved_off_powers_of_two_and_hardly_at_all(largest):
    factor = off_powers_of_two(largest)
    assert 1 <= factor < 1.003
    power = np.log2(largest * factor / 32767) if largest else 0.5
    assert abs(power - round(power)) >= 1e-3


def test_every_tensor_and_every_constant_is_an_integer(file):
    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    assert model.SubgraphsLength() == 1
    graph = model.Subgraphs(0)
    types = {graph.Tensors(i).Name().decode(): graph.Tensors(i).Type() for i in range(graph.TensorsLength())}
    assert {name: type_ for name, type_ in types.items() if type_ not in INTEGERS} == {}


def test_no_operator_is_foreign_or_makes_floats(exported):
    found = exported.manifest["files"]["int8_full"]["operators"]
    assert not [name for name in found if name.startswith(("CUSTOM", "FLEX", "DEQUANTIZE", "CAST"))]
    assert found["CONV_2D"] and found["TRANSPOSE_CONV"]


def test_ends_are_integers_with_the_scale_that_the_metadata_say(file):
    inspect, about = Interpreter(str(file)).get_signature_runner("inspect"), metadata_of(file.read_bytes())
    image = inspect.get_input_details()["image"]
    assert image["dtype"] == np.uint8 and image["quantization"] == (pytest.approx(1 / 255), 0)
    types = {"reconstruction": "uint8", "latent": "int16", "instantiation_vectors": "int16"}
    assert set(types) < set(about["outputs"])
    for name, end in inspect.get_output_details().items():
        assert end["dtype"].__name__ == types.get(name, "int8") == about["outputs"][name]["dtype"]
        scale, zero_point = about["outputs"][name]["scale"], about["outputs"][name]["zero_point"]
        assert end["quantization"] == (pytest.approx(scale), zero_point)


def test_the_example_says_what_golden_json_says(exported, file):
    golden = json.loads((exported.folder / "golden/golden.json").read_text(encoding="utf-8"))
    for name, expected in golden.items():
        pixels = np.asarray(Image.open(exported.folder / "golden" / name))[..., None]
        found, inspect = HostScore(str(file))(pixels), Interpreter(str(file)).get_signature_runner("inspect")
        assert found == pytest.approx(expected["int8_full"]["pred_score"], rel=1e-4, abs=1e-4)
        reconstruction = inspect(image=pixels[None])["reconstruction"]
        assert reconstruction.mean() == pytest.approx(expected["int8_full"]["reconstruction_mean"], abs=0.01)


def test_the_manifest_says_what_the_example_finds(exported, file, test_images, scores):
    some = np.linspace(0, len(test_images) - 1, 60).astype(int)
    found = np.array([HostScore(str(file))(test_images[i]) for i in some])
    assert roc_auc_score(scores.label[some], found) > exported.manifest["files"]["int8_full"]["image_AUROC"] - 0.05
    assert np.corrcoef(found, scores.pred_score[some])[0, 1] > 0.9


def test_the_example_prints_score_and_verdict(exported, file, test_images, python, tmp_path):
    Image.fromarray(test_images[0][..., 0]).save(tmp_path / "image.png")
    done = python("examples/score_outside.py", file, tmp_path / "image.png", check=False)
    threshold = exported.manifest["files"]["int8_full"]["threshold"]["value"]
    found = HostScore(str(file))(test_images[0])
    assert f"{found:.4f}" in done.stdout and done.returncode == int(found > threshold)
    Image.fromarray(np.zeros((5, 5), "uint8")).save(tmp_path / "small.png")
    float32 = exported.folder / "float32.tflite"
    for model, image in ((file, "nowhere.png"), (file, "small.png"), (float32, "image.png")):
        done = python("examples/score_outside.py", model, tmp_path / image, check=False)
        last = done.stderr.strip().splitlines()[-1]  # LiteRT says that it is there, before
        assert done.returncode == 2 and last.startswith("error: ") and "Traceback" not in done.stderr


def test_a_changed_statistic_is_noticed(file):
    content = bytearray(file.read_bytes())
    assert is_untouched(bytes(content))
    content[content.rindex(b"PIADESC1") + 50] ^= 1
    assert not is_untouched(bytes(content))


def test_a_network_that_the_quantizer_refuses_is_said_in_one_line(tmp_path):
    network = build_network(
        NetworkConfig(encoder="scratch", widths=(8,), magnifications=(1,), upsampling=(8,)), 28, 28, 1
    )
    graph = NetworkGraph(network, ScoreSet(scratch_parameters(7)), 1)
    model = to_litert(write_saved_model(tmp_path / "saved", graph.inspect), "inspect")
    with pytest.raises(CannotRun, match="cannot be put in integers") as error:
        quantize_throughout(model, [np.zeros((1, 28, 28, 3), "uint8")], "inspect")  # three channels, not one
    assert "\n" not in str(error.value)
