"""Who trains together, from TF_CONFIG, and what is said where it cannot be used."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from threads_as_workers import together

from piade_tf.cli.parsing import parse_config
from piade_tf.cli.train import as_stored, train
from piade_tf.errors import InputError
from piade_tf.training.cluster import Cluster, cluster_for
from piade_tf.training.run_of_chief import check_same, given, options_given, take
from piade_tf.workers import Workers

TWO = {"worker": ["one:2222", "two:2222"]}


@pytest.fixture
def tf_config(monkeypatch):
    def put(content):
        text = content if isinstance(content, str) else json.dumps(content)
        monkeypatch.setenv("TF_CONFIG", text)

    monkeypatch.delenv("TF_CONFIG", raising=False)
    return put


def of_task(cluster, kind="worker", index=0):
    return {"cluster": cluster, "task": {"type": kind, "index": index}}


def test_without_it_one_process_trains(tf_config):
    assert cluster_for("auto") is None
    tf_config("  ")
    assert cluster_for("auto") is None


def test_workers_are_numbered_and_a_chief_comes_first(tf_config):
    tf_config(of_task(TWO, index=1))
    assert cluster_for("auto") == cluster_for("multiworker") == Cluster(("one:2222", "two:2222"), 1)
    with_chief = {"chief": ["zero:2222"], **TWO}
    for kind, index, expected in (("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)):
        tf_config(of_task(with_chief, kind, index))
        assert cluster_for("auto") == Cluster(("zero:2222", "one:2222", "two:2222"), expected)


def test_other_strategies_look_at_this_machine_alone(tf_config):
    tf_config("{")
    assert cluster_for("none") is None and cluster_for("mirrored") is None


def test_one_worker_alone_is_one_process(tf_config):
    tf_config(of_task({"worker": ["one:2222"]}))
    assert cluster_for("auto") is None and cluster_for("multiworker") is None


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ({"cluster": TWO}, "KeyError"),
        (of_task(TWO, index=2), "no address HOST:PORT for worker 2"),
        (of_task(TWO, "evaluator"), "no address HOST:PORT for evaluator 0"),
        (of_task({**TWO, "ps": ["three:2222"]}), "its cluster has ps"),
        (of_task({"worker": ["one", "two"]}), "no address HOST:PORT"),
        (of_task({"worker": ["one:1", "one:1"]}), "an address of its own"),
        (of_task({"chief": ["a:1", "b:1"], **TWO}), "one is the chief"),
    ],
)
def test_what_cannot_be_used_is_told_with_what_it_should_be(tf_config, content, message):
    tf_config(content)
    with pytest.raises(InputError, match="TF_CONFIG should be such as") as raised:
        cluster_for("auto")
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_several_machines_need_it(tf_config):
    with pytest.raises(InputError, match="--strategy multiworker: .* it is not set"):
        cluster_for("multiworker")


def test_a_run_that_was_cut_off_comes_to_the_other_workers(tmp_path):
    run, scratch = tmp_path / "run", tmp_path / "scratch"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "begun.json").write_text("{}")
    (run / "checkpoints" / "epoch-000001.npz").write_bytes(bytes(range(256)))
    (run / "config.json").write_text("config")
    (run / "report.html").write_text("not needed")
    told = given({"seed": 1}, run)
    assert options_given(told) == {"seed": 1}
    assert take(told, scratch)
    copied = {path.relative_to(scratch): path.read_bytes() for path in scratch.rglob("*") if path.is_file()}
    names = ("checkpoints/begun.json", "checkpoints/epoch-000001.npz", "config.json")
    assert copied == {(run / name).relative_to(run): (run / name).read_bytes() for name in names}
    assert not take(given({}, None), scratch)


def test_no_file_leaves_the_scratch_folder(tmp_path):
    with pytest.raises(InputError, match="would leave its folder"):
        take({"file/../other": np.zeros(1, "uint8")}, tmp_path / "scratch")
    assert not (tmp_path / "other").exists()


def test_workers_with_other_options_are_told_which():
    def differ(workers):
        with pytest.raises(InputError) as raised:
            check_same(workers, "the options", {"training.seed": 0, "preset": ["compact", "paper"][workers.index]})
        return str(raised.value)

    line = "the options of worker 1 differ from those of worker 0: preset is 'paper', not 'compact'"
    assert together(2, differ) == [line, line]


def test_a_worker_that_goes_on_has_the_seed_of_the_run_before_it_trains_and_its_own_cache(monkeypatch):
    """By TensorFlow's seed, too, images are shuffled, and each worker takes its share of the same order."""

    class Second(Workers):
        index, count = 1, 2

        def all_told(self, arrays):
            return [arrays or given(as_stored(parse_config(["--seed", "7"])), None), arrays]

    class Planned(Exception):
        pass

    def planned(config, _distribution):
        raise Planned(config.training.seed, np.random.random(), config.data.cache)

    monkeypatch.setattr("piade_tf.cli.train.cluster_for", lambda _: Cluster(("one:2222", "two:2222"), 1))
    monkeypatch.setattr("piade_tf.training.distribution.distribution_for", lambda _: SimpleNamespace(workers=Second()))
    monkeypatch.setattr("piade_tf.cli.steps_of_training.Training.planned", planned)
    with pytest.raises(Planned) as found:
        train(parse_config(["--resume", "run", "--cache", "disk"]))
    assert found.value.args == (7, np.random.RandomState(7).random(), "disk")
