"""Bounds of controls: solutions that hold them, their gradients, and where there are none."""

from __future__ import annotations

import numpy as np
import pytest

import dilqr
from conftest import Case, assert_near, case, differences

LIMIT = 3


@pytest.fixture
def limited() -> Case:
    """A swing that keeps the motor at its bound for a while."""
    return case("pendulum_limited")


def test_active_bounds(limited: Case) -> None:
    solution = limited.solve()
    assert solution.converged
    held = np.abs(np.abs(solution.controls[:, 0]) - limited.params[LIMIT]) < 1e-12
    assert 0 < held.sum() < 15
    certificate = solution.certificate
    assert len(certificate.active) == held.sum() and certificate.margin > 1e-3
    stage, limit, multiplier = certificate.active[0]
    assert held[stage] and "bound of control" in limit and multiplier > 0.0
    # Where a bound holds a control, its change is that of the bound.
    jacobian = solver_jacobian(limited, solution)
    signs = np.sign(solution.controls[held])
    assert_near(jacobian[held, :, LIMIT], signs, 1e-12)
    assert_near(solution.gains[held], np.zeros((held.sum(), 1, 2)), 0.0)


def solver_jacobian(this: Case, solution: dilqr.Solution) -> np.ndarray:
    return this.solver.jacobian(solution).controls


def weakly_active() -> tuple[dilqr.Solver, dict[str, float], dilqr.Solution]:
    """A problem whose bound is where the largest control would be without it: neither active nor inactive."""
    solver = dilqr.Solver(dilqr.models.pendulum_limited, 15, tolerance=1e-12)
    params = dilqr.models.pendulum_limited.params.defaults
    free = solver.solve([0.1, 0.0], {**params, "limit": 100.0})
    params["limit"] = float(np.abs(free.controls).max())
    return solver, params, solver.solve([0.1, 0.0], params)


def test_a_bound_that_is_neither_active_nor_inactive() -> None:
    solver, params, solution = weakly_active()
    assert solution.converged
    for call in (solver.jacobian, solver.vjp, lambda x: solver.hvp(x, params=[1.0, 0.0, 0.0, 0.0])):
        with pytest.raises(dilqr.NoGradient, match="bound of .* is neither active nor inactive"):
            call(solution)
    # Beside it gradients exist, and differ.
    slopes = []
    for factor in (0.9, 1.1):
        nearby = solver.solve([0.1, 0.0], {**params, "limit": factor * params["limit"]})
        slopes.append(solver.vjp(nearby, d_controls=np.ones((15, 1))).params[LIMIT])
    assert abs(slopes[0]) > 1e-3 and slopes[1] == 0.0


def test_layers_report_the_kind_of_reason() -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    from dilqr.jax import REASONS
    from dilqr.jax import layer as layer_of

    _, params, _ = weakly_active()
    layer = layer_of(dilqr.models.pendulum_limited, 15, on_no_gradient="nan", tolerance=1e-12)
    # Alone, because lanes and single solves round differently, and the bound is where the single solve has its control.
    info = layer(jax.numpy.array([[0.1, 0.0]]), params).info
    assert [REASONS[int(code)] for code in info.no_gradient] == ["weakly_active"]


def test_relaxed_problems_are_smooth() -> None:
    """With barriers in place of the bound, gradients exist everywhere and agree with differences."""
    _, params, _ = weakly_active()
    solver = dilqr.Solver(dilqr.models.pendulum_limited, 15, tolerance=1e-11, relaxation=1e-3)
    at = np.array(list(params.values()))
    solution = solver.solve([0.1, 0.0], at)
    assert solution.converged and solution.relaxation == 1e-3
    assert np.abs(solution.controls).max() < at[LIMIT]
    by_params = differences(lambda p: solver.solve([0.1, 0.0], p).controls, at)
    assert_near(solver.jacobian(solution).controls, by_params, 1e-5)


def test_reversed_bounds() -> None:
    solver = dilqr.Solver(dilqr.models.pendulum_limited, 5)
    params = {**dilqr.models.pendulum_limited.params.defaults, "limit": -1.0}
    with pytest.raises(
        ValueError, match="the bounds of control `torque` are reversed: 1 to -1, expected the lower one"
    ):
        solver.solve([0.1, 0.0], params)
