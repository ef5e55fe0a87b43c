"""Coefficients of a random table with gaps, as other packages compute them.

Recorded from krippendorff 0.9.0, irrCAC 0.4.4 (scipy 1.12.0) and statsmodels 0.15.0, whose licences and pins keep them
out of the dependencies. Sixty units, four raters, categories 1 to 4; a point is a missing rating, one unit has none.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from quorate.agreement.measuring import measure_agreement
from quorate.agreement.ratings import Ratings
from quorate.agreement.resampling import Measured

_SAID = """\
2222 3233 4441 4414 1111 1.1. .433 1.44 1421 223. 4444 222. .3.2 1.44 2222 .2.2 3333 ..33 2121 1131
4443 444. 4444 2.33 ..44 2241 342. 444. .1.1 212. 2113 2422 4244 .111 2424 422. 4444 .121 3233 422.
41.4 4444 .... .22. 2212 2421 1111 4443 3332 4444 111. 4132 422. 333. 4.34 2222 333. .112 .22. .234
"""
TABLE = np.array([[int(cell) - 1 if cell != "." else -1 for cell in unit] for unit in _SAID.split()])
RATED = 59

KRIPPENDORFF = {"nominal": 0.462607, "ordinal": 0.50929, "interval": 0.509295, "ratio": 0.506467}
# Value and standard error; irrCAC's weights `quadratic` are ours of level `interval`.
IRRCAC = [
    ("nominal", "gwet_ac1", 0.486796, 0.061548),
    ("nominal", "fleiss_kappa", 0.475394, 0.063301),
    ("nominal", "conger_kappa", 0.475792, 0.062771),
    ("nominal", "brennan_prediger", 0.483992, 0.061826),
    ("ordinal", "gwet_ac2", 0.523037, 0.076131),
    ("ordinal", "fleiss_kappa", 0.514496, 0.079195),
    ("ordinal", "conger_kappa", 0.52294, 0.077343),
    ("ordinal", "brennan_prediger", 0.505838, 0.080068),
    ("interval", "gwet_ac2", 0.528565, 0.08268),
    ("interval", "fleiss_kappa", 0.519732, 0.085549),
    ("interval", "conger_kappa", 0.529549, 0.083345),
    ("interval", "brennan_prediger", 0.508475, 0.087684),
]
# Of the first two raters; statsmodels weighs linearly or by the square, and the square is ours of level `interval`.
STATSMODELS = [("nominal", 0.4624, 0.106689), ("interval", 0.449032, 0.145918)]


def measured(level: str, raters: int = 4) -> dict[str, Measured]:
    ratings = Ratings.of(TABLE[:, :raters], list("1234"), values=[1, 2, 3, 4])
    return measure_agreement(ratings, level, resamples=50).coefficients


@pytest.mark.parametrize(("level", "alpha"), KRIPPENDORFF.items())
def test_alpha_is_that_of_krippendorff(level: str, alpha: float) -> None:
    assert measured(level)["krippendorff_alpha"].value == pytest.approx(alpha, abs=6e-7)


@pytest.mark.parametrize(("level", "name", "value", "error"), IRRCAC)
def test_coefficients_and_their_errors_are_those_of_irrcac(level: str, name: str, value: float, error: float) -> None:
    found = measured(level)[name]
    assert found.value == pytest.approx(value, abs=6e-7)
    # irrCAC divides by one unit less.
    assert found.standard_error * sqrt(RATED / (RATED - 1)) == pytest.approx(error, abs=2e-6)


@pytest.mark.parametrize(("level", "value", "error"), STATSMODELS)
def test_kappa_and_its_error_are_those_of_statsmodels(level: str, value: float, error: float) -> None:
    found = measured(level, raters=2)["cohen_kappa"]
    assert found.value == pytest.approx(value, abs=6e-7)
    assert found.standard_error == pytest.approx(error, abs=6e-7)
