"""`piade export` and `piade show`: the doors to the `export` package."""

from export.options import Export, Show
from piade_tf.cli.startup import start_tensorflow
from piade_tf.interrupts import how_to_go_on
from piade_tf.lost_images import losses_told
from piade_tf.program import command, path_word
from piade_tf.unfinished import end


@losses_told()
def export(options: Export) -> int:
    """Exports a run; returns the exit code. Raises as `export.run.export` does."""
    how_to_go_on(f"{command('export')} {path_word(options.run)} goes on with the formats that it has")
    start_tensorflow()
    from export.publish.report_section import add_to_report
    from export.run import export

    exit_code = export(options)
    add_to_report(options.run / "report.html", options.run / "export")
    end(options.run)  # where a training was cut off in its export, that was all that was left
    return exit_code


def show(options: Show) -> int:
    """Prints what an exported file says of itself; returns the exit code. Raises as `export.show.show` does."""
    from export.show import show

    return show(options)
