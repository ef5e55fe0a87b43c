"""Tables whose agreement is known, from papers and from krippendorff, irrCAC and statsmodels."""

from __future__ import annotations

import numpy as np

from quorate.agreement.ratings import Ratings


def table(text: str, values: list[float] | None = None) -> Ratings:
    """Ratings with one line for each rater; `.` and `*` are missing."""
    rows = [line.split(":")[-1].split() for line in text.strip().splitlines()]
    names = sorted({cell for row in rows for cell in row} - {".", "*"})
    ints = {name: k for k, name in enumerate(names)} | {".": -1, "*": -1}
    numbers = [float(name) for name in names] if names[0].isdigit() else None
    return Ratings.of(np.array([[ints[cell] for cell in row] for row in rows]).T, names, values=values or numbers)


def square(cells: list[list[int]]) -> Ratings:
    """Two raters' ratings by the table of what both said, rows the first rater's."""
    q = len(cells)
    pairs = [(i, j) for i in range(q) for j in range(q) for _ in range(cells[i][j])]
    return Ratings.of(pairs, [str(k) for k in range(q)])


def tallies(text: str) -> Ratings:
    rows = [[float(x) for x in (line.split() if " " in line else line)] for line in text.strip().splitlines()]
    return Ratings.of_tallies(rows, [str(k) for k in range(len(rows[0]))])


OBSERVERS = table(
    """
    A: 1 2 3 3 2 1 4 1 2 . . .
    B: 1 2 3 3 2 2 4 1 2 5 . 3
    C: . 3 3 3 2 3 4 2 2 5 1 .
    D: 1 2 3 3 2 4 4 1 2 5 1 .
    """
)
OBSERVERS_AS_RAW_4RATERS = table(
    """
    A: 1 2 3 3 2 1 4 1 2 . . .
    B: 1 2 3 3 2 2 4 1 2 5 . .
    C: . 3 3 3 2 3 4 2 2 5 1 3
    D: 1 2 3 3 2 4 4 1 2 5 1 .
    """
)
BINARY = table("A: 0 1 0 0 0 0 0 0 1 0\nB: 1 1 1 0 0 1 0 0 0 0")
LETTERS = table("A: a a b b d c c c e d d a\nB: b a b b b c c c e d d d")
THREE = table(
    """
    A: * * * * * 3 4 1 2 1 1 3 3 * 3
    B: 1 * 2 1 3 3 4 3 * * * * * * *
    C: * * 2 1 3 4 4 * 2 1 1 3 3 * 4
    """
)
DIAGNOSES = tallies(
    "\n".join(
        [
            "00060",
            "03003",
            "01401",
            "00006",
            "03030",
            "20400",
            "00402",
            "20310",
            "20040",
            "00006",
            "10050",
            "11040",
            "03300",
            "10050",
            "02031",
            "00501",
            "30012",
            "51000",
            "02040",
            "10203",
            "00006",
            "01050",
            "02013",
            "20040",
            "10041",
            "05010",
            "40002",
            "02040",
            "10500",
            "00006",
        ]
    )
)
SUBJECTS = tallies(
    """
    0 0 0 0 14
    0 2 6 4 2
    0 0 3 5 6
    0 3 9 2 0
    2 2 8 1 1
    7 7 0 0 0
    3 2 6 3 0
    2 5 3 2 2
    6 5 2 1 0
    0 2 2 3 7
    """
)
FIVE_OBSERVERS = table(
    """
    1: 1 1 2 . 0 0 1 1 2 2 . 0 1 3 1
    2: 1 1 3 0 0 0 0 . 2 1 1 0 2 3 1
    3: 2 0 3 0 0 0 2 2 2 1 0 0 2 2 1
    4: . 1 3 . . . . 0 . 1 0 0 2 2 .
    5: 2 . . 0 0 0 1 . 2 . . . . 3 1
    """
)
PSYCHIATRIC = square([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
SKEWED = square([[118, 5], [2, 0]])
ABSTRACTORS = square([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
