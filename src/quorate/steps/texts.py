"""texts: what it is worth to let the texts of rows have a part in the labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from quorate.steps.outlook import Outlook
from quorate.steps.step import SETTING_MIN, Step


def texts_to_hear(outlook: Outlook) -> Iterator[Step]:
    """A step that turns [content] on, where rows have texts and labels come from votes alone."""
    if not outlook.texts or outlook.labels.model.endswith("+content"):
        return
    place, new = np.arange(len(outlook.labels)), outlook.believed.argmax(axis=1)
    given = np.where(outlook.undecided, -1, outlook.labels.probs.argmax(axis=1))
    changed = np.flatnonzero((new != given) & (outlook.settled < 0))
    gain = float(np.maximum((outlook.believed[place, new] - outlook.right)[changed], 0).sum())
    silent = int(outlook.undecided[changed].sum())
    if len(changed):
        yield Step(
            "hear",
            "let the texts have a part in the labels",
            gain,
            f"{silent} rows without a label get one and {len(changed) - silent} labels change; votes and texts "
            "together judge their own labels, so take it as a hope",
            SETTING_MIN,
            evidence={"extended": silent, "changed": len(changed) - silent, "examples": outlook.examples(changed)},
            code=f'# in quorate.toml\n[content]\ncolumn = "{outlook.text}"\n',
        )
