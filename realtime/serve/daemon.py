"""Running the daemon: from its settings to the end of its last connection."""

from collections.abc import Callable
from contextlib import closing
from typing import Final

import uvicorn
from pydantic import ValidationError

from realtime.live.address import Names
from realtime.live.engine import Engine
from realtime.live.settings import LiveSettings
from realtime.live.sinks import SinkOpener
from realtime.live.sources import open_source
from realtime.runtime.errors import UsageError
from realtime.runtime.logs import set_up
from realtime.runtime.process import settle
from realtime.runtime.signal_relay import relayed
from realtime.serve.allowed_paths import AllowedPaths, check_start
from realtime.serve.app import build_app
from realtime.serve.connections import ACCEPTS, bounded_protocol, most_connections
from realtime.serve.jobs.queue import JobQueue
from realtime.serve.jobs.record import JobRecord
from realtime.serve.jobs.uploads import Uploads
from realtime.serve.server import Server, listen
from realtime.serve.session import Session
from realtime.serve.settings import ServeSettings
from realtime.serve.token import read_token
from realtime.serve.webrtc import Browser
from realtime.settings import first_problem

__all__ = ["run"]

#: Seconds that open connections have to end, once the daemon is told to.
GRACE: Final = 1


def run(settings: ServeSettings, say: Callable[[str], None]) -> None:
    """Listen, serve and, on SIGTERM or Ctrl-C, end the session and its files in good order.

    Raises ``OutputError`` where the address cannot be listened at, ``UsageError`` for a first session that makes no
    sense, and what reading the token raises.
    """
    set_up(settings.log_level, settings.log_json)
    token = read_token(settings.token_file)
    browser, names = Browser(), Names()

    def make_engine(live: LiveSettings) -> Engine:
        engine = Engine(live, browser.opening(open_source), browser.showing(SinkOpener()), names=names)
        settle()
        return engine

    session = Session(make_engine, lambda: browser.number)
    # Two daemons may have one token, and no two have one port.
    record = JobRecord(settings.token_file.with_name(f"jobs-{settings.port}.json"))
    jobs, uploads = JobQueue(settings.max_jobs, record), Uploads(settings.uploads, settings.max_upload)
    app = build_app(session, browser, settings, token, jobs, uploads)
    listener = listen(settings.host, settings.port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=settings.log_level in ("debug", "info"),
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        http=bounded_protocol(most_connections(settings.max_connections)),
        backlog=ACCEPTS,
        ws_max_size=settings.max_body,
        ws_per_message_deflate=False,  # what is sent is small, and often the same for hundreds
    )
    server = Server(config)

    def end() -> None:
        server.should_exit = True
        session.stop()

    with closing(listener), relayed(end), uploads.open(), closing(jobs):
        jobs.start()
        try:
            if settings.start is not None:
                _begin(session, settings)
            shown = f"[{settings.host}]" if ":" in settings.host else settings.host
            # What stands behind # is never sent over the network, nor written into a log.
            say(f"http://{shown}:{settings.port}/#token={token}")
            server.run([listener])
        except UsageError:
            if not server.should_exit:  # else the first session was stopped while it was starting
                raise
        finally:
            session.stop()


def _begin(session: Session, settings: ServeSettings) -> None:
    """Start the session that the configuration names, which does not mind what is not there yet."""
    try:
        request = LiveSettings.model_validate({"patient": True, **(settings.start or {})})
    except ValidationError as error:
        raise UsageError(f"the settings: {first_problem(error, LiveSettings.model_fields, 'start.')}") from error
    check_start(request, AllowedPaths(settings.roots))
    session.start(request)
