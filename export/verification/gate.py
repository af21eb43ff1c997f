"""Whether a file ships: it must give the run's verdicts, as far as the number of images can tell.

Nothing here looks at a label. A file is rejected where chance alone would bring as many differences in less than one
of a hundred cases, so that a single image never decides.
"""

from typing import Any

from scipy.stats import binom

from export.formats import Tolerance
from export.verification.agreement import CONFIDENCE, Said, share_of_chance

MAY_DIFFER = 0.02  # share of verdicts, at least: of images that lie at the threshold


def share_that_may_differ(run: Said, seed: int, tolerance: float | None) -> float:
    """Of verdicts: what `--tolerance` set, or what other calibration images would change as well, but at least 2 %.

    Args:
        run: what it says of the images.
        seed: of the other calibration images.
        tolerance: that was set; None: none was.
    """
    return max(share_of_chance(run, seed), MAY_DIFFER) if tolerance is None else tolerance


def too_many(differ: int, verdicts: int, share: float) -> bool:
    """Whether more than `share` of all verdicts differ, with a confidence of 99 %: exact, of a binomial distribution.

    The same as asking whether the lower bound of Clopper and Pearson 1934 lies above `share`.
    """
    return bool(binom.sf(differ - 1, verdicts, share) < 1 - CONFIDENCE)


def problems(
    tolerance: Tolerance, comparison: dict[str, Any], description: dict[str, Any], may_differ: float
) -> list[str]:
    """Why a file must not ship, a sentence each; empty if it may.

    Args:
        tolerance: of its format.
        comparison: as `compare` gives it.
        description: as `describe_file` gives it.
        may_differ: share of verdicts that may differ.
    """
    found = []
    foreign = [name for name in description.get("operators", {}) if name.startswith(("CUSTOM", "FLEX"))]
    if foreign:
        found.append(f"has operators that no phone has: {', '.join(foreign)}")
    floats = [name for name in description.get("tensors", {}) if name.startswith(("float", "complex"))]
    if tolerance.integers_only and floats:
        found.append(f"has tensors of floats: {', '.join(floats)}")
    differences = verdicts(comparison)
    if too_many(comparison["verdicts_differ"], comparison["verdicts"], may_differ):
        found.append(
            f"does not give the run's verdicts: {differences}, where {may_differ:.1%} would be no fault of the file"
        )
    if tolerance.score_error is not None and comparison["score_error"] > tolerance.score_error:
        error = f"{comparison['score_error']:.2g} of the distance from normal scores to the threshold"
        found.append(f"has scores that are off by {error}, more than {tolerance.score_error:g}; {differences}")
    median = comparison["median_score_error"]
    if tolerance.median_score_error is not None and median > tolerance.median_score_error:
        error = f"{median:.2g} of the distance from normal scores to the threshold"
        found.append(
            f"has half of its scores off by {error}, more than {tolerance.median_score_error:g}; {differences}"
        )
    least = tolerance.rank_correlation
    if least is not None and comparison["rank_correlation_at_most"] < least:
        rank = f"a rank correlation of {comparison['rank_correlation']:.3f} with the run's scores"
        found.append(
            f"has {rank}, at most {comparison['rank_correlation_at_most']:.3f}, less than {least:g}; {differences}"
        )
    return found


def verdicts(comparison: dict[str, Any]) -> str:
    """How many verdicts differ, of how many."""
    differ, on_normal = comparison["verdicts_differ"], comparison["verdicts_differ_on_normal"]
    normal, changed = comparison["verdicts_on_normal"], comparison["verdicts"] - comparison["verdicts_on_normal"]
    return (
        f"{differ} of {comparison['verdicts']} verdicts differ ({on_normal} of {normal} on normal images, "
        f"{differ - on_normal} of {changed} on images with synthetic defects)"
    )
