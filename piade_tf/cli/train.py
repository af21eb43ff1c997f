"""`piade train`: from images to a run directory, or on with a run that was cut off."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from piade_tf import interrupts, unfinished
from piade_tf.cli.exit_codes import OUT_OF_MEMORY, is_out_of_memory
from piade_tf.cli.startup import import_tensorflow
from piade_tf.config import Config, check
from piade_tf.errors import InputError
from piade_tf.lost_images import losses_told
from piade_tf.quiet import stderr_only_on_failure


def train(config: Config) -> int:
    """Trains, scores and exports: data, network, fit, scores, threshold, metrics, figures, report, export.

    A run that was cut off is gone on with, from the newest checkpoint and without the steps that are done.

    Returns:
        The exit code: 0, or 3 if a file was rejected at export.

    Raises:
        InputError: the options or the data are not what they should be, or another process trains the run.
        Stopped: a signal asked for it; `checkpoints` in the run have what is needed to go on.
    """
    check(config)
    cut_off, begun = _cut_off(config)
    if begun is None:
        print(f"{cut_off} is complete; there is nothing to go on with")
        return 0
    with losses_told():
        return _train(begun, cut_off)


def _train(config: Config, cut_off: Path | None) -> int:
    options = config.training
    import_tensorflow()
    with stderr_only_on_failure():
        # Imported here: --help and a mistyped option need not wait for them.
        from piade_tf.cli.steps_of_training import Training
        from piade_tf.data.catalogue import side_of
        from piade_tf.run_directory import RunDirectory
        from piade_tf.run_lock import changing
        from piade_tf.training.distribution import share_threads
        from piade_tf.training.trainer import make_reproducible

        make_reproducible(options.seed, options.deterministic)
        share_threads(side_of(config.data))

    with contextlib.ExitStack() as stack:
        if cut_off is None:
            RunDirectory.check(config.runs_dir, config.name)
            training = Training.planned(config)
            run = training.begin(as_stored(config))
            stack.enter_context(changing(run.path, "piade train"))
            stack.enter_context(_going_on_named(run.path))
        else:
            stack.enter_context(changing(cut_off, "piade train"))
            stack.enter_context(_going_on_named(cut_off))
            print(f"Going on with {cut_off}.", flush=True)
            training = Training.planned(config, RunDirectory(cut_off))
        with losses_told():
            return training.carry_out()


def as_stored(config: Config) -> dict[str, Any]:
    """The options of a training as JSON has them, to go on with from any folder."""
    folder = config.data.data_dir
    data = dataclasses.replace(config.data, data_dir=folder and Path(os.path.abspath(folder)))
    whole = dataclasses.replace(config, data=data, runs_dir=Path(os.path.abspath(config.runs_dir)))
    return json.loads(json.dumps(dataclasses.asdict(whole), default=str))


def _cut_off(config: Config) -> tuple[Path | None, Config | None]:
    """The run that is gone on with, None for a new one, and its options, None where it is complete.

    Raises:
        InputError: the run was begun with other options, or is none.
    """
    if config.resume is None:
        path = config.runs_dir / config.name if config.name else None
        if path is None or not unfinished.is_unfinished(path):
            return None, config
        if as_stored(config) != unfinished.options_of(path):
            raise InputError(
                f"{path} was begun with other options and cut off; go on with it: {unfinished.resume_command(path)}; "
                "for other options choose another --name"
            )
        return path, config
    path = config.resume
    if not unfinished.is_unfinished(path):
        if (path / "metrics.json").is_file():
            return path, None
        raise InputError(f"--resume {path}: there is no training to go on with; give a run that was cut off")
    begun = Config.of_run(unfinished.options_of(path))
    cache = begun.data.cache if config.data.cache == "auto" else config.data.cache
    data = dataclasses.replace(begun.data, data_dir=config.data.data_dir or begun.data.data_dir, cache=cache)
    return path, dataclasses.replace(begun, data=data)


@contextlib.contextmanager
def _going_on_named(run: Path) -> Iterator[None]:
    """Within, whatever ends the training says how to go on."""
    going_on = f"go on with it: {unfinished.resume_command(run)}"
    interrupts.how_to_go_on(going_on)
    try:
        yield
    except InputError as error:
        if not unfinished.is_unfinished(run):  # going on would not help
            raise
        raise InputError(f"{error}; {going_on}") from None
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(f"{OUT_OF_MEMORY}; with enough memory {going_on}") from None
    interrupts.how_to_go_on("")
