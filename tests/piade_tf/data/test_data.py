"""The data: who is held out, the sources, and every way in which files can be wrong."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from piade_tf.config import DataConfig
from piade_tf.data import batches, digits, find_source, idx, load_data
from piade_tf.data.arrays import LabelledImages, one_class_source, size_of_classes
from piade_tf.data.catalogue import FASHION_CLASSES
from piade_tf.data.division import divide, hold_out, without_test_split
from piade_tf.data.preparation import Preparation
from piade_tf.data.reading import images_at
from piade_tf.data.source import find_class, fingerprint
from piade_tf.data.splits import Split
from piade_tf.errors import InputError

FASHION_MNIST = Path(__file__).parents[4] / "shared" / "data" / "fashion_mnist"
NAMES = [name for pair in idx.FILES.values() for name in pair]
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


def refuses(message, function, *arguments):
    with pytest.raises(InputError, match=message) as excinfo:
        function(*arguments)
    assert "\n" not in str(excinfo.value)


def all_images(split):
    return np.stack(list(split.images.as_numpy_iterator()))


# === Splits ===


@settings(deadline=None, max_examples=40)
@given(count=st.integers(5, 6000), seed=st.integers(0, 9))
def test_held_out_images_are_disjoint_complete_and_enough(count, seed):
    train, validation, calibration = hold_out(count, seed)
    assert sorted([*train, *validation, *calibration]) == list(range(count))
    assert (
        len(validation)
        == len(calibration)
        == (np.clip(round(0.1 * count), 20, 300) if count >= 100 else round(0.2 * count))
    )
    assert len(train) >= len(validation)


def test_the_same_seed_holds_out_the_same_images_and_another_seed_others():
    first, again, other = hold_out(200, 1), hold_out(200, 1), hold_out(200, 2)
    for part in range(3):
        np.testing.assert_array_equal(first[part], again[part])
        assert not np.array_equal(first[part], other[part])


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_too_few_normal_images_are_refused(count):
    refuses(f"{count} normal training images are too few", hold_out, count, 0)


@pytest.fixture(scope="module")
def labelled():
    """Three classes of 70 training and 5 test images; the pixels tell class and split."""
    train, test = np.repeat([0, 1, 2], 70), np.repeat([2, 0, 1], 5)
    blank = np.ones((1, 4, 6, 1), "uint8")
    return (
        LabelledImages((10 * train)[:, None, None, None].astype("uint8") * blank, train),
        LabelledImages((10 * test + 1)[:, None, None, None].astype("uint8") * blank, test),
    )


def one_class(labelled, size=(4, 6)):
    source = one_class_source(*labelled, ("a", "b", "c"), "b", "three classes")
    assert (source.default_size, source.grey, source.kinds) == ((4, 6), True, {"6x4 L": 225})
    return divide(source, Preparation(size, channels=1), seed=0)


def test_one_class_is_learned_and_all_classes_are_tested(labelled):
    data = one_class(labelled)
    assert (data.train.count, data.validation.count, data.calibration.count, data.test.count) == (42, 14, 14, 15)
    for split in (data.train, data.validation, data.calibration):
        images = all_images(split)
        assert len(images) == split.count and images.dtype == "uint8" and set(images.ravel()) == {10}
    np.testing.assert_array_equal(data.test.labels, np.repeat([1, 1, 0], 5))
    assert data.test.classes.tolist() == ["c"] * 5 + ["a"] * 5 + ["b"] * 5
    np.testing.assert_array_equal(all_images(data.test), labelled[1].images)
    assert len(set(data.test.ids)) == 15
    assert (data.normal_class, data.image_shape) == ("b", (4, 6, 1))


@pytest.mark.parametrize(
    ("size", "grey", "shown"),
    [
        ((32, 32), False, (160, 160)),
        ((48, 32), False, (240, 160)),
        ((28, 28), True, (28, 28)),
        ((64, 80), False, (64, 80)),
    ],
)
def test_small_images_of_classes_are_enlarged_in_colour(size, grey, shown):
    assert size_of_classes(size, grey) == shown


def test_images_are_resized_where_asked_and_the_fingerprint_stays(labelled):
    native, resized = one_class(labelled), one_class(labelled, size=(9, 9))
    assert resized.image_shape == (9, 9, 1)
    assert all_images(resized.test).shape == (15, 9, 9, 1)
    assert resized.fingerprint == native.fingerprint


def test_fingerprint_changes_with_pixels_labels_shape_and_type():
    images, labels = np.arange(12, dtype="uint8").reshape(3, 4), np.arange(3)
    changed = images.copy()
    changed[0, 0] += 1
    prints = [
        fingerprint(images, labels),
        fingerprint(changed, labels),
        fingerprint(images, labels[::-1]),
        fingerprint(images.reshape(4, 3), labels),
        fingerprint(images.astype("int8"), labels),
    ]
    assert len(set(prints)) == 5
    assert fingerprint(images.copy(), labels.copy()) == prints[0]
    assert fingerprint(np.asfortranarray(images), labels) == prints[0]


@pytest.mark.parametrize("wanted", ["3", "Dress", "dress", "DRESS"])
def test_a_class_goes_by_number_or_by_name_in_any_case(wanted):
    assert find_class(wanted, FASHION_CLASSES) == 3


@pytest.mark.parametrize("wanted", ["10", "-1", "3.0", "", "Hat", "Dres"])
def test_an_unknown_class_lists_the_classes(wanted):
    refuses("--normal-class: no class .*0 T-shirt/top, .*3 Dress, .*9 Ankle boot", find_class, wanted,
            FASHION_CLASSES)  # fmt: skip


def test_an_empty_class_as_of_an_unset_variable_is_not_the_first_one():
    refuses("--normal-class: no class ''; choose one of 0, 1, 2", find_source, DataConfig("digits", normal_class=""))


@settings(deadline=None, max_examples=40)
@given(labels=st.lists(st.integers(0, 1), max_size=40), shuffled=st.booleans())
def test_without_a_test_split_every_fourth_normal_image_and_all_others_are_tested(labels, shuffled):
    labels = np.array(labels, int)
    order = np.random.default_rng(0).permutation(len(labels)) if shuffled else np.arange(len(labels))
    learned, tested = without_test_split(labels, order if shuffled else None)
    assert sorted([*learned, *tested]) == list(range(len(labels)))
    assert set(np.flatnonzero(labels)) <= set(tested)
    normal = [index for index in order if labels[index] == 0]
    enough = len(normal) - len(normal) // 4 >= 5
    assert [index for index in normal if index in set(tested)] == (normal[3::4] if enough else [])


# === Batches ===


def numbered(count):
    return Split(tf.data.Dataset.range(count).map(lambda i: tf.fill((2, 2, 1), tf.cast(i, tf.uint8))), count)


def order(dataset):
    return np.concatenate([255 * batch[:, 0, 0, 0] for batch in dataset]).round().astype(int).tolist()


def test_batches_are_floats_from_zero_to_one_in_order_and_complete():
    read = list(batches(numbered(256), 100))
    assert [len(batch) for batch in read] == [100, 100, 56]
    assert {batch.dtype for batch in read} == {tf.float32}
    np.testing.assert_allclose(np.concatenate(read)[:, 1, 1, 0], np.arange(256) / 255, rtol=1e-6)


def test_shuffling_is_anew_in_each_epoch_and_the_same_for_the_same_seed():
    first, again, other = (batches(numbered(50), 8, shuffle_seed=seed) for seed in (1, 1, 2))
    epochs = [order(first), order(first)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(50))
    assert epochs[0] != epochs[1] and epochs[0] != list(range(50))
    assert [order(again), order(again)] == epochs
    assert order(other) != epochs[0]


def test_items_are_shuffled_as_their_images_would_be():
    images = numbered(50)
    paths = Split(tf.data.Dataset.range(50), 50, lambda i: tf.fill((2, 2, 1), tf.cast(i, tf.uint8)), item_bytes=8)
    assert order(batches(paths, 8, shuffle_seed=1)) == order(batches(images, 8, shuffle_seed=1))
    assert order(batches(paths, 8)) == list(range(50))


def test_images_at_places_come_in_the_order_asked_for_and_no_other_is_decoded():
    decoded = []

    def read(number):
        pixels = tf.numpy_function(
            lambda i: decoded.append(int(i)) or np.full((2, 2, 1), i, "uint8"), [number], tf.uint8
        )
        return tf.ensure_shape(pixels, (2, 2, 1))

    split = Split(tf.data.Dataset.range(200), 200, read)
    images = images_at(split, np.array([150, 3, 64]))
    assert images[:, 0, 0, 0].tolist() == [150, 3, 64] and sorted(decoded) == [3, 64, 150]
    assert images_at(split, np.array([], int)).shape == (0, 2, 2, 1)


def test_images_at_places_of_pixels_and_of_file_contents_that_end_in_zeros():
    pixels = np.arange(200, dtype="uint8").repeat(4).reshape(200, 2, 2, 1)
    split = Split(tf.data.Dataset.from_tensor_slices(pixels), 200)
    np.testing.assert_array_equal(images_at(split, np.array([150, 3, 3])), pixels[[150, 3, 3]])
    contents = Split(
        tf.data.Dataset.from_tensor_slices([b"a\0\0", b"bc\0\0\0"]),
        2,
        lambda text: tf.fill((1, 1, 1), tf.strings.length(text)),
    )
    assert images_at(contents, np.array([1, 0])).ravel().tolist() == [5, 3]


# === Digits ===


def test_digits_are_divided_in_a_fixed_way():
    train, test = digits.load()
    assert train.images.shape == (1257, 8, 8, 1) and test.images.shape == (540, 8, 8, 1)
    assert train.images.dtype == "uint8" and (train.images.min(), train.images.max()) == (0, 255)
    shares = np.bincount(test.labels) / np.bincount(np.r_[train.labels, test.labels])
    np.testing.assert_allclose(shares, 0.3, atol=0.01)
    data = load_data(DataConfig("digits"), seed=0)
    assert data.image_shape == (32, 32, 1)
    assert data.fingerprint == "37d590586515765d64bed319db4993302d0064fc3667596458837eebc4a256b2"
    assert load_data(DataConfig("digits", normal_class="4", image_size=(40,)), seed=1).image_shape == (40, 40, 1)


# === IDX files ===


def idx_bytes(array):
    header = b"\x00\x00\x08" + bytes([array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return header + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """The four files: 90 training and 10 test images of 28x28."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mnist"
    folder.mkdir()
    for count, names in zip((90, 10), idx.FILES.values(), strict=True):
        images = rng.integers(0, 256, (count, 28, 28), "uint8")
        labels = (np.arange(count) % 10 * (np.arange(count) > 69)).astype("uint8")
        for name, array in zip(names, (images, labels), strict=True):
            (folder / name).write_bytes(gzip.compress(idx_bytes(array)))
    return folder


