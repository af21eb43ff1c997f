"""What was found in a folder of images, by names alone."""

import dataclasses

from piade_tf.config import Kind
from piade_tf.data.walk import Walk
from piade_tf.errors import InputError


class LayoutError(InputError):
    """A folder that is laid out in no way that is understood.

    Attributes:
        looked_for: the layouts, several lines.
        found: what is in the folder, several lines.
    """

    def __init__(self, message: str, looked_for: str, found: str):
        super().__init__(message)
        self.looked_for, self.found = looked_for, found


@dataclasses.dataclass(frozen=True, slots=True)
class ImageFile:
    """An image by name.

    Attributes:
        path: where it lies.
        id: its path from the folder on.
        class_name: a class or a defect.
        anomalous: whether that class is not the normal one.
        masks: where its masks lie, perhaps several.
    """

    path: str
    id: str
    class_name: str
    anomalous: bool
    masks: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Listing:
    """The images of a folder.

    Attributes:
        kind: parts, or classes of which one is normal.
        layout: what was found, in words.
        normal_class: name.
        train: images to learn from, all normal.
        test: images to test on, perhaps none.
        split: False where the folder has no test images of its own, but other classes: part of `train` is then
            to be held out.
        warnings: a sentence each.
        besides: what else lies there: what is no photograph, and what could not be looked at.
    """

    kind: Kind
    layout: str
    normal_class: str
    train: list[ImageFile]
    test: list[ImageFile]
    split: bool
    warnings: list[str]
    besides: Walk = dataclasses.field(default_factory=Walk)
