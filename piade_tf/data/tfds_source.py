"""Data sets through TensorFlow Datasets: small ones as arrays, all others streamed from their records."""

import contextlib
import hashlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from piade_tf.data import idx
from piade_tf.data.alike import alike_warning
from piade_tf.data.arrays import LabelledImages, size_of_classes
from piade_tf.data.checked_files import checked_records
from piade_tf.data.decode import decode_bytes, grey_in_colour
from piade_tf.data.division import without_test_split
from piade_tf.data.reading import only
from piade_tf.data.source import ImageSet, Source, find_class
from piade_tf.errors import InputError
from piade_tf.lost_images import losses_told
from piade_tf.progress import track

DOWNLOAD_HOST, TIMEOUT_SECONDS = "https://storage.googleapis.com", 10
IDX_FILES = ", ".join(sum(idx.FILES.values(), ()))
COIL100 = "coil100"
GREY_SAMPLE = 100  # images


def load(name: str, data_dir: Path | None) -> tuple[LabelledImages, LabelledImages]:
    """Training and test images of the small TFDS data set `name`, as arrays.

    Args:
        name: e.g. `"mnist"`.
        data_dir: a prepared TFDS folder, or None: TFDS's own folder, downloading where it has to.

    Raises:
        InputError: the data set is not in the folder, or cannot be downloaded.
    """
    with _errors_in_plain_words(name, data_dir):
        builder = _prepared(name, data_dir)
        train, test = builder.as_dataset(split=["train", "test"], batch_size=-1)
    return _to_numpy(train), _to_numpy(test)


def stream(name: str, data_dir: Path | None, normal_class: str | None, label_key: str) -> Source:
    """Any TFDS image data set with labels, in the one-class protocol; images are decoded as they are needed.

    COIL-100 follows the paper: one object is normal, the others are anomalous, and every fourth view of the
    normal object, by its angle, is for testing. Other sets without a test split likewise, in their own order.

    Args:
        name: as TFDS calls it, perhaps with a configuration, `name/config`.
        data_dir: a prepared TFDS folder, or None: TFDS's own folder, downloading where it has to.
        normal_class: number or name of the normal class; None: the first.
        label_key: the feature that is the label.

    Raises:
        InputError: the data set cannot be had, has no images or no such label, or the class does not exist.
    """
    order_key = None
    if name == COIL100:
        label_key, order_key = "object_id", "angle"
    with _errors_in_plain_words(name, data_dir):
        builder = _prepared(name, data_dir)
    image_key = _image_key(builder, name)
    class_names = _class_names(builder, name, label_key)
    normal = find_class(class_names[0] if normal_class is None else normal_class, class_names)
    splits = [split for split in ("train", "test") if split in builder.info.splits]
    if "train" not in splits:
        raise InputError(f"tfds:{name} has no split called train, only {', '.join(builder.info.splits)}")
    with _errors_in_plain_words(name, data_dir):
        rows = {split: _Rows(builder, split, image_key, label_key, order_key) for split in splits}
    names = np.array(class_names)
    if "test" in rows:
        train, test = (_image_set(rows[split], None, normal, names) for split in splits)
        layout = f"{name} of TensorFlow Datasets, its own split"
    else:
        labels = (rows["train"].labels != normal).astype("int64")
        order = None if order_key is None else np.argsort(rows["train"].order, kind="stable")
        learned, tested = without_test_split(labels, order)
        train, test = (_image_set(rows["train"], part, normal, names) for part in (learned, tested))
        layout = f"{name} of TensorFlow Datasets, every fourth normal image held out for testing"
    sample = list(train.items(np.flatnonzero(train.labels == 0)[:GREY_SAMPLE]).as_numpy_iterator())
    if not sample:
        raise InputError(f"tfds:{name} has no images of the class {class_names[normal]} to train on")
    with losses_told():
        pixels = list(map(checked_records(decode_bytes, name), sample))
    learned = train.ids[train.labels == 0].tolist()
    alike = alike_warning([rows["train"].digests[int(name)] for name in learned], learned)
    shape = builder.info.features[image_key].shape
    grey = all(map(grey_in_colour, pixels))
    return Source(
        kind="classes",
        layout=layout,
        train=train,
        test=test,
        normal_class=class_names[normal],
        default_size=size_of_classes(shape[:2], grey) if None not in shape[:2] else (128, 128),
        grey=grey,
        kinds={f"{'x'.join(str(side or '?') for side in shape[1::-1])}": sum(len(r.labels) for r in rows.values())},
        fingerprint=hashlib.sha256(b"".join(rows[split].digest for split in splits)).hexdigest(),
        warnings=(alike,) if alike else (),
    )


