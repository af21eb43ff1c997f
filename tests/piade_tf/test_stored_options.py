"""The options of runs of earlier versions."""

import dataclasses
import json

import pytest

from piade_tf.config import Config
from piade_tf.stored_options import config_of, options_of, schedule_of, up_to_date


def stored_by_now():
    return json.loads(json.dumps(dataclasses.asdict(Config()), default=str))


def test_what_this_version_stores_is_up_to_date():
    assert up_to_date(stored_by_now()) == stored_by_now()
    assert config_of(stored_by_now()) == Config()


@pytest.mark.parametrize("stored, now", [(True, "on"), (False, "off"), ("auto", "auto"), (None, "auto")])
def test_a_run_of_a_version_that_had_jit_as_a_switch_can_be_gone_on_with(stored, now):
    options = stored_by_now()
    options["training"] |= {"seed": 3} if stored is None else {"jit": stored, "seed": 3}
    expected = dataclasses.replace(Config(), training=dataclasses.replace(Config().training, jit=now, seed=3))
    assert config_of(options) == expected


def test_a_run_of_a_version_that_always_normalised_the_upsampling_goes_on_so():
    options = stored_by_now()
    assert config_of(options).network.upsampling_norm == "auto"
    del options["network"]["upsampling_norm"]
    assert config_of(options).network.upsampling_norm == "batch"


def test_an_option_that_was_renamed_keeps_its_value():
    options = stored_by_now()
    del options["training"]["rotation"]
    options["training"]["turns"] = 0.25
    assert config_of(options).training.rotation == 0.25


@pytest.mark.parametrize(
    "encoder, augment, noise",
    [("scratch", "none", 0.1), ("efficientnet_lite0", "none", 0.0), ("efficientnet_lite0", "texture", 0.1)],
)
def test_a_schedule_without_noise_goes_on_with_that_of_its_version(encoder, augment, noise):
    options = stored_by_now()
    options["network"]["encoder"], options["data"]["augment"] = encoder, augment
    options["training"]["noise"] = 0.1
    schedule = {"epochs": 3, "rotation": 0.3}
    assert schedule_of({"options": options, "schedule": schedule}) == {
        "epochs": 3,
        "noise": noise,
        "rotation": 0.3 if noise else 0.0,
    }
    assert schedule_of({"options": options, "schedule": {"noise": 0.2}}) == {"noise": 0.2}


@pytest.mark.parametrize(
    "schedule, stored, now",
    [({}, 0.1, None), ({}, 0.0, 0.0), ({}, 0.2, 0.2), ({"noise": 0.1}, 0.1, 0.1), ({"noise": 0.1}, None, None)],
)
def test_noise_that_no_one_asked_for_is_left_out_of_an_earlier_run(schedule, stored, now):
    options = stored_by_now()
    options["training"]["noise"] = stored
    assert options_of({"options": options, "schedule": schedule})["training"]["noise"] == now
    options["data"]["augment"] = "texture"  # with which every network had noise
    assert options_of({"options": options, "schedule": schedule})["training"]["noise"] == stored


def test_what_is_not_known_is_left_out():
    options = stored_by_now() | {"from_later": 1}
    options["network"]["from_later"] = 2
    assert config_of(options) == Config()
