"""What lies below a folder: photographs, what is no photograph, and what could not be looked at.

Training, evaluation and prediction all walk this way, so that they cannot differ in what they leave out.
"""

import contextlib
import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from piade_tf.data.names import BAD, means, same_form
from piade_tf.data.open_at_once import open_at_once
from piade_tf.data.own_pictures import is_own_picture
from piade_tf.data.own_runs import is_run
from piade_tf.errors import InputError
from piade_tf.not_opened import not_opened

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"),
    *(".heic", ".heif", ".avif", ".pgm", ".ppm", ".pnm"),
)
# Pictures and films that are not read: named, so that nobody takes them for inspected.
NOT_READ = {
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw", ".raw", ".3fr"),
    *(".x3f", ".sr2", ".srf", ".kdc", ".dcr", ".mrw", ".erf", ".mef", ".mos", ".iiq", ".rwl", ".gpr", ".fff"),
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg", ".mts", ".m2ts", ".3gp", ".3g2"),
    *(".flv", ".f4v", ".ogv", ".ts", ".vob", ".asf", ".rm", ".rmvb", ".divx", ".mxf", ".y4m", ".mjpeg", ".mjpg"),
    *(".h264", ".h265", ".264", ".265", ".hevc", ".qt", ".mpv", ".m2v"),
    *(".psd", ".xcf", ".jp2", ".j2k", ".jpx", ".jpf", ".jpm", ".j2c", ".jpc", ".mj2", ".jxl", ".jxr", ".wdp", ".jls"),
    *(".exr", ".hdr", ".tga", ".pcx", ".pbm", ".pfm", ".pam", ".qoi", ".flif"),
    *(".dcm", ".fits", ".fit", ".svg", ".ico", ".icns", ".emf", ".wmf", ".eps", ".xbm", ".xpm", ".ras", ".sgi", ".dds"),
}
# What computers leave beside photographs, besides all that begins with a dot.
LEFT_BEHIND = {
    *("__macosx", "@eadir", "#recycle", "@recycle", "#snapshot", "@tmp", "$recycle.bin", "recycler", "lost+found"),
    *("system volume information", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"),
    *("__pycache__", "network trash folder", "temporary items", "@sharesnap"),
}
LEFT_BEHIND_ENDINGS = re.compile(r"(\.(part|partial|crdownload|download|tmp|temp|swp|bak)|~)$")
CONTENT = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8|BM.{4}\0\0\0\0|RIFF.{4}WEBP|II[*+]\0|MM\0[*+]|P[2356]\s"
    rb"|.{4}ftyp(heic|heix|hevc|heim|heis|mif1|msf1|avif|avis)",
    re.DOTALL,
)


# Pictures and films of kinds that are not read, whatever they are called.
CONTENT_NOT_READ = re.compile(
    rb"FLV\x01|\x1aE\xdf\xa3|\0\0\x01[\xba\xb3]|RIFF.{4}AVI |.{4}ftyp(?!M4A|M4B)|\.RMF"
    rb"|qoif|\0\0\0\x0cJXL |\0\0\0\x0cjP  |\xff\x4f\xff\x51|\xff\x0a|8BPS|gimp xcf|v/1\x01|SIMPLE  =|FOVb|P7\s",
    re.DOTALL,
)


@dataclasses.dataclass
class Walk:
    """What was found below a folder; all paths from the folder on.

    Attributes:
        images: files that are to be read as photographs, in the order of their names.
        passed_over: files and folders that are no photographs: hidden ones, leftovers, runs, tables, notes.
        unread: `(path, reason)` of what may hold photographs and could not be entered or is of a kind that is not read.
    """

    images: list[str] = dataclasses.field(default_factory=list)
    passed_over: list[str] = dataclasses.field(default_factory=list)
    unread: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def __iadd__(self, other: "Walk") -> "Walk":
        self.images += other.images
        self.passed_over += other.passed_over
        self.unread += other.unread
        return self


