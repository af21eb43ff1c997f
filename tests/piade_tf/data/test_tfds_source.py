"""TensorFlow Datasets streamed: CIFAR-10, COIL-100 and any set with labels, in the one-class protocol."""

import io

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from piade_tf.config import DataConfig
from piade_tf.data import load_data
from piade_tf.errors import InputError


def prepare(root, name, version, features, splits):
    """Writes a prepared TFDS directory; `splits` are lists of examples by the name of the split."""
    directory = root / name / version
    directory.mkdir(parents=True)
    features = tfds.features.FeaturesDict(features)
    identity = tfds.core.DatasetIdentity(name=name, version=version, data_dir=str(directory), module_name="")
    writer = tfds.core.SequentialWriter(tfds.core.DatasetInfo(builder=identity, features=features), 10_000)
    writer.initialize_splits(list(splits))
    writer.add_examples(splits)
    writer.close_all()
    return root


def picture(seed, shape=(32, 32, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def load(name, root, **options):
    return load_data(DataConfig(name, root, **options), seed=0)


def refuses(message, *arguments, **options):
    with pytest.raises(InputError, match=message) as excinfo:
        load(*arguments, **options)
    assert "\n" not in str(excinfo.value)


# === COIL-100 ===

OBJECTS, ANGLES = 3, 72


@pytest.fixture(scope="module")
def coil(tmp_path_factory):
    """Three objects, every view in an order of its own; the first pixel tells the object, the second the angle."""
    rows = []
    for number in np.random.default_rng(0).permutation(OBJECTS * ANGLES):
        which, angle = divmod(int(number), ANGLES)
        image = picture(number, (128, 128, 3))
        image[0, 0], image[0, 1] = which, angle
        rows.append({"image": image, "object_id": f"obj{which + 1}", "angle_label": str(5 * angle), "angle": 5 * angle})
    features = {
        "image": tfds.features.Image(shape=(128, 128, 3)),
        "angle_label": tfds.features.ClassLabel(names=[str(angle) for angle in range(0, 360, 5)]),
        "object_id": tfds.features.ClassLabel(names=[f"obj{i}" for i in range(1, 101)]),
        "angle": np.int64,
    }
    return prepare(tmp_path_factory.mktemp("tfds"), "coil100", "2.0.0", features, {"train": rows})


def views(split):
    pixels = np.stack(list(split.images.as_numpy_iterator()))[:, 0, :2, 0]
    return {tuple(view) for view in pixels.tolist()}


def test_coil100_holds_out_every_fourth_view_of_the_normal_object(coil):
    data = load("coil100", coil, normal_class="obj2")
    tested = {(1, angle) for angle in range(3, ANGLES, 4)}
    others = {(which, angle) for which in (0, 2) for angle in range(ANGLES)}
    assert views(data.test) == tested | others
    learned = views(data.train) | views(data.validation) | views(data.calibration)
    assert learned == {(1, angle) for angle in range(ANGLES)} - tested
    assert data.train.count + data.validation.count + data.calibration.count == 54
    assert (data.normal_class, data.image_shape, data.test.count) == ("obj2", (128, 128, 3), 18 + 144)
    np.testing.assert_array_equal(data.test.labels, data.test.classes != "obj2")


def test_coil100_labels_go_with_their_images(coil):
    data = load("coil100", coil, normal_class="obj1")
    for image, name in zip(data.test.images.as_numpy_iterator(), data.test.classes, strict=True):
        assert name == f"obj{image[0, 0, 0] + 1}"


# === Any set ===


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A set of grey images with a split of its own and two labels."""

    def rows(count, seed):
        kinds = np.random.default_rng(seed).integers(0, 2, count)
        return [
            {"picture": np.full((30 + i % 3, 40, 1), 10 * kind + 5, "uint8"), "kind": int(kind), "batch": i % 3}
            for i, kind in enumerate(kinds)
        ]

    features = {
        "picture": tfds.features.Image(shape=(None, None, 1)),
        "kind": tfds.features.ClassLabel(names=["fine", "broken"]),
        "batch": tfds.features.ClassLabel(num_classes=3),
    }
    splits = {"train": rows(150, 0), "test": rows(20, 1)}
    return prepare(tmp_path_factory.mktemp("tfds"), "parts", "1.0.0", features, splits)


def test_any_set_by_name_label_key_and_class(parts):
    data = load("tfds:parts", parts, label_key="kind", normal_class="fine", image_size=(32,))
    assert data.layout == "parts of TensorFlow Datasets, its own split"
    assert data.image_shape == (32, 32, 1)
    for split in (data.train, data.validation, data.calibration):
        images = np.stack(list(split.images.as_numpy_iterator()))
        assert len(images) == split.count and set(images.ravel()) == {5}
    images = np.stack(list(data.test.images.as_numpy_iterator()))[:, 0, 0, 0]
    np.testing.assert_array_equal(images, np.where(data.test.labels, 15, 5))
    assert data.test.count == 20


def test_streamed_images_are_shuffled_the_same_way_for_the_same_seed(parts):
    from piade_tf.data import batches

    data = load("tfds:parts", parts, label_key="kind", image_size=(32,), cache="none")
    first, again = (list(batches(data.train, 8, 1).as_numpy_iterator()) for _ in range(2))
    assert sum(map(len, first)) == data.train.count
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_fingerprint_is_that_of_images_and_labels(parts):
    prints = {load("tfds:parts", parts, label_key=key, image_size=(32,)).fingerprint for key in ("kind", "batch")}
    assert len(prints) == 2
    assert load("tfds:parts", parts, label_key="kind", image_size=(40,)).fingerprint in prints


def test_a_wrong_label_key_class_or_name_is_refused(parts, tmp_path):
    refuses("tfds:parts has no label 'label'; choose --label-key from .*kind", "tfds:parts", parts)
    refuses("no class 'bent'; choose one of 0 fine, 1 broken", "tfds:parts", parts, label_key="kind",
            normal_class="bent")  # fmt: skip
    refuses("holds no nuts as TensorFlow Datasets prepares it", "tfds:nuts", parts)
    refuses("gone does not exist; give the folder that holds tfds:parts", "tfds:parts", tmp_path / "gone")
    refuses("no data set 'cifar'; choose one of digits, folder, .*cifar10.*tfds:NAME", "cifar", None)


def test_a_set_without_images_is_refused(tmp_path):
    features = {"text": np.int64, "label": tfds.features.ClassLabel(num_classes=2)}
    prepare(tmp_path, "words", "1.0.0", features, {"train": [{"text": 1, "label": 0}]})
    refuses("tfds:words has no images, only", "tfds:words", tmp_path)


def test_a_damaged_image_is_told_in_one_line(tmp_path):
    features = {"image": tfds.features.Image(shape=(None, None, 3)), "label": tfds.features.ClassLabel(num_classes=2)}
    whole = io.BytesIO()
    Image.fromarray(picture(0)).save(whole, "PNG")
    rows = [{"image": io.BytesIO(whole.getvalue()[:size]), "label": 0} for size in (None, 1000)]
    prepare(tmp_path, "cut", "1.0.0", features, {"train": rows})
    refuses("an image of cut .*; prepare the data set again", "tfds:cut", tmp_path)


def test_records_cut_short_are_refused(parts, tmp_path):
    import shutil

    shutil.copytree(parts, tmp_path / "tfds")
    (path,) = (tmp_path / "tfds").glob("parts/*/*train*tfrecord*")
    path.write_bytes(path.read_bytes()[:3000])
    refuses("holds no parts as TensorFlow Datasets prepares it", "tfds:parts", tmp_path / "tfds", label_key="kind")


# === CIFAR-10 ===


def test_cifar10_has_the_names_and_colours(tmp_path):
    features = {
        "id": tfds.features.Text(),
        "image": tfds.features.Image(shape=(32, 32, 3)),
        "label": tfds.features.ClassLabel(num_classes=10),
    }
    version = str(tfds.builder_cls("cifar10").VERSION)

    def rows(labels):
        return [{"id": str(i), "image": picture(i), "label": label} for i, label in enumerate(labels)]

    splits = {"train": rows([8] * 60 + [3] * 5), "test": rows([8, 8, 3, 1])}
    data = load("cifar10", prepare(tmp_path, "cifar10", version, features, splits), normal_class="ship")
    assert (data.normal_class, data.image_shape, data.train.count) == ("ship", (160, 160, 3), 36)
    assert data.test.classes.tolist() == ["ship", "ship", "cat", "automobile"]
    assert tf.is_tensor(next(iter(data.train.images)))
