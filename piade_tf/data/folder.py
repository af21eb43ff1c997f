"""Which files of a folder are images of what: the layouts that are understood, and finding the one at hand.

Only names are looked at where they tell enough, with one scan a folder, so that 100,000 files take a second.
"""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from piade_tf.config import Kind
from piade_tf.data.names import BAD, GOOD, MASKS, TEST, TRAIN, VALIDATION, means, of_meaning, same_form
from piade_tf.data.walk import SUFFIXES, Walk, entries, tree, walk
from piade_tf.errors import InputError

MASK_ENDINGS = ("_mask", "-mask", "_gt", "_label", "")
ROOT_CLASS = "good"  # of images that lie in the folder itself
LEVELS_SEARCHED, FOLDERS_SEARCHED = 4, 2000  # for a folder that would work
LOOKED_FOR = """\
MVTec's layout:         train/good/*.png   test/<good or a defect>/*.png   ground_truth/<defect>/*_mask.png
                        (also ok, normal, ... for good; test, validation and ground_truth may be left out)
classes, with a split:  train/<class>/*.jpg   test/<class>/*.jpg   and --normal-class <class>
classes, without:       <class>/*.jpg   and --normal-class <class>
good images alone:      *.jpg
images end in           """ + " ".join(SUFFIXES)


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


def list_images(root: Path, normal_class: str | None) -> Listing:
    """Finds out how a folder is laid out, and lists its images in the order of their names.

    Args:
        root: the folder.
        normal_class: name of the class that is normal; None: what is called good, ok, normal or the like.

    Raises:
        LayoutError: no images, or a layout that is not understood.
        InputError: the folder is missing, or the normal class is.
    """
    check_folder(root)
    folders, here = entries(root)
    if of_meaning(folders, TRAIN) or of_meaning(folders, TEST):
        return _Parted(root, folders, here).listing(normal_class)
    below = {name: walk(root, name) for name in folders}
    classes = [name for name, found in below.items() if found.images]
    besides = Walk([], here.passed_over, here.unread)
    for found in below.values():
        besides += Walk([], found.passed_over, found.unread)
    if here.images and not classes:
        files = _files(root, here.images, ROOT_CLASS, False)
        return Listing("parts", "good images alone", ROOT_CLASS, files, [], True, [], besides)
    if here.images:
        found_in = f"has images both in itself and in its folders {some(classes)}"
        raise _not_understood(root, f"{found_in}; give one of those folders, or move the images into one")
    if not classes:
        raise _not_understood(root, "has no images")
    if products := [name for name in classes if _has_train(root / name)]:
        what = f"holds {some(products)}, each with a train folder of its own"
        raise _not_understood(root, f"{what}; give {root / products[0]}, or --dataset mvtec --category {products[0]}")
    good = _choose(root, normal_class, classes, root)
    _check_depth(root, good, below[good])
    inner = of_meaning(entries(root / good)[0], BAD)
    train = _files(root, walk(root, good, tuple(inner)).images, good, False)
    others = [file for name in classes if name != good for file in _files(root, below[name].images, name, True)]
    layout = f"classes without a split: {good}/{_lots(root / good, inner)} is normal"
    layout += "" if others else ", there is no other"
    warnings = [f"{good}/{name} is not learned: its name says that its parts are not good" for name in inner]
    return Listing(_kind(good), layout, good, train, others, not others, warnings, besides)


def list_btad(root: Path, category: str | None) -> Listing:
    """The layout of BTAD: `01/train/ok`, `01/test/ok`, `01/test/ko`, `01/ground_truth/ko`."""
    check_folder(root)
    products = sorted(name for name in entries(root)[0] if name.isdecimal())
    if not products:
        raise _not_understood(root, "has no products 01, 02, 03 as btad", "01/train/ok   01/test/ok   01/test/ko   "
                              "01/ground_truth/ko   (and 02, 03)")  # fmt: skip
    chosen = [name for name in products if category is not None and category.isdecimal() and int(name) == int(category)]
    if not chosen:
        raise InputError(f"--category: no product {category!r} in {root}; choose one of {', '.join(products)}")
    listing = list_images(root / chosen[0], None)
    return dataclasses.replace(listing, layout=f"BTAD product {chosen[0]}, {listing.layout}")


