"""What a user types to run a command: messages and help name what works where they are."""

import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]  # where the package was not installed
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


def install_extra(extra: str) -> str:
    """The command that installs an extra of `pyproject.toml`, from any folder: of the package, or of a clone."""
    if front_door() == "piade":
        return f"pip install 'piade-tf[{extra}]'"
    return f"pip install -r {path_word(CLONE / f'requirements-{extra}.txt')}"


def _started() -> Path:
    return Path(sys.argv[0] if sys.argv else "")


def as_typed_here(text: str) -> str:
    """`text` with every `piade NAME` in it as `command` has it."""
    return re.sub(rf"\bpiade ({'|'.join(COMMANDS)})\b", lambda found: command(found[1]), text)


def path_word(path: str | Path) -> str:
    """A path as a word for a POSIX shell, whatever bytes it has, that no command takes for an option."""
    return shell_word(path_argument(str(path)))


def path_argument(path: str) -> str:
    """A path as an argument that is not taken for an option; `-` stays, which stands for standard input."""
    return f"./{path}" if path.startswith("-") and path != "-" else path


def shell_line(words: Iterable[str]) -> str:
    """Words on one line for a POSIX shell."""
    return " ".join(map(shell_word, words))


def shell_word(text: str) -> str:
    """A text as a word for a POSIX shell, on one line; what cannot be printed is escaped, as $'...' has it."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(_escaped(character) for character in text) + "'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    is_byte = "\udc80" <= character <= "\udcff"  # of a name that is no text
    return "".join(
        f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    )