def walk(root: str | Path, folder: str = "", leave_out: Callable[[str], bool] | None = None) -> Walk:
    """Everything below `root/folder`. Links are followed; a folder is entered once, however many links lead to it.

    A link to a folder above is not followed: all that lies beside this one would seem to lie in it. A run directory is
    passed over, unless it is where the walk starts: its pictures are golden images and figures.

    Args:
        root: where paths begin.
        folder: where to start, from `root` on; empty: at `root`.
        leave_out: tells, before a file is opened, whether it is to be in no list; called with its path.
    """
    return _walked(root, [folder], _above(os.path.join(root, folder)), leave_out)[folder]


def walks(root: str | Path, place: str, names: list[str]) -> dict[str, Walk]:
    """As `walk`, of folders side by side, by name; a folder is entered from one of them, and what holds them from none.

    Args:
        root: where paths begin.
        place: where the folders lie, from `root` on; empty: directly in it.
        names: of the folders.
    """
    here = os.path.join(root, place)
    folders = [os.path.join(place, name) for name in names]
    found = _walked(root, folders, [*_numbers([here]), *_above(here)])
    return {name: found[folder] for name, folder in zip(names, folders, strict=True)}


def _walked(
    root: str | Path,
    folders: list[str],
    above: list[tuple[int, int]],
    leave_out: Callable[[str], bool] | None = None,
) -> dict[str, Walk]:
    """What lies below each of `folders`; `above`: folders that are not entered, by their numbers."""
    walked = {folder: Walk() for folder in folders}
    entered = dict.fromkeys(above, "")
    waiting: list[tuple[Walk, str]] = []
    linked: list[tuple[Walk, str]] = []  # links last, so that a folder goes by its own name
    links = {folder for folder in folders if os.path.islink(os.path.join(root, folder))}
    real = _numbers(os.path.join(root, folder) for folder in folders if folder not in links)
    for folder, found in walked.items():
        if folder in links and means(os.path.basename(folder), BAD):
            # Into a class beside it, such as bad -> good/bad: those are bad parts, and not that class's.
            leads_into_it = not set(_numbers([os.path.join(root, folder)])) & set(real)
            (waiting if leads_into_it else linked).append((found, folder))
        else:
            (linked if folder in links else waiting).append((found, folder))
    waiting.sort(key=lambda one: one[1] not in links, reverse=True)
    while waiting or linked:
        if not waiting:
            waiting, linked = linked[::-1], []
            for _, here in reversed(waiting):  # before any of them is entered, since one may lie below another
                for number in _numbers([os.path.join(root, here)]):
                    entered.setdefault(number, here or ".")
            for here in (here for _, here in waiting if here in walked):
                entered = dict.fromkeys(_above(os.path.join(root, here)), "") | entered
        found, here = waiting.pop()
        place = os.path.join(root, here)
        try:
            status = os.stat(place)
            if (first := entered.setdefault((status.st_dev, status.st_ino), here or ".")) != (here or "."):
                found.passed_over.append(f"{here} (the same folder as {first})" if first else f"{here} (leads back up)")
                continue
            names, files, left = _sorted_entries(place)
        except OSError as error:
            found.unread.append((here or ".", f"cannot be entered: {error.strerror}"))
            continue
        found.passed_over += [os.path.join(here, name) for name in left]
        for below in (os.path.join(here, name) for name in reversed(names)):
            (linked if os.path.islink(os.path.join(root, below)) else waiting).append((found, below))
        for path in (os.path.join(here, name) for name in files):
            if leave_out is None or not leave_out(path):
                _judge(root, path, found)
    for found in walked.values():
        found.images.sort()
        found.passed_over.sort()
        found.unread.sort()
    return walked


def _above(folder: str) -> list[tuple[int, int]]:
    """The number of every folder above one."""
    return _numbers(Path(os.path.realpath(folder)).parents)


def _numbers(folders: Iterable[str | Path]) -> list[tuple[int, int]]:
    """Device and number of each folder that can be looked at."""
    found = []
    for folder in folders:
        with contextlib.suppress(OSError):
            status = os.stat(folder)
            found.append((status.st_dev, status.st_ino))
    return found


