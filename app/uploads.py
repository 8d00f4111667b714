"""The images in a request: one as multipart field `file` or raw body, several as repeated field `files`."""

from __future__ import annotations

from typing import Any

import multipart
from fastapi import Request

from app.errors import InvalidParameterError, MalformedRequestError, UnsupportedTypeError

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/bmp")
MULTIPART = "multipart/form-data"
SPARE_PARTS = 8
"""Parts beyond those asked for that are still read, so that the answer can say what is wrong with them."""
LONGEST_BOUNDARY = 70
"""Characters (RFC 2046, section 5.1.1)."""
MOST_PREAMBLE_BYTES = 64 * 1024
"""What nobody reads and no client sends: text before the first part."""


async def image(request: Request) -> bytes:
    """The one image of a request.

    Raises:
        MalformedRequestError, InvalidParameterError, UnsupportedTypeError: There is not exactly one, or not as described above.
    """
    declared = _content_type(request)
    if declared in IMAGE_TYPES:
        return await request.body()
    if declared != MULTIPART:
        raise UnsupportedTypeError(
            f"The content type {declared or 'is missing: it'} must be {MULTIPART} with a field named file, or one of "
            f"{', '.join(IMAGE_TYPES)} with the image as the body "
            "(curl: -F file=@image.png, or -H 'Content-Type: image/png' --data-binary @image.png)."
        )
    files = await _files(request, "file", 1)
    if len(files) != 1:
        raise InvalidParameterError(
            f"The form has {len(files)} files named file and must have one: send several to /predict/batch as files."
        )
    return files[0]


async def images(request: Request, at_most: int) -> list[bytes]:
    """The images of a batch, in order; at least one, at most `at_most`.

    Raises:
        MalformedRequestError, InvalidParameterError, UnsupportedTypeError: They are not as described above.
    """
    declared = _content_type(request)
    if declared != MULTIPART:
        raise UnsupportedTypeError(
            f"The content type {declared or 'is missing: it'} must be {MULTIPART} with the field files repeated "
            "(curl: -F files=@1.png -F files=@2.png)."
        )
    files = await _files(request, "files", at_most)
    if not 1 <= len(files) <= at_most:
        raise InvalidParameterError(
            f"The form has {len(files)} files named files and must have 1 to {at_most}: send them in several requests."
        )
    return files


async def _files(request: Request, field: str, at_most: int) -> list[bytes]:
    files: list[bytes] = []
    content: list[bytes] = []
    part: Any = None
    preamble = 0
    _, options = multipart.parse_options_header(request.headers["content-type"])
    try:
        boundary = options.get("boundary", "")
        if len(boundary) > LONGEST_BOUNDARY:
            raise multipart.ParserError(f"The boundary is longer than {LONGEST_BOUNDARY} characters")
        with multipart.PushMultipartParser(boundary, max_segment_count=at_most + SPARE_PARTS) as parser:
            async for chunk in request.stream():
                if part is None and preamble > MOST_PREAMBLE_BYTES:
                    raise multipart.ParserError(f"There is no part in the first {preamble:,} bytes")
                preamble += len(chunk)
                for event in parser.parse(chunk):
                    if isinstance(event, multipart.MultipartSegment):
                        part, content = event, []
                    elif event is not None:
                        content.append(event)
                    elif part.name == field:
                        if part.filename is None:
                            raise InvalidParameterError(
                                f"The form's field {field} is text and must be a file (curl: -F {field}=@image.png, with the @)."
                            )
                        files.append(b"".join(content))
    except multipart.MultipartError as error:
        raise MalformedRequestError(f"The multipart body can't be read ({error}): send it as curl -F {field}=@image.png does.") from error
    return files


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
