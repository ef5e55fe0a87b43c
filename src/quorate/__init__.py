"""quorate: rules and models vote, a label model fuses the votes, people settle the few disagreements that matter."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quorate.apply import apply as apply
    from quorate.assemble import assemble as assemble
    from quorate.compare import compare as compare
    from quorate.errors import QuorateError as QuorateError
    from quorate.fuse import fuse as fuse
    from quorate.fuse_file import fuse_file as fuse_file
    from quorate.label_errors import find_errors as find_errors
    from quorate.next_steps import next_steps as next_steps
    from quorate.patterns import VotePatterns as VotePatterns
    from quorate.project import open_project as open_project
    from quorate.rank import rank as rank
    from quorate.review.notebook import review_in_notebook as review_in_notebook
    from quorate.rows import Rows as Rows
    from quorate.run import run as run
    from quorate.sources.labeling_function import labeling_function as labeling_function
    from quorate.sources.spacy import SpacyDoc as SpacyDoc
    from quorate.state import FusionState as FusionState
    from quorate.suggest import suggest as suggest
    from quorate.trust.advise import advise as advise
    from quorate.values import ABSTAIN as ABSTAIN
    from quorate.values import Gold as Gold
    from quorate.values import Labels as Labels
    from quorate.values import LabelSpace as LabelSpace
    from quorate.values import Queue as Queue
    from quorate.values import Status as Status
    from quorate.values import TrainingSet as TrainingSet
    from quorate.values import Votes as Votes
    from quorate.why import why as why

__version__ = "0.1.0"

# Names are imported when first used, so that `import quorate` costs next to nothing.
_HOMES = {
    "ABSTAIN": "values",
    "FusionState": "state",
    "Gold": "values",
    "LabelSpace": "values",
    "Labels": "values",
    "QuorateError": "errors",
    "Queue": "values",
    "Rows": "rows",
    "SpacyDoc": "sources.spacy",
    "Status": "values",
    "TrainingSet": "values",
    "VotePatterns": "patterns",
    "Votes": "values",
    "advise": "trust.advise",
    "apply": "apply",
    "assemble": "assemble",
    "compare": "compare",
    "find_errors": "label_errors",
    "fuse": "fuse",
    "fuse_file": "fuse_file",
    "labeling_function": "sources.labeling_function",
    "next_steps": "next_steps",
    "open_project": "project",
    "rank": "rank",
    "review_in_notebook": "review.notebook",
    "run": "run",
    "suggest": "suggest",
    "why": "why",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"quorate.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'quorate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)


class _Package(ModuleType):
    """Keeps `quorate.apply` the verb: importing the module quorate/apply.py would rebind the name to the module."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