def entries(folder: str | Path) -> tuple[list[str], Walk]:
    """The folders directly in `folder`, and its files judged as in `walk`; leftovers and runs are passed over.

    Raises:
        InputError: the folder cannot be read.
    """
    try:
        folders, files, left = _sorted_entries(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}); give a folder that can") from None
    found = Walk(passed_over=left)
    for name in files:
        _judge(folder, name, found)
    return folders, found


def judged(root: str | Path, path: str) -> Walk:
    """One file, `root/path`, judged by its ending and its content as in `walk`, but not by its name."""
    found = Walk()
    _judge(root, path, found)
    return found


def left_behind(name: str) -> bool:
    """Whether a file or a folder is what a system or a program left, by its name: hidden, a cache, half a download."""
    lowered = same_form(name)
    return name.startswith(".") or lowered in LEFT_BEHIND or bool(LEFT_BEHIND_ENDINGS.search(lowered))


def looks_like_image(path: str | Path) -> bool:
    """Whether the first bytes of a file are those of a picture of a kind that is read.

    Raises:
        OSError: the file cannot be opened.
    """
    return bool(CONTENT.match(_start(path)))


def _start(path: str | Path) -> bytes:
    """The first bytes of a file; of a pipe without waiting for them."""
    with open_at_once(path) as file:
        return file.read(32) or b""


def _judge(root: str | Path, path: str, found: Walk) -> None:
    """Puts a file where it belongs."""
    ending = os.path.splitext(path)[1].lower()
    if is_own_picture(os.path.join(root, path)):
        found.passed_over.append(f"{path} (drawn by PIADE-TF)")
    elif ending in SUFFIXES:
        found.images.append(path)
    elif ending in NOT_READ:
        found.unread.append((path, f"is of a kind that is not read ({ending}); save it as PNG or JPEG"))
    else:
        place = os.path.join(root, path)
        try:
            start = _start(place)
            if CONTENT.match(start):
                found.images.append(path)
            elif CONTENT_NOT_READ.match(start):
                found.unread.append((path, "is a film or a picture of a kind that is not read; save it as PNG or JPEG"))
            else:
                found.passed_over.append(path)
        except OSError as error:
            broken = os.path.islink(place) and not os.path.exists(place)
            found.unread.append((path, "is a link to nothing" if broken else not_opened(error)))


def _sorted_entries(folder: str | Path) -> tuple[list[str], list[str], list[str]]:
    """Names of folders, of files, and of what is passed over; folders before links to folders."""
    folders, files, left = [], [], []
    with os.scandir(folder) as found:
        for entry in found:
            if left_behind(entry.name):
                left.append(entry.name)
            elif _is_folder(entry) and is_run(entry.path):
                left.append(f"{entry.name} (a run of PIADE-TF)")
            elif _is_folder(entry):
                folders.append((entry.is_symlink(), entry.name))
            else:
                files.append(entry.name)
    return [name for _, name in sorted(folders)], sorted(files), sorted(left)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def tree(root: Path, most: int = 20) -> str:
    """What lies in a folder, three levels deep, with the number of files."""
    lines = []
    for path, depth in _levels(root, 3):
        kinds: dict[str, int] = {}
        try:
            _, files, _ = _sorted_entries(path)
        except OSError as error:
            lines.append(f"{'  ' * depth}{path.name}/: cannot be read ({error.strerror})")
            continue
        for name in files:
            suffix = os.path.splitext(name)[1].lower() or "(no ending)"
            kinds[suffix] = kinds.get(suffix, 0) + 1
        counts = ", ".join(f"{count} {suffix}" for suffix, count in sorted(kinds.items())) or "no files"
        lines.append(f"{'  ' * depth}{path.name}/: {counts}")
    return "\n".join(lines[:most] + ([f"... and {len(lines) - most} more folders"] if len(lines) > most else []))


def _levels(root: Path, depth: int, level: int = 0) -> Iterator[tuple[Path, int]]:
    yield root, level
    if level < depth:
        try:
            folders = _sorted_entries(root)[0]
        except OSError:
            return
        for name in folders:
            yield from _levels(root / name, depth, level + 1)
