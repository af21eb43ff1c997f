"""Which files of a folder are images of what: the layouts that are understood, and finding the one at hand.

Only names are looked at where they tell enough, with one scan a folder, so that 100,000 files take a second.
"""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from piade_tf.config import Kind
from piade_tf.data.folders_below import by_its_own_name, folders_in, refuse_bad, without_bad, without_normal
from piade_tf.data.listing import ImageFile, LayoutError, Listing
from piade_tf.data.masks_of_images import with_masks
from piade_tf.data.names import BAD, GOOD, MASKS, TEST, TRAIN, VALIDATION, means, of_meaning, same_class, same_form
from piade_tf.data.walk import SUFFIXES, Walk, entries, tree, walk, walks
from piade_tf.errors import InputError
from piade_tf.printable import printable, some

ROOT_CLASS = "good"  # of images that lie in the folder itself
LEVELS_SEARCHED, FOLDERS_SEARCHED = 4, 2000  # for a folder that would work
LOOKED_FOR = """\
MVTec's layout:         train/good/*.png   test/<good or a defect>/*.png   ground_truth/<defect>/*_mask.png
                        (also ok, normal, ... for good; test, validation and ground_truth may be left out)
classes, with a split:  train/<class>/*.jpg   test/<class>/*.jpg   and --normal-class <class>
classes, without:       <class>/*.jpg   and --normal-class <class>
good images alone:      *.jpg
images end in           """ + " ".join(SUFFIXES)


def list_images(root: Path, normal_class: str | None) -> Listing:
    """Finds out how a folder is laid out, and lists its images in the order of their names.

    Args:
        root: the folder.
        normal_class: name of the class that is normal; None: what is called good, ok, normal or the like.

    Raises:
        LayoutError: no images, or a layout that is not understood.
        InputError: the folder is missing, or the normal class is; or it has images alone, and a name that says bad.
    """
    check_folder(root)
    return _listed(root, normal_class)


def _listed(root: Path, normal_class: str | None, further: bool = True) -> Listing:
    """As `list_images`; `further`: where that fails, whether a folder below is looked for that would work."""
    folders, here = entries(root)
    if of_meaning(folders, TRAIN) or of_meaning(folders, TEST):
        return _Parted(root, folders, here, further).listing(normal_class)
    below = walks(root, "", folders)
    classes = [name for name, found in below.items() if found.images]
    besides = Walk([], here.passed_over, here.unread)
    for found in below.values():
        besides += Walk([], found.passed_over, found.unread)
    if here.images and not classes:
        refuse_bad(root, "--data-dir")
        files = _files(root, here.images, ROOT_CLASS, False)
        return Listing("parts", "good images alone", ROOT_CLASS, files, [], True, [], besides)
    if here.images:
        found_in = f"has images both in itself and in its folders {some(classes)}"
        raise _not_understood(root, f"{found_in}; give one of those folders, or move the images into one")
    if not classes:
        raise _not_understood(root, "has no images")
    if products := [name for name in classes if _has_train(root / name) and not means(name, GOOD | BAD)]:
        raise _not_understood(root, _of_products(root, products, further))
    chosen = _choose(root, normal_class, classes, root, further, single=False)
    good = chosen[0] if chosen else ROOT_CLASS
    warnings = [f"{name} has no images" for name in folders if means(name, GOOD | BAD) and name not in classes]
    train: list[ImageFile] = []
    for name in chosen:
        _check_depth(root, name, below[name], further)
        images, told = without_bad(below[name].images, name)
        train += _files(root, images, good, False)
        warnings += told
    # Only beside good parts: where classes are told apart, "mask" may be one of them.
    masks = of_meaning(classes, MASKS) if _kind(good) == "parts" else []
    if masks[1:]:
        warnings.append(f"of several folders of masks only {masks[0]} is used, not {some(masks[1:])}")
    others: list[ImageFile] = []
    for name in (name for name in classes if name not in (*chosen, *masks)):
        images, told = without_normal(below[name].images, name, lambda part: same_class(part, good))
        warnings += told
        files = _files(root, images, name, True)
        if masks:
            files, told = with_masks(root, masks[0], files, name, name)
            warnings += told
        others += files
    if masks and not others:
        warnings.append(f"{masks[0]} is not used: its name says that masks are in it, and there are no bad parts")
    layout = f"classes without a split: {_in_words(root, chosen)}" + ("" if others else ", there is no other")
    if any(file.masks for file in others):
        layout += f", masks in {masks[0]}/"
    return Listing(_kind(good), layout, good, train, others, not others, warnings, besides)


