"""Metrics at another threshold are those that a new evaluation at that threshold would give."""

import numpy as np
import pytest

from piade_tf.evaluation import metrics as metrics_module
from piade_tf.evaluation.metrics import all_metrics
from piade_tf.evaluation.rejudged import rejudged
from piade_tf.evaluation.scored_split import Scored
from piade_tf.evaluation.threshold import fit_threshold


def at(value):
    return fit_threshold(f"value:{value}", 0.01, [0.0])


@pytest.mark.parametrize("before, after", [(0.0, 1.0), (0.0, 99.0), (99.0, -99.0)])
def test_as_an_evaluation_at_that_threshold(splits, before, after):
    test = splits.test
    scores = np.random.default_rng(0).normal(size=test.count).astype("float32")
    scored = Scored(scores, {"combined": scores})
    arguments = (0,) if "seed" in metrics_module.all_metrics.__annotations__ else ()
    first, second = (all_metrics(test, scored, at(value), {}, *arguments) for value in (before, after))
    assert rejudged(first, test.labels, test.classes, scores, at(after)) == second


def test_without_images_nothing_changes():
    none = np.zeros(0)
    assert rejudged({"intervals": {}}, none, none, none, at(1.0)) == {"intervals": {}}
