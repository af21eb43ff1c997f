"""Paths on standard input, as they come: whoever writes them may wait for the answer to one before the next."""

import codecs
import io
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from typing import cast

from piade_tf.errors import InputError

BLOCK = 1 << 16  # bytes, as many as a pipe holds


def paths_on_stdin() -> Iterator[list[str]]:
    """Lists of paths, each of what has arrived by then; see `split_paths`."""
    if sys.stdin is not None:  # it was closed
        arrived = cast(io.BufferedReader, sys.stdin.buffer).read1
        yield from split_paths(iter(lambda: arrived(BLOCK), b""))


def split_paths(blocks: Iterable[bytes]) -> Iterator[list[str]]:
    """The paths in a list: one a line, or with a zero after each, as `find -print0` has them.

    Names are bytes to the system, and need not be text in any encoding. UTF-16, as Windows writes it, becomes UTF-8. A
    mark of the encoding at the start is no part of the first name.

    Args:
        blocks: the list, cut anywhere.

    Returns:
        The paths whose end was in a block, for each block with some.

    Raises:
        InputError: UTF-16 with half a character.
    """
    rest, separator = b"", b"\n"
    for block in _in_bytes_of_names(iter(blocks)):
        rest += block
        if b"\0" in rest:
            separator = b"\0"
        *names, rest = rest.split(separator)
        yield from _some(names, separator)
    yield from _some([rest], separator)


def _some(names: list[bytes], separator: bytes) -> Iterator[list[str]]:
    if separator == b"\n":
        names = [name.removesuffix(b"\r") for name in names if name.strip()]
    if paths := [os.fsdecode(name) for name in names if name]:
        yield paths


def _in_bytes_of_names(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = b""
    for block in blocks:
        first += block
        if len(first) >= 4 or first.endswith(b"\n"):
            break
    encoding = _encoding(first)
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in itertools.chain([first], blocks):
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        raise InputError("the paths on standard input are UTF-16 that ends with half a character; write the list again")


def _encoding(first: bytes) -> str | None:
    """Which UTF-16 a list is in; None for all others. Windows' `cmd /u` writes it without a mark at the start."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = [place for place, byte in enumerate(first[:4]) if byte == 0]
    if len(first) < 4 or zeros not in ([1, 3], [0, 2]):
        return None
    return "utf-16-le" if zeros == [1, 3] else "utf-16-be"
