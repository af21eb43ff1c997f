"""Files with mistakes in them: each is measured and judged as an export does it, and none ships."""

import re

import numpy as np
import pytest

from benchmarks import spoilings
from export.builder import Builder
from export.formats import FORMATS
from export.options import Export
from export.run import load_images
from export.verification.agreement import Said, compare, share_of_chance
from export.verification.compared_images import write_images
from export.verification.gate import MAY_DIFFER, problems
from export.verification.verify import load_litert
from piade_tf.evaluation.threshold import Threshold, fit_threshold
from piade_tf.run_directory import RunDirectory
from piade_tf.scoring.scorer_file import read_scorer


@pytest.fixture(scope="module")
def judged(exported, tmp_path_factory):
    """From the bytes of an `int8` file to the reasons why it does not ship."""
    work = tmp_path_factory.mktemp("work")
    run = RunDirectory(exported.run)
    config, network = run.read_config(), run.read_network()
    data = load_images(config, Export(exported.run))
    scorer, threshold = read_scorer(run.path / "scorer.npz"), Threshold.read(run.path / "threshold.json")
    inspection = scorer.inspection_model(network, "combined")
    images, scores, _ = write_images(work / "images.npy", data, inspection, threshold, 0)
    said = Said.of(images, scores, threshold)
    may_differ = max(share_of_chance(said, 0), MAY_DIFFER)
    pixels = np.load(images.path)[: images.changed.stop]

    def judge(content, stale=False):
        (work / "spoiled.tflite").write_bytes(content)
        inspect = load_litert(work / "spoiled.tflite", 1)
        found = np.array([inspect(image[None])["pred_score"][0] for image in pixels])
        normal = said.calibration - 2 * np.ptp(said.calibration) if stale else found[images.calibration]
        file = Said.of(images, found, fit_threshold("fpr", 0.01, normal))
        comparison = compare(said, file, np.zeros(0, int))
        return problems(FORMATS["int8"].tolerance, comparison, {}, may_differ)

    judge.builder = Builder(network, scorer, "combined", data, "none", 0, 1, work)
    return judge


@pytest.fixture(scope="module")
def sound(judged):
    return spoilings.Sound(judged.builder)


def test_the_sound_file_ships(judged, sound):
    assert judged(sound.content) == []


@pytest.mark.parametrize(
    "spoil",
    [
        spoilings.statistics_of_other_places,
        spoilings.channels_swapped,
        spoilings.wrong_input_scale,
        spoilings.ranges_clipped,
        spoilings.weights_permuted,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_a_spoiled_file_is_rejected_and_the_reason_counts_verdicts(judged, sound, spoil):
    reasons = judged(spoil(sound))
    assert reasons and all(re.search(r"\b\d+ of 1\d\d verdicts", reason) for reason in reasons), reasons


def test_a_stale_threshold_is_rejected(judged, sound):
    (reason,) = judged(sound.content, stale=True)
    differ, verdicts = map(int, re.search(r"(\d+) of (\d+) verdicts", reason).groups())
    assert differ > verdicts / 4
