"""What Intel's matrix unit (AMX) does to exported files: milliseconds of an image with it and without, and the outputs.

    python benchmarks/without_amx.py FILE.tflite [FILE.tflite ...]

For processors with AMX (Sapphire Rapids and later), on Linux; exit code 2 elsewhere. LiteRT's XNNPACK takes AMX where
the operating system grants it. In a process of its own it is refused: Linux does not grant it to a thread whose
alternative signal stack is too small for its registers. Processes take turns, `--rounds` times; one thread; a figure is
the median of the rounds. Writes without_amx.csv; `same_outputs` says whether all outputs for `IMAGES` random images are
the same bit for bit. Two minutes for a file, most of it starting processes.
"""

import argparse
import ctypes
import errno
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.speed_networks import median_seconds
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.errors import InputError
from piade_tf.files import write_csv
from piade_tf.run_directory import git_commit

IMAGES, SEED = 8, 0
ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18  # of Linux on x86-64
SMALL_STACK = 6144  # bytes: enough for the registers of AVX-512, not for 8 KiB of tiles
HEADER = ("file", "format", "ms_with_amx", "ms_without_amx", "same_outputs", "load_before", "processor", "git_commit")


class _Stack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "without_amx.csv")
    parser.add_argument("--worker", choices=["with", "without"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        stack = prepare(args.worker)
        print(json.dumps(measured(args.files[0])))
        del stack
        return
    load, rows = round(os.getloadavg()[0], 2), []
    from export.publish.manifest import processor  # takes TensorFlow with it

    for path in args.files:
        found = {use: [_asked(path, use) for _ in range(args.rounds)] for use in ("with", "without")}
        ms = [round(statistics.median(answer["ms"] for answer in found[use]), 2) for use in ("with", "without")]
        same = len({answer["outputs"] for answers in found.values() for answer in answers}) == 1
        name = path.resolve()
        rows.append((name.parents[1].name, name.stem, *ms, same, load, processor(), git_commit()))
        print(*rows[-1], flush=True)
    write_csv(args.out, HEADER, rows)


def _asked(path: Path, use: str) -> dict:
    command = [sys.executable, __file__, str(path), "--worker", use]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError((done.stderr.strip().splitlines() or ["the process that measures failed"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def prepare(use: str) -> Any:
    """Asks for AMX, or sees to it that this thread does not get it; what is given back is to be kept alive."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise InputError("this needs Linux on a processor with AMX; here is nothing to compare")
    system, stack = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(SMALL_STACK)
    if use == "without":
        system.sigaltstack(ctypes.byref(_Stack(ctypes.addressof(stack), 0, SMALL_STACK)), None)
    refused = system.syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) != 0
    if refused != (use == "without") or (refused and ctypes.get_errno() != errno.ENOSPC):
        raise InputError("this needs Linux on a processor with AMX; here is nothing to compare")
    return stack


def measured(path: Path) -> dict:
    """Milliseconds of an image on one thread, and a digest of all outputs for random images."""
    from export.tflite.flatbuffer import metadata_of
    from export.verification.verify import load_litert

    if (metadata := metadata_of(path.read_bytes())) is None:
        raise InputError(f"{path} is no file that piade export wrote")
    inspect = load_litert(path, 1)
    images = np.random.default_rng(SEED).integers(0, 256, (IMAGES, *metadata["input"]["shape"][1:]), np.uint8)
    digest = hashlib.sha256()
    for image in images:
        for name, value in sorted(inspect(image[None]).items()):
            digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return {"ms": 1000 * median_seconds(lambda: inspect(images[:1])), "outputs": digest.hexdigest()}


if __name__ == "__main__":
    with errors_in_one_line():
        main()
