"""What an adaptation changed, as a table and in words."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from piade_tf.evaluation.before_and_after import Group, judgement
from piade_tf.evaluation.threshold import Threshold, explain
from piade_tf.printable import from_here, some
from piade_tf.report.threshold_change import NAMES_SHOWN, share


def show_adaptation(groups: Sequence[Group], before: Threshold, after: Threshold) -> None:
    """Prints what was flagged before and is now, which images those are, and whether that is better or worse."""
    table = Table("flagged as anomalous", "before", "now")
    for group in groups:
        sides = (share(int(side.sum()), len(side), with_interval=False) for side in (group.before, group.after))
        table.add_row(group.name, *sides)
    Console().print(table)
    print("Bad images should be flagged, good ones not. No good image is judged by statistics that have seen it.")
    for group in groups:
        names = np.asarray(group.images, object)
        for words, chosen in (
            ("now flagged", group.after & ~group.before),
            ("no longer flagged", group.before & ~group.after),
            ("still missed" if group.anomalous else "still flagged", group.wrong_both_times),
        ):
            if chosen.any():
                print(f"{words}, of {group.name}: {some(map(from_here, names[chosen]), NAMES_SHOWN)}")
    for line in judgement(groups):
        print(line)
    print(
        f"Threshold before: {before.value:.4g}. Scores are fitted anew, so it cannot be compared with the one of now."
    )
    print(explain(after))
