"""Projects on disk whose sources ask a loopback server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quorate.loopback.server import Loopback
from quorate.project import Project, open_project

TEXTS = {"a": "check out my channel", "b": "lovely song", "c": "my channel has this song", "d": "nothing to say"}

_HEAD = """\
[data]
path = "rows.csv"
id = "id"
text = "text"

[labels]
HAM = "honest"
SPAM = "advertising"
"""
_OPTIONS = {
    "http": """\
url = "{url}/classify"
request = {{ model = "{{{{ model }}}}", text = "{{{{ prompt }}}}", labels = "{{{{ choices }}}}" }}
usage = {{ input = "usage.input", output = "usage.output" }}
""",
    "openai": 'base_url = "{url}/v1"\nkey = "{key}"\n',
    "cohere": 'base_url = "{url}"\nkey = "{key}"\n',
}


def write(folder: Path, server: Loopback, *, kind: str = "http", more: str = "", **options: Any) -> Path:
    """A project with one prompt source on one endpoint; `more` is added to quorate.toml, `options` to the endpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    key = options.pop("key", "")
    texts = options.pop("texts", TEXTS)
    priced = {"price": "{ input = 1.0, output = 2.0 }", **options}
    endpoint = _OPTIONS[kind].format(url=server.url, key=key)
    endpoint += "".join(f"{name} = {value}\n" for name, value in priced.items() if value is not None)
    source = '[[sources]]\nkind = "prompt"\nname = "asks"\nendpoint = "small"\n'
    toml = f'{_HEAD}\n[endpoints.small]\nkind = "{kind}"\nmodel = "model"\n{endpoint}\n{source}\n{more}'
    (folder / "quorate.toml").write_text(toml)
    (folder / "rows.csv").write_text("".join(["id,text\n", *(f'{i},"{text}"\n' for i, text in texts.items())]))
    return folder


def opened(folder: Path, server: Loopback, **options: Any) -> Project:
    """The project that `write` writes."""
    return open_project(write(folder, server, **options))