def load_mnist(folder):
    return load_data(DataConfig("mnist", normal_class="0", data_dir=folder), seed=0)


def rewrite(path, change):
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))


def test_idx_files_are_read_as_they_were_written(folder):
    train, test = idx.load(folder)
    expected = gzip.decompress((folder / TRAIN_IMAGES).read_bytes())[16:]
    assert train.images.shape == (90, 28, 28, 1) and train.images.tobytes() == expected
    np.testing.assert_array_equal(train.labels[-3:], [7, 8, 9])
    assert train.labels.dtype == "int64" and len(test.images) == 10
    data = load_mnist(folder)
    assert (data.train.count, data.test.count, data.image_shape) == (44, 10, (28, 28, 1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.97])
def test_a_gz_file_cut_short_is_named(folder, name, share):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    refuses(f"{name} .*fetch it again", load_mnist, folder)


def test_a_file_that_is_no_gz_is_named(folder):
    (folder / TRAIN_IMAGES).write_bytes(b"<html>not found</html>" * 9)
    refuses(f"{TRAIN_IMAGES} cannot be read", load_mnist, folder)


def test_a_gz_file_with_a_damaged_middle_is_named(folder):
    content = bytearray((folder / TRAIN_IMAGES).read_bytes())
    content[2000:2100] = bytes(100)
    (folder / TRAIN_IMAGES).write_bytes(content)
    refuses(f"{TRAIN_IMAGES} .*fetch it again", load_mnist, folder)


