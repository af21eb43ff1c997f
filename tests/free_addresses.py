"""Addresses on this machine where workers can listen."""

import socket
from contextlib import ExitStack


def free_addresses(count):
    """So many different HOST:PORT of this machine, free a moment ago."""
    with ExitStack() as sockets:
        taken = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"localhost:{one.getsockname()[1]}" for one in taken]
