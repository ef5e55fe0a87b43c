"""serve: the review page on a port of this machine, until it is stopped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quorate.errors import MissingExtra, Problem, ProjectError
from quorate.review.gate import Keys, is_loopback
from quorate.review.room import Room


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page is to be served; port 0 takes any that is free, no token makes a new one."""

    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None


def serve(room: Room, address: Address, reviewer: str = "", ready: Callable[[str], Any] = lambda _: None) -> None:
    """Serves the page until the process is interrupted; `ready` is told its URL once it answers.

    Raises:
        ProjectError: the port is taken, or others could reach the page without a secret token.
        MissingExtra: the web server is not installed.
    """
    try:
        import uvicorn

        from quorate.review.app import application
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), "review") from None
    if address.token is not None and len(address.token) < 16 and not is_loopback(address.host):
        raise ProjectError([Problem("--token", "needs 16 characters or more where others reach the page")])
    keys = Keys.of(room.project.state, address.token)
    with _listening(address) as listener:
        app = application(room, keys, address.host, reviewer)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="off",
            interface="asgi3",
        )
        server = uvicorn.Server(config)
        host = f"[{address.host}]" if ":" in address.host else address.host
        url = f"http://{host}:{listener.getsockname()[1]}/?token={keys.token}"
        # Connections wait in the listening socket until the server takes them.
        threading.Thread(target=ready, args=(url,), daemon=True).start()
        server.run(sockets=[listener])


def _listening(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        problem = Problem("--port", f"nothing can be served at {address.host}:{address.port}: {error.strerror}")
        raise ProjectError([problem]) from None
    return listener
