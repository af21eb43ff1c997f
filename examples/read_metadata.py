"""python examples/read_metadata.py MODEL.tflite    Prints what the file says of itself; standard library alone."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

MAGIC, NAME = b"PIADEMD1", b"PIADE_METADATA"  # before the metadata; of the entry that they are in


def read(file: str) -> dict[str, Any]:
    """The metadata. Raises ValueError if there are none, of a later format, or the file is not as it was exported."""
    content = Path(file).read_bytes()
    if MAGIC not in content and NAME not in content:
        raise ValueError(f"{file}: no metadata of PIADE-TF inside")
    start = content.rfind(MAGIC)
    length = int.from_bytes(content[start + 8 : start + 12], "little")
    try:
        metadata = json.loads(content[start + 12 : start + 12 + length])
        digest = metadata["sha256"].encode()
        blank = content[:start] + content[start:].replace(digest, b"0" * 64, 1)
        untouched = start >= 0 and hashlib.sha256(blank).hexdigest().encode() == digest
    except (ValueError, KeyError, TypeError, AttributeError):
        untouched = False
    if not untouched:
        raise ValueError(f"{file}: changed since it was exported, or cut short")
    if (found := metadata.get("format_version", 1)) != 1:
        version = metadata.get("version")
        raise ValueError(f"{file}: metadata of format {found}, this code reads 1; use the code of version {version}")
    return metadata


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        print(json.dumps(read(sys.argv[1]), indent=1))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
