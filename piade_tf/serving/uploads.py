"""The image of a request: its body, or the field `image` of a form, and never more of it than is allowed."""

import logging
from collections.abc import AsyncGenerator

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

FIELD = "image"
SECONDS = 30.0  # in which a request must have arrived
FORM_BYTES = 16 << 10  # beside the image, in a form
PASSED_OVER = 64 << 20  # bytes of what is too large that are read on: most clients read the answer only then

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # who sent a damaged form is told, the log is not


class Room:
    """Bytes of all requests that are being received and inspected, together.

    Args:
        most: bytes; a request that would exceed them is sent away, to come again.
    """

    def __init__(self, most: int):
        self.most, self.taken = most, 0


class Place:
    """What one request takes of a room, until the `with` statement ends."""

    def __init__(self, room: Room):
        self.room, self.taken = room, 0

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_error) -> None:
        self.room.taken -= self.taken

    def take(self, count: int) -> None:
        """Raises `HTTPException` 503 where there is no room."""
        if self.room.taken + count > self.room.most:
            raise busy()
        self.room.taken += count
        self.taken += count


def busy() -> HTTPException:
    """More than can be inspected now."""
    return HTTPException(503, "more images are waiting than can be held; send it again", {"Retry-After": "1"})


async def image_of(request: Request, most_bytes: int, place: Place) -> bytes:
    """The bytes of the image that a request brings.

    Args:
        request: with the image as its body, or in a field `image` of `multipart/form-data`.
        most_bytes: of an image.
        place: counts what is held.

    Raises:
        HTTPException: 400 where there is none, 408 where it does not arrive, 413 where it is too large, 503 where there
            is no room.
    """
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    most = most_bytes + FORM_BYTES * is_form
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most + PASSED_OVER:
        raise _too_large(most_bytes)
    body, count = bytearray(), 0
    try:
        with anyio.fail_after(SECONDS):
            async for chunk in request.stream():
                count += len(chunk)
                if count <= most:
                    place.take(len(chunk))
                    body += chunk
                elif count > most + PASSED_OVER:
                    break
    except TimeoutError:
        raise HTTPException(408, f"the image did not arrive within {SECONDS:.0f} seconds; send it again") from None
    except ClientDisconnect:
        raise HTTPException(400, "the connection ended before the image was there; send it again") from None
    if count > most:
        raise _too_large(most_bytes)
    content = await _of_form(request, bytes(body), most_bytes) if is_form else bytes(body)
    if not content:
        raise HTTPException(400, f"no image came; send it as the body, or in a form as the field {FIELD!r}")
    return content


async def _of_form(request: Request, body: bytes, most_bytes: int) -> bytes:
    async def all_at_once() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    try:
        form = await MultiPartParser(
            request.headers, all_at_once(), max_files=1, max_fields=8, max_part_size=FORM_BYTES
        ).parse()
    except (MultiPartException, ValueError, KeyError, AttributeError) as error:
        reason = " ".join(str(getattr(error, "message", error)).split())[:120]
        raise HTTPException(400, f"the form is damaged ({reason}); send the image as the field {FIELD!r}") from None
    try:
        image = form.get(FIELD)
        if not isinstance(image, UploadFile):
            names = ", ".join(sorted({repr(name[:40]) for name in form})) or "nothing"
            raise HTTPException(400, f"the form has no file named {FIELD!r} but {names}; send the image as that")
        content = await image.read()
    finally:
        await form.close()
    if len(content) > most_bytes:
        raise _too_large(most_bytes)
    return content


def _too_large(most_bytes: int) -> HTTPException:
    return HTTPException(413, f"the image has more than {most_bytes / 2**20:g} MiB; send a smaller one")
