"""How connections end, so that clients that say nothing, or do not listen, keep nobody else out."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 1000
SECONDS_TO_ASK = 30.0  # in which the whole head of a request must have arrived
SECONDS_TO_READ = 30.0  # in which a client must take what fills its connection
SECONDS_TO_END = 10.0  # for requests under way, once the server ends


def make_server(app: Any) -> uvicorn.Server:
    """The server of an application."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, limit_concurrency=CONNECTIONS, lifespan="off",
        http=_Connection,
    )  # fmt: skip
    return uvicorn.Server(config)


class _Connection(H11Protocol):
    """Closes itself where no request comes, where its answer is not read, and where the server ends before it does."""

    _asking: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_a_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_a_request()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._asking, self._reading):
            if timer:
                timer.cancel()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(SECONDS_TO_READ, self.transport.abort)  # waits for no client

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading:
            self._reading.cancel()

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(SECONDS_TO_END, self.transport.abort)

    def _wait_for_a_request(self) -> None:
        before = self.cycle

        def end() -> None:
            if self.cycle is before and (before is None or before.response_complete):
                self.transport.close()

        if self._asking:
            self._asking.cancel()
        self._asking = self.loop.call_later(SECONDS_TO_ASK, end)