class _Rows:
    """One split of a prepared data set, its records in their fixed order.

    Attributes:
        name: of the data set.
        labels: `(count,)`, int64.
        order: `(count,)`, of `order_key`, or None.
        digest: SHA-256 of all encoded images and labels.
        digests: of each encoded image.
        item_bytes: mean size of an encoded image.
    """

    def __init__(self, builder, split: str, image_key: str, label_key: str, order_key: str | None):
        self._builder, self._split, self._image_key = builder, split, image_key
        self.name = builder.name
        self.digests: list[bytes] = []
        keys = {"image": image_key, "label": label_key} | ({"order": order_key} if order_key else {})
        rows = self._records().map(lambda row: {name: row[key] for name, key in keys.items()})
        digest, labels, order, size = hashlib.sha256(), [], [], 0
        total = builder.info.splits[split].num_examples
        for row in track(rows.as_numpy_iterator(), total, f"reading the labels of {split}"):
            digest.update(row["image"])
            self.digests.append(hashlib.blake2b(row["image"], digest_size=16).digest())
            labels.append(row["label"])
            order.append(row.get("order", 0))
            size += len(row["image"])
        self.labels, self.order = np.array(labels, "int64"), np.array(order)
        digest.update(self.labels.tobytes())
        self.digest = digest.digest()
        self.item_bytes = size // max(1, len(labels))

    def _records(self) -> tf.data.Dataset:
        import tensorflow_datasets as tfds

        return self._builder.as_dataset(
            split=self._split,
            decoders={self._image_key: tfds.decode.SkipDecoding()},
            shuffle_files=False,
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )

    def images(self, indices: np.ndarray) -> tf.data.Dataset:
        """Encoded images of these records, in the order of the records."""
        wanted = np.zeros(len(self.labels), bool)
        wanted[indices] = True
        return only(self._records().map(lambda row: row[self._image_key]), wanted)


def _image_set(rows: _Rows, part: np.ndarray | None, normal: int, names: np.ndarray) -> ImageSet:
    part = np.arange(len(rows.labels)) if part is None else part
    return ImageSet(
        items=lambda indices: rows.images(part[indices]),
        read=checked_records(decode_bytes, rows.name),
        classes=names[rows.labels[part]],
        labels=(rows.labels[part] != normal).astype("int64"),
        ids=part.astype(str),
        item_bytes=rows.item_bytes,
    )


def _prepared(name: str, data_dir: Path | None):
    import tensorflow_datasets as tfds  # imports for seconds

    builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    if data_dir is None and not builder.is_prepared():
        _ask_for_network()
        builder.download_and_prepare()
    if not builder.is_prepared():
        raise FileNotFoundError(f"{name} is not prepared in {data_dir}")
    return builder


def _image_key(builder, name: str) -> str:
    import tensorflow_datasets as tfds

    features = builder.info.features
    keys = [key for key in features if isinstance(features[key], tfds.features.Image)]
    if not keys:
        raise InputError(f"tfds:{name} has no images, only {', '.join(features)}; choose an image data set")
    return "image" if "image" in keys else keys[0]


def _class_names(builder, name: str, label_key: str) -> list[str]:
    import tensorflow_datasets as tfds

    features = builder.info.features
    labels = [key for key in features if isinstance(features[key], tfds.features.ClassLabel)]
    if label_key not in labels:
        raise InputError(
            f"tfds:{name} has no label {label_key!r}; choose --label-key from {', '.join(labels) or 'nothing'}"
        )
    return list(features[label_key].names)


@contextlib.contextmanager
def _errors_in_plain_words(name: str, data_dir: Path | None):
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        has_idx_files = name in ("mnist", "fashion_mnist")
        if data_dir is None:
            by_hand = f"fetch {IDX_FILES} of {name} by hand into a folder and give it" if has_idx_files else (
                "prepare it with TensorFlow Datasets on another machine and give its folder"
            )  # fmt: skip
            raise InputError(f"{name} could not be downloaded ({reason}); {by_hand} with --data-dir") from error
        idx_files = f"neither the four IDX files ({IDX_FILES}) nor {name}" if has_idx_files else f"no {name}"
        raise InputError(
            f"{data_dir} holds {idx_files} as TensorFlow Datasets prepares it; "
            "give the folder that does with --data-dir"
        ) from error


def _ask_for_network() -> None:
    """Fails at once where there is no network: TensorFlow Datasets would try again for minutes."""
    with contextlib.suppress(urllib.error.HTTPError):  # an answer, whatever it says
        urllib.request.urlopen(DOWNLOAD_HOST, timeout=TIMEOUT_SECONDS).close()


def _to_numpy(split: dict[str, Any]) -> LabelledImages:
    return LabelledImages(np.asarray(split["image"]), np.asarray(split["label"], "int64"))
