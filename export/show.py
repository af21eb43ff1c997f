"""`piade show FILE`: what a file says of itself."""

import json
import re
import sys

from export.formats import REJECTED_FOLDER
from export.options import Show
from export.tflite.flatbuffer import is_litert, is_untouched, metadata_of
from piade_tf.errors import InputError
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
    if not is_litert(content):
        raise InputError(f"{options.file} is no LiteRT file; give a .tflite that {command('export')} made")
    metadata = metadata_of(content)
    if metadata is None:
        raise InputError(f"{options.file} has no metadata of PIADE-TF; give a .tflite that {command('export')} made")
    if not is_untouched(content):
        raise InputError(f"{options.file} was changed or cut short after its export: its hash differs; export it again")
    print(re.sub(r"\[[^\[\]{}]*\]", lambda numbers: " ".join(numbers[0].split()), json.dumps(metadata, indent=2)))
    print("unchanged since its export", file=sys.stderr)
    if options.file.parent.name == REJECTED_FOLDER and options.file.with_suffix(".txt").is_file():
        reasons = options.file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        print(
            f"not to be used: it was rejected when it was exported, because it {'; it '.join(reasons)}", file=sys.stderr
        )
    return 0
