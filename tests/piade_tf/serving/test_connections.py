"""Connections to `piade serve`: who says nothing, or does not listen, is not waited for."""

import asyncio
import contextlib
import logging
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from piade_tf.serving import connections
from piade_tf.serving.connections import make_server

ASK = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
LONG = 20.0  # seconds, much longer than any limit here


async def app(scope, _receive, send):
    """Answers at once, after a while, or with more than a connection holds."""
    if scope["path"] == "/slow":
        await asyncio.sleep(2.5)
    chunks = 64 if scope["path"] == "/large" else 1
    length = str(chunks << 20).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    for left in reversed(range(chunks)):
        await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": left > 0})


@pytest.fixture
def server(monkeypatch):
    """A server with short limits, and what connects to it, and ends it."""
    monkeypatch.setattr(connections, "SECONDS_TO_ASK", 2.0)
    monkeypatch.setattr(connections, "SECONDS_TO_READ", 1.0)
    monkeypatch.setattr(connections, "SECONDS_TO_END", 6.0)
    made = make_server(app)
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    thread = threading.Thread(target=made.run, args=([listening],), daemon=True)
    thread.start()
    with contextlib.ExitStack() as stack:

        def connected(said=b""):
            client = stack.enter_context(socket.create_connection(address, LONG))
            client.sendall(said)
            return client

        def end():
            made.should_exit = True
            thread.join(LONG)
            return not thread.is_alive()

        yield SimpleNamespace(connected=connected, end=end, under_way=made.server_state.tasks)
        end()


@pytest.fixture
def complaints(server):
    """What the server logs."""
    logged = []
    handler = logging.Handler()
    handler.emit = logged.append
    logging.getLogger("uvicorn").addHandler(handler)
    yield logged
    logging.getLogger("uvicorn").removeHandler(handler)


def wait_for(condition):
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def all_of(client):
    """What comes until the other side ends it."""
    content = b""
    while chunk := client.recv(1 << 20):
        content += chunk
    return content


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half a head"])
def test_a_connection_without_a_request_is_closed(server, said):
    assert all_of(server.connected(said)) == b""


def test_so_is_one_whose_second_request_does_not_come_whole(server):
    client = server.connected(ASK % b"")
    assert b"200 OK" in client.recv(100)
    client.sendall(b"GET /")
    assert b"HTTP" not in all_of(client)


def test_a_request_under_way_is_not_cut_off_and_another_may_follow(server):
    client = server.connected(ASK % b"slow")
    content = client.recv(1 << 20)
    client.sendall(ASK % b"slow")
    content += all_of(client)
    assert content.count(b"200 OK") == 2 and len(content) > 2 << 20


def test_a_client_that_does_not_read_its_answer_is_not_waited_for(server):
    client = server.connected(ASK % b"large")
    wait_for(lambda: server.under_way)
    wait_for(lambda: not server.under_way)
    with contextlib.suppress(ConnectionResetError):
        assert len(all_of(client)) < 64 << 20


def test_a_server_that_ends_waits_for_answers_but_not_for_who_does_not_read(server, complaints):
    server.connected(ASK % b"large")
    slow = server.connected(ASK % b"slow")
    wait_for(lambda: len(server.under_way) == 2)
    assert server.end()
    assert len(all_of(slow)) > 1 << 20
    assert complaints == []
