"""gate: who may speak to the server, decided before anything else happens.

A browser gets in once with the token of the URL and then has a signed cookie. Host and Origin are checked against
pages of other sites that point at this server, a header that only our page knows against forged posts.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import socket
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

COOKIE = "quorate_review"
MOST_BYTES = 1_000_000
_WEEKS_S = 28 * 24 * 3600
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser that may be here: a session of its own, and the name of the person once it is given."""

    session: str
    reviewer: str


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens the gate: the token of the URL, and the key that signs cookies."""

    token: str
    signing: bytes

    @staticmethod
    def of(state: Path, token: str | None) -> Keys:
        """The keys of a project; the signing key is kept, so that sessions outlive a restart of the server."""
        path = state / "review.key"
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
                handle.write(secrets.token_bytes(32))
            beside.replace(path)
        return Keys(token or secrets.token_urlsafe(24), path.read_bytes())

    def cookie(self, visitor: Visitor) -> str:
        """The value of the cookie that makes somebody this visitor."""
        said = f"{visitor.session}.{quote(visitor.reviewer, safe='')}"
        return f"{said}.{self._signed('cookie', said)}"

    def visitor(self, cookie: str) -> Visitor | None:
        """Whom a cookie names, None where it is not one of ours."""
        said, _, signature = cookie.rpartition(".")
        session, _, reviewer = said.partition(".")
        is_ours = bool(session) and hmac.compare_digest(signature.encode(), self._signed("cookie", said).encode())
        return Visitor(session, unquote(reviewer)) if is_ours else None

    def csrf(self, session: str) -> str:
        """What our page sends along with every post of a session."""
        return self._signed("post", session)

    def opens(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _signed(self, what: str, said: str) -> str:
        return hmac.new(self.signing, f"{what}:{said}".encode(), hashlib.sha256).hexdigest()


class Gate:
    """The ASGI application behind the checks; whoever passes is `scope["visitor"]`."""

    def __init__(self, app: Any, keys: Keys, host: str, reviewer: str) -> None:
        self._app, self._keys, self._reviewer = app, keys, reviewer
        self._is_loopback = is_loopback(host)
        self._names = {"localhost", host.lower(), *(() if self._is_loopback else (socket.gethostname().lower(),))}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        visitor = self._keys.visitor(_cookie(headers.get("cookie", "")))
        refusal = self._refusal(scope, headers, visitor)
        if refusal is not None:
            await _say(send, *refusal)
            return
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if token and self._keys.opens(token):
            fresh = visitor or Visitor(secrets.token_hex(16), self._reviewer)
            # Not a redirect: after one, a browser that came from a link elsewhere would keep the strict cookie back.
            entry = [(b"refresh", b"0; url=/"), (b"set-cookie", set_cookie(self._keys, fresh).encode("latin-1"))]
            await _say(send, 200, "Opening the review.", entry)
            return
        if visitor is None:
            await _say(send, 401, "This review is closed to you. Open the link that `quorate review` printed.")
            return
        await self._app({**scope, "visitor": visitor}, _limited(receive), _guarded(send))

    def _refusal(self, scope: Any, headers: dict[str, str], visitor: Visitor | None) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._knows(host):
            return 400, "This server does not go by that name."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            return 413, f"At most {MOST_BYTES:,} bytes are taken."
        if scope["method"] in ("GET", "HEAD"):
            return None
        is_ours = headers.get("origin", "").lower() == f"http://{host}".lower()
        if not is_ours or headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return 403, "Posts are taken from the review page alone."
        csrf = self._keys.csrf(visitor.session) if visitor else ""
        if visitor and not hmac.compare_digest(headers.get("x-csrf-token", "").encode(), csrf.encode()):
            return 403, "The page is from another session; reload it."
        return None

    def _knows(self, host: str) -> bool:
        """Whether a Host header names this server: an address or a name of its own, no name that DNS may give away."""
        name = re.sub(r":\d+$", "", host).strip("[]").lower()
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return address.is_loopback or not self._is_loopback


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server at the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def set_cookie(keys: Keys, visitor: Visitor) -> str:
    """The header that makes a browser this visitor."""
    return f"{COOKIE}={keys.cookie(visitor)}; Path=/; HttpOnly; SameSite=Strict; Max-Age={_WEEKS_S}"


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _limited(receive: Any) -> Any:
    taken = 0

    async def counted() -> Any:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            return {"type": "http.disconnect"}
        return message

    return counted


def _guarded(send: Any) -> Any:
    async def guarded(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_headers(message["headers"])]
        await send(message)

    return guarded


def _headers(given: Any) -> list[tuple[bytes, bytes]]:
    known = {name.lower() for name, _ in given}
    return [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in known]


async def _say(send: Any, status: int, text: str, more: Any = ()) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_headers(()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
