"""fusing: the votes of a project fused, without a report, and advice on how to fuse them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from quorate.project import Project
from quorate.reporting.analysis import accuracy
from quorate.trust.advise import advise
from quorate.values import ABSTAIN
from quorate.voting import Fused, fused


def fuse(project: Project) -> dict[str, Any]:
    """What the project's label model makes of the votes, as a documented object; nothing is asked or written."""
    made = fused(project, offline=True)
    return {"schema": "quorate.fuse/1", "project": project.name, **_fusion(made)}


def advice(project: Project) -> dict[str, Any]:
    """Which label model to trust on the project's votes, as a documented object."""
    made = fused(project, offline=True)
    found = advise(made.votes, made.data.gold, gold_anchors=made.data.anchors is not None)
    return {
        "schema": "quorate.advice/1",
        "project": project.name,
        "in_use": str(project.settings.label_model["kind"]),
        **asdict(found),
    }


def _fusion(made: Fused) -> dict[str, Any]:
    names, hard = made.labels.space.names, made.labels.hard
    return {
        "label_model": made.labels.model,
        "rows": len(hard),
        "covered": int(made.labels.covered.sum()),
        "distribution": {
            **{name: int((hard == y).sum()) for y, name in enumerate(names)},
            "undecided": int((hard == ABSTAIN).sum()),
        },
        "prior": dict(zip(names, np.asarray(made.fitted.prior).tolist(), strict=True)),
        "mean_probability": float(made.labels.probs.max(axis=1).mean()) if len(hard) else None,
        "accuracy": made.data.gold and accuracy(made.labels, made.data.gold),
    }
