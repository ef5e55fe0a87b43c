"""The review server against those who should not be there: no token, other sites, forged posts, stray paths, floods."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from projects import needs, quorate
from reviewing import TOKEN, Client, Served, decided, review_project, reviewed

from quorate.review.gate import Gate, Keys, Visitor


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("starlette")
    folder = review_project(tmp_path_factory.mktemp("review") / "project", 30)
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / ".quorate").mkdir()
    (folder / ".quorate" / "secret.png").write_bytes(b"secret")
    (folder.parent / "outside.png").write_bytes(b"secret")
    (folder / "linked.png").symlink_to(folder.parent / "outside.png")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with reviewed(folder) as served:
        yield served


def raw(served: Served, request: bytes) -> bytes:
    """What comes back for these bytes; clients mend paths and hosts before they send them."""
    host, port = served.home.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


PATHS = ("/", "/review.js", "/review.css", "/image/picture.png", "/nothing")


@pytest.mark.parametrize("path", [*PATHS, "/?token=", "/?token=wrong", "/review.js?token=a-token-for-tests-onlx"])
def test_without_the_token_there_is_nothing(served: Served, path: str) -> None:
    answer = httpx.get(served.home + path, trust_env=False)
    assert answer.status_code == 401
    assert "project" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["", "x", "a.b", "..", f"{'0' * 32}.Ada.{'0' * 64}", "\xff", "a" * 4000])
def test_a_forged_cookie_opens_nothing(served: Served, cookie: str) -> None:
    headers = {b"cookie": f"quorate_review={cookie}".encode("latin-1")}
    assert httpx.get(served.home, headers=headers, trust_env=False).status_code == 401


def test_the_token_gives_a_cookie_that_scripts_and_other_sites_do_not_get(served: Served) -> None:
    answer = httpx.get(served.url, trust_env=False)
    assert answer.status_code == 200
    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in answer.headers["set-cookie"]
    assert TOKEN not in answer.text + str(answer.headers)
    assert TOKEN not in Client(served).http.get("/").text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "10.0.0.1", "localhost."]
)
def test_a_server_of_this_machine_goes_by_no_other_name(served: Served, host: str) -> None:
    client = Client(served)
    assert client.http.get("/", headers={"host": host}).status_code == 400
    assert client.send("status", {}, host=host, origin=f"http://{host}").status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://127.0.0.1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-csrf-token": ""},
        {"x-csrf-token": "0" * 64},
        {"x-csrf-token": "\xe9"},
    ],
)
def test_posts_from_other_pages_are_refused(served: Served, folder: Path, headers: dict[str, str]) -> None:
    client = Client(served)
    before = len(decided(folder))
    answer = {"once": "forged", "id": "r0", "content": "0", "verdict": "none"}
    assert client.send("decide", answer).status_code == 422
    raw_headers = {name: value.encode("latin-1") for name, value in headers.items()}
    assert client.send("decide", answer, **raw_headers).status_code == 403  # type: ignore[arg-type]
    assert len(decided(folder)) == before


def test_the_csrf_token_of_one_session_is_no_good_in_another(served: Served) -> None:
    assert Client(served).send("status", {}, **{"x-csrf-token": Client(served).csrf}).status_code == 403


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_posts_of_plain_forms_are_refused(served: Served, content_type: str) -> None:
    assert Client(served).send("status", {}, **{"content-type": content_type}).status_code == 415


@pytest.mark.parametrize(
    "path",
    [
        "/image/../rows.csv",
        "/image/..%2foutside.png",
        "/image/../../outside.png",
        "/image/%2e%2e/outside.png",
        "/image/..%252foutside.png",
        "/image//etc/hostname",
        "/image/linked.png",
        "/image/.quorate/secret.png",
        "/image/quorate.toml",
        "/image/rows.csv",
        "/image/a%00.png",
        "/image/picture.png/..%2f..%2foutside.png",
        "/../rules.py",
        "/app.py",
        "/review.html.jinja",
        "/..%2freview.js",
    ],
)
def test_no_path_leads_out_of_what_is_served(served: Served, path: str) -> None:
    client = Client(served)
    cookie = "; ".join(f"{name}={value}" for name, value in client.http.cookies.items())
    host = served.home.removeprefix("http://")
    answer = raw(
        served, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.split(b" ")[1] in (b"400", b"404"), answer[:200]
    assert b"secret" not in answer


def test_an_image_of_the_project_is_served_as_nothing_but_an_image(served: Served) -> None:
    answer = Client(served).http.get("/image/picture.png")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/review.js", "/image/picture.png", "/nothing"])
def test_every_answer_allows_our_own_scripts_alone(served: Served, path: str) -> None:
    headers = Client(served).http.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["referrer-policy"], headers["x-frame-options"]) == ("no-referrer", "DENY")
    assert "server" not in headers


def test_ten_megabytes_are_refused_at_once(served: Served) -> None:
    client = Client(served)
    assert client.send("decide", b'"' + b"a" * 10_000_000 + b'"').status_code == 413
    assert client.post("status")


def test_ten_megabytes_without_a_length_are_refused_too(served: Served) -> None:
    client = Client(served)
    headers = {"content-type": "application/json", "origin": served.home, "x-csrf-token": client.csrf}
    try:
        answer = client.http.post("/api/decide", content=(b"a" * 100_000 for _ in range(100)), headers=headers)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # The server hung up first.
    assert client.post("status")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'"a"',
        b"\xff",
        b"[" * 100_000,
        b"null",
        b'{"once":1}',
        b'{"tab":{},"wish":[1],"have":"x"}',
    ],
)
@pytest.mark.parametrize("verb", ["decide", "undo", "cards", "sheets", "name", "agreement", "status"])
def test_nonsense_is_refused_or_harmless(served: Served, verb: str, body: bytes) -> None:
    assert Client(served).send(verb, body).status_code in (200, 400, 422)


def test_there_is_no_other_way_to_post(served: Served) -> None:
    client = Client(served)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.http.request(method, "/api/decide").status_code in (403, 405)
    assert client.http.get("/api/decide").status_code == 405


def test_without_a_name_nothing_is_decided(served: Served) -> None:
    assert Client(served, name="").send("cards", {}).status_code == 409


def test_keys_are_kept_from_others_and_outlive_a_restart(tmp_path: Path) -> None:
    first, again = Keys.of(tmp_path, None), Keys.of(tmp_path, None)
    assert first.signing == again.signing
    assert first.token != again.token
    assert len(first.token) >= 32
    assert (tmp_path / "review.key").stat().st_mode & 0o077 == 0
    visitor = Visitor("0a", "Zo\u00eb .; =\n")
    assert again.visitor(first.cookie(visitor)) == visitor


def test_a_server_for_others_takes_addresses_and_its_own_name_but_no_names_of_dns() -> None:
    gate = Gate(None, Keys("t", b"k"), "0.0.0.0", "")
    assert gate._knows("192.168.1.7:8321")
    assert gate._knows(f"{socket.gethostname()}:8321")
    assert gate._knows("[::1]:8321")
    assert not gate._knows("rebound.example:8321")


def test_a_short_token_is_not_enough_where_others_reach_the_page(folder: Path) -> None:
    ended = quorate("review", folder, "--no-browser", "--host", "0.0.0.0", "--token", "short")
    assert ended.code == 2
    assert "--token: needs 16 characters or more where others reach the page" in ended.err


def test_a_taken_port_is_told(served: Served, folder: Path) -> None:
    ended = quorate("review", folder, "--no-browser", "--port", served.home.rpartition(":")[2])
    assert ended.code == 2
    assert "nothing can be served at 127.0.0.1" in ended.err


def test_the_state_of_a_review_stays_out_of_git(served: Served, folder: Path) -> None:
    assert (folder / ".quorate" / ".gitignore").read_text() == "*\n"