def list_mvtec(root: Path, category: str | None) -> Listing:
    """The layout of MVTec AD and MVTec LOCO AD: `bottle/train/good` and so on."""
    check_folder(root)
    categories = [name for name in entries(root)[0] if _has_train(root / name)]
    if not categories:
        raise _not_understood(root, "has no categories as mvtec", "bottle/train/good   bottle/test/<defect>   "
                              "bottle/ground_truth/<defect>   (and other categories)")  # fmt: skip
    chosen = [name for name in categories if category is not None and same_form(name) == same_form(category)]
    if not chosen:
        wanted = "is wanted" if category is None else f"{category!r} is not in {root}"
        raise InputError(f"--category {wanted}; choose one of {', '.join(map(printable, categories))}")
    listing = list_images(root / chosen[0], None)
    return dataclasses.replace(listing, layout=f"MVTec AD {chosen[0]}, {listing.layout}")


def printable(name: str) -> str:
    """A file name on one line, whatever is in it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)


def check_folder(root: Path) -> None:
    """Raises `InputError` where `root` is no folder that can be read, or an empty one."""
    try:
        if next(os.scandir(root), None) is None:
            raise InputError(f"--data-dir {root} is empty; give the folder that holds the images")
    except FileNotFoundError:
        raise InputError(f"--data-dir {root} does not exist; give the folder that holds the images") from None
    except NotADirectoryError:
        raise InputError(f"--data-dir {root} is a file; give the folder that holds the images") from None
    except OSError as error:
        raise InputError(f"--data-dir {root} cannot be read ({error.strerror}); give a folder that can") from None


def some(names: Iterable[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(map(printable, listed[:most])) + more


class _Parted:
    """A folder with train/ or test/ or both, perhaps validation/ and masks."""

    def __init__(self, root: Path, folders: list[str], here: Walk):
        self.root = root
        self.besides = Walk([], here.passed_over, here.unread)
        self.warnings: list[str] = []
        self.roles = {role: _first(of_meaning(folders, role_names)) for role, role_names in ROLES.items()}
        unused = [name for name in folders if name not in self.roles.values() and walk(root, name).images]
        if unused:
            self.warnings.append(f"not used, since only train, validation, test and masks are: {some(unused)}")
        if here.images:
            self.warnings.append(f"{len(here.images)} images directly in the folder are not used: {some(here.images)}")

    def listing(self, normal_class: str | None) -> Listing:
        train_folder, test_folder = self.roles["train"], self.roles["test"]
        good, train, layout = self._train(train_folder, normal_class) if train_folder else self._no_train(normal_class)
        if (validation := self.roles["validation"]) and train_folder:
            more = self._joined(validation, good)
            train += more
            layout += f", {len(more)} images of {validation}/ joined to them" if more else ""
        test = self._test(test_folder, good or ROOT_CLASS) if test_folder else []
        layout += f", {test_folder}/ with {len({same_form(file.class_name) for file in test})} classes" if test else (
            ", no test images"
        )  # fmt: skip
        if any(file.masks for file in test):
            layout += f", masks in {self.roles['masks']}/"
        name = good or ROOT_CLASS
        return Listing(_kind(name), layout, name, train, test, True, self.warnings, self.besides)

    def _train(self, folder: str, normal_class: str | None) -> tuple[str, list[ImageFile], str]:
        """The normal class, empty where images lie in train/ itself; the images; the layout in words."""
        names, here = entries(self.root / folder)
        self._note(here, folder)
        classes = [name for name in names if walk(self.root / folder, name).images or means(name, GOOD)]
        if not classes and here.images:
            return "", self._files([os.path.join(folder, name) for name in here.images], ROOT_CLASS), "images in train/"
        if not classes:
            raise _not_understood(self.root, f"has a folder {folder}, but no images in it")
        good = _choose(self.root, normal_class, classes, self.root / folder)
        if here.images:
            self.warnings.append(
                f"{len(here.images)} images directly in {folder}/ are not learned, only those in {folder}/{good}: "
                f"{some(here.images)}"
            )
        if unused := [name for name in names if name != good and name in classes]:
            self.warnings.append(f"of {folder}/ only {good} is learned; not used: {some(unused)}")
        inner = of_meaning(entries(self.root / folder / good)[0], BAD)
        for name in inner:
            self.warnings.append(f"{folder}/{good}/{name} is not learned: its name says that its parts are not good")
        below = walk(self.root, os.path.join(folder, good), tuple(inner))
        _check_depth(self.root, os.path.join(folder, good), below)
        self._note(below)
        kind = "MVTec's layout" if means(good, GOOD) else "classes with a split"
        layout = f"{kind}: {folder}/{good}{_lots(self.root / folder / good, inner)}"
        return good, self._files(below.images, good), layout

    def _no_train(self, normal_class: str | None) -> tuple[str, list[ImageFile], str]:
        folder = self.roles["test"]
        names = entries(self.root / folder)[0]
        good = _choose(self.root, normal_class, names, self.root / folder) if names else ""
        return good, [], "no train/"

    def _joined(self, folder: str, good: str) -> list[ImageFile]:
        """The normal images of validation/."""
        names, here = entries(self.root / folder)
        self._note(here, folder)
        chosen = [name for name in names if _same_class(name, good or ROOT_CLASS)]
        images = [] if names else [os.path.join(folder, name) for name in here.images]
        for name in chosen:
            below = walk(self.root, os.path.join(folder, name))
            self._note(below)
            images += below.images
        if unused := [name for name in names if name not in chosen]:
            self.warnings.append(f"of {folder}/ only normal images are used; not used: {some(unused)}")
        if names and here.images:
            self.warnings.append(f"{len(here.images)} images directly in {folder}/ are not used: {some(here.images)}")
        return self._files(images, good or ROOT_CLASS)

    def _test(self, folder: str, normal_class: str) -> list[ImageFile]:
        names, here = entries(self.root / folder)
        self._note(here, folder)
        test: list[ImageFile] = []
        for name in names:
            anomalous = not _same_class(name, normal_class)
            below = walk(self.root, os.path.join(folder, name))
            self._note(below)
            files = self._files(below.images, name if anomalous else normal_class, anomalous)
            if not files:
                self.warnings.append(f"{folder}/{name} has no images")
            if anomalous and self.roles["masks"]:
                files = self._with_masks(files, os.path.join(folder, name), name)
            test += files
        if here.images:
            self.warnings.append(
                f"{len(here.images)} images directly in {folder}/ are not used, since nothing tells what they are: "
                f"{some(here.images)}"
            )
        return test

    def _with_masks(self, files: list[ImageFile], tested: str, class_name: str) -> list[ImageFile]:
        """Each image with its masks; what does not go together is told."""
        folder = self.root / self.roles["masks"]
        names, here = entries(folder)
        matching = [name for name in names if same_form(name) == same_form(class_name)]
        place = os.path.join(self.roles["masks"], *matching[:1]) if matching or not here.images else self.roles["masks"]
        found = [(name, path) for name in matching for path in walk(folder, name).images]
        found = found or [("", path) for path in here.images]
        masks: dict[str, list[str]] = {}
        for name, path in found:
            inside = os.path.relpath(path, name or ".")
            nested = os.path.dirname(inside)
            for key in {same_form(os.path.splitext(inside)[0]), same_form(nested)} - {""}:
                masks.setdefault(key, []).append(os.path.join(folder, path))
        paired: list[ImageFile] = []
        without: list[str] = []
        used: set[str] = set()
        for file in files:
            stem = same_form(os.path.splitext(os.path.relpath(file.id, tested))[0])
            key = next((stem + ending for ending in MASK_ENDINGS if stem + ending in masks), "")
            if not key:
                without.append(os.path.relpath(file.id, tested))
            else:
                used.update(masks[key])
                file = dataclasses.replace(file, masks=tuple(masks[key]))
            paired.append(file)
        if without:
            self.warnings.append(f"{place} has no mask for {some(without)}")
        every = {path for paths in masks.values() for path in paths}
        if surplus := sorted(os.path.relpath(path, folder) for path in every - used):
            self.warnings.append(f"{place} has masks without an image: {some(map(os.path.basename, surplus))}")
        return paired

    def _files(self, images: list[str], class_name: str, anomalous: bool = False) -> list[ImageFile]:
        return _files(self.root, images, class_name, anomalous)

    def _note(self, found: Walk, folder: str = "") -> None:
        """Keeps what was passed over and what could not be read, by its path from the root on."""
        self.besides.passed_over += [os.path.join(folder, path) for path in found.passed_over]
        self.besides.unread += [(os.path.join(folder, path), reason) for path, reason in found.unread]


ROLES = {"train": TRAIN, "validation": VALIDATION, "test": TEST, "masks": MASKS}


def _files(root: Path, images: list[str], class_name: str, anomalous: bool) -> list[ImageFile]:
    return [ImageFile(os.path.join(root, path), path, class_name, anomalous) for path in images]


def _first(names: list[str]) -> str:
    return names[0] if names else ""


def _same_class(name: str, normal_class: str) -> bool:
    """Whether a folder's name is that of the normal class, or both say good in their own words."""
    return same_form(name) == same_form(normal_class) or (means(name, GOOD) and means(normal_class, GOOD))


