"""The candidates of a labeling project: its votes, its gold, and what its journal knows of its models."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quorate.asking.ledger import account_of
from quorate.comparing.candidates import Asked, Candidates, Settled, check_names
from quorate.comparing.grouped import groups_of
from quorate.errors import CannotTell
from quorate.project import Data, Project
from quorate.protocols import Asking, Source
from quorate.ranking.drawing import lottery
from quorate.values import ABSTAIN, Gold, Status, Votes
from quorate.voting import vote


def of_project(
    project: Project, names: Sequence[str], again: Mapping[str, str], sampled: str = "", group: str | None = None
) -> Candidates:
    """The candidates of a project as it was last run: nothing is sent to any endpoint.

    Raises:
        LabelError: a name that no source has.
        CannotTell: a source that has no vote, because it was not run.
        TableError: the data have no column `group`.
    """
    check_names(names, [source.name for source in project.sources])
    check_names([*names, *again.values()], [source.name for source in project.sources])
    data, votes, _ = vote(project, offline=True)
    for name in (*names, *again.values()):
        if (votes.status[:, votes.sources.index(name)] == Status.SKIPPED).all():
            raise CannotTell(f"source {name!r} has no vote yet; `quorate run {project.folder}` asks it")
    compared = [source for source in project.sources if source.name in names]
    return Candidates(
        project.name,
        data.rows,
        votes,
        tuple(names),
        _settled(data, votes, sampled),
        project.settings.data.text,
        again,
        {source.name: _asked(project, source, compared) for source in compared},
        _facts(project, data.gold),
        groups=None if group is None else groups_of(data.rows, group),
        settle=(shlex.join(["quorate", "review", str(project.folder), "--compare", ",".join(names)]),),
    )


def _settled(data: Data, votes: Votes, sampled: str) -> Settled:
    """The gold of the project and what people answered in review, which wins and comes after it, in its order.

    Rows of which people said that no label fits are settled, too.
    """
    given = [gold for gold in (data.gold, data.reviewed) if gold is not None]
    known = {
        i: (y, time)
        for gold in given
        for i, y, time in zip(gold.ids, gold.labels.tolist(), gold.times or [""] * len(gold), strict=True)
    } | {i: (ABSTAIN, time) for i, time in data.refused.items()}
    place = {row_id: at for at, row_id in enumerate(votes.ids.to_pylist())}
    # Of what has no time the order of the table may tell the label: a lottery has the order that `anytime` needs.
    tickets = lottery(votes.ids).tolist()
    order = sorted((time, tickets[place[i]], place[i], label) for i, (label, time) in known.items() if i in place)
    labels = np.array([label for *_, label in order], np.int16)
    position = np.array([at for *_, at, _ in order], np.intp)
    fits = labels[:, None] == np.arange(len(votes.space))
    return Settled(position, fits, in_order=any(time for _, time in known.values()), sampled=sampled)


def _facts(project: Project, gold: Gold | None) -> dict[str, Any]:
    reviewers = len(set(gold.reviewers)) if gold is not None and gold.reviewers else None
    seen = float(np.mean(gold.saw_votes)) if gold is not None and gold.saw_votes else None
    return {
        "run": project.fingerprint()[:12],
        "learned_from_gold": _taught(project),
        "reviewers": reviewers,
        "saw_votes": seen,
    }


def _taught(project: Project) -> list[str]:
    """Sources that show examples of the gold that also scores them."""
    anchors = project.settings.gold is not None and project.settings.gold.use == "anchor"
    return [source.name for source in project.sources if anchors and getattr(source, "shots", None)]


def _asked(project: Project, source: Source, compared: Sequence[Source]) -> Asked:
    if not isinstance(source, Asking):
        return Asked(source.fingerprint())
    endpoint: Any = source.endpoint
    key = (endpoint.wire, endpoint.model)
    users = Counter((s.endpoint.wire, s.endpoint.model) for s in project.sources if isinstance(s, Asking))
    shared = tuple(
        s.name
        for s in compared
        if isinstance(s, Asking) and (s.endpoint.wire, s.endpoint.model) == key and users[key] > 1
    )
    told = account_of(project.desk.journal, *key)
    wording = str(getattr(source, "wording", ""))
    if told is None:
        return Asked(source.fingerprint(), endpoint.model, wording, shared_with=shared)
    return Asked(
        source.fingerprint(),
        endpoint.model,
        wording,
        told.reasons,
        told.requests,
        told.retries,
        told.input_tokens,
        told.output_tokens,
        told.usd,
        told.latency_p50_s,
        told.latency_p95_s,
        shared,
    )
