"""demo: small models in the place of those that a project's endpoints ask, so that it runs with no key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np

from quorate.errors import Problem, ProjectError
from quorate.loopback.server import Loopback
from quorate.loopback.standins import letter_model, word_model
from quorate.project import Project
from quorate.values import ABSTAIN

_EVERY = 4
"""The stand-ins learn from every so many-th gold row."""
_HERE = ("127.0.0.1", "localhost")


@contextmanager
def serving(project: Project) -> Iterator[Loopback]:
    """A server at the address of the project's endpoints, where a model for each of their names answers.

    The models are trained on a quarter of the gold rows: words by logistic regression, letters by naive Bayes, in turn.

    Raises:
        ProjectError: the project has no gold, its endpoints are elsewhere, or the address is taken.
    """
    addresses = {urlsplit(endpoint.base_url).netloc for endpoint in project.endpoints.values()}
    ports = {urlsplit(f"//{address}").port for address in addresses}
    hosts = {urlsplit(f"//{address}").hostname for address in addresses}
    if len(ports) != 1 or None in ports or not hosts <= set(_HERE):
        told = ", ".join(sorted(addresses)) or "nowhere"
        raise ProjectError([Problem("endpoints", f"a demo answers at one port of 127.0.0.1; they ask {told}")])
    texts, labels = _gold(project)
    makers = (word_model, letter_model)
    names = sorted({endpoint.model for endpoint in project.endpoints.values()})
    models = {name: makers[i % 2](texts, labels) for i, name in enumerate(names)}
    port = int(next(iter(ports)) or 0)
    try:
        server = Loopback(models, port=port)
        server.__enter__()
    except OSError as error:
        why = f"port {port} of 127.0.0.1 cannot be served ({error}); end what uses it, or change the port in `url`"
        raise ProjectError([Problem("endpoints", why)]) from None
    try:
        yield server
    finally:
        server.close()


def _gold(project: Project) -> tuple[list[str], list[str]]:
    data, column = project.read(), project.settings.data.text
    if data.gold is None or column is None:
        raise ProjectError([Problem("gold", "a demo trains its models on gold; add [gold], and `text` under [data]")])
    labels = data.gold.aligned(data.rows.ids)
    known = np.flatnonzero(labels != ABSTAIN)[::_EVERY]
    texts = data.rows.values(column)
    return [str(texts[i] or "") for i in known.tolist()], [project.space.names[labels[i]] for i in known.tolist()]
