"""Read-only arrays: what makes a value with arrays in it frozen, and looks at large ones part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS_AT_A_TIME = 1 << 15


def freeze(value: Any, **dtypes: Any) -> None:
    """Makes the named arrays of a frozen value read-only; None stays None."""
    for name, dtype in dtypes.items():
        array = getattr(value, name)
        if array is not None:
            object.__setattr__(value, name, frozen_array(array, dtype))


def freeze_each(value: Any, name: str, dtype: Any) -> None:
    """Makes the arrays of a mapping of a frozen value read-only."""
    arrays = {key: frozen_array(array, dtype) for key, array in getattr(value, name).items()}
    object.__setattr__(value, name, arrays)


def frozen_array(array: Any, dtype: Any) -> NDArray[Any]:
    """The array as `dtype`, read-only; the caller's own array stays writable."""
    view: NDArray[Any] = np.asarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The rows in order, so many at a time that what is made of them stays in the cache."""
    return (array[first : first + _ROWS_AT_A_TIME] for first in range(0, len(array), _ROWS_AT_A_TIME))
