"""What an adaptation changed, in counts and in words."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Group:
    """Images of one kind, with their verdicts before and after.

    Attributes:
        name: what they are.
        anomalous: whether they are to be flagged.
        before, after: `(n,)`, bool, what was flagged.
        images: `(n,)`, names.
    """

    name: str
    anomalous: bool
    before: np.ndarray
    after: np.ndarray
    images: Sequence[str] = ()

    @property
    def wrong(self) -> tuple[int, int]:
        """How many verdicts were and are wrong: flagged good images, or bad ones that are not."""
        return int(np.sum(self.before != self.anomalous)), int(np.sum(self.after != self.anomalous))

    @property
    def wrong_both_times(self) -> np.ndarray:
        """Which verdicts were wrong and still are, `(n,)`, bool."""
        return (self.before != self.anomalous) & (self.after != self.anomalous)

    @property
    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        before, after = int(self.before.sum()), int(self.after.sum())
        return {
            "images": len(self.before),
            "anomalous": self.anomalous,
            "flagged_before": before,
            "flagged_after": after,
        }


def judgement(groups: Sequence[Group]) -> list[str]:
    """Whether it got better or worse, a sentence for each group with a change and one in all."""
    lines: list[str] = []
    worse: list[str] = []
    better: list[str] = []
    for group in groups:
        before, after = group.wrong
        if before == after:
            continue
        what = "missed" if group.anomalous else "flagged"
        (worse if after > before else better).append(group.name)
        word = "WORSE" if after > before else "better"
        lines.append(f"{word}: {group.name}: {after} of {len(group.before)} {what}, {before} before")
    if worse:
        but = f", though better on {_and(better)}" if better else ""
        lines.append(f"It got worse on {_and(worse)}{but}: look at these images before you use the new run.")
    elif better:
        lines.append(f"It got better on {_and(better)}, and worse on nothing that was looked at.")
    else:
        lines.append("Nothing got better or worse: each row has as many wrong verdicts as before.")
    return lines


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
