"""The HTTP API of the page on which saved faces are corrected: the same rules of access as the daemon's."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Annotated, Final, Literal

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from realtime.finder.alignments import AlignedFace, FaceLine, FrameLine
from realtime.finder.doubts import FaceDoubt
from realtime.jobs.frame_reader import FrameReader
from realtime.runtime.errors import UsageError
from realtime.serve.align.desk import Desk
from realtime.serve.jpeg import Jpeg
from realtime.serve.middleware import AccessMiddleware, HeadersMiddleware, known_hosts
from realtime.serve.refusals import install

__all__ = ["build_align_app"]

PAGE: Final = Path(__file__).parent / "page"
#: Whose style and parts the page uses.
PANEL: Final = Path(__file__).parents[1] / "panel"
#: Bytes of a request at most: a frame with a crowd in it.
MAX_BODY: Final = 4 << 20


class Doubt(BaseModel, frozen=True):
    """A frame that had better be looked at, by its number, and why."""

    at: int
    time: float
    why: list[FaceDoubt]


class FileState(BaseModel, frozen=True):
    """The file as it lies there: ``size`` is the picture's in pixels, ``show`` the frame that was changed last."""

    name: str
    input: str
    frames: int
    size: tuple[int, int]
    saved: bool
    changes: int
    doubts: list[Doubt]
    show: int | None = None


class FrameState(BaseModel, frozen=True):
    """A frame, by its number in the file, and what is doubtful about it."""

    at: int
    line: FrameLine
    why: list[FaceDoubt]


class Edit(BaseModel, frozen=True, extra="forbid"):
    """What a frame is to hold from now on."""

    faces: Annotated[list[FaceLine], Field(max_length=1000)]
    checked: bool = False


def _state(desk: Desk, source: Path, show: int | None = None) -> FileState:
    """What lies on ``desk``, and which frame is to be shown, where that is not the one that is looked at."""
    held = desk.held
    return FileState(
        name=desk.path.name, input=source.name, frames=len(held.frames), size=held.header.input.size,
        saved=desk.is_saved, changes=desk.changes, show=show,
        doubts=[Doubt(at=at, time=held.frames[at].time, why=why) for at, why in desk.doubts.items()],
    )  # fmt: skip


def build_align_app(desk: Desk, reader: FrameReader, source: Path, token: str, port: int) -> FastAPI:
    """The application that changes what lies on ``desk`` and shows pictures of ``source``, on this machine's ``port``.

    Everything but the empty page asks for ``token``: pictures show people.
    """
    app = FastAPI(title="mummer align", docs_url=None, redoc_url=None)
    app.add_middleware(
        AccessMiddleware, hosts=known_hosts("127.0.0.1", port), token=token, max_body=MAX_BODY, private=("/api",)
    )
    app.add_middleware(HeadersMiddleware)
    install(app)
    reading = Lock()

    state = partial(_state, desk, source)

    @app.get("/api/file")
    def file() -> FileState:
        """What there is."""
        return state()

    @app.get("/api/frames/{at}")
    def frame(at: int) -> FrameState:
        """The faces of a frame."""
        return FrameState(at=at, line=desk.frame(at).line(), why=desk.doubts.get(at, []))

    @app.get("/api/frames/{at}/picture", response_class=Jpeg)
    def picture(at: int) -> Response:
        """The frame itself."""
        wanted = desk.frame(at)
        with reading:
            return Jpeg(reader.picture(wanted.pts, wanted.field))

    @app.put("/api/frames/{at}")
    def change(at: int, edit: Edit) -> FileState:
        """Let a frame hold other faces."""
        if len({face.track for face in edit.faces}) < len(edit.faces):
            raise UsageError(f"frame {at}: two faces have the same track")
        faces = tuple(AlignedFace.read(face) for face in edit.faces)
        desk.change({at: replace(desk.frame(at), faces=faces, checked=edit.checked)})
        return state(at)

    @app.delete("/api/tracks/{track}")
    def delete_track(track: int) -> FileState:
        """Take a track out of all frames."""
        desk.delete_track(track)
        return state()

    @app.post("/api/{what}")
    def act(what: Literal["undo", "save"]) -> FileState:
        """Take the last change back, or write the file."""
        if what == "undo":
            return state(desk.undo())
        desk.save()
        return state()

    app.add_api_route("/", lambda: FileResponse(PAGE / "index.html"), include_in_schema=False)
    app.mount("/panel", StaticFiles(directory=PANEL), name="panel")
    app.mount("/align", StaticFiles(directory=PAGE), name="align")
    return app
