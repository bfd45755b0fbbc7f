"""The controller with a receding horizon."""

from __future__ import annotations

import numpy as np

import dilqr
from conftest import assert_near


def pendulum_step(x: np.ndarray, u: np.ndarray, params: np.ndarray) -> np.ndarray:
    """The pendulum's equations, as `dilqr-models` states them."""
    gravity, mass, length = params
    omega = x[1] + 0.05 * (1.5 * gravity / length * np.sin(x[0]) + 3.0 * u[0] / (mass * length**2))
    return np.array([x[0] + 0.05 * omega, omega])


def test_it_holds_the_rod_up() -> None:
    mpc = dilqr.Mpc(dilqr.models.pendulum, 20, max_iterations=20)
    x = np.array([0.5, 0.0])
    for k in range(80):
        step = mpc.step(x)
        assert step.converged and step.control.shape == (1,) and step.gain.shape == (1, 2)
        plan = mpc.plan
        assert plan is not None and np.array_equal(plan.controls[0], step.control)
        if k == 0:
            # The first step is a solve from zeros.
            solution = dilqr.Solver(dilqr.models.pendulum, 20, max_iterations=20).solve(x)
            assert_near(step.control, solution.controls[0], 1e-7)
        x = pendulum_step(x, step.control, mpc.params)
        # The model is the plant.
        assert_near(x, plan.states[1], 1e-12)
    assert np.abs(x).max() < 1e-3


def test_parameters_and_plans() -> None:
    mpc = dilqr.Mpc(dilqr.models.pendulum, 10, {"gravity": 10.0, "mass": 1.0, "length": 1.0})
    assert mpc.plan is None and repr(mpc) == "Mpc('pendulum', horizon=10)"
    mpc.params = {"gravity": 10.0, "mass": 2.0, "length": 1.0}
    assert np.array_equal(mpc.params, [10.0, 2.0, 1.0])
    first = mpc.step([0.1, 0.0])
    solver = dilqr.Solver(dilqr.models.pendulum, 10)
    solution = solver.solve([0.1, 0.0], [10.0, 2.0, 1.0])
    assert_near(first.control, solution.controls[0], 1e-7)
    mpc.reset()
    assert mpc.plan is None
    mpc.start_from(solution)
    warm = mpc.step({"theta": 0.1, "omega": 0.0})
    assert warm.stats.iterations <= first.stats.iterations
    mpc.advance()
    assert mpc.step([0.1, 0.0]).converged
