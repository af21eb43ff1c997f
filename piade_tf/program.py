"""What a user types to run a command: messages and help name what works where they are."""

import re
import sys
from pathlib import Path

COMMANDS = ("train", "predict", "watch", "serve", "evaluate", "inspect-data", "threshold", "adapt", "export", "show")


def command(name: str) -> str:
    """The words that start a command, as the user would type them here.

    Args:
        name: one of `COMMANDS`.

    Returns:
        `piade NAME`, or, in a program that was started from a clone, `python train.py` or `python -m piade_tf NAME`.
    """
    return "python train.py" if name == "train" and _started().name == "train.py" else f"{front_door()} {name}"


def front_door() -> str:
    """The words in front of every command's name: `piade` or `python -m piade_tf`."""
    started = _started()
    in_a_clone = started.name == "__main__.py" and started.parent.name in ("piade_tf", "export")
    return "python -m piade_tf" if in_a_clone or started.name == "train.py" else "piade"


def _started() -> Path:
    return Path(sys.argv[0] if sys.argv else "")


def as_typed_here(text: str) -> str:
    """`text` with every `piade NAME` in it as `command` has it."""
    return re.sub(rf"\bpiade ({'|'.join(COMMANDS)})\b", lambda found: command(found[1]), text)