def list_btad(root: Path, category: str | None, normal_class: str | None = None) -> Listing:
    """The layout of BTAD: `01/train/ok`, `01/test/ok`, `01/test/ko`, `01/ground_truth/ko`."""
    check_folder(root)
    products = sorted(name for name in entries(root)[0] if name.isdecimal())
    if not products:
        raise _not_understood(root, "has no products 01, 02, 03 as btad", "01/train/ok   01/test/ok   01/test/ko   "
                              "01/ground_truth/ko   (and 02, 03)")  # fmt: skip
    chosen = [name for name in products if category is not None and category.isdecimal() and int(name) == int(category)]
    if not chosen:
        raise InputError(f"--category: no product {category!r} in {root}; choose one of {', '.join(products)}")
    listing = list_images(root / chosen[0], normal_class)
    return dataclasses.replace(listing, layout=f"BTAD product {chosen[0]}, {listing.layout}")


def list_mvtec(root: Path, category: str | None, normal_class: str | None = None) -> Listing:
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
    listing = list_images(root / chosen[0], normal_class)
    return dataclasses.replace(listing, layout=f"MVTec AD {chosen[0]}, {listing.layout}")


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


class _Parted:
    """A folder with train/ or test/ or both, perhaps validation/ and masks."""

    def __init__(self, root: Path, folders: list[str], here: Walk, further: bool):
        self.root, self.further = root, further
        self.besides = Walk([], here.passed_over, here.unread)
        self.warnings: list[str] = []
        self.single = False  # whether train/ has one class alone, whatever it is called: the good parts
        self.roles = {role: _first(root, of_meaning(folders, role_names)) for role, role_names in ROLES.items()}
        others = walks(root, "", [name for name in folders if name not in self.roles.values()])
        if unused := [name for name, found in others.items() if found.images]:
            self.warnings.append(f"not used, since only train, validation, test and masks are: {some(unused)}")
        self._note_all(others, unused)
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
        below = walks(self.root, folder, names)
        classes = [name for name in names if below[name].images or means(name, GOOD)]
        if not classes and here.images:
            return "", self._files([os.path.join(folder, name) for name in here.images], ROOT_CLASS), "images in train/"
        if not classes:
            raise _not_understood(self.root, f"has a folder {folder}, but no images in it")
        chosen = _choose(self.root, normal_class, classes, self.root / folder, self.further)
        if not chosen:
            raise _not_understood(self.root, f"has only {some(classes)} in {folder}, whose names say that they are bad")
        good = chosen[0]
        self.single = len(classes) == 1 and not means(good, BAD)
        if here.images:
            self.warnings.append(
                f"{len(here.images)} images directly in {folder}/ are not learned, only those in {folder}/{good}: "
                f"{some(here.images)}"
            )
        if unused := [name for name in names if name not in chosen and name in classes]:
            self.warnings.append(f"of {folder}/ only {', '.join(chosen)} is learned; not used: {some(unused)}")
        self._note_all(below, unused)
        for name in chosen:
            _check_depth(self.root, os.path.join(folder, name), below[name], self.further)
        images = [path for name in chosen for path in self._normal(folder, name, below[name])]
        kind = "MVTec's layout" if means(good, GOOD) else "classes with a split"
        layout = f"{kind}: {' and '.join(_with_lots(self.root, os.path.join(folder, name)) for name in chosen)}"
        return good, self._files(images, good), layout

    def _no_train(self, normal_class: str | None) -> tuple[str, list[ImageFile], str]:
        folder = self.roles["test"]
        below = walks(self.root, folder, entries(self.root / folder)[0])
        names = [name for name, found in below.items() if found.images]
        if normal_class is not None and means(normal_class, GOOD) and not of_meaning(names, GOOD):
            return normal_class, [], "no train/"
        if not names:
            return "", [], "no train/"
        chosen = _choose(self.root, normal_class, names, self.root / folder, self.further, single=False)
        return chosen[0] if chosen else "", [], "no train/"

    def _normal(self, folder: str, name: str, below: Walk) -> list[str]:
        """The images of a normal class in a folder, without those that lie in folders with bad names."""
        images, told = without_bad(below.images, os.path.join(folder, name))
        self.warnings += told
        return images

    def _anomalous(self, folder: str, name: str, below: Walk, normal_class: str) -> list[str]:
        """The images of another class in a folder, without those that lie in folders with normal names."""
        place = os.path.join(folder, name)
        images, told = without_normal(below.images, place, lambda part: self._is_normal(part, normal_class))
        self.warnings += told
        return images

    def _is_normal(self, name: str, normal_class: str) -> bool:
        return same_class(name, normal_class) or (self.single and means(name, GOOD))

    def _joined(self, folder: str, good: str) -> list[ImageFile]:
        """The normal images of validation/."""
        names, here = entries(self.root / folder)
        self._note(here, folder)
        below = walks(self.root, folder, names)
        chosen = [name for name in names if self._is_normal(name, good or ROOT_CLASS)]
        images = [] if names else [os.path.join(folder, name) for name in here.images]
        for name in chosen:
            images += self._normal(folder, name, below[name])
        if unused := [name for name in names if name not in chosen]:
            self.warnings.append(f"of {folder}/ only normal images are used; not used: {some(unused)}")
        self._note_all(below, unused)
        if names and here.images:
            self.warnings.append(f"{len(here.images)} images directly in {folder}/ are not used: {some(here.images)}")
        return self._files(images, good or ROOT_CLASS)

    def _test(self, folder: str, normal_class: str) -> list[ImageFile]:
        names, here = entries(self.root / folder)
        self._note(here, folder)
        below = walks(self.root, folder, names)
        self._note_all(below)
        test: list[ImageFile] = []
        for name in names:
            if anomalous := not self._is_normal(name, normal_class):
                images = self._anomalous(folder, name, below[name], normal_class)
            else:
                images = self._normal(folder, name, below[name])
            files = self._files(images, name if anomalous else normal_class, anomalous)
            if not files:
                self.warnings.append(f"{folder}/{name} has no images")
            if anomalous and self.roles["masks"]:
                files, told = with_masks(self.root, self.roles["masks"], files, os.path.join(folder, name), name)
                self.warnings += told
            test += files
        if here.images:
            self.warnings.append(
                f"{len(here.images)} images directly in {folder}/ are not used, since nothing tells what they are: "
                f"{some(here.images)}"
            )
        return test

    def _files(self, images: list[str], class_name: str, anomalous: bool = False) -> list[ImageFile]:
        return _files(self.root, images, class_name, anomalous)

    def _note_all(self, below: dict[str, Walk], unused: Sequence[str] = ()) -> None:
        """As `_note`, of folders but those that a warning names as not used."""
        for found in (found for name, found in below.items() if name not in unused):
            self._note(found)

    def _note(self, found: Walk, folder: str = "") -> None:
        """Keeps what was passed over and what could not be read, by its path from the root on."""
        self.besides.passed_over += [os.path.join(folder, path) for path in found.passed_over]
        self.besides.unread += [(os.path.join(folder, path), reason) for path, reason in found.unread]


