"""A project's data with its votes and labels: what a run reports, and what a review, an export or a look begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quorate.apply import apply
from quorate.ask import Progress
from quorate.asking.desk import DeskSettings
from quorate.connections import check_keys
from quorate.content import with_content
from quorate.errors import PluginError
from quorate.fuse import fit, predict
from quorate.patterns import VotePatterns, fold
from quorate.project import Data, Project
from quorate.protocols import Asking, FittedLabelModel, Learner
from quorate.ranking.gain import count_answers
from quorate.store import Store
from quorate.streaming.looking import check_fits
from quorate.values import ABSTAIN, Gold, Labels, Votes


@dataclass(frozen=True, eq=False)
class Fused:
    """A project's data with its votes and labels, for those who go on working with them.

    `patterns` of the votes with the gold of the data in them, and the pattern of each row in `where`, intp[n].
    `alone` is what the votes alone say, where the content of the rows has a part in the labels.
    """

    data: Data
    votes: Votes
    patterns: VotePatterns
    where: NDArray[np.intp]
    labels: Labels
    alone: Labels
    fitted: FittedLabelModel
    desk: DeskSettings


def vote(
    project: Project, progress: Progress | None = None, retry_failed: bool = False, offline: bool = False
) -> tuple[Data, Votes, DeskSettings]:
    """The data of a project, the votes of its sources, and how endpoints were asked.

    Raises:
        ProjectError: the table is not to be held in memory, or does not fit the project.
    """
    check_fits(project)
    data = project.read()
    return data, *_votes(project, data, progress, retry_failed, offline)


def _votes(
    project: Project, data: Data, progress: Progress | None = None, retry_failed: bool = False, offline: bool = False
) -> tuple[Votes, DeskSettings]:
    settings = project.settings
    if not offline:
        check_keys(project.endpoints)
    rules = replace(project.desk.rules, is_offline=offline, asks_again=retry_failed)
    desk = replace(project.desk, rules=rules)
    votes = apply(
        data.rows,
        project.sources,
        project.space,
        gold=data.anchors,
        executor=project.executor,
        store=Store(project.state, retry_failed),
        partition_rows=settings.run.partition_rows,
        max_failure_share=settings.run.max_failure_share,
        progress=progress,
        desk=desk,
    )
    return votes, desk


def fused(
    project: Project, progress: Progress | None = None, retry_failed: bool = False, offline: bool = False
) -> Fused:
    """Rows vote, and votes fuse."""
    return _fused(project, *vote(project, progress, retry_failed, offline))


def fused_anew(project: Project, made: Fused, anchors: Gold | None) -> Fused:
    """The same rows as if these had been all that people said; sources that learn from gold here learn anew.

    Endpoints are not asked again: a prompt that shows gold examples keeps its answers.
    """
    data = replace(made.data, anchors=anchors)
    return _fused(project, data, _learned_anew(project, data, made.votes), made.desk)


def _learned_anew(project: Project, data: Data, votes: Votes) -> Votes:
    matrix, status, distributions = votes.matrix.copy(), votes.status.copy(), dict(votes.distributions)
    confidence = None if votes.confidence is None else votes.confidence.copy()
    for j, source in enumerate(project.sources):
        if not isinstance(source, Learner) or isinstance(source, Asking):
            continue
        store = Store(project.state)
        try:
            fresh = apply(data.rows, [source], project.space, gold=data.anchors, executor=project.executor, store=store)
        except PluginError:
            # So little gold that there is nothing to learn from: the source is silent.
            fresh = Votes.of(np.full((len(votes), 1), ABSTAIN), project.space)
        matrix[:, j], status[:, j] = fresh.matrix[:, 0], fresh.status[:, 0]
        if confidence is not None:
            confidence[:, j] = np.nan if fresh.confidence is None else fresh.confidence[:, 0]
        if source.name in distributions:
            silent = np.full_like(distributions[source.name], np.nan)
            distributions[source.name] = fresh.distributions.get(source.name, silent)
    return replace(votes, matrix=matrix, status=status, confidence=confidence, distributions=distributions, failures=())


def _fused(project: Project, data: Data, votes: Votes, desk: DeskSettings) -> Fused:
    patterns, where = fold(votes, data.anchors)
    fitted = fit(patterns, project.label_model)
    name = str(project.settings.label_model["kind"])
    told = predict(fitted, votes, patterns, where, gold=data.anchors, name=name)
    if data.reviewed is not None:
        told = count_answers(told, patterns, where, data.anchors)
    alone = _without_refused(told, data.refused)
    labels = with_content(alone, data.content, data.anchors) if project.settings.content else alone
    return Fused(data, votes, patterns, where, _without_refused(labels, data.refused), alone, fitted, desk)


def _without_refused(labels: Labels, refused: Mapping[str, str]) -> Labels:
    """The labels, none for rows of which people said that no label fits."""
    if not refused:
        return labels
    fits = np.array([row_id not in refused for row_id in labels.ids.to_pylist()], bool)
    return replace(labels, covered=labels.covered & fits)
