"""Every failure as RFC 9457 `application/problem+json`: one table from exception to status."""

from __future__ import annotations

import http

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app import errors
from app.protocol_paths import is_protocol
from app.schemas.open_inference import InferenceError
from app.schemas.problem import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

TABLE: dict[type[errors.RequestError], tuple[int, str]] = {
    errors.MalformedRequestError: (400, "Malformed request"),
    errors.KeyRequiredError: (401, "Key required"),
    errors.CrossSiteError: (403, "Cross-site request"),
    errors.UnknownModelError: (404, "Unknown model"),
    errors.UnknownVersionError: (404, "Unknown version"),
    errors.UnknownPlotError: (404, "Unknown plot"),
    errors.NoComparisonError: (404, "No comparison"),
    errors.UnknownSpriteError: (404, "Unknown sprite"),
    errors.SlowUploadError: (408, "Upload too slow"),
    errors.BodyTooLargeError: (413, "Body too large"),
    errors.UnsupportedTypeError: (415, "Unsupported image type"),
    errors.UnknownHostError: (421, "Unknown host"),
    errors.UnprocessableImageError: (422, "Unprocessable image"),
    errors.InvalidParameterError: (422, "Invalid parameter"),
    errors.OverloadedError: (429, "Too many requests"),
    errors.ModelUnavailableError: (503, "Model unavailable"),
    errors.InterruptedReadError: (503, "Interrupted read"),
    errors.ModelFailedError: (503, "Model failed"),
    errors.DeadlineExceededError: (503, "Deadline exceeded"),
    errors.StoppingError: (503, "Stopping"),
}

_LATER = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_NO_MORE = {"Connection": "close"}  # the rest of the body is not read
_EXTRA = {401: {"WWW-Authenticate": "Bearer"}, 408: _NO_MORE, 413: _NO_MORE, 429: _LATER, 503: _LATER}


def problem(status: int, title: str, detail: str, request_id: str) -> Problem:
    """A problem whose type is a URN made from its title."""
    return Problem(
        type=f"urn:wardrobe:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=detail,
        request_id=request_id,
    )


def problem_of(error: errors.RequestError, request_id: str) -> Problem:
    """The problem for one of the table's exceptions."""
    status, title = TABLE[type(error)]
    return problem(status, title, str(error), request_id)


def response(path: str, body: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """The HTTP answer for a problem with a request to `path`; other systems' clients look for `error`, and for nothing else."""
    all_headers = {**_EXTRA.get(body.status, {}), **(headers or {})}
    if is_protocol(path):
        return JSONResponse(InferenceError(error=body.detail).model_dump(), body.status, all_headers)
    return JSONResponse(body.model_dump(), body.status, all_headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every exception of `app` with a problem."""

    async def request_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, errors.RequestError)
        return response(request.scope["path"], problem_of(error, request.state.request_id))

    async def validation_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        wrong = "; ".join(
            f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}, not {errors.shown(each.get('input'))}" for each in error.errors()
        )
        return response(request.scope["path"], problem_of(errors.InvalidParameterError(f"{wrong}."), request.state.request_id))

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        path = request.scope["path"]
        title = http.HTTPStatus(error.status_code).phrase
        detail = error.detail
        if error.status_code == 404:
            detail = "There is nothing at this path: /docs lists every path."
        elif error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            detail = f"{request.method} is not allowed here: use {allowed}."
        return response(path, problem(error.status_code, title, detail, request.state.request_id), dict(error.headers or {}))

    app.add_exception_handler(errors.RequestError, request_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error)