ROLES = {"train": TRAIN, "validation": VALIDATION, "test": TEST, "masks": MASKS}


def _files(root: Path, images: list[str], class_name: str, anomalous: bool) -> list[ImageFile]:
    return [ImageFile(os.path.join(root, path), path, class_name, anomalous) for path in images]


def _first(root: Path, names: list[str]) -> str:
    """The first name, of several the first that has images; empty where there is none."""
    return next((name for name in names if len(names) > 1 and walk(root, name).images), (names or [""])[0])


def _kind(normal_class: str) -> Kind:
    return "parts" if means(normal_class, GOOD) else "classes"


def _choose(
    root: Path, wanted: str | None, classes: list[str], folder: Path, further: bool, single: bool = True
) -> list[str]:
    """The normal ones of the classes in `folder`.

    Several, where they say good in different words; none, where all say bad; with `single`, the only one, whatever it
    is called.
    """
    if wanted is not None:
        wanted = by_its_own_name(folder, wanted, classes)
        exact = [name for name in classes if same_form(name) == same_form(wanted)]
        chosen = exact + [name for name in classes if same_class(name, wanted) and name not in exact]
    else:
        chosen = of_meaning(classes, GOOD)
    if not chosen and all(means(name, BAD) for name in classes) and (wanted is None or means(wanted, GOOD)):
        return []
    if not chosen and wanted is None and single and len(classes) == 1:
        return classes
    if not chosen:
        said = "give one of the folders as --normal-class" if wanted is None else f"--normal-class {wanted!r} is none"
        if wanted is None and folder != root and not single:
            said += ", or good if none of them is"
        if wanted is None and further and (better := _deeper(root)):
            raise _not_understood(root, f"is laid out in no way that is understood, but {better} is; give that")
        raise InputError(f"{folder}: {said}; there are {some(classes, 20)}")
    return chosen


