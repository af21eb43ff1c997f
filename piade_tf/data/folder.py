"""Which files of a folder are images of what: the layouts that are understood, and finding the one at hand.

Only names are looked at, with one scan a folder, so that 100,000 files take a second.
"""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from piade_tf.config import Kind
from piade_tf.data.decode import SUFFIXES
from piade_tf.errors import InputError

GOOD_NAMES = ("good", "ok", "normal")
MASK_FOLDERS = ("ground_truth", "masks", "mask")
MASK_ENDINGS = ("_mask", "-mask", "_gt", "")
ROOT_CLASS = "good"  # of images that lie in the folder itself
LOOKED_FOR = """\
MVTec's layout:         train/good/*.png   test/<good or a defect>/*.png   ground_truth/<defect>/*_mask.png
                        (also ok or normal for good; test and ground_truth may be left out)
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
        mask: where its mask lies, or an empty string.
    """

    path: str
    id: str
    class_name: str
    anomalous: bool
    mask: str = ""


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
    """

    kind: Kind
    layout: str
    normal_class: str
    train: list[ImageFile]
    test: list[ImageFile]
    split: bool
    warnings: list[str]


def list_images(root: Path, normal_class: str | None) -> Listing:
    """Finds out how a folder is laid out, and lists its images in the order of their names.

    Args:
        root: the folder.
        normal_class: name of the class that is normal; None: good, ok or normal.

    Raises:
        LayoutError: no images, or a layout that is not understood.
        InputError: the folder is missing, or the normal class is.
    """
    check_folder(root)
    subfolders = _subfolders(root)
    names = {name.lower(): name for name in subfolders}
    if "train" in names:
        classes = _subfolders(root / names["train"])
        if not classes and _images(root / names["train"]):
            return _with_test(root, names, "", "images in train/")
        if not classes:
            raise _not_understood(root, "has a folder train, but no images in it")
        good = _choose(normal_class, classes, root / names["train"])
        kind = "MVTec's layout" if good.lower() in GOOD_NAMES else "classes with a split"
        return _with_test(root, names, good, f"{kind}: train/{good}")
    here = _images(root)
    classes = [name for name in subfolders if _images(root / name)]
    if here and not classes:
        files = [ImageFile(os.path.join(root, name), name, ROOT_CLASS, False) for name in here]
        return Listing("parts", "good images alone", ROOT_CLASS, files, [], True, [])
    if classes and not here:
        good = _choose(normal_class, classes, root)
        train = _files(root, good, good, False)
        others = [file for name in classes if name != good for file in _files(root, name, name, True)]
        layout = f"classes without a split: {good}/ is normal" + ("" if others else ", there is no other")
        return Listing(_kind(good), layout, good, train, others, not others, [])
    if products := [name for name in subfolders if os.path.isdir(root / name / "train")]:
        what = f"holds {_some(products)}, each with a train folder of its own"
        raise _not_understood(root, f"{what}; give one of them, or --dataset mvtec --category {products[0]}")
    if here:
        raise _not_understood(root, f"has images both in itself and in its folders {_some(classes)}")
    raise _not_understood(root, "has no images")


def list_btad(root: Path, category: str | None) -> Listing:
    """The layout of BTAD: `01/train/ok`, `01/test/ok`, `01/test/ko`, `01/ground_truth/ko`."""
    check_folder(root)
    products = sorted(name for name in _subfolders(root) if name.isdecimal())
    if not products:
        raise _not_understood(root, "has no products 01, 02, 03 as btad", "01/train/ok   01/test/ok   01/test/ko   "
                              "01/ground_truth/ko   (and 02, 03)")  # fmt: skip
    chosen = [name for name in products if category is not None and category.isdecimal() and int(name) == int(category)]
    if not chosen:
        raise InputError(f"--category: no product {category!r} in {root}; choose one of {', '.join(products)}")
    listing = list_images(root / chosen[0], None)
    return dataclasses.replace(listing, layout=f"BTAD product {chosen[0]}, {listing.layout}")


def list_mvtec(root: Path, category: str | None) -> Listing:
    """The layout of MVTec AD: `bottle/train/good` and so on."""
    check_folder(root)
    categories = [name for name in _subfolders(root) if os.path.isdir(root / name / "train")]
    if not categories:
        raise _not_understood(root, "has no categories as mvtec", "bottle/train/good   bottle/test/<defect>   "
                              "bottle/ground_truth/<defect>   (and other categories)")  # fmt: skip
    if category not in categories:
        wanted = "is wanted" if category is None else f"{category!r} is not in {root}"
        raise InputError(f"--category {wanted}; choose one of {', '.join(categories)}")
    listing = list_images(root / category, None)
    return dataclasses.replace(listing, layout=f"MVTec AD {category}, {listing.layout}")


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


def tree(root: Path, most: int = 20) -> str:
    """What lies in a folder, three levels deep, with the number of files."""
    lines = []
    for path, depth in _walk(root, 3):
        kinds: dict[str, int] = {}
        for name in _names(path, files=True):
            suffix = os.path.splitext(name)[1].lower() or "(no ending)"
            kinds[suffix] = kinds.get(suffix, 0) + 1
        counts = ", ".join(f"{count} {suffix}" for suffix, count in sorted(kinds.items())) or "no files"
        lines.append(f"{'  ' * depth}{path.name}/: {counts}")
    return "\n".join(lines[:most] + ([f"... and {len(lines) - most} more folders"] if len(lines) > most else []))


def _with_test(root: Path, names: dict[str, str], good: str, layout: str) -> Listing:
    """A folder with train/ and perhaps test/ and masks; `good` is the normal folder in train/, or empty."""
    normal_class = good or ROOT_CLASS
    train = _files(root, os.path.join(names["train"], good), normal_class, False)
    warnings, test = [], []
    unused = [name for name in _subfolders(root / names["train"]) if good and name != good]
    if unused:
        warnings.append(f"of train/ only {good} is learned; not used: {_some(unused)}")
    mask_folder = next((names[name] for name in MASK_FOLDERS if name in names), None)
    if "test" in names:
        for name in _subfolders(root / names["test"]):
            anomalous = name.lower() != normal_class.lower()
            files = _files(root, os.path.join(names["test"], name), name if anomalous else normal_class, anomalous)
            if not files:
                warnings.append(f"test/{name} has no images")
            if anomalous and mask_folder:
                files, wrong = _with_masks(files, root / mask_folder / name)
                warnings.extend(wrong)
            test.extend(files)
        loose = _images(root / names["test"])
        if loose:
            warnings.append(f"{len(loose)} images directly in test/ are not used: nothing tells what they are")
    layout += f", test/ with {len({file.class_name for file in test})} classes" if test else ", no test images"
    if any(file.mask for file in test):
        layout += f", masks in {mask_folder}/"
    return Listing(_kind(normal_class), layout, normal_class, train, test, True, warnings)


def _kind(normal_class: str) -> Kind:
    return "parts" if normal_class.lower() in GOOD_NAMES else "classes"


def _choose(wanted: str | None, classes: list[str], root: Path) -> str:
    """The normal one of the classes."""
    if wanted is not None:
        chosen = [name for name in classes if name.lower() == wanted.lower()]
    else:
        chosen = [name for name in classes if name.lower() in GOOD_NAMES]
        chosen = chosen or (classes if len(classes) == 1 and root.name.lower() == "train" else [])
    if not chosen:
        said = "give one of the folders as --normal-class" if wanted is None else f"--normal-class {wanted!r} is none"
        raise InputError(f"{root}: {said}; there are {_some(classes, 20)}")
    return chosen[0]


def _with_masks(files: list[ImageFile], folder: Path) -> tuple[list[ImageFile], list[str]]:
    """Each image with its mask, and what does not go together."""
    masks = {os.path.splitext(name)[0]: name for name in (_images(folder) if folder.is_dir() else [])}
    paired, without, used = [], [], set()
    for file in files:
        stem = os.path.splitext(os.path.basename(file.path))[0]
        name = next((stem + ending for ending in MASK_ENDINGS if stem + ending in masks), None)
        if name is None:
            without.append(os.path.basename(file.path))
            paired.append(file)
        else:
            used.add(name)
            paired.append(dataclasses.replace(file, mask=os.path.join(folder, masks[name])))
    warnings, place = [], f"{folder.parent.name}/{folder.name}"
    if without:
        warnings.append(f"{place} has no mask for {_some(without)}")
    if surplus := [name for stem, name in masks.items() if stem not in used]:
        warnings.append(f"{place} has masks without an image: {_some(surplus)}")
    return paired, warnings


def _files(root: Path, folder: str, class_name: str, anomalous: bool) -> list[ImageFile]:
    return [
        ImageFile(os.path.join(root, folder, name), os.path.join(folder, name), class_name, anomalous)
        for name in _images(root / folder)
    ]


def _images(folder: Path) -> list[str]:
    """Names of image files, by their ending, sorted; folders and broken links of such a name too."""
    return sorted(name for name in _names(folder) if name.lower().endswith(SUFFIXES) and not name.startswith("."))


def _subfolders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(name for name in names if not name.lower().endswith(SUFFIXES))


def _names(folder: Path, files: bool = False) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not files or entry.is_file()]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}); mend its permissions") from None


def _walk(root: Path, depth: int, level: int = 0) -> Iterator[tuple[Path, int]]:
    yield root, level
    if level < depth:
        for name in _subfolders(root):
            yield from _walk(root / name, depth, level + 1)


def _not_understood(root: Path, what: str, looked_for: str = LOOKED_FOR) -> LayoutError:
    message = f"{root} {what}; inspect-data prints what was looked for beside what was found"
    return LayoutError(message, looked_for, tree(root))


def _some(names: list[str], most: int = 5) -> str:
    return ", ".join(map(printable, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")
