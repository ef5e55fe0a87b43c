"""Read-only arrays: what makes a value with arrays in it frozen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
