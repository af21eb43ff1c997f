"""`piade serve`: the inspector in a browser, and verdicts over HTTP."""

import contextlib
import dataclasses
import importlib.util
import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from piade_tf.cli.startup import import_tensorflow
from piade_tf.config import FormatName
from piade_tf.errors import InputError
from piade_tf.interrupts import handed_over
from piade_tf.program import CLONE, command, install_extra

if TYPE_CHECKING:
    from piade_tf.serving.inspector import Inspector

NEEDED = ("starlette", "uvicorn", "python_multipart")  # the extra `serve`
BUILT = Path("examples", "inspector", "dist")  # in the clone that the package lies in, or the one that is worked in
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
MOST_MEGABYTES, MOST_MEGAPIXELS = 512, 64  # what is decoded at all


@dataclasses.dataclass(frozen=True)
class Serve:
    """Serve an exported model: the inspector in a browser, and verdicts over HTTP for line computers.

    piade serve RUN

    curl --data-binary @photo.png http://127.0.0.1:8000/v1/inspect

    The page at / is the inspector, which runs the model in the browser. POST /v1/inspect takes an image and gives
    score, percentile and verdict; /v1/docs describes it. Ctrl-C ends. There is no password: whoever reaches the port
    may ask.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run directory with an export."""
    host: str = "127.0.0.1"
    """The address to listen at. 0.0.0.0: also for other computers."""
    port: int = 8000
    """The port. 0: any that is free."""
    format: FormatName = "float32"
    """Which exported file inspects for the HTTP interface."""
    max_megabytes: int = 25
    """The largest image file that is taken, in MiB."""
    max_megapixels: int = 25
    """The largest image that is decoded."""
    threads: int = 0
    """Images inspected at the same time. 0: one a core."""
    app: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """A folder with a built inspector. Left out: examples/inspector/dist in the clone, where there is one."""


def serve(options: Serve) -> int:
    """Serves until it is interrupted; returns 0.

    Raises:
        InputError: the run, its export, the address or an option is not what it should be, or a package is missing.
    """
    _check(options)
    with contextlib.closing(_bound(options)) as listening:
        inspector = _inspector(options)
        built = (folder / BUILT for folder in (CLONE, Path()) if (folder / BUILT / "index.html").is_file())
        site = options.app or next(built, None)
        return _serve(options, inspector, site, listening)


def _check(options: Serve) -> None:
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise InputError(
            f"{command('serve')} needs packages that are not installed; {install_extra('serve')} brings them"
        )
    if options.format == "saved_model":
        raise InputError("--format must be one of the .tflite files, got saved_model; choose float32")
    if not 0 <= options.port <= 65535:
        raise InputError(f"--port must be 0 to 65535, got {options.port}")
    for name, most in (("max_megabytes", MOST_MEGABYTES), ("max_megapixels", MOST_MEGAPIXELS)):
        if not 1 <= getattr(options, name) <= most:
            raise InputError(f"--{name.replace('_', '-')} must be 1 to {most}, got {getattr(options, name)}")
    if not 0 <= options.threads <= 256:
        raise InputError(f"--threads must be 0 to 256, got {options.threads}")
    if options.app is not None and not (options.app / "index.html").is_file():
        raise InputError(
            f"--app {options.app} has no index.html; make inspector-build, which needs Node, makes the folder"
        )


def _bound(options: Serve) -> socket.socket:
    """A socket at the address, taken before the model is loaded."""
    where = f"{options.host}, port {options.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:  # the second for what cannot be a host's name
        reason = getattr(error, "strerror", None) or "no host has such a name"
        raise InputError(f"cannot listen at {where} ({reason}); give another --host") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)  # a port in use may show here only
    except OSError as error:
        made.close()
        raise InputError(f"cannot listen at {where} ({error.strerror}); give another --port or --host") from None
    return made


def _inspector(options: Serve) -> "Inspector":
    import_tensorflow()  # piade_tf.data is made of it
    from piade_tf.serving.inspector import Inspector
    from piade_tf.serving.served_file import ServedFile

    threads = options.threads or os.cpu_count() or 1
    return Inspector(ServedFile.of_run(options.run, options.format), threads, options.max_megapixels * 10**6)


def trusted(shown: str, given: str) -> list[str]:
    """The hosts that a browser may ask for where nobody but this machine is served: other names may be a web page's.

    Args:
        shown: the address as it stands in a URL.
        given: the name or the address that was asked for.
    """
    return [*LOOPBACK, shown, given.lower()]


def _serve(options: Serve, inspector: "Inspector", site: Path | None, listening: socket.socket) -> int:
    from piade_tf.serving.app import make_app
    from piade_tf.serving.connections import make_server

    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    local = ipaddress.ip_address(host).is_loopback
    app = make_app(inspector, options.max_megabytes << 20, site, trusted(shown, options.host) if local else None)
    what = (
        "the inspector and /v1/inspect"
        if site
        else "/v1/inspect; the inspector is not built: make inspector-build in a clone, with Node, builds it"
    )
    print(f"serving {inspector.path} at http://{shown}:{port}/ ({what}); Ctrl-C ends", flush=True)
    with handed_over(), contextlib.suppress(KeyboardInterrupt):
        make_server(app).run([listening])
    inspector.pool.shutdown(cancel_futures=True)
    return 0
