"""What tests share: a problem of each model, and differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import dilqr

MODELS = ("pendulum", "pendulum_limited", "cartpole", "quadrotor", "unicycle", "arm")


class Case(NamedTuple):
    """A problem, with a start that leads to its solution."""

    solver: dilqr.Solver
    x0: np.ndarray
    params: np.ndarray
    start: dict[str, Any]

    def solve(self, x0: Any = None, params: Any = None) -> dilqr.Solution:
        x0, params = self.x0 if x0 is None else x0, self.params if params is None else params
        return self.solver.solve(x0, params, **self.start)


def case(name: str, horizon: int = 15, **settings: Any) -> Case:
    """A problem of a shipped model."""
    model = getattr(dilqr.models, name)
    # Differences resolve a solution to the tolerance over the step.
    solver = dilqr.Solver(model, horizon, **{"tolerance": 1e-11, **settings})
    params = np.array(list(model.params.defaults.values()))
    x0 = {
        "pendulum": [0.4, -0.3],
        # The motor is at its bound at first.
        "pendulum_limited": [0.4, -1.0],
        "cartpole": [0.3, -0.1, 0.2, 0.1],
        "quadrotor": [0.3, -0.2, 0.4, 0.05, -0.08, 0.1, 0.1, 0.0, -0.1, 0.2, 0.1, -0.1],
        "unicycle": [0.1, -0.2, 0.3],
        "arm": [0.5, 1.2, 0.1, -0.2],
    }[name]
    start: dict[str, Any] = {}
    if name == "quadrotor":
        gravity, mass, *_, slope, offset, _ = params
        hover = (0.25 * mass * gravity - offset) / (100.0 * slope)
        start["controls"] = np.full((horizon, 4), hover)
    if name == "unicycle":
        # From rest no direction of the speed is better than the other.
        start["controls"] = np.tile([0.3, 0.1], (horizon, 1))
    return Case(solver, np.array(x0), params, start)


@pytest.fixture(params=MODELS)
def each(request: pytest.FixtureRequest) -> Case:
    """A problem of each model."""
    return case(request.param)


@pytest.fixture
def pendulum() -> Case:
    """A problem of the smallest model."""
    return case("pendulum")


def differences(function: Callable[[np.ndarray], Any], at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central differences of fourth order of a function of one vector; entries last. Steps are relative to each entry.

    Their error is about ``step**4`` and the solver's tolerance over the step, relative: 1e-6 in these tests.
    """
    columns = []
    for i in range(at.size):
        h = step * max(abs(at[i]), 0.1)

        def value(factor: float, i: int = i, h: float = h) -> np.ndarray:
            moved = at.copy()
            moved[i] += factor * h
            return np.asarray(function(moved))

        columns.append((8.0 * (value(1.0) - value(-1.0)) - (value(2.0) - value(-2.0))) / (12.0 * h))
    return np.stack(columns, axis=-1)


def assert_near(one: Any, other: Any, tolerance: float = 1e-6) -> None:
    """Equality to a tolerance that is relative to the largest entry."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape
    scale = max(np.abs(other).max(initial=0.0), 1e-12)
    assert np.abs(one - other).max(initial=0.0) <= tolerance * scale, f"{one}\nbeside\n{other}"
