"""What another threshold changes, in tables and sentences."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from piade_tf.data import LabelledSplit
from piade_tf.evaluation.intervals import clopper_pearson
from piade_tf.evaluation.refit import Known
from piade_tf.evaluation.threshold import Threshold, explain, images_needed, parse_method, promise, promised_rate
from piade_tf.printable import some
from piade_tf.report.page_text import percents

NAMES_SHOWN = 10
KINDS = (("normal", "flagged"), ("anomalous", "missed"))


def show_change(before: Threshold, after: Threshold, known_before: Known, known: Known, test: LabelledSplit) -> None:
    """Prints the threshold before and after: its value, what it promises, and what is flagged.

    Args:
        before, after: of the run.
        known_before, known: scores that are known, with the calibration images of before and of now.
        test: the test images, of which the names count.
    """
    table = Table("", "before", "after")
    sides = ((before, known_before), (after, known))
    rows = [_facts(threshold, scores) for threshold, scores in sides]
    for name in rows[0]:
        table.add_row(name, *(row[name] for row in rows))
    Console().print(table)
    print(explain(after))
    for line in changes(before, after, known, test):
        print(line)


def _facts(threshold: Threshold, known: Known) -> dict[str, str]:
    flagged = threshold.is_anomalous(known.normal)
    by_hand = parse_method(threshold.method).kind == "value"
    found = {
        "threshold": f"{threshold.value:.4g}",
        "chosen by": _chosen_by(threshold),
        "promise": promise(threshold),
        # An interval for images that did not choose the threshold alone.
        "calibration images flagged": share(int(flagged.sum()), len(flagged), with_interval=by_hand),
    }
    return found | on_test(threshold, known)


def on_test(threshold: Threshold, known: Known, with_interval: bool = True) -> dict[str, str]:
    """How many normal test images are flagged and how many anomalous ones are missed, where there are any."""
    found = {}
    flagged = threshold.is_anomalous(known.test)
    for label, (kind, what) in enumerate(KINDS):
        wrong = (flagged != label)[known.labels == label]
        if len(wrong):
            found[f"{kind} test images {what}"] = share(int(wrong.sum()), len(wrong), with_interval)
    return found


def share(k: int, n: int, with_interval: bool = True) -> str:
    """`3 of 20 (3.2 to 37.9 %)`: the ends are those of the 95 % interval of Clopper and Pearson."""
    if not with_interval:
        return f"{k} of {n}"
    return f"{k} of {n} ({percents(clopper_pearson(k, n))} %)"


def _chosen_by(threshold: Threshold) -> str:
    kind, number = parse_method(threshold.method)
    images = f"{threshold.n} images"
    return {
        "fpr": f"fpr {threshold.wanted_fpr or 0:g}, {images}",
        "max": f"largest of {images}",
        "sigma": f"mean + {number or 0:g} deviations of {images}",
        "f1": "the test images' labels",
        "value": "hand",
    }[kind]


def changes(before: Threshold, after: Threshold, known: Known, test: LabelledSplit) -> list[str]:
    """Which test images have another verdict, by name, a line each for those flagged now and those no longer."""
    if not test.count:
        return []
    old, new = before.is_anomalous(known.test), after.is_anomalous(known.test)
    lines = []
    for words, chosen in (("now flagged", new & ~old), ("no longer flagged", old & ~new)):
        for label, (kind, _) in enumerate(KINDS):
            names = test.ids[chosen & (test.labels == label)]
            if len(names):
                lines.append(f"{words}, {len(names)} of the {kind} test images: {some(map(str, names), NAMES_SHOWN)}")
    return lines or ["No test image changes its verdict."]


def show_offers(thresholds: Sequence[tuple[str, Threshold]], known: Known) -> None:
    """Prints what other options would give, a row each."""
    facts = [(name, threshold, on_test(threshold, known, False)) for name, threshold in thresholds]
    table = Table("option", "threshold", "false alarms promised", *facts[0][2])
    for name, threshold, on in facts:
        promised = promised_rate(threshold.promised_fpr, threshold.guarantee) or "nothing"
        table.add_row(name, f"{threshold.value:.4g}", promised, *on.values())
    Console().print(table)
    if line := too_few([threshold for _, threshold in thresholds]):
        print(line)


def too_few(thresholds: Sequence[Threshold]) -> str | None:
    """Why thresholds for different rates are the same; None where there are images enough for each rate."""
    apart_of = {
        one.wanted_fpr: one.apart for one in thresholds if one.wanted_fpr and (one.promised_fpr or 0) > one.wanted_fpr
    }
    if not apart_of:
        return None
    needs = [f"{rate:g} needs {images_needed(rate, apart)}" for rate, apart in sorted(apart_of.items())]
    taken = "the highest score but one, which stands apart," if any(apart_of.values()) else "the highest score"
    return (
        f"There are {thresholds[0].n} calibration images, and --fpr {', '.join(needs)}: with fewer, {taken} is the "
        "threshold."
    )