@pytest.mark.parametrize("magic", [b"\x00\x00\x0d\x03", b"\x00\x00\x08\x01", b"\x01\x00\x08\x03", b""])
def test_a_wrong_magic_number_is_named(folder, magic):
    rewrite(folder / TRAIN_IMAGES, lambda content: magic + content[4:])
    refuses(f"{TRAIN_IMAGES} is no IDX file of unsigned bytes with 3 axes", load_mnist, folder)


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + b"\x00", lambda c: c[:16]])
def test_a_length_that_the_header_does_not_tell_is_named(folder, change):
    rewrite(folder / TEST_IMAGES, change)
    refuses(f"{TEST_IMAGES} is cut short or too long: its header tells of 7840 bytes", load_mnist, folder)


def test_a_header_cut_short_is_named(folder):
    rewrite(folder / TEST_IMAGES, lambda content: content[:9])
    refuses(f"{TEST_IMAGES} is no IDX file", load_mnist, folder)


def test_images_and_labels_that_differ_in_number_are_named(folder):
    (folder / TRAIN_LABELS).write_bytes((folder / TEST_LABELS).read_bytes())
    refuses(f"{TRAIN_IMAGES} has 90 images but {TRAIN_LABELS} 10 labels", load_mnist, folder)


@pytest.mark.parametrize("name", NAMES)
def test_one_of_the_four_files_missing_is_named(folder, name):
    (folder / name).unlink()
    refuses(f"{name} is missing", load_mnist, folder)