def _check_depth(root: Path, chosen: str, below: Walk, further: bool) -> None:
    """Raises where what would be learned has splits or classes of its own further down."""
    if means(os.path.basename(chosen), GOOD):
        return
    if any(means(part, TRAIN | TEST | GOOD | BAD) for path in below.images for part in folders_in(path, chosen)):
        better = (further and _deeper(root)) or "the folder that holds them"
        raise _not_understood(root, f"has splits or classes further down, below {chosen}; give {better}")


def _with_lots(root: Path, place: str, slash: str = "") -> str:
    """A class and the folders below it, whose images belong to it."""
    names = [name for name in entries(root / place)[0] if not means(name, BAD)]
    return f"{place}{slash} with {some(names)} below it" if names else f"{place}{slash}"


def _in_words(root: Path, chosen: list[str]) -> str:
    named = " and ".join(_with_lots(root, name, "/") for name in chosen)
    return f"{named or 'none'} {'are' if len(chosen) > 1 else 'is'} normal"


def _of_products(root: Path, products: list[str], further: bool) -> str:
    what = f"holds {some(products)}, each with a train folder of its own"
    if not further:
        return what
    if any(_works(root / name) for name in products) or not (better := _deeper(root)):
        return f"{what}; give {root / products[0]}, or --dataset mvtec --category {products[0]}"
    return f"{what}; give {better}"


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
        if _works(folder):
            return folder
    return None


def _works(folder: Path) -> bool:
    """Whether a folder could be given, without another word."""
    names = _subfolders(folder)
    if not any(of_meaning(names, words) for words in (GOOD, TRAIN)):
        return False
    try:
        return bool(_listed(folder, None, further=False).train)
    except InputError:
        return False


def _level_by_level(root: Path) -> Iterator[Path]:
    level = [root]
    for _ in range(LEVELS_SEARCHED):
        level = [folder / name for folder in level for name in _subfolders(folder)]
        yield from level


def _not_understood(root: Path, what: str, looked_for: str = LOOKED_FOR) -> LayoutError:
    message = f"{root} {what}; inspect-data prints what was looked for beside what was found"
    return LayoutError(message, looked_for, tree(root))
