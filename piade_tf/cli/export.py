"""`piade export` and `piade show`: the doors to the `export` package."""

from export.options import Export, Show
from piade_tf.cli.startup import start_tensorflow
from piade_tf.lost_images import losses_told


@losses_told()
def export(options: Export) -> int:
    """Exports a run; returns the exit code. Raises as `export.run.export` does."""
    start_tensorflow()
    from export.publish.report_section import add_to_report
    from export.run import export

    exit_code = export(options)
    add_to_report(options.run / "report.html", options.run / "export")
    return exit_code


def show(options: Show) -> int:
    """Prints what an exported file says of itself; returns the exit code. Raises as `export.show.show` does."""
    from export.show import show

    return show(options)
