"""`manifest.json`: every file, what is in it, and how it compares."""

import dataclasses
import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from export.options import Export
from export.tflite.flatbuffer import operators, signatures, tensor_types
from export.verification.agreement import Said
from export.verification.measure import Measured
from piade_tf import __version__
from piade_tf.evaluation.threshold import Threshold

FORMAT_VERSION = 1
PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "ai-edge-quantizer", "numpy")


def describe_file(path: Path, measured: Measured, threshold: Threshold, map_threshold: Threshold) -> dict[str, Any]:
    """What is in a file, or in a folder, and how fast it is."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    digests = [f"{file.relative_to(path.parent)} {_digest(file)}\n" for file in files]
    content: dict[str, Any] = {
        "file": path.name,
        "bytes": sum(file.stat().st_size for file in files),
        "sha256": _digest(path) if path.is_file() else hashlib.sha256("".join(digests).encode()).hexdigest(),
    }
    if path.is_file():
        data = path.read_bytes()
        content |= {"operators": operators(data), "tensors": tensor_types(data), "signatures": signatures(data)}
    return content | {
        "threshold": dataclasses.asdict(threshold),
        "map_threshold": dataclasses.asdict(map_threshold),
        "latency_ms": {
            f"{threads}_thread{'s' * (threads > 1)}": {
                "median": round(float(np.median(times)), 4),
                "p95": round(float(np.quantile(times, 0.95)), 4),
            }
            for threads, times in enumerate(measured.timings, start=1)
        },
        "peak_bytes": measured.peak_bytes,
    }


def is_measured(entry: dict[str, Any]) -> bool:
    """Whether a file of the manifest could be run; else it has only the reasons why not."""
    return "bytes" in entry


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def describe_run(
    config: dict[str, Any],
    options: Export,
    said: Said,
    labels: np.ndarray,
    may_differ: float,
    entries: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """The whole content of `manifest.json`.

    Args:
        config: the content of `config.json`.
        options: of the export.
        said: what the run says of the images.
        labels: of the test images.
        may_differ: share of verdicts that may differ.
        entries: by the name of a format.
    """
    keras_auroc = float(roc_auc_score(labels, said.test)) if len(np.unique(labels)) == 2 else None
    return {
        "format_version": FORMAT_VERSION,
        "run": options.run.resolve().name,
        "version": __version__,
        "batch": options.batch,
        "compared_on": {
            "validation": len(said.validation),
            "synthetic_defects": len(said.changed),
            "flagged_by_the_run": int(said.threshold.is_anomalous(said.compared).sum()),
            "tolerance": options.tolerance,
            "verdicts_may_differ": may_differ,
        },
        "n_normal": int(np.sum(labels == 0)),
        "n_anomalous": int(np.sum(labels == 1)),
        "keras": {"image_AUROC": keras_auroc},
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
        "fastest": fastest(entries),
        "files": entries,
    }


def fastest(entries: dict[str, dict[str, Any]]) -> str | None:
    """The name of the LiteRT file that ships and takes least time on one thread; None where none ships."""
    shipped = {name: entry for name, entry in entries.items() if entry["accepted"] and name != "saved_model"}
    return min(shipped, key=lambda name: shipped[name]["latency_ms"]["1_thread"]["median"], default=None)


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The name of this machine's processor with its family and model, or its architecture.

    A virtual machine may call several generations "Intel(R) Xeon(R) Processor"; some have a matrix unit, some do not.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    pairs = (line.partition(":") for line in reversed(lines))  # the first core is the last to be entered
    found = {key.strip(): value.strip() for key, _, value in pairs}
    if "model name" not in found:
        return platform.processor() or platform.machine()
    numbers = [f"{word} {found[key]}" for word, key in (("family", "cpu family"), ("model", "model")) if key in found]
    return found["model name"] + (f" ({', '.join(numbers)})" if numbers else "")
