"""Exceptions of the package."""

from __future__ import annotations


class NoGradient(ArithmeticError):
    """A gradient does not exist: the text says why.

    The solution has not converged, is not a strict minimum, or has a limit that is neither active nor inactive.
    Invalid input is a ``ValueError`` or a ``TypeError`` instead.
    """
