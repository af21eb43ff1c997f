"""`piade show FILE`: what a file says of itself."""

import re
import sys

from export.formats import REJECTED_FOLDER
from export.options import Show
from export.tflite.flatbuffer import is_litert, is_ours, is_untouched, metadata_of
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold, promise
from piade_tf.json_text import json_text
from piade_tf.program import command


def show(options: Show) -> int:
    """Prints the metadata as JSON, and a word of warning where the file was rejected.

    Raises:
        InputError: no file of ours, or one that was changed since it was exported.
    """
    try:
        content = options.file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {options.file} ({error.strerror}); give a .tflite file") from None
    if not is_untouched(content):
        if is_ours(content):
            raise InputError(f"{options.file} was changed since it was exported, or cut short; export it again")
        found = "has no metadata of PIADE-TF" if is_litert(content) else "is no LiteRT file"
        raise InputError(f"{options.file} {found}; give a .tflite that {command('export')} made")
    metadata = metadata_of(content) or {}
    print(re.sub(r"\[[^\[\]{}]*\]", lambda numbers: " ".join(numbers[0].split()), json_text(metadata, indent=2)))
    print("unchanged since its export", file=sys.stderr)
    threshold = Threshold(**{**metadata["threshold"], "quantiles": tuple(metadata["threshold"]["quantiles"])})
    print(f"threshold {threshold.value:.4g}: {promise(threshold)}", file=sys.stderr)
    if options.file.parent.name == REJECTED_FOLDER and options.file.with_suffix(".txt").is_file():
        reasons = options.file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        print(
            f"not to be used: it was rejected when it was exported, because it {'; it '.join(reasons)}", file=sys.stderr
        )
    return 0
