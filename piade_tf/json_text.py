"""JSON that every program reads: it knows neither infinity nor NaN, which Python would write all the same."""

import json
import math
from typing import Any


def json_text(content: Any, **options: Any) -> str:
    """`content` as JSON; a number that is not finite becomes null.

    Args:
        content: of dicts, lists, tuples, text, numbers, booleans and None.
        options: as `json.dumps` takes them.
    """
    return json.dumps(_with_nulls(content), allow_nan=False, **options)


def _with_nulls(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _with_nulls(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_with_nulls(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
