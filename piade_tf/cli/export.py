"""`piade export` and `piade show`: the doors to the `export` package."""

from export.options import Export, Show
from piade_tf.cli.startup import start_tensorflow
from piade_tf.interrupts import how_to_go_on
from piade_tf.lost_images import losses_told
from piade_tf.program import command, path_word
from piade_tf.unfinished import end


@losses_told()
def export(options: Export) -> int:
    """Exports a run; returns the exit code.

    Raises:
        InputError: as `export.run.export` raises it, or another process is changing the run.
    """
    how_to_go_on(f"{command('export')} {path_word(options.run)} goes on with the formats that it has")
    start_tensorflow()
    from export.publish.report_section import add_to_report
    from export.run import export
    from piade_tf.files import check_folder
    from piade_tf.run_directory import RunDirectory
    from piade_tf.run_lock import changing

    run = RunDirectory(options.run)
    run.read_config()
    check_folder(run.path, "RUN")
    with changing(run.path, "piade export"):  # of all that is read: the threshold may be changed until then
        exit_code = export(options)
        add_to_report(run.path / "report.html", run.path / "export")
        end(run.path)  # where a training was cut off in its export, that was all that was left
    return exit_code


def show(options: Show) -> int:
    """Prints what an exported file says of itself; returns the exit code. Raises as `export.show.show` does."""
    from export.show import show

    return show(options)
