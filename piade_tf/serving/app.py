"""The routes: an image in and a verdict out, what the model says of itself, the inspector."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from piade_tf.data.decode import TooManyPixelsError, UnreadableImageError
from piade_tf.errors import InputError
from piade_tf.json_text import json_text
from piade_tf.serving.headers import SafeHeaders
from piade_tf.serving.inspector import Inspector
from piade_tf.serving.openapi import openapi
from piade_tf.serving.served_file import files_for_the_app
from piade_tf.serving.uploads import FORM_BYTES, Place, Room, busy, image_of

WAITING = 64  # requests that are received and inspected at the same time; more are sent away
ROOM = 256 << 20  # bytes of all of them, or those of one image where that may have more
TEMPLATES = Environment(
    loader=PackageLoader("piade_tf.serving"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
TYPES = {".json": "application/json", ".png": "image/png", ".jpg": "image/jpeg"}


def make_app(
    inspector: Inspector, most_bytes: int, site: Path | None, hosts: list[str] | None, waiting: int = WAITING
) -> SafeHeaders:
    """The application.

    Args:
        inspector: judges.
        most_bytes: of an image.
        site: the folder of the built inspector; None: a page says how to build it.
        hosts: names under which it may be asked for; None: any.
        waiting: requests that are received and inspected at the same time.
    """
    trusted = [] if hosts is None else [Middleware(TrustedHostMiddleware, allowed_hosts=hosts)]
    app = Starlette(
        routes=_Routes(inspector, most_bytes, site, waiting).routes,
        exception_handlers={HTTPException: _told, InputError: _no_verdict, Exception: _failed},
        middleware=trusted,
    )
    return SafeHeaders(app)


class _Routes:
    def __init__(self, inspector: Inspector, most_bytes: int, site: Path | None, waiting: int):
        self.inspector, self.most_bytes, self.site, self.most_waiting = inspector, most_bytes, site, waiting
        self.room, self.waiting = Room(max(ROOM, most_bytes + FORM_BYTES)), 0
        self.api = openapi(most_bytes, inspector.most_pixels)

    @property
    def routes(self) -> list[Route | Mount]:
        routes: list[Route | Mount] = [
            Route("/v1/inspect", self.inspect, methods=["POST"]),
            Route("/v1/inspect", self.not_so, methods=["GET", "PUT", "PATCH", "DELETE"]),
            Route("/v1/model", self.model),
            Route("/v1/openapi.json", self.openapi),
            Route("/v1/docs", self.docs),
            Route("/v1/docs.css", self.stylesheet),
            Route("/healthz", self.health),
            Route("/served/{name:path}", self.of_the_export),
        ]
        if self.site is None:
            return [*routes, Route("/", self.no_app)]
        return [*routes, Mount("/", StaticFiles(directory=self.site, html=True))]

    async def inspect(self, request: Request) -> Response:
        with_map = request.query_params.get("map")
        if with_map not in (None, "png"):
            raise HTTPException(400, f"map must be png or left out, got {with_map[:40]!r}")
        if self.waiting >= self.most_waiting:
            raise busy()
        self.waiting += 1
        try:
            with Place(self.room) as place:
                content = await image_of(request, self.most_bytes, place)
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self.inspector.pool, self.inspector, content, with_map is not None)
        except TooManyPixelsError as error:
            raise HTTPException(413, f"the image {error}; send a smaller one") from None
        except UnreadableImageError as error:
            raise HTTPException(422, f"the image {error}; send another file") from None
        finally:
            self.waiting -= 1
        answer = {
            "score": found.score,
            "percentile": found.percentile,
            "verdict": "anomalous" if found.anomalous else "normal",
            "threshold": found.file.threshold.value,
            "map_max": found.map_max,
            "map_threshold": found.file.map_threshold.value,
        }
        return _json(answer | ({} if found.map_png is None else {"map_png": found.map_png}))

    async def not_so(self, request: Request) -> Response:
        raise HTTPException(405, f"images are sent with POST, got {request.method}; /v1/docs has an example")

    async def model(self, _request: Request) -> Response:
        file = await asyncio.to_thread(self.inspector.current)  # which may have to load it
        return _json(file.description)

    async def health(self, _request: Request) -> Response:
        return _json({"status": "ok", "waiting": self.waiting})

    async def openapi(self, _request: Request) -> Response:
        return _json(self.api)

    async def docs(self, request: Request) -> Response:
        page = TEMPLATES.get_template("interface.html")
        return HTMLResponse(page.render(api=self.api, address=str(request.base_url)))

    async def stylesheet(self, _request: Request) -> Response:
        return Response(TEMPLATES.get_template("interface.css").render(), media_type="text/css")

    async def no_app(self, _request: Request) -> Response:
        return HTMLResponse(TEMPLATES.get_template("no_app.html").render())

    async def of_the_export(self, request: Request) -> Response:
        served = await asyncio.to_thread(files_for_the_app, self.inspector.path.parent)  # as a new export has them
        path = served.get(request.path_params["name"])
        if path is None:
            raise HTTPException(404, "there is no such file; /served/manifest.json lists the models")
        media_type = TYPES.get(path.suffix, "application/octet-stream")
        return FileResponse(path, media_type=media_type, headers={"Cache-Control": "no-cache"})


def _json(content: dict[str, Any], status: int = 200, headers: Any = None) -> Response:
    return Response(json_text(content), status, headers, "application/json")


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if sentence == HTTPStatus(error.status_code).phrase:  # Starlette's own
        sentence = f"{request.method} {request.url.path[:80]}: {sentence.lower()}; /v1/docs lists what there is"
    return _json({"error": sentence}, error.status_code, error.headers)


async def _no_verdict(_request: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 500)


async def _failed(_request: Request, _error: Exception) -> Response:
    return _json({"error": "the server made a mistake; its log says which"}, 500)
