"""Images that belong together are never parted."""

import numpy as np
import pytest
from folders import write
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from piade_tf.config import DataConfig
from piade_tf.data import find_source, load_data
from piade_tf.data.added_images import JOINED, FolderImages
from piade_tf.data.division import without_test_split
from piade_tf.data.groups import folds_of_groups, groups_of, groups_of_added, held_out_groups
from piade_tf.data.near_duplicates import burst_warning, look_of
from piade_tf.errors import InputError
from piade_tf.training.assigned import assigned

some_groups = st.lists(st.integers(0, 12), min_size=5, max_size=80).map(np.array)


def test_groups_are_folders_or_what_a_pattern_finds():
    names = ["lot1/a_0.png", "lot1/a_1.png", "lot2/b_0.png"]
    assert groups_of(names, "folder").tolist() == ["lot1", "lot1", "lot2"]
    assert groups_of(names, "lot[0-9]").tolist() == ["lot1", "lot1", "lot2"]
    assert groups_of(names, r"/(\w)_").tolist() == ["a", "a", "b"]


@pytest.mark.parametrize(
    "group_by, named", [("(", "pattern"), ("lot3", "lot1/a_0.png"), ("png", "one group"), ("lot2", "1 of 3")]
)
def test_a_pattern_that_cannot_group_is_refused(group_by, named):
    with pytest.raises(InputError, match=named):
        groups_of(["lot1/a_0.png", "lot1/a_1.png", "lot2/b_0.png"], group_by)


def test_images_that_join_later_are_grouped_by_the_same_rule_and_what_has_no_group_stands_by_itself():
    paths = ["/new/lot1/a.png", "/new/lot1/b.png", "/new/lot2_c.png", "/new/odd.png"]
    folders = ["/new"] * 4
    assert groups_of_added(paths, folders, "lot[0-9]").tolist() == ["lot1", "lot1", "lot2", "/new/odd.png"]
    assert groups_of_added(paths, folders, "folder").tolist() == ["/new/lot1", "/new/lot1", *paths[2:]]
    assert groups_of_added(paths, folders, None).tolist() == paths


@pytest.mark.parametrize("count, group_by, learned", [(4, None, 4), (40, "lot[12]", 40), (40, "lot[0-9]", None)])
def test_groups_that_join_later_are_not_parted_either(count, group_by, learned):
    names = [f"/new/lot{i % 8 if group_by == 'lot[0-9]' else i % 2 + 1}_{i}.png" for i in range(count)]
    found = assigned(FolderImages(names, list(map(str, range(count))), [b""] * count), "/new", 0, group_by)
    assert len(found) == count
    parts = [{one.image[:9] for one in found if one.split == name} for name in JOINED]
    assert sum(one.split == "train" for one in found) == learned or not learned
    if not learned:
        assert all(parts) and sum(map(len, parts)) == 8


@settings(deadline=None)
@given(some_groups, st.integers(0, 3))
def test_no_group_stands_on_two_sides_and_no_image_is_lost(groups, seed):
    if len(np.unique(groups)) < 3:
        with pytest.raises(InputError, match="groups"):
            held_out_groups(groups, (5, 5), seed)
        return
    parts = held_out_groups(groups, (5, 5), seed)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(groups)))
    of_parts = [set(groups[part].tolist()) for part in parts]
    assert all(of_parts) and sum(map(len, of_parts)) == len(set(groups.tolist()))


@settings(deadline=None)
@given(some_groups, st.integers(2, 10))
def test_no_group_stands_in_two_folds(groups, folds):
    fold = folds_of_groups(groups, folds, 0)
    for name in np.unique(groups):
        assert len(set(fold[groups == name])) == 1
    assert len(set(fold)) == min(folds, len(np.unique(groups)))


def test_groups_that_are_tested_are_not_learned():
    labels, groups = np.array([0] * 40 + [1] * 4), np.array([f"lot{i // 5}" for i in range(44)])
    learned, tested = without_test_split(labels, groups=groups)
    assert not set(groups[learned]) & set(groups[tested[labels[tested] == 0]])
    assert labels[tested].sum() == 4 and len(learned) + len(tested) == 44


def bursts(folder, parts, frames):
    """Photographs of different parts, each taken several times by a camera that stands still."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for part in range(parts):
        picture = np.asarray(Image.fromarray(rng.integers(0, 256, (16, 16, 3), "uint8")).resize((192, 192)), "int16")
        for frame in range(frames):
            noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype("uint8")
            Image.fromarray(noisy).save(folder / f"part{part}_{frame}.png")


def test_frames_of_a_burst_are_told_of_and_kept_together(tmp_path):
    bursts(tmp_path / "train" / "good", parts=12, frames=4)
    config = DataConfig("folder", tmp_path, image_size=(64,))
    (warning,) = [one for one in load_data(config, 0).warnings if "--group-by" in one]
    assert "36 of 48" in warning and "part0_1.png like" in warning
    data = load_data(DataConfig("folder", tmp_path, image_size=(64,), group_by="part[0-9]+"), 0)
    assert data.warnings == ()
    splits = (data.train, data.validation, data.calibration)
    of_splits = [set(split.groups.tolist()) for split in splits]
    assert all(of_splits) and sum(map(len, of_splits)) == 12 and sum(split.count for split in splits) == 48
    for split in splits:
        assert [name.rpartition("/")[2].partition("_")[0] for name in split.ids] == split.groups.tolist()


def test_only_names_of_good_images_need_to_say_what_belongs_together(tmp_path):
    write(tmp_path, [f"good/lot{i // 4}_{i}.png" for i in range(24)] + ["bad/scratch0.png"])
    source = find_source(DataConfig("folder", tmp_path, group_by="lot[0-9]+"))
    learned, tested = ({name.split("_")[0] for name in part.ids} for part in (source.train, source.test))
    assert learned.isdisjoint(tested) and len(learned | tested) == 6 + 1 and "bad/scratch0.png" in tested


def test_frames_of_a_burst_are_told_of_beside_a_copy_which_is_none_of_them(tmp_path):
    folder = tmp_path / "train" / "good"
    bursts(folder, parts=12, frames=4)
    (folder / "part0_0 copy.png").write_bytes((folder / "part0_0.png").read_bytes())
    doubled, burst = load_data(DataConfig("folder", tmp_path, image_size=(64,)), 0).warnings
    assert doubled.startswith("1 training images are doubled: ")
    assert burst.startswith("36 of 48 good images look like another one")


def test_parts_that_look_different_are_not_told_of():
    pictures = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 1), "uint8")
    assert burst_warning([look_of(one) for one in pictures], list(map(str, range(30)))) is None
