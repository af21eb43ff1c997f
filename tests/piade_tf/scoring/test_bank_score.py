"""The memory bank knows which patches it holds, so that another network's features of the same can take their place."""

import numpy as np

from piade_tf.scoring.bank_score import BankScore
from piade_tf.scoring.parameters import BankParameters, parameters_for
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.scoring.scorer_file import read_scorer, write_scorer

RNG = np.random.default_rng(0)
PATCHES = RNG.normal(size=(400, 6)).astype("float16")
SHAPES = {
    "reconstruction": (40, 48, 3),
    "instantiation_vectors": (2, 6),
    "feature_map_0": (8, 8, 30),
    "feature_map_1": (4, 4, 40),
    "feature_map_2": (2, 2, 40),
}


def test_the_bank_holds_the_patches_that_it_chose():
    score = BankScore(BankParameters(patches=20))
    score.fit(PATCHES)
    assert len(set(score.chosen)) == 20
    assert np.array_equal(score.bank, PATCHES[score.chosen].astype("float32"))


def test_the_same_patches_of_another_network_are_taken_and_none_is_chosen_anew():
    score, other = (BankScore(BankParameters(patches=20)) for _ in range(2))
    score.fit(PATCHES)
    noisy = PATCHES + RNG.normal(0, 0.3, PATCHES.shape).astype("float16")
    other.fit(noisy, score.chosen)
    assert np.array_equal(other.bank, noisy[score.chosen].astype("float32"))


def test_which_patches_were_chosen_and_what_maps_count_is_saved(tmp_path):
    outputs = {name: RNG.uniform(0, 1, (30, *shape)).astype("float32") for name, shape in SHAPES.items()}
    scorer = ScoreSet(parameters_for("efficientnet_lite0", 7, "parts"))
    features = {name: np.asarray(values) for name, values in scorer.features(outputs).items()}
    scorer.fit_statistics([features], outputs)
    scorer.combined.standards = {"bank": (1.0, 0.5), "local": (1.0, 0.5)}
    scorer.combined.map_weights = {"bank": 0.7, "local": 0.1}
    write_scorer(scorer, tmp_path / "scorer.npz")
    loaded = read_scorer(tmp_path / "scorer.npz")
    assert np.array_equal(loaded.bank.chosen, scorer.bank.chosen)
    assert np.array_equal(loaded.bank.bank, scorer.bank.bank)
    assert loaded.combined.map_weights == {"bank": 0.7, "local": 0.1}
