"""The workers that TF_CONFIG names."""

import dataclasses
import json
import os

from piade_tf.config import StrategyName
from piade_tf.errors import InputError

VARIABLE = "TF_CONFIG"
SHOULD_BE = (
    f'{VARIABLE} should be such as {{"cluster": {{"worker": ["one:2222", "two:2222"]}}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Who trains together.

    Attributes:
        addresses: of the workers, HOST:PORT, the chief's first.
        index: of this process among them.
    """

    addresses: tuple[str, ...]
    index: int

    @classmethod
    def from_environment(cls) -> "Cluster | None":
        """What TF_CONFIG says; None where it is not set.

        Raises:
            InputError: it is not what `tf.distribute` takes, or names a task that trains nothing.
        """
        text = os.environ.get(VARIABLE, "")
        if not text.strip():
            return None
        try:
            content = json.loads(text)
            tasks, task = content["cluster"], content["task"]
            chiefs, workers = list(tasks.get("chief", [])), list(tasks.get("worker", []))
            kind, index = str(task["type"]), int(task["index"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{SHOULD_BE}; got {text[:200]!r} ({type(error).__name__}: {error})") from None
        if others := sorted({*tasks} - {"chief", "worker"}):
            raise InputError(f"{SHOULD_BE}; its cluster has {', '.join(others)}, which training here knows nothing of")
        addresses = [*chiefs, *workers]
        own = {"chief": chiefs, "worker": workers}.get(kind, [])
        if not all(isinstance(address, str) and ":" in address for address in addresses) or not 0 <= index < len(own):
            raise InputError(f"{SHOULD_BE}; it has no address HOST:PORT for {kind} {index}: {text[:200]!r}")
        if len(set(addresses)) < len(addresses) or len(chiefs) > 1:
            raise InputError(
                f"{SHOULD_BE}; each worker has an address of its own, and one is the chief: {text[:200]!r}"
            )
        return cls(tuple(addresses), index + (len(chiefs) if kind == "worker" else 0))


def cluster_for(strategy: StrategyName) -> Cluster | None:
    """Who trains together; None for one process, also where TF_CONFIG names no other.

    Args:
        strategy: `multiworker`: whom TF_CONFIG names, which has to be set; `auto`: the same where it is; else nobody.

    Raises:
        InputError: TF_CONFIG cannot be used, or is missing.
    """
    if strategy not in ("auto", "multiworker"):
        return None
    cluster = Cluster.from_environment()
    if strategy == "multiworker" and cluster is None:
        raise InputError(f"--strategy multiworker: {SHOULD_BE}; it is not set")
    return cluster if cluster and len(cluster.addresses) > 1 else None
