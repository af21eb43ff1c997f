"""The tables of what machines do: latency, throughput, memory, and what faults leave behind."""

import statistics
from collections.abc import Callable

from benchmarks.table_parts import grouped, read, table


def without_amx() -> str:
    """For each file its latency with Intel's matrix unit and without."""
    lines = [
        (
            f"`{row['format']}`, {row['file'].partition('-')[0]}",
            *(f"{float(row[name]):.3g}" for name in ("ms_with_amx", "ms_without_amx")),
            "yes" if row["same_outputs"] == "True" else "no",
        )
        for row in read("without_amx.csv")
    ]
    return table(("file", "ms with AMX", "ms without", "same outputs"), lines)


def inspector_latency() -> str:
    """For each format, milliseconds of an image in Chromium and what a first visit loads."""
    header = ("format", "network in Chromium", "LiteRT in Python", "decoding 720p", "resizing 720p")
    header += ("decoding 12 megapixels", "resizing 12 megapixels", "first load, MiB", "with gzip")
    parts = ("input_network", "python", "720p_decode", "720p_prepare", "12mp_decode", "12mp_prepare")
    return table(
        header,
        [
            (
                f"`{row['format']}`",
                *(f"{float(row[f'{part}_ms']):.0f} ms" for part in parts),
                row["first_load_mib"],
                row["first_load_gzip_mib"],
            )
            for row in read("inspector_latency.csv")
        ],
    )


def resizing_on_jvm() -> str:
    """Milliseconds and memory that a frame takes in Kotlin."""
    header = ("frame", "time", "memory asked for, MiB", "of which the frame's own pixels")
    columns = ("mib_allocated", "mib_of_the_frame")
    rows = read("resizing_on_jvm.csv")
    return table(header, [(row["frame"], f"{row['ms']} ms", *(row[column] for column in columns)) for row in rows])


def serve_load() -> str:
    """For each format, how the server held."""
    header = ("format", "answers lost or wrong", "images per second", "the bare network", "median", "95 %")
    header += ("MiB after a tenth of the requests and at the end",)
    rows = []
    for row in read("serve_load.csv"):
        waits = [f"{int(row[name]) / 1000:.1f} s" for name in ("median_ms", "p95_ms")]
        rates = [f"{float(row[name]):.0f}" for name in ("images_per_second", "bare_network_per_second")]
        memory = f"{row['mib_after_a_tenth']} and {row['mib_at_the_end']}"
        rows.append((f"`{row['format']}`", row["wrong_or_lost"], *rates, *waits, memory))
    return table(header, rows)


def training_options() -> str:
    """For each size and option of training its speed, beside the default."""
    header = ("", "images per second", "beside the default, by round", "first 10 steps", "750 steps")
    lines = []
    for row in read("training_options.csv"):
        name = row["options"] if row["options"] == "default" else f"`{row['options']}`"
        ends = f"{float(row['least_of_default']):.0%} to {float(row['most_of_default']):.0%}"
        lines.append(
            (
                f"{row['size']}x{row['size']}, {name}",
                f"{float(row['images_per_second']):.0f}",
                "" if row["options"] == "default" else f"{float(row['of_default']):.0%} ({ends})",
                f"{float(row['seconds_of_first_10_steps']):.0f} s",
                f"{row['seconds_of_750_steps']} s",
            )
        )
    return table(header, lines)


def scaling_workers() -> str:
    """For each number of workers images per second of each step, the mean of the rounds, beside those of one worker."""
    steps = ("features", "training", "statistics", "scores")
    by_count = {
        count: {step: statistics.mean(float(row[f"{step}_per_second"]) for row in rows) for step in steps}
        for count, rows in grouped(read("scaling_workers.csv"), "workers").items()
    }
    lines = [
        (count, *(f"{rate[step]:.0f} ({rate[step] / by_count['1'][step]:.2f})" for step in steps))
        for count, rate in by_count.items()
    ]
    return table(("workers", *steps), lines)


def scaling_images() -> str:
    """For each number of images the seconds and the memory that statistics and scores take."""
    lines = [
        (
            f"{int(row['images']):,}",
            *(f"{float(row[f'{step}_seconds']):.0f} s" for step in ("statistics", "scores")),
            *(
                f"{1000 * float(row[f'{step}_seconds']) / int(row['images']):.1f} ms"
                for step in ("statistics", "scores")
            ),
            f"{int(row['peak_MiB']):,} MiB",
        )
        for row in read("scaling_images.csv")
    ]
    return table(("images", "statistics", "scores", "of an image", "of an image", "peak memory"), lines)


def backends() -> str:
    """For each network and backend how far its outputs are from TensorFlow's, and its speed."""
    header = ("network", "backend", "largest difference", "inference, images/s", "training, images/s")
    return table(
        header,
        [
            (
                row["network"],
                f"{row['backend']} {row['backend_version']}",
                "-" if row["backend"] == "tensorflow" else row["largest_difference"],
                f"{float(row['inference_images_per_second']):.0f}",
                f"{float(row['training_images_per_second']):.0f}",
            )
            for row in read("backends.csv")
        ],
    )


def faults() -> str:
    """For each signal and moment how often it came, and what was left."""
    moments = {
        "any": "at any moment, from the start of the program on",
        "training": "in training",
        "checkpoint": "while a checkpoint is written",
        "calibration": "in calibration",
        "export": "in export",
    }
    lines = []
    for sent, of_signal in grouped(read("faults.csv"), "signal").items():
        for moment, rows in grouped(of_signal, "moment").items():
            equal = sum(row["equal_metrics"] == "True" for row in rows)
            unreadable = sum(int(row["unreadable"]) for row in rows)
            tracebacks = sum(row["traceback"] == "True" for row in rows)
            counts = (len(rows), equal, unreadable, tracebacks)
            lines.append((f"{sent}, {moments[moment]}", *map(str, counts)))
    header = ("what was done", "times", "equal metrics in the end", "unreadable files", "tracebacks")
    return table(header, lines)


def faults_of_workers() -> str:
    """For each signal and worker what the other one did, and what was left."""
    what = {"SIGKILL": "SIGKILL", "SIGSTOP": "SIGSTOP: it hangs"}
    lines = []
    for sent, of_signal in grouped(read("faults_of_workers.csv"), "signal").items():
        for worker, rows in grouped(of_signal, "worker").items():
            seconds = [float(row["seconds_to_the_end"]) for row in rows]
            lines.append(
                (
                    f"{what[sent]}, {'the chief' if worker == 'chief' else 'another worker'}",
                    str(len(rows)),
                    f"{min(seconds):.0f} to {max(seconds):.0f} s",
                    ", ".join(sorted({row["exit_code"] for row in rows})),
                    str(sum(row["equal_metrics"] == "True" for row in rows)),
                    str(sum(int(row["unreadable"]) for row in rows)),
                    str(sum(row["traceback"] == "True" for row in rows)),
                )
            )
    header = ("what was done", "times", "the other ended after", "with", "equal metrics and scores in the end")
    return table((*header, "unreadable files", "tracebacks"), lines)


TABLES: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        *(without_amx, inspector_latency, resizing_on_jvm, serve_load, faults, faults_of_workers),
        *(training_options, backends, scaling_workers, scaling_images),
    )
}
