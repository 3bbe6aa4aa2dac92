"""What a refusal looks like: one shape for whatever goes wrong, here and in the OpenAPI document."""

import re
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from realtime.runtime.errors import MummerError, UsageError
from realtime.serve.middleware import TOKEN_HEADER
from realtime.settings import first_problem

__all__ = ["CHANGES", "READS", "TOKEN", "Refusal", "install", "refusals", "without_flags"]

#: The token, as the document describes it; the middleware looks at it before any route does.
TOKEN: Final = APIKeyHeader(
    name=TOKEN_HEADER, scheme_name="token", auto_error=False, description="What the daemon's token file holds."
)


class Refusal(BaseModel, frozen=True):
    """Why a request was refused: one line that says what, where, and what to do."""

    error: str


_MEANINGS: Final = {
    400: "What is named is not there, cannot be read, or does not fit; or the body is no text.",
    401: "The token is missing or wrong.",
    403: "The request is for another host, or comes from another site's page.",
    404: "Nothing is at this address, or there is no job of that number.",
    409: "It makes no sense now: no session runs, or one does, or a file is out of bounds.",
    413: "The body is too large.",
    415: "The body is not JSON, or an upload is not sent as octets.",
    422: "A field or a parameter does not fit.",
    503: "Not now: a session starts or ends, or the daemon does; ask again in a moment.",
}
#: An option of the command line, in a text.
_FLAG: Final = re.compile(r"(?<![\w/-])--([a-z][a-z-]+)")
_METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")
#: What every request may be answered with, and what those with a body may be.
READS: Final = (403, 503)
CHANGES: Final = (400, 401, 403, 409, 413, 415, 422)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """``statuses`` for the OpenAPI document, each with what it means here."""
    # Not as a model: that would be described in the type of what the route answers when all is well.
    content = {"application/json": {"schema": Refusal.model_json_schema()}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` in the one shape."""
    app.add_exception_handler(MummerError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _not_here)
    app.add_exception_handler(Exception, _broken)


def without_flags(words: str) -> str:
    """``words`` with fields in the place of options: who asks over the API has no command line."""
    return _FLAG.sub(lambda match: match[1].replace("-", "_"), words)


def _answer(status: int, words: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(Refusal(error=words).model_dump(), status, headers)


def _refused(_: Request, error: Exception) -> JSONResponse:
    """What a user can cause and mend."""
    return _answer(409 if isinstance(error, UsageError) else 400, without_flags(str(error)))


def _malformed(_: Request, error: Exception) -> JSONResponse:
    """A body or a parameter that does not fit."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for these
    return _answer(422, first_problem(error, skip=1))


def _not_here(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses by itself."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for these
    place = request.url.path
    match error.status_code:
        case 404:
            return _answer(404, f"{place}: nothing is there; /openapi.json lists what there is")
        case 405:
            allowed = _allowed(request)
            words = f"{place}: cannot be asked with {request.method}; use {allowed}"
            return _answer(405, words, {"allow": allowed})
        case 413:
            return _answer(413, f"{place}: {error.detail}")
        case 400:
            return _answer(400, f"{place}: the body cannot be read; send JSON in UTF-8")
    return _answer(error.status_code, f"{place}: {error.detail}")


def _broken(request: Request, _: Exception) -> JSONResponse:
    """A bug of ours; its traceback is in the log."""
    return _answer(500, f"{request.url.path}: an error of the daemon's own; its log says more, please report it")


def _allowed(request: Request) -> str:
    """The methods that the address of ``request`` takes, of all routes that have it."""
    scopes = ((method, {**request.scope, "method": method}) for method in _METHODS)
    routes = request.app.routes
    return ", ".join(name for name, scope in scopes if any(r.matches(scope)[0] == Match.FULL for r in routes))
