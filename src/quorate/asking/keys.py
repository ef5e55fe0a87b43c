"""Keys of vendors: named in quorate.toml, held by the environment or a keyring, and written nowhere."""

from __future__ import annotations

import os

from quorate.errors import PluginError
from quorate.registry import vendor

_SHORTEST = 4
"""A shorter key is no secret, and taking it out of a message would leave nothing to read."""


def secret(reference: str) -> str:
    """The key that `env:NAME` or `keyring:SERVICE/USER` stands for; "" for "", where a server wants none.

    Raises:
        PluginError: it is not there, or the reference is of neither form and might be the key itself.
        MissingExtra: a keyring is named, and the package `keyring` is not installed.
    """
    where, _, name = reference.partition(":")
    if not reference:
        return ""
    if where == "env" and name:
        return _in_environment(name)
    if where == "keyring" and "/" in name:
        return _in_keyring(*name.split("/", 1))
    raise PluginError(
        'a key is named, never written down: give "env:NAME" for an environment variable, or "keyring:SERVICE/USER"; '
        "if the key itself stood there, make a new one, for files are copied"
    )


def _in_environment(name: str) -> str:
    found = os.environ.get(name, "").strip()
    if not found:
        raise PluginError(f"the environment variable {name} should hold the key and is not set; set it and run again")
    return found


def _in_keyring(service: str, user: str) -> str:
    found: str | None = vendor("keyring", "keyring").get_password(service, user)
    if not found:
        raise PluginError(f"the keyring has no password of {user!r} for {service!r}; store one and run again")
    return found


def scrubbed(text: str, *keys: str) -> str:
    """The text without any of the keys: servers quote what they refuse."""
    for key in keys:
        if len(key) >= _SHORTEST:
            text = text.replace(key, "***")
    return text
