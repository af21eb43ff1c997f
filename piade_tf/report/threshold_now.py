"""What `piade threshold` has changed since the training, of which `config.json` stays the record."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from piade_tf.data.known_images import KnownImage, joined_later
from piade_tf.evaluation.threshold import Threshold, parse_method
from piade_tf.program import command, path_word, shell_line
from piade_tf.report.page_text import option
from piade_tf.report.rerun_command import rerun_command


@dataclasses.dataclass(frozen=True)
class ThresholdNow:
    """What a run has now, where it differs from what it was trained with.

    Attributes:
        options: `fpr` and `threshold`, options of a training, of those only what was changed.
        folders: of good images that joined those that the threshold is chosen from.
    """

    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    folders: Sequence[str] = ()

    @classmethod
    def of(
        cls, config: Mapping[str, Any], threshold: Threshold, map_threshold: Threshold, known: Sequence[KnownImage]
    ) -> "ThresholdNow":
        """Compares thresholds and images of a run with its `config.json`."""
        trained = config.get("options") or {}
        options: dict[str, Any] = {}
        rate = threshold.wanted_fpr or map_threshold.wanted_fpr
        if rate is not None and rate != trained.get("fpr", rate):
            options["fpr"] = rate
        method = threshold.method
        if parse_method(method).kind == "value":
            method = f"value:{threshold.value!r}"  # an adaptation moves it, and the method keeps what was typed
        if parse_method(method) != parse_method(trained.get("threshold", method)):
            options["threshold"] = method
        return cls(options, tuple(dict.fromkeys(one.added for one in joined_later(known, config))))

    def noted(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration with what is in force now, and a note of what the training had."""
        if not self.options:
            return dict(config)
        options = dict(config["options"])
        for name, value in self.options.items():
            options[name] = f"{option(value)}, set by piade threshold; the training had {option(options[name])}"
        return {**config, "options": options}

    def commands(self, config: Mapping[str, Any]) -> list[str]:
        """The command lines that make the run again as it is now; none where `rerun_command` has none."""
        is_adapted = bool(config.get("lineage"))
        if self.options and not (is_adapted or self.folders):  # the training itself can have them
            config = {**config, "options": {**config["options"], **self.options}}
            afterwards = []
        else:
            afterwards = self._afterwards(config, is_adapted)
        first = rerun_command(config)
        return [first, *(f"{command('threshold')} {words}" for words in afterwards)] if first else []

    def _afterwards(self, config: Mapping[str, Any], is_adapted: bool) -> list[str]:
        """What follows `piade threshold`: the folders one by one, then the way to choose."""
        trained = config.get("options") or {}
        name = None if is_adapted else trained.get("name")
        run = path_word(Path(trained["runs_dir"], f"{name}-again")) if name and "runs_dir" in trained else "RUN"
        lines = [f"{run} {shell_line(['--good', folder])}" for folder in self.folders]
        kind, number = parse_method(self.options.get("threshold", "fpr"))
        if kind in ("sigma", "value"):
            lines.append(f"{run} --{kind} {number!r}")
        elif "fpr" in self.options:
            lines.append(f"{run} --fpr {self.options['fpr']!r}")
        return lines