def test_training_and_test_images_of_different_size_are_refused(folder):
    images = np.zeros((10, 20, 20), "uint8")
    (folder / TEST_IMAGES).write_bytes(gzip.compress(idx_bytes(images)))
    refuses("another size", load_mnist, folder)


def test_labels_that_no_class_has_are_refused(folder):
    (folder / TEST_LABELS).write_bytes(gzip.compress(idx_bytes(np.full(10, 10, "uint8"))))
    refuses(TEST_LABELS, load_mnist, folder)


def test_a_data_directory_that_is_missing_empty_or_a_file_is_refused(tmp_path):
    refuses("missing does not exist; give the folder that holds mnist", load_mnist, tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    refuses("empty is empty; give the folder that holds mnist", load_mnist, tmp_path / "empty")
    (tmp_path / "file").write_text("text")
    refuses("file is a file; give the folder that holds mnist", load_mnist, tmp_path / "file")


# === TensorFlow Datasets ===


def test_a_directory_of_the_wrong_kind_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").write_text("no data set")
    refuses(
        f"holds neither the four IDX files .*{TRAIN_IMAGES}.* nor mnist as TensorFlow Datasets prepares it",
        load_mnist,
        tmp_path,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_download_that_fails_says_what_to_fetch_and_where_to_put_it(monkeypatch):
    import tensorflow_datasets as tfds

    def refuse(*args, **kwargs):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds, "builder", refuse)
    refuses(f"could not be downloaded .no route to host.; fetch {TRAIN_IMAGES}.*--data-dir", load_mnist, None)


@pytest.fixture
def prepared(folder, tmp_path):
    """A TFDS directory with the images of the four files."""
    import tensorflow_datasets as tfds

    version = tfds.builder_cls("mnist").VERSION
    directory = tmp_path / "tfds" / "mnist" / str(version)
    directory.mkdir(parents=True)
    image, label = tfds.features.Image(shape=(28, 28, 1)), tfds.features.ClassLabel(num_classes=10)
    identity = tfds.core.DatasetIdentity(name="mnist", version=version, data_dir=str(directory), module_name="")
    features = tfds.features.FeaturesDict({"image": image, "label": label})
    writer = tfds.core.SequentialWriter(tfds.core.DatasetInfo(builder=identity, features=features), 1000)
    writer.initialize_splits(["train", "test"])
    for name, split in zip(("train", "test"), idx.load(folder), strict=True):
        rows = zip(split.images, split.labels.tolist(), strict=True)
        writer.add_examples({name: [{"image": image, "label": label} for image, label in rows]})
    writer.close_all()
    return tmp_path / "tfds"


def test_a_tfds_directory_gives_the_same_data_as_the_idx_files(folder, prepared):
    assert load_mnist(prepared).fingerprint == load_mnist(folder).fingerprint


def test_a_tfds_directory_cut_short_is_refused(prepared):
    (path,) = prepared.glob("mnist/*/*train*tfrecord*")
    path.write_bytes(path.read_bytes()[:5000])
    refuses("nor mnist as TensorFlow Datasets prepares it", load_mnist, prepared)


def test_the_idx_files_need_no_tfds(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    assert load_mnist(folder).test.count == 10


# === Real files ===


@pytest.mark.skipif(not FASHION_MNIST.is_dir(), reason=f"no {FASHION_MNIST}")
def test_fashion_mnist_has_six_thousand_training_images_a_class():
    train, test = idx.load(FASHION_MNIST)
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    data = load_data(DataConfig("fashion_mnist", normal_class="dress", data_dir=FASHION_MNIST), seed=0)
    assert (data.train.count, data.validation.count, data.calibration.count) == (5400, 300, 300)
    assert (data.normal_class, data.test.count, int(data.test.labels.sum())) == ("Dress", 10000, 9000)
    assert data.fingerprint == "885da39f4b1a3d7b8ca5ca4980c4435ce33763ab070070c6ebae5d0ad534afe4"
