"""Differentiable optimal control: iLQR and DDP with exact implicit gradients.

>>> import dilqr
>>> solver = dilqr.Solver(dilqr.models.cartpole, horizon=50)
>>> solution = solver.solve({"position": 0.5, "velocity": 0.0, "angle": 0.1, "angular_velocity": 0.0})
>>> solution.status
'converged'
>>> gradient = solver.value_gradient(solution)
>>> gradient.params.shape
(4,)

Layers for learners are in :mod:`dilqr.jax` and :mod:`dilqr.torch`, which need those packages. ``python -m dilqr new NAME``
writes a package for a model of your own.
"""

from __future__ import annotations

from . import models
from ._errors import NoGradient
from ._model import Model, Names
from ._mpc import Mpc, MpcStep
from ._solution import ActiveLimit, Batch, Certificate, Gradient, Jacobian, Solution, Stats, Tangent
from ._solver import Solver

__version__ = "0.1.0"

__all__ = [
    "ActiveLimit",
    "Batch",
    "Certificate",
    "Gradient",
    "Jacobian",
    "Model",
    "Mpc",
    "MpcStep",
    "Names",
    "NoGradient",
    "Solution",
    "Solver",
    "Stats",
    "Tangent",
    "models",
]
