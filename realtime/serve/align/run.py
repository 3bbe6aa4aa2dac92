"""Running the page: from the file to its last change."""

import secrets
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import uvicorn

from realtime.jobs.frame_reader import FrameReader
from realtime.media.file_source import check_regular
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.runtime.errors import InputError
from realtime.runtime.logs import set_up
from realtime.runtime.signal_relay import relayed
from realtime.serve.align.app import build_align_app
from realtime.serve.align.desk import Desk
from realtime.serve.server import Server, listen

__all__ = ["run"]

HOST: Final = "127.0.0.1"
#: Seconds that open connections have to end.
GRACE: Final = 1


def run(
    path: Path,
    source: Path | None,
    port: int,
    say: Callable[[str], None],
    note: Callable[[str], None],
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Serve the page for the file ``path`` until Ctrl-C; ``source`` is its video, if that lies elsewhere now.

    What was not saved is then written beside the file. Raises ``InputError`` and ``OutputError``.
    """
    set_up("warning", False)
    desk = Desk(path)
    video = source or desk.held.input_of(path)
    try:
        check_regular(video)
    except InputError as error:
        raise InputError(f"{error}; say with --input where the video of {path} is") from error
    desk.held.check_input(path, video)
    token = secrets.token_urlsafe(32)
    listener = listen(HOST, port)
    port = listener.getsockname()[1]
    with FrameReader(video, max_pixels) as reader, closing(listener):
        app = build_align_app(desk, reader, video, token, port)
        server = Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False,
                                       timeout_graceful_shutdown=GRACE))  # fmt: skip

        def end() -> None:
            server.should_exit = True

        try:
            with relayed(end):
                # What stands behind # is never sent over the network, nor written into a log.
                say(f"http://{HOST}:{port}/#token={token}")
                server.run([listener])
        finally:
            if (beside := desk.rescue()) is not None:
                note(f"what was not saved is in {beside}")
