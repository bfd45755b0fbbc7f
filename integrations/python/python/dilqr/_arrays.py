"""Checks of arrays. Every error names the argument, what was given and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def real(name: str, value: ArrayLike) -> Array:
    """The argument as an array of ``float64``. Other real numbers are converted; anything else is an error."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} is a {type(value).__name__}, expected an array of real numbers: {error}") from error
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} has the dtype {array.dtype}, expected real numbers such as float64")
    return array.astype(np.float64)


def shaped(name: str, value: ArrayLike, shape: Sequence[int], meaning: str = "") -> Array:
    """The argument as a C-contiguous array of ``float64`` of this shape. Arrays of other layouts are copied."""
    array = real(name, value)
    if array.shape != tuple(shape):
        raise ValueError(f"{name} has the shape {array.shape}, expected {tuple(shape)}{meaning}")
    return np.ascontiguousarray(array)


def shaped_or_zeros(name: str, value: ArrayLike | None, shape: Sequence[int]) -> Array:
    """As :func:`shaped`; zeros for ``None``."""
    return np.zeros(shape) if value is None else shaped(name, value, shape)


def finite(name: str, array: Array) -> Array:
    """The array, if all of its numbers are finite."""
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        at = tuple(int(index) for index in bad[0])
        place = f" at {list(at)}" if at else ""
        raise ValueError(f"{name} is {array[at]}{place}, expected a finite number")
    return array


def flat(array: Array) -> Array:
    """The numbers in one row, as the native module takes them."""
    return np.ascontiguousarray(array).reshape(-1)


def frozen(array: Array, shape: Sequence[int]) -> Array:
    """An array of this shape that cannot be written to."""
    shaped_array = array.reshape(tuple(shape))
    shaped_array.flags.writeable = False
    return shaped_array


def integer(name: str, value: Any, least: int) -> int:
    """The argument as an integer of at least this size."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r}, expected an int")
    if value < least:
        raise ValueError(f"{name} is {value}, expected at least {least}")
    return int(value)
