"""Do two raters use the labels alike? Tests on the square table of what each said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, chi2

from quorate.agreement.ratings import Floats


@dataclass(frozen=True)
class Test:
    """A test's statistic (chi-square), its degrees of freedom and its p-value; NaN where it says nothing."""

    name: str
    statistic: float
    degrees: int
    p_value: float


def bowker(table: Floats) -> Test:
    """Bowker's test of symmetry (1948): is label i against j as frequent as j against i, for every pair?"""
    upper = np.triu_indices(len(table), 1)
    one, other = table[upper], table.T[upper]
    seen = one + other > 0
    degrees = int(seen.sum())
    statistic = float((((one - other) ** 2)[seen] / (one + other)[seen]).sum())
    return Test("bowker", statistic, degrees, float(chi2.sf(statistic, degrees)) if degrees else np.nan)


def stuart_maxwell(table: Floats) -> Test:
    """The Stuart-Maxwell test (1955, 1970): do both raters give every label equally often?"""
    difference = (table.sum(axis=1) - table.sum(axis=0))[:-1]
    spread = np.diag((table.sum(axis=1) + table.sum(axis=0))[:-1]) - (table + table.T)[:-1, :-1]
    spread[np.diag_indices_from(spread)] = (table.sum(axis=1) + table.sum(axis=0) - 2 * np.diag(table))[:-1]
    degrees = int(np.linalg.matrix_rank(spread)) if len(spread) else 0
    if degrees == 0:
        return Test("stuart_maxwell", np.nan, 0, np.nan)
    statistic = float(difference @ np.linalg.pinv(spread, hermitian=True) @ difference)
    return Test("stuart_maxwell", statistic, degrees, float(chi2.sf(statistic, degrees)))


def mcnemar(only_a: int, only_b: int) -> float:
    """The p-value of McNemar's exact test (1947): of the rows that one got right and the other wrong, does one win?

    1 without such rows. For a random sample of rows only.
    """
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
