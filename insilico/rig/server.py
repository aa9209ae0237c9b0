"""Bokeh's server for one rig: on this machine only, and for whoever has its token."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import create_server, socket
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.autoload_js_handler import AutoloadJsHandler
from bokeh.server.views.doc_handler import DocHandler
from bokeh.server.views.metadata_handler import MetadataHandler
from bokeh.server.views.ws import WSHandler
from bokeh.util.token import check_token_signature, generate_session_id
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import HTTPError

from insilico.errors import UserError
from insilico.rig.page import Desk

__all__ = ["LOOPBACK", "listening_on", "serve"]

LOOPBACK = "127.0.0.1"
LARGEST_PORT = 65535

# What a server notes down of pages that were closed, and of wrong tokens.
NOISY = {
    "bokeh.server.views.ws": logging.ERROR,
    "bokeh.server.views.session_handler": logging.CRITICAL,
    "tornado.access": logging.CRITICAL,
}


class Prompt(WSHandler):
    """A connection whose messages leave at once, and that nobody begins without the token.

    Messages of Bokeh come in several small parts, which the system may hold back to send together.
    """

    async def prepare(self) -> None:
        """Refuse who has no token, or one that was not signed here."""
        await super().prepare()  # type: ignore[no-untyped-call]
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        _, _, token = offered.partition(",")
        application: Any = self.application
        key = application.secret_key
        try:
            ours = check_token_signature(token.strip(), secret_key=key, signed=True)
        except (ValueError, KeyError):
            # It is no token at all.
            ours = False
        if not ours:
            raise HTTPError(403)

    def open(self) -> None:
        """Begin."""
        self.set_nodelay(True)
        super().open()


class Door(DocHandler):
    """The page, by the name of its session alone."""

    async def prepare(self) -> None:
        """Refuse the other ways of Bokeh to name one."""
        await super().prepare()  # type: ignore[no-untyped-call]
        if self.get_argument("bokeh-token", None) is not None:
            raise HTTPError(403)


@contextmanager
def listening_on(port: int) -> Iterator[socket]:
    """Take a port of this machine before the long part begins; nobody else can reach it.

    Parameters
    ----------
    port : int
        Of 127.0.0.1; 0 for any free one.

    Yields
    ------
    socket

    Raises
    ------
    UserError
        If there is no such port, or it is taken, or not ours to take.
    """
    if not 0 <= port <= LARGEST_PORT:
        raise UserError(
            f"port must be a whole number from 0 (any free one) to {LARGEST_PORT}; got {port}."
        )
    try:
        bound = create_server((LOOPBACK, port))
    except OSError as error:
        raise UserError(
            f"port {port} of {LOOPBACK} cannot be used ({error.strerror}). Give another one with "
            "--port, or --port 0 for any free one."
        ) from error
    bound.setblocking(False)
    with bound:
        yield bound


def serve(desk: Desk, *, bound: socket, told: Callable[[str], None]) -> None:
    """Answer the page of a rig until the process is interrupted.

    Parameters
    ----------
    desk : Desk
        Who answers.
    bound : socket
        From `listening_on`.
    told : callable
        Is told the address of the page, with its token.

    Raises
    ------
    KeyboardInterrupt
        When it is interrupted.
    """
    host = f"{LOOPBACK}:{bound.getsockname()[1]}"
    # Sessions are signed with a key that nobody else has: their name is the token of the page.
    key = secrets.token_bytes(32)
    application = BokehTornado(
        Application(FunctionHandler(desk.furnish)),
        absolute_url=f"http://{host}/",
        extra_websocket_origins=[host],
        secret_key=key,
        sign_sessions=True,
        generate_session_ids=False,
        use_index=False,
        ico_path="none",
    )
    rules = application.wildcard_router.rules
    for rule in [rule for rule in rules if rule.target in (AutoloadJsHandler, MetadataHandler)]:
        rules.remove(rule)
    for rule in rules:
        rule.target = {WSHandler: Prompt, DocHandler: Door}.get(rule.target, rule.target)
    loop = IOLoop.current()
    http = HTTPServer(application)
    http.add_sockets([bound])
    server = BaseServer(loop, application, http)
    server.start()
    told(f"http://{host}/?bokeh-session-id={generate_session_id(key, signed=True)}")
    try:
        with _quiet():
            loop.start()
    finally:
        desk.close()
        server.stop(wait=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep off the terminal what is no defect."""
    levels = {name: logging.getLogger(name).level for name in NOISY}
    for name, level in NOISY.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