def _kind(normal_class: str) -> Kind:
    return "parts" if means(normal_class, GOOD) else "classes"


def _choose(root: Path, wanted: str | None, classes: list[str], folder: Path) -> str:
    """The normal one of the classes."""
    if wanted is not None:
        chosen = [name for name in classes if same_form(name) == same_form(wanted)]
    else:
        chosen = of_meaning(classes, GOOD)
        chosen = chosen or (classes if len(classes) == 1 and folder != root else [])
    if not chosen:
        said = "give one of the folders as --normal-class" if wanted is None else f"--normal-class {wanted!r} is none"
        if wanted is None and (better := _deeper(root)):
            raise _not_understood(root, f"is laid out in no way that is understood, but {better} is; give that")
        raise InputError(f"{folder}: {said}; there are {some(classes, 20)}")
    return chosen[0]


def _check_depth(root: Path, chosen: str, below: Walk) -> None:
    """Raises where what would be learned has splits or classes of its own further down."""
    if means(os.path.basename(chosen), GOOD):
        return
    if any(means(part, TRAIN | TEST | GOOD | BAD) for path in below.images for part in _folders_in(path, chosen)):
        better = _deeper(root) or "the folder that holds them"
        raise _not_understood(root, f"has splits or classes further down, below {chosen}; give {better}")


