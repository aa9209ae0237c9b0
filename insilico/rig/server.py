"""Bokeh's server for one rig: on this machine only, and for whoever has its token."""

import json
import logging
import secrets
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
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
from bokeh.util.token import (
    check_session_id_signature,
    check_token_signature,
    generate_session_id,
)
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from insilico.errors import UserError
from insilico.rig.desk import Desk
from insilico.rig.page import furnish

__all__ = ["LOOPBACK", "listening_on", "serve"]

LOOPBACK = "127.0.0.1"

# Of a websocket that is closed for what it was sent; see RFC 6455.
NO_QUESTION = 1007

# ms between two looks whether what was explored has to be written.
SAVED = 1000
LARGEST_PORT = 65535

# What a server notes down of pages that were closed, and of wrong tokens.
NOISY = {
    "bokeh.server.views.ws": logging.ERROR,
    "bokeh.server.views.session_handler": logging.CRITICAL,
    "tornado.access": logging.CRITICAL,
}


class Line(WebSocketHandler):
    """The line of a page to the desk: questions in JSON, answers in words and a picture.

    An answer is one message: four bytes that say how long the words are, the words in JSON, and the
    bytes of the picture, if there is one. Through Bokeh's documents it would take three times as
    long as the answer itself.
    """

    def initialize(self, desk: Desk, key: bytes, origin: str) -> None:
        """Take the desk, the key that sessions are signed with, and who may ask."""
        self._desk, self._key, self._origin = desk, key, origin

    def check_origin(self, origin: str) -> bool:
        """Say whether a page is ours."""
        return origin == self._origin

    def prepare(self) -> None:
        """Refuse who does not know the name of a session that was signed here."""
        _, _, name = self.request.headers.get("Sec-WebSocket-Protocol", "").partition(",")
        if not check_session_id_signature(name.strip(), secret_key=self._key, signed=True):
            raise HTTPError(403)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Take the first; the second is the name of the session."""
        return subprotocols[0] if subprotocols else None

    def open(self, *_args: str, **_options: str) -> None:
        """Let answers leave at once."""
        self.set_nodelay(True)

    async def on_message(self, message: str | bytes) -> None:
        """Answer a question; the next one is read once the answer has left."""
        try:
            question = json.loads(message)
        except ValueError:
            question = None
        if not isinstance(question, Mapping):
            self.close(NO_QUESTION, "a question is a JSON object")
            return
        said, picture = self._desk.answer(question)
        if picture is not None:
            said["shape"] = picture.shape
        words = json.dumps(said, allow_nan=False).encode()
        shown = b"" if picture is None else picture.tobytes()
        # The page may have been closed meanwhile.
        with suppress(WebSocketClosedError):
            await self.write_message(struct.pack("<I", len(words)) + words + shown, binary=True)


class Prompt(WSHandler):
    """Bokeh's own connection, which nobody begins without the token."""

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


def serve(desk: Desk, title: str, *, bound: socket, told: Callable[[str], None]) -> None:
    """Answer the page of a rig until the process is interrupted.

    Parameters
    ----------
    desk : Desk
        Who answers.
    title : str
        What is recorded, in words.
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
        Application(FunctionHandler(partial(furnish, desk=desk, title=title))),
        absolute_url=f"http://{host}/",
        extra_patterns=[
            ("/line", Line, {"desk": desk, "key": key, "origin": f"http://{host}"}),
        ],
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
    saving = PeriodicCallback(desk.save, SAVED)
    saving.start()
    told(f"http://{host}/?bokeh-session-id={generate_session_id(key, signed=True)}")
    try:
        with _quiet():
            loop.start()
    finally:
        saving.stop()
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
