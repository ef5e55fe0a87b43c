"""app: the review as a web application: one page, and posts in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from quorate import __version__
from quorate.errors import DecisionsError, QuorateError
from quorate.review.answers import Answer, Refused, keep, undo
from quorate.review.card import IMAGES, card, image, seen
from quorate.review.concord import concord
from quorate.review.gate import Gate, Keys, Visitor, is_loopback, set_cookie
from quorate.review.progress import status
from quorate.review.room import Room
from quorate.review.sheets import sheets, write_sheet
from quorate.review.wish import Wish
from quorate.standing import ANSWERS

_TAB = re.compile(r"[0-9a-f]{1,32}")
_TYPES = {"review.css": "text/css; charset=utf-8", "review.js": "text/javascript; charset=utf-8"}
Verb = Callable[["Call"], dict[str, Any]]


class Call:
    """One post: the room, who asks, and what was sent."""

    def __init__(self, room: Room, visitor: Visitor, sent: Any) -> None:
        self.room, self.sent = room, sent if isinstance(sent, dict) else {}
        tab = str(self.sent.get("tab", ""))
        self.session = f"{visitor.session}.{tab if _TAB.fullmatch(tab) else ''}"
        self.reviewer = visitor.reviewer

    def texts(self, name: str) -> list[str]:
        given = self.sent.get(name)
        return [text for text in given if isinstance(text, str)][:1000] if isinstance(given, list) else []

    def card(self, at: int) -> dict[str, Any]:
        return card(self.room, at, self.session, self.reviewer, self.sent.get("hide") is True)


def application(room: Room, keys: Keys, host: str, reviewer: str = "") -> Gate:
    """The review of a room as an ASGI application, behind its gate."""
    verbs: dict[str, Verb] = {
        "cards": _cards,
        "decide": _decide,
        "undo": _undo,
        "status": _status,
        "sheets": _sheets,
        "agreement": _agreement,
    }
    routes = [
        Route("/", _page(room, keys)),
        Route("/{name:str}", _file),
        Route("/image/{path:path}", _image(room)),
        Route("/api/name", _name(keys), methods=["POST"]),
        *(Route(f"/api/{name}", _posted(room, verb), methods=["POST"]) for name, verb in verbs.items()),
    ]
    # Where others come too, a name given beforehand would be everybody's.
    return Gate(Starlette(routes=routes), keys, host, reviewer if is_loopback(host) else "")


def _page(room: Room, keys: Keys) -> Any:
    from jinja2 import Environment, StrictUndefined

    world = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = world.from_string(files(__package__).joinpath("review.html.jinja").read_text("utf-8"))

    def shown(request: Request) -> Response:
        visitor: Visitor = request.scope["visitor"]
        html = template.render(
            project=room.project.name,
            csrf=keys.csrf(visitor.session),
            world=json.dumps(_world(room, visitor), ensure_ascii=True),
            version=__version__,
        )
        return Response(html.encode("utf-8", "backslashreplace"), media_type="text/html")

    return shown


def _world(room: Room, visitor: Visitor) -> dict[str, Any]:
    """What does not change while the page is open."""
    space = room.space
    return {
        "project": room.project.name,
        "reviewer": visitor.reviewer,
        "labels": [{"name": name, "description": space.descriptions.get(name, "")} for name in space.names],
        "sources": list(room.votes.sources),
        "signals": list(room.belief.line.reasons),
        "text": room.project.settings.data.text,
        "blind": room.project.settings.review.blind,
        "suspects": len(room.charges.order),
    }


def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "favicon.ico":
        # Browsers ask for it on the page that lets them in; the review page has its own.
        return Response(status_code=204)
    if name not in _TYPES:
        return PlainTextResponse("There is nothing here.", 404)
    content = files(__package__ or "").joinpath(name).read_bytes()
    return Response(content, media_type=_TYPES[name])


def _image(room: Room) -> Any:
    def shown(request: Request) -> Response:
        path = image(room.project.folder, unquote(request.path_params["path"]))
        if path is None:
            return PlainTextResponse("There is no such image in the project.", 404)
        return FileResponse(path, media_type=IMAGES[path.suffix.lower()])

    return shown


def _posted(room: Room, verb: Verb) -> Any:
    async def answered(request: Request) -> Response:
        sent = await _json(request)
        if isinstance(sent, Response):
            return sent
        visitor: Visitor = request.scope["visitor"]
        if not visitor.reviewer:
            return JSONResponse({"error": "Tell who you are first."}, 409)
        try:
            found = await run_in_threadpool(verb, Call(room, visitor, sent))
        except Refused as error:
            return JSONResponse({"error": str(error)}, 422)
        except DecisionsError as error:
            return JSONResponse({"error": str(error)}, 507)
        except QuorateError as error:
            return JSONResponse({"error": str(error)}, 500)
        text = json.dumps(found, ensure_ascii=True, allow_nan=False)
        return Response(text, media_type="application/json")

    return answered


def _name(keys: Keys) -> Any:
    async def named(request: Request) -> Response:
        sent = await _json(request)
        if isinstance(sent, Response):
            return sent
        name = " ".join(str(sent.get("name", "") if isinstance(sent, dict) else "").split())[:80]
        if not name or not name.isprintable():
            return JSONResponse({"error": "A name is at least one letter."}, 422)
        visitor = replace(request.scope["visitor"], reviewer=name)
        return JSONResponse({"reviewer": name}, headers={"set-cookie": set_cookie(keys, visitor)})

    return named


async def _json(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return JSONResponse({"error": "Posts are JSON."}, 415)
    try:
        return json.loads(await request.body())
    except ClientDisconnect:
        return JSONResponse({"error": "That is too much."}, 413)
    except (ValueError, RecursionError):
        return JSONResponse({"error": "That is not JSON."}, 400)


def _cards(call: Call) -> dict[str, Any]:
    room = call.room
    room.refresh()
    wish = Wish.of(call.sent.get("wish"))
    waiting, seen_before = call.texts("waiting"), call.texts("seen")
    places = room.deal(call.session, call.reviewer, wish, call.texts("have"), waiting=waiting, seen=seen_before)
    return {"cards": [call.card(at) for at in places], "status": status(room, call.reviewer)}


def _decide(call: Call) -> dict[str, Any]:
    room, answer = call.room, Answer.of(call.sent)
    at = room.ledger.place.get(answer.row_id, -1)
    shown = room.shown(call.session, at) if at >= 0 else None
    kept = keep(room, answer, call.session, call.reviewer)
    # Who skipped a row may still be asked about it.
    reveal = seen(room, at, shown) if shown and answer.verdict in ANSWERS else None
    return {"kept": kept, "seen": reveal, "status": status(room, call.reviewer)}


def _undo(call: Call) -> dict[str, Any]:
    room, once = call.room, str(call.sent.get("once", ""))
    if not 0 < len(once) <= 64:
        raise Refused("an undo needs `once`")
    undone = undo(room, once, call.reviewer)
    places = list(dict.fromkeys(room.ledger.place[d.row_id] for d in undone[::-1] if d.row_id in room.ledger.place))
    room.leases.take(call.session, [room.ledger.ids[at] for at in places[:1]], 1)
    if places and undone[-1].verdict in ANSWERS:
        # What the votes said was told when it was answered.
        room.show(call.session, places[0], True)
    return {
        "rows": [decision.row_id for decision in undone],
        "said": undone[-1].label or undone[-1].verdict if undone else None,
        "cards": [call.card(at) for at in places[:1]],
        "status": status(room, call.reviewer),
    }


def _status(call: Call) -> dict[str, Any]:
    call.room.refresh()
    call.room.leases.mine(call.session)
    return {"status": status(call.room, call.reviewer)}


def _sheets(call: Call) -> dict[str, Any]:
    if isinstance(text := call.sent.get("text"), str):
        write_sheet(call.room, call.texts("labels"), text, call.reviewer)
    return sheets(call.room)


def _agreement(call: Call) -> dict[str, Any]:
    call.room.refresh()
    return concord(call.room)
