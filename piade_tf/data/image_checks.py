"""Reading every file once, before an hour of training is spent: what is unreadable, doubled, or odd."""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Callable

import numpy as np

from piade_tf.config import DEEPEST
from piade_tf.data.alike import alike_warning, digest_of, doubles, shown
from piade_tf.data.decode import UnreadableImageError, decode, grey_in_colour, read_content
from piade_tf.data.listing import ImageFile, Listing
from piade_tf.data.mask import joined, read_mask
from piade_tf.data.near_duplicates import burst_warning, look_of
from piade_tf.data.source import Skipped
from piade_tf.errors import InputError
from piade_tf.in_order import in_order
from piade_tf.pixels import WHITE, bits_in_use
from piade_tf.printable import printable
from piade_tf.progress import track

MOST_UNREADABLE = 0.1
IN_FLIGHT = 1000
MOST_OF_A_PICTURE = 0.5  # that a defect covers; more looks like a mask the other way round
NEARLY_BLACK = 16  # of a colour image: 12 bits in 16, of which 8 are read
DARK = 64  # of all colour images of 16 bits: 14 bits in 16


class UnreadableImagesError(InputError):
    """Too many images cannot be read.

    Attributes:
        skipped: all of them, with the reasons.
    """

    def __init__(self, skipped: tuple[Skipped, ...], message: str):
        super().__init__(message)
        self.skipped = skipped


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an image that was read.

    Attributes:
        size: `(height, width)` in pixels.
        grey: whether it has no colour.
        mode: of the file, as Pillow calls it.
        digest: of the file's bytes.
        look: its perceptual hash.
        pixels: digest of the pixels, grey ones as one channel; of more than 8 bits those that the image itself uses.
        deepest: largest value of a grey image of more than 8 bits; 0 for all others.
        brightest: the largest value, 0 to 255, of a colour image; 255 for all others.
        deep_colour: whether it is a colour image of 16 bits, of which the upper 8 were read.
        blank: whether all pixels are the same.
    """

    size: tuple[int, int]
    grey: bool
    mode: str
    digest: bytes
    look: bytes
    pixels: bytes
    deepest: int
    brightest: int
    deep_colour: bool
    blank: bool


@dataclasses.dataclass(frozen=True, slots=True)
class MaskFacts:
    """What is known of the masks of an image.

    Attributes:
        size: `(height, width)` in pixels.
        share: of the picture that is anomalous, 0 to 1.
        from_alpha, two_ways, faint: as `Mask` has them, of any of them.
        digest: of what is anomalous.
    """

    size: tuple[int, int]
    share: float
    from_alpha: bool
    two_ways: bool
    faint: bool
    digest: bytes


@dataclasses.dataclass(frozen=True)
class Checked:
    """A listing without what could not be read.

    Attributes:
        listing: what is left, with the warnings of the check.
        facts: of each image by its path.
        bits: that the grey images of more than 8 bits use, 8 to 16; 16 where there are none.
        skipped: what was left out.
    """

    listing: Listing
    facts: dict[str, Facts]
    bits: int
    skipped: tuple[Skipped, ...]


def check_images(listing: Listing, bits: int = 0, grouped: bool = False) -> Checked:
    """Reads every image and every mask of a listing.

    Args:
        listing: as `folder` finds it.
        bits: how many the grey images of more than 8 bits use, 8 to 16; 0: as many as their values need.
        grouped: whether images that belong together are known.

    Raises:
        InputError: over a tenth of the images cannot be read.
    """
    files = [*listing.train, *listing.test]
    facts: dict[str, Facts] = {}
    skipped = [Skipped(printable(path), reason) for path, reason in listing.besides.unread]
    count = len(files) + len(skipped)
    for file, result in zip(files, _in_threads(_facts, [file.path for file in files], "reading images"), strict=True):
        if isinstance(result, str):
            skipped.append(Skipped(printable(file.id), result))
        else:
            facts[file.path] = result
    if skipped and len(skipped) > MOST_UNREADABLE * count:
        first = skipped[0]
        raise UnreadableImagesError(
            tuple(skipped),
            f"{len(skipped)} of {count} images cannot be read, more than a tenth; the first, {first.path}, "
            f"{first.reason}; mend or remove them (inspect-data lists them)",
        )
    test, bad_masks, mask_warnings = _check_masks([file for file in listing.test if file.path in facts], facts)
    train = [file for file in listing.train if file.path in facts]
    deepest = max((one.deepest for one in facts.values()), default=0)
    told = _depth(bits, deepest, facts)
    bits = bits or (bits_in_use(deepest) if deepest else DEEPEST)
    warnings = [*listing.warnings, *told, *mask_warnings, *_duplicates(train, test, facts, grouped)]
    if skipped:
        warnings.insert(0, f"{len(skipped)} of {count} images cannot be read and are skipped: "
                        f"{shown(f'{one.path} {one.reason}' for one in skipped)}")  # fmt: skip
    kept = dataclasses.replace(listing, train=train, test=test, warnings=warnings)
    return Checked(kept, facts, bits, (*skipped, *bad_masks))


def _facts(path: str) -> Facts | str:
    try:
        content = read_content(path)
        found = decode(content)
        pixels = decode(content, bits_in_use(found.deepest)).pixels if found.deepest else found.pixels
    except UnreadableImageError as error:
        return str(error)
    grey = grey_in_colour(pixels)
    return Facts(
        size=pixels.shape[:2],
        grey=grey,
        mode=found.mode,
        digest=hashlib.blake2b(content, digest_size=16).digest(),
        look=look_of(pixels),
        pixels=digest_of(pixels[..., :1] if grey else pixels),
        deepest=found.deepest,
        brightest=int(found.pixels.max()) if found.pixels.shape[2] == 3 else WHITE,
        deep_colour=found.deep_colour,
        blank=bool((pixels == pixels[:1, :1]).all()),
    )


def _depth(bits: int, deepest: int, facts: dict[str, Facts]) -> list[str]:
    """What is odd about the number of bits; `bits` are those that the user gave, or 0."""
    warnings = []
    used = bits_in_use(deepest)
    if not bits and deepest and used < DEEPEST:
        warnings.append(
            f"grey images of 16 bits use {used} of them (the largest value is {deepest}) and are scaled by those; "
            f"--bits {DEEPEST} scales by all"
        )
    if bits and deepest >> bits:
        warnings.append(
            f"grey values up to {deepest} do not fit {bits} bits and are cut to {(1 << bits) - 1}; see --bits"
        )
    all_dark = max((one.brightest for one in facts.values() if one.deep_colour), default=WHITE) < DARK
    if dark := [
        path
        for path, one in facts.items()
        if not one.blank and (one.brightest < NEARLY_BLACK or (all_dark and one.deep_colour))
    ]:
        warnings.append(
            f"{len(dark)} colour images are nearly black, perhaps 10 to 14 bits in 16, of which the upper 8 are read; "
            f"save them with 8 bits: {shown(map(printable, map(os.path.basename, dark)))}"
        )
    return warnings


def _check_masks(files: list[ImageFile], facts: dict[str, Facts]) -> tuple[list[ImageFile], list[Skipped], list[str]]:
    """The files, without the masks that cannot be read, and what is odd about the others."""
    masked = [file for file in files if file.masks]
    found = _in_threads(_mask_facts, [file.masks for file in masked], "reading masks")
    results = dict(zip((file.path for file in masked), found, strict=True))
    kept, skipped, known = [], [], {}
    for file in files:
        result = results.get(file.path)
        if isinstance(result, Skipped):
            skipped.append(result)
            file = dataclasses.replace(file, masks=())
        elif result is not None:
            known[printable(file.id)] = (result, facts[file.path].size)
        kept.append(file)
    warnings = []
    if skipped:
        warnings.append(f"{len(skipped)} masks cannot be read and are left out: "
                        f"{shown(f'{one.path} {one.reason}' for one in skipped)}")  # fmt: skip
    return kept, skipped, [*warnings, *_odd_masks(known)]


def _odd_masks(known: dict[str, tuple[MaskFacts, tuple[int, int]]]) -> list[str]:
    """What is odd about masks, by the name of their image, with its size."""
    warnings = []
    if empty := [name for name, (mask, _) in known.items() if not mask.share]:
        warnings.append(f"{len(empty)} anomalous images have a mask that is all black: {shown(empty)}")
    if covering := [
        f"{name} ({mask.share:.0%})" for name, (mask, _) in known.items() if mask.share > MOST_OF_A_PICTURE
    ]:
        warnings.append(
            f"{len(covering)} masks cover more than half of their picture; if black is the defect in them, invert "
            f"them: {shown(covering)}"
        )
    if alpha := [name for name, (mask, _) in known.items() if mask.from_alpha]:
        warnings.append(
            f"{len(alpha)} masks are taken from the alpha channel of a picture of one colour: {shown(alpha)}"
        )
    if two_ways := [name for name, (mask, _) in known.items() if mask.two_ways]:
        warnings.append(
            f"{len(two_ways)} masks have colours and an alpha channel that tell of different places, and the colours "
            f"are taken; save them without the other: {shown(two_ways)}"
        )
    if faint := [name for name, (mask, _) in known.items() if mask.faint]:
        warnings.append(
            f"{len(faint)} masks have more shades too dark to be taken for the defect than shades bright enough; save "
            f"them in black and white: {shown(faint)}"
        )
    alike = Counter(mask.digest for mask, _ in known.values() if mask.share)
    if len(alike) == 1 and alike.total() > 2:
        warnings.append(f"all {alike.total()} masks are the same: {shown(known)}")
    other_shape = [
        f"{name} ({mask.size[1]}x{mask.size[0]} for {width}x{height})"
        for name, (mask, (height, width)) in known.items()
        if abs(mask.size[0] * width - mask.size[1] * height) > 0.01 * mask.size[0] * width
    ]
    if other_shape:
        warnings.append(f"{len(other_shape)} masks have another aspect ratio than their image: {shown(other_shape)}")
    return warnings


def _mask_facts(paths: tuple[str, ...]) -> MaskFacts | Skipped:
    """What is known of the masks of an image, or the one that is wrong."""
    found = []
    for path in paths:
        try:
            found.append(read_mask(path))
        except UnreadableImageError as error:
            return Skipped(printable(path), str(error))
    try:
        anomalous = joined([mask.anomalous for mask in found])
    except UnreadableImageError as error:
        sizes = [mask.anomalous.shape for mask in found]
        return Skipped(printable(paths[sizes.index(min(sizes, key=sizes.count))]), str(error))
    digest = hashlib.blake2b(np.packbits(anomalous).tobytes(), digest_size=16).digest()
    return MaskFacts(
        size=anomalous.shape,
        share=float(anomalous.mean()),
        from_alpha=any(mask.from_alpha for mask in found),
        two_ways=any(mask.two_ways for mask in found),
        faint=any(mask.faint for mask in found),
        digest=digest,
    )


def _duplicates(train: list[ImageFile], test: list[ImageFile], facts: dict[str, Facts], grouped: bool) -> list[str]:
    """Images that are equal in every pixel, whatever their files are."""
    digests = [[facts[file.path].pixels for file in files] for files in (train, test)]
    names = [[printable(file.id) for file in files] for files in (train, test)]
    (learned, tested), (names_learned, names_tested) = digests, names
    warnings = []
    if alike := alike_warning(learned, names_learned):
        warnings.append(alike)
    elif doubled := doubles(learned, names_learned):
        warnings.append(f"{len(doubled)} training images are doubled: {shown(doubled)}")
    if not grouped and (burst := _bursts(train, facts)):
        warnings.append(burst)
    by_digest = dict(zip(reversed(learned), reversed(names_learned), strict=True))
    leaks = [f"{name} = {by_digest[one]}" for one, name in zip(tested, names_tested, strict=True) if one in by_digest]
    if leaks:
        warnings.append(f"LEAK: {len(leaks)} test images are among the training images: {shown(leaks)}")
    if doubled := doubles(tested, names_tested):
        warnings.append(f"{len(doubled)} test images are doubled: {shown(doubled)}")
    if blank := [name for files, of_files in zip((train, test), names, strict=True)
                 for file, name in zip(files, of_files, strict=True) if facts[file.path].blank]:  # fmt: skip
        warnings.append(f"{len(blank)} images have one colour throughout, and show nothing: {shown(blank)}")
    return warnings


def _bursts(train: list[ImageFile], facts: dict[str, Facts]) -> str | None:
    """Pictures of one colour look alike, and copies are equal: both are told of elsewhere."""
    different: dict[bytes, ImageFile] = {}
    for file in train:
        if not facts[file.path].blank:
            different.setdefault(facts[file.path].pixels, file)
    telling = list(different.values())
    return burst_warning([facts[file.path].look for file in telling], [printable(file.id) for file in telling])


def _in_threads(function: Callable, paths: list, what: str) -> list:
    results = in_order(function, paths, os.cpu_count() or 1, IN_FLIGHT)  # Pillow decodes without holding Python's lock
    return list(track(results, len(paths), what))
