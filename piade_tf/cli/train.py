"""`piade train`: from images to a run directory, or on with a run that was cut off."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from piade_tf import interrupts, unfinished
from piade_tf.cli.exit_codes import OUT_OF_MEMORY, what_to_mend
from piade_tf.cli.startup import import_tensorflow
from piade_tf.config import Config, check
from piade_tf.errors import CannotGoOn, InputError, WorkerLost
from piade_tf.lost_images import losses_told
from piade_tf.program import command, path_word
from piade_tf.quiet import stderr_only_on_failure
from piade_tf.stored_options import config_of, from_anywhere
from piade_tf.temporary import temporary_folder
from piade_tf.training.cluster import cluster_for

if TYPE_CHECKING:
    from piade_tf.workers import Workers


def train(config: Config) -> int:
    """Trains, scores and exports: data, network, fit, scores, threshold, metrics, figures, report, export.

    A run that was cut off is gone on with, from the newest checkpoint and without the steps that are done.

    Returns:
        The exit code: 0, or 3 if a file was rejected at export.

    Raises:
        InputError: the options or the data are not what they should be, or another process trains the run.
        Stopped: a signal asked for it; `checkpoints` in the run have what is needed to go on.
        WorkerLost: another worker of the same training has gone.
    """
    check(config)
    cluster = cluster_for(config.training.strategy)
    # The run is the chief's.
    cut_off, begun = (None, config) if cluster and cluster.index else _cut_off(config)
    if begun is None:
        print(f"{cut_off} is complete; there is nothing to go on with")
        if cluster is None:
            return 0
    with losses_told():
        return _train(begun or config, cut_off, is_complete=begun is None)


def _train(config: Config, cut_off: Path | None, is_complete: bool) -> int:
    import_tensorflow()
    with stderr_only_on_failure():
        # Imported here: --help and a mistyped option need not wait for them.
        from piade_tf.cli.steps_of_training import Training
        from piade_tf.data.catalogue import side_of
        from piade_tf.run_directory import RunDirectory
        from piade_tf.run_lock import changing
        from piade_tf.training.connected_workers import losses_of_workers_told
        from piade_tf.training.distribution import distribution_for, share_threads
        from piade_tf.training.trainer import make_reproducible

        share_threads(side_of(config.data))
    distribution = distribution_for(config.training.strategy)

    with contextlib.ExitStack() as stack:
        workers_told = losses_of_workers_told if distribution.workers.count > 1 else contextlib.nullcontext
        stack.enter_context(workers_told())
        agreed = _agreed(config, cut_off, is_complete, distribution.workers, stack)
        if agreed is None:
            return 0
        config, cut_off = agreed
        make_reproducible(config.training.seed, config.training.deterministic)
        if cut_off is None:
            RunDirectory.check(config.runs_dir, config.name)
            training = Training.planned(config, distribution)
            run = training.begin(as_stored(config))
            stack.enter_context(changing(run.path, "piade train"))
            stack.enter_context(_going_on_named(run.path, distribution.workers))
        else:
            stack.enter_context(changing(cut_off, "piade train"))
            stack.enter_context(_going_on_named(cut_off, distribution.workers))
            print(f"{cut_off} was cut off.", flush=True)
            training = Training.planned(config, distribution, RunDirectory(cut_off))
        with losses_told(), workers_told():
            return training.carry_out()


def _agreed(
    config: Config, cut_off: Path | None, is_complete: bool, workers: "Workers", stack: contextlib.ExitStack
) -> tuple[Config, Path | None] | None:
    """Options and the run to go on with, as the chief has them; None where its run is complete.

    Those of the other workers lie in a folder that goes with the `stack`, and they say nothing: the chief says it all.

    Raises:
        InputError: the workers were started with different options.
    """
    if workers.count == 1:
        return config, cut_off
    from piade_tf.training.run_of_chief import check_same, given, options_given, shared_options, take

    has_more = workers.is_chief and not is_complete
    of_chief = workers.of_chief(given(as_stored(config), cut_off) if has_more else {})
    if not of_chief:
        return None
    if not workers.is_chief and config.resume:
        config = _with_own_data(config_of(options_given(of_chief)), config)
    check_same(workers, "the options", shared_options(as_stored(config)))
    if workers.is_chief:
        return config, cut_off
    run = stack.enter_context(temporary_folder()) / "run"
    begun_before = take(of_chief, run)
    nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (closed by the stack)
    stack.enter_context(contextlib.redirect_stdout(nowhere))
    return dataclasses.replace(config, runs_dir=run.parent, name=run.name), run if begun_before else None


def as_stored(config: Config) -> dict[str, Any]:
    """The options of a training as JSON has them, to go on with from any folder."""
    data = dataclasses.replace(config.data, data_dir=from_anywhere(config.data.data_dir))
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
    return path, _with_own_data(config_of(unfinished.options_of(path)), config)


def _with_own_data(begun: Config, given: Config) -> Config:
    """The options of a run, with those that may be given beside --resume."""
    cache = begun.data.cache if given.data.cache == "auto" else given.data.cache
    data = dataclasses.replace(begun.data, data_dir=given.data.data_dir or begun.data.data_dir, cache=cache)
    return dataclasses.replace(begun, data=data)


@contextlib.contextmanager
def _going_on_named(run: Path, workers: "Workers") -> Iterator[None]:
    """Within, whatever ends the training says how to go on."""
    going_on = f"go on with it: {unfinished.resume_command(run)}"
    if workers.count > 1:
        place = path_word(run) if workers.is_chief else "RUN, that of worker 0"
        going_on = f"start all workers again, with {command('train')} --resume {place}"
    interrupts.how_to_go_on(going_on)
    try:
        yield
    except WorkerLost as error:
        raise WorkerLost(f"{error}; {going_on}") from None
    except InputError as error:
        if isinstance(error, CannotGoOn) or not unfinished.is_unfinished(run):  # going on would not help
            raise
        raise InputError(f"{error}; {going_on}") from None
    except Exception as error:
        if not (told := what_to_mend(error)):
            raise
        then = "with enough memory" if told == OUT_OF_MEMORY else "then"
        raise InputError(f"{told}; {then} {going_on}") from None
    interrupts.how_to_go_on("")
