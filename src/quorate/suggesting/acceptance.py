"""acceptance: taking a suggested rule, as a step to do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from quorate.steps.outlook import Outlook
from quorate.steps.step import ACCEPT_RULE_MIN, Step
from quorate.suggesting.mining import mine
from quorate.suggesting.writing import function

_MOST = 10


def rules_to_accept(outlook: Outlook, folder: str) -> Iterator[Step]:
    """A step for each of the first ten suggestions that is expected to put labels right."""
    for place, each in enumerate(mine(outlook, _MOST).suggestions, start=1):
        if each.gain <= 0:
            continue
        yield Step(
            "accept",
            f"accept the rule: {each.says} is {each.label}",
            each.gain,
            f"votes and texts together judge the {each.new_rows} rows without a label that it votes on, and the labels "
            f"it differs from; held out, {each.precision:.0%} of {each.held_out} rows are {each.label}",
            ACCEPT_RULE_MIN,
            evidence=asdict(each),
            command=f"quorate suggest {folder} --accept {place}",
            code=function(each, outlook.text),
        )
