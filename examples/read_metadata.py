"""python examples/read_metadata.py MODEL.tflite    Prints what the file says of itself; standard library alone."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

MAGIC = b"PIADEMD1"


def read(file: str) -> dict[str, Any]:
    """The metadata. Raises ValueError if there are none or the file is not as it was exported."""
    content = Path(file).read_bytes()
    start = content.rfind(MAGIC)
    length = int.from_bytes(content[start + 8 : start + 12], "little")
    text = content[start + 12 : start + 12 + length]
    if start < 0 or not text or len(text) < length:
        raise ValueError(f"{file}: no metadata of PIADE-TF inside, or cut off")
    metadata = json.loads(text)
    digest = metadata["sha256"].encode()
    blank = content[:start] + content[start:].replace(digest, b"0" * 64, 1)
    if hashlib.sha256(blank).hexdigest().encode() != digest:
        raise ValueError(f"{file}: changed or cut short since it was exported, its SHA-256 is another")
    return metadata


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        print(json.dumps(read(sys.argv[1]), indent=1))
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
