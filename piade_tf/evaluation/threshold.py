"""From which score on an image is anomalous, and how many false alarms that promises at most."""

import dataclasses
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from piade_tf.errors import InputError
from piade_tf.files import write_json
from piade_tf.program import command, path_word

FORMAT_VERSION = 1
MARK = "sha256"  # of the rest of the file
LEVELS = np.arange(101.0)
MAX_SIGMAS = 100
FEWEST_TO_STAND_APART = 20  # among fewer, the highest score is far from the next by chance alone
PROMISING = ("fpr", "max")  # methods that promise a false-alarm rate
METHODS = f"fpr, max, f1, sigma:K with K from 0 to {MAX_SIGMAS}, or value:X"


Guarantee = Literal["exact", "approximate", "none"]


class Method(NamedTuple):
    """A way to choose the threshold: `fpr`, `sigma`, `max`, `f1` or `value`, with the number that goes with it."""

    kind: str
    number: float | None


@dataclasses.dataclass(frozen=True)
class Threshold:
    """Images that score higher than `value` are anomalous.

    Attributes:
        method: how it was chosen, as `parse_method` takes it.
        value: the threshold, on the scale of the scores.
        n: normal scores behind `quantiles`; for `fpr`, `sigma` and `max` also behind `value`.
        promised_fpr: bound on the expected false-positive rate, in (0, 1); None: nothing is promised.
        wanted_fpr: the rate that was asked for, in (0, 1); None where the method does not use it.
        optimistic: chosen with the labels of the images it was chosen on, so that figures on these flatter it.
        quantiles: the 0, 1, ..., 100 % quantiles of the normal scores, 101 non-decreasing numbers.
        folds: in how many folds the normal images were scored, each by statistics of the others; 0: they took no part
            in any statistics.
        apart: how many of the highest normal scores stand apart and have no say in `value`, 0 or 1; see
            `fit_threshold`.
    """

    method: str
    value: float
    n: int
    promised_fpr: float | None
    wanted_fpr: float | None
    optimistic: bool
    quantiles: tuple[float, ...]
    folds: int = 0
    apart: int = 0

    @property
    def guarantee(self) -> Guarantee:
        """How far `promised_fpr` is guaranteed.

        `exact`: in expectation, for any distribution of scores, as long as new images come from where the calibration
        images come from. `approximate`: as simulated; a theorem has it that scores by the folds' own statistics would
        exceed it less than twice as often. Approximate as well where it was looked whether the highest of held-out
        scores stands apart: the choice depends on the scores, and what is sure is 2 / (n + 1). `none`: nothing is
        promised.
        """
        if self.promised_fpr is None:
            return "none"
        above = round(self.promised_fpr * (self.n + 1)) - 1  # scores that may lie above the threshold
        is_choice = self.method == "fpr" and self.n >= FEWEST_TO_STAND_APART and above == self.apart
        return "approximate" if self.folds or is_choice else "exact"

    def is_anomalous(self, scores: Any) -> np.ndarray:
        """Which of the scores lie above the threshold: bool, of the shape of `scores`, compared as float64."""
        return np.asarray(scores, "float64") > self.value

    def percentile(self, scores: Any) -> np.ndarray:
        """Where scores lie among the normal ones: float64, of the shape of `scores`, 0 (below all) to 100 (above all).

        A score that ties with normal ones gets the middle of their percentiles.
        """
        scores, quantiles = np.asarray(scores, "float64"), np.array(self.quantiles)
        at_most = np.interp(scores, quantiles, LEVELS)
        less_than = 100 - np.interp(-scores, -quantiles[::-1], LEVELS)
        return (at_most + less_than) / 2

    def write(self, path: Path) -> None:
        """Writes the threshold as JSON, with a mark that shows whether it was changed afterwards."""
        content = {"format_version": FORMAT_VERSION, **dataclasses.asdict(self), "guarantee": self.guarantee}
        write_json(path, content | {MARK: _mark(content)})

    @classmethod
    def read(cls, path: Path) -> "Threshold":
        """Reads what `write` wrote.

        Raises:
            InputError: the file cannot be read, is of a newer version, was changed by hand, or a field is missing,
                unknown or out of range.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"cannot read the threshold {path} ({error.strerror}); give a file of a run") from None
        except (ValueError, RecursionError):
            raise InputError(f"{path} must be a threshold in JSON, got something else; {_again(path)}") from None
        if isinstance(content, dict):  # of earlier versions it lacks the mark and two fields
            mark = content.pop(MARK, None)
            if mark is not None and mark != _mark(content):
                raise InputError(
                    f"{path} was changed after PIADE-TF had written it: exported files do not have the change, and "
                    f"nobody knows what it promises; {_again(path)}"
                )
            content.pop("guarantee", None)  # follows from the rest
            for later in ("folds", "apart"):
                content.setdefault(later, 0)
        problem = _problem(content)
        if problem:
            raise InputError(f"{path} is no threshold that this version reads: {problem}; {_again(path)}")
        del content["format_version"]
        return cls(**{**content, "quantiles": tuple(content["quantiles"])})


def parse_method(text: str) -> Method:
    """Reads `fpr`, `sigma:K`, `max`, `f1` or `value:X`.

    Raises:
        InputError: anything else, or X is not finite, or K is not in 0 to 100.
    """
    kind, colon, number_text = text.partition(":")
    if kind in ("fpr", "max", "f1") and not colon:
        return Method(kind, None)
    if kind in ("sigma", "value"):
        try:
            number = float(number_text)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and (kind == "value" or 0 <= number <= MAX_SIGMAS):
            return Method(kind, number)
    raise InputError(f"--threshold must be {METHODS}, got {text!r}; choose one of these")


def check_method(text: str, labels: np.ndarray) -> None:
    """Raises `InputError`, before a training, for a method that is unknown or that test images `labels` rule out."""
    if parse_method(text).kind == "f1":
        _labelled(labels, np.zeros(len(labels)) if len(labels) else None)


def fit_threshold(
    method: str,
    fpr: float,
    normal_scores: Any,
    labels: Any = None,
    scores: Any = None,
    folds: int = 0,
    apart: int | None = None,
) -> Threshold:
    """Chooses the threshold.

    `fpr` is split conformal: of `n` normal scores the `ceil((n + 1)(1 - fpr))`-th smallest. If a new normal image is
    exchangeable with the calibration images, it scores higher with probability at most `fpr` (Papadopoulos et al.,
    "Inductive confidence machines for regression", 2002; Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random
    World", 2005; Lei et al., "Distribution-free predictive inference for regression", 2018). With fewer than
    `images_needed(fpr)` scores it is the largest, as with `max`, which promises 1 / (n + 1).

    Where that is the highest of 20 or more, so that one odd photograph would set the threshold, and it lies further
    above the next than that lies above the median, the next is taken, which promises 2 / (n + 1). A higher `fpr` never
    gives a higher threshold.

    With scores from folds the same quantile is taken. The promise is then no theorem: see `Threshold.guarantee`.

    Args:
        method: `fpr`; `max`; `sigma:K`, the mean plus K standard deviations; `value:X`, X itself; `f1`, the threshold
            of the largest F1 on `scores`.
        fpr: the false-positive rate that is wanted, in (0, 1), taken as the decimal that it is written as.
        normal_scores: `(n,)`, finite in float32, of normal images by statistics that they took no part in.
        labels: for `f1`, `(m,)`, 0 normal, 1 anomalous.
        scores: for `f1`, `(m,)`, the scores of the labelled images.
        folds: in how many folds the normal images were scored; 0: they were held out.
        apart: of another threshold for the same images, whose choice is to be repeated; None: decide.

    Raises:
        InputError: an argument is not as above, or `f1` lacks normal or anomalous images.
    """
    kind, number = parse_method(method)
    rate = _as_written(fpr)
    normal = np.sort(_finite(normal_scores, "normal scores"))
    count = len(normal)
    promised, wanted = None, None
    if kind in PROMISING:
        rank = min(math.ceil((count + 1) * (1 - rate)), count) if kind == "fpr" else count
        if apart is None:
            apart = int(kind == "fpr" and rank == count and highest_stands_apart(normal))
        rank -= min(apart, count - 1)
        value, promised = normal[rank - 1], (count + 1 - rank) / (count + 1)
        wanted = float(fpr) if kind == "fpr" else None
    elif kind == "f1":
        value = _best_f1(*_labelled(labels, scores))
    else:
        assert number is not None
        value = normal.mean() + number * normal.std() if kind == "sigma" else number
    quantiles = np.sort(np.quantile(normal, LEVELS / 100))
    return Threshold(
        method, float(value), count, promised, wanted, kind == "f1", tuple(quantiles.tolist()), folds, apart or 0
    )


def highest_stands_apart(ordered: np.ndarray) -> bool:
    """Whether the last of sorted scores lies further above the next than that lies above the median."""
    if len(ordered) < FEWEST_TO_STAND_APART:
        return False
    return bool(ordered[-1] - ordered[-2] > ordered[-2] - np.median(ordered))


def images_needed(fpr: float, apart: int = 0) -> int:
    """The fewest normal images with which `fpr` can be promised while `apart` of their highest scores have no say.

    Raises:
        InputError: not 0 < fpr < 1.
    """
    return math.ceil((1 + apart) / _as_written(fpr)) - 1


def explain(threshold: Threshold) -> str:
    """What the threshold is and what it promises, in a sentence or two."""
    kind, number = parse_method(threshold.method)
    n, promised, wanted = threshold.n, threshold.promised_fpr, threshold.wanted_fpr
    images = f"{n} normal image" + ("s" if n > 1 else "") + (f" in {threshold.folds} folds" if threshold.folds else "")
    images += ", without the highest score, which stands apart" if threshold.apart else ""
    origin = {
        "fpr": f"{'cross-conformal' if threshold.folds else 'split conformal'} on {images}",
        "max": f"the largest score of {images}",
        "sigma": f"mean + {number or 0:g} standard deviations of {images}",
        "value": _by_hand(threshold.value, number or 0.0),
        "f1": "the largest F1 on labelled images",
    }[kind]
    text = f"Threshold {threshold.value:.4g} ({origin}): "
    if promised is None:
        text += f"{promise(threshold)}." if kind in PROMISING else "no false-alarm rate is promised."
    else:
        text += promise(threshold)
        if wanted is not None and promised > wanted:
            needed = images_needed(wanted, threshold.apart)
            text += f"; {100 * wanted:.6g} % needs {needed} images, {needed - n} more"
        text += "."
    return text + (" It is optimistic: figures on the images it was chosen on flatter it." * threshold.optimistic)


def promise(threshold: Threshold) -> str:
    """What it promises about false alarms, in a few words."""
    if rate := promised_rate(threshold.promised_fpr, threshold.guarantee):
        return f"{rate} false alarms expected"
    kind = parse_method(threshold.method).kind
    by_hand = "set by hand, " if kind == "value" else ""
    elsewhere = " for images other than the run's" if kind in PROMISING else ""
    return f"{by_hand}no false-alarm rate is promised{elsewhere}"


def promised_rate(promised_fpr: float | None, guarantee: str | None) -> str | None:
    """The rate that a threshold promises, such as `at most 3.2 %`: two digits, rounded up; None where it promises none.

    Args:
        promised_fpr, guarantee: as `Threshold` has them.
    """
    if promised_fpr is None:
        return None
    how_far = "about" if guarantee == "approximate" else "at most"
    percent = Context(prec=2, rounding=ROUND_CEILING).create_decimal(100 * Decimal(repr(promised_fpr)))
    return f"{how_far} {percent.normalize():f} %"


def on_other_images(threshold: Threshold) -> Threshold:
    """The same threshold, where it judges images that do not come from where the calibration images came from."""
    return dataclasses.replace(threshold, promised_fpr=None, wanted_fpr=None)


def in_short(threshold: Threshold) -> str:
    """Its value, and a warning where it promises nothing."""
    return f"{threshold.value:.4g}" + (f" ({promise(threshold)})" if threshold.promised_fpr is None else "")


def _by_hand(value: float, given: float) -> str:
    """A file's own scores differ a little from the run's, for which the number was given."""
    same = math.isclose(value, given, rel_tol=1e-3, abs_tol=1e-3)
    return "set by hand" if same else f"set by hand as {given:.4g}, moved to these scores by their quantiles"


def _as_written(fpr: float) -> Fraction:
    """The decimal that `fpr` is written as, exactly: 0.01 is 1/100."""
    if not 0 < fpr < 1:
        raise InputError(f"the false-positive rate must lie between 0 and 1, got {fpr}; 0.01 is one percent")
    return Fraction(repr(float(fpr)))


def _finite(scores: Any, name: str) -> np.ndarray:
    values = np.asarray(scores, "float64")
    if values.ndim != 1 or not len(values):
        raise InputError(f"the threshold needs a list of {name}, got shape {values.shape}; give at least one")
    within = np.abs(values) <= np.finfo("float32").max
    if not within.all():
        raise InputError(f"{name} must be finite, got {values[~within][0]}; train the network again")
    return values


def _labelled(labels: Any, scores: Any) -> tuple[np.ndarray, np.ndarray]:
    if labels is None or scores is None:
        raise InputError("--threshold f1 needs labelled images, got none; choose fpr, which needs normal ones only")
    labels, scores = np.asarray(labels), _finite(scores, "labelled scores")
    if labels.shape != scores.shape or not np.isin(labels, (0, 1)).all():
        raise InputError(
            f"--threshold f1 needs a label, 0 or 1, for each of {len(scores)} scores, got {labels.size} labels with "
            f"values {np.unique(labels)[:5].tolist()}; label every image"
        )
    anomalous = int(labels.sum())
    if anomalous in (0, len(labels)):
        raise InputError(
            f"--threshold f1 needs normal and anomalous images, got {len(labels) - anomalous} and {anomalous}; "
            "choose fpr, which needs normal ones only"
        )
    return labels.astype(bool), scores


def _mark(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _again(path: Path) -> str:
    """How a threshold is set, of a run, everywhere at once."""
    return f"set it again: {command('threshold')} {path_word(Path(path).parent)} --fpr 0.01, or --value X"


def _best_f1(anomalous: np.ndarray, scores: np.ndarray) -> float:
    """The largest threshold of the best F1: a score, or just below all of them."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits, flagged = np.cumsum(anomalous[order]), np.arange(1, len(scores) + 1)
    last_of_tie = np.append(ranked[1:] < ranked[:-1], True)
    f1 = np.where(last_of_tie, 2 * hits / (flagged + hits[-1]), -1.0)
    just_below_all = np.nextafter(ranked[-1].astype("float32"), np.float32(-np.inf))
    return float(np.append(ranked[1:], just_below_all)[np.argmax(f1)])


def _problem(content: Any) -> str | None:
    """What is wrong with the content of a threshold's file; None where nothing is."""
    names = ["format_version", *(field.name for field in dataclasses.fields(Threshold))]
    if not isinstance(content, dict):
        return f"expected an object, got {type(content).__name__}"
    version: Any = content.get("format_version")
    if not _is_whole(version) or version < 1:
        return f"format_version must be {FORMAT_VERSION}, got {version!r}"
    if version > FORMAT_VERSION:
        return f"it was written by a newer one, with format_version {version} instead of {FORMAT_VERSION}"
    if set(content) != set(names):
        return f"it lacks, or has besides, the fields {sorted(set(content) ^ set(names))}"
    try:
        parse_method(content["method"] if isinstance(content["method"], str) else "")
    except InputError:
        return f"method must be {METHODS}, got {content['method']!r}"
    if not _is_number(content["value"]):
        return f"value must be a finite number, got {content['value']!r}"
    if not _is_whole(content["n"]) or content["n"] < 1:
        return f"n must be a whole number of at least 1, got {content['n']!r}"
    for name in ("promised_fpr", "wanted_fpr"):
        if content[name] is not None and not (_is_number(content[name]) and 0 < content[name] < 1):
            return f"{name} must be null or between 0 and 1, got {content[name]!r}"
    if not _is_whole(content["folds"]) or content["folds"] < 0:
        return f"folds must be a whole number of at least 0, got {content['folds']!r}"
    if not _is_whole(content["apart"]) or content["apart"] not in (0, 1):
        return f"apart must be 0 or 1, got {content['apart']!r}"
    if not isinstance(content["optimistic"], bool):
        return f"optimistic must be true or false, got {content['optimistic']!r}"
    if not _are_quantiles(content["quantiles"]):
        return f"quantiles must be {len(LEVELS)} finite numbers that never fall"
    return None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return (_is_whole(value) or isinstance(value, float)) and abs(value) <= sys.float_info.max


def _are_quantiles(values: Any) -> bool:
    if not isinstance(values, Sequence) or len(values) != len(LEVELS) or not all(map(_is_number, values)):
        return False
    return all(before <= after for before, after in zip(values, values[1:], strict=False))