def _folders_in(path: str, chosen: str) -> list[str]:
    return os.path.relpath(path, chosen).split(os.sep)[:-1]


def _lots(folder: Path, without: list[str]) -> str:
    """Names of the folders below a class, whose images belong to it."""
    names = [name for name in entries(folder)[0] if name not in without]
    return f" with {some(names)} below it" if names else ""


def _has_train(folder: Path) -> bool:
    return any(_has_images(folder / name) for name in of_meaning(_subfolders(folder), TRAIN))


def _subfolders(folder: Path) -> list[str]:
    try:
        return entries(folder)[0]
    except InputError:
        return []


def _has_images(folder: Path) -> bool:
    return bool(walk(folder).images) or any(means(name, GOOD) for name in _subfolders(folder))


def _deeper(root: Path) -> Path | None:
    """A folder further down that is laid out as one understands; the first, level by level."""
    for count, folder in enumerate(_level_by_level(root)):
        if count > FOLDERS_SEARCHED:
            return None
        names = _subfolders(folder)
        if of_meaning(names, GOOD) or any(_has_images(folder / name) for name in of_meaning(names, TRAIN)):
            return folder
    return None


def _level_by_level(root: Path) -> Iterator[Path]:
    level = [root]
    for _ in range(LEVELS_SEARCHED):
        level = [folder / name for folder in level for name in _subfolders(folder)]
        yield from level


def _not_understood(root: Path, what: str, looked_for: str = LOOKED_FOR) -> LayoutError:
    message = f"{root} {what}; inspect-data prints what was looked for beside what was found"
    return LayoutError(message, looked_for, tree(root))
