"""A module that `dilqr_python::export!` made: a model with stage parameters and a network."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import dilqr
from conftest import assert_near, differences

follower = pytest.importorskip("follower", reason="`run` builds this module")

T = 12
REFERENCE = 0.3 * np.sin(np.arange(T + 1))[:, None]
GAIN = [[-15.0, -4.0]]
PARAMS = {"tracking": 2.0, "effort": 0.05}


def solve(**changed: Any) -> dilqr.Solution:
    """A problem of the module's model."""
    solver = dilqr.Solver(follower.model, T, tolerance=1e-11)
    data = {"x0": [0.2, -0.1], "params": PARAMS, "stage_params": REFERENCE, "gain": GAIN, **changed}
    return solver.solve(**data)


def test_the_model_of_a_module() -> None:
    model = follower.model
    assert isinstance(model, dilqr.Model)
    assert repr(model) == (
        "Model('follower', states=(angle, rate), controls=(torque), params=(tracking, effort), stage_params=(reference))"
    )
    assert model.params.defaults == {}
    # The module stands for its model.
    assert dilqr.Solver(follower, T).model is model
    with pytest.raises(ValueError, match="params is None, expected values of tracking, effort"):
        dilqr.Solver(model, T).solve([0.0, 0.0], stage_params=REFERENCE)
    with pytest.raises(ValueError, match=r"stage_params is None, expected the shape \(13, 1\)"):
        dilqr.Solver(model, T).solve([0.0, 0.0], PARAMS)
    with pytest.raises(ValueError, match="stage_params has the shape .* expected \\(13, 1\\)"):
        solve(stage_params=REFERENCE[:-1])


def test_pickles() -> None:
    solver = pickle.loads(pickle.dumps(dilqr.Solver(follower.model, T)))
    assert solver.model is follower.model and copy.deepcopy(solver) is solver


def test_modules_share_no_solutions() -> None:
    with pytest.raises(ValueError, match="'follower' over 12 stages, expected 'pendulum' over 12"):
        dilqr.Solver(dilqr.models.pendulum, T).vjp(solve())


def test_a_refused_gradient_is_the_same_exception() -> None:
    solver = dilqr.Solver(follower.model, T, max_iterations=0)
    solution = solver.solve([0.2, -0.1], PARAMS, stage_params=REFERENCE)
    with pytest.raises(dilqr.NoGradient, match="has not converged"):
        solver.vjp(solution)


def test_gradients_in_stage_parameters() -> None:
    solution = solve()
    assert solution.converged
    solver = dilqr.Solver(follower.model, T, tolerance=1e-11)
    random = np.random.default_rng(8)
    d_states, d_controls = random.normal(size=(T + 1, 2)), random.normal(size=(T, 1))
    gradient = solver.vjp(solution, d_states, d_controls)

    def loss(reference: np.ndarray) -> float:
        moved = solve(stage_params=reference[:, None])
        return float((d_states * moved.states).sum() + (d_controls * moved.controls).sum())

    assert gradient.stage_params.shape == (T + 1, 1)
    assert_near(gradient.stage_params[:, 0], differences(loss, REFERENCE[:, 0]))
    by_stage = [solver.jacobian(solution, stage=t) for t in (0, 5, T)]
    for t, jacobian in zip((0, 5, T), by_stage):
        product = (d_states[:, :, None] * jacobian.states).sum() + (d_controls[:, :, None] * jacobian.controls).sum()
        assert_near(product, gradient.stage_params[t, 0], 1e-9)


def test_a_controller_with_stage_parameters() -> None:
    mpc = dilqr.Mpc(follower.model, T, PARAMS)
    mpc.set_stage_params(REFERENCE)
    mpc.start_from(solve())
    assert_near(mpc.step([0.2, -0.1]).control, solve().controls[0], 1e-7)


def test_layers_with_stage_parameters() -> None:
    x0 = np.array([[0.2, -0.1], [0.1, 0.0], [-0.1, 0.1]])
    params = np.array(list(PARAMS.values()))
    solver = dilqr.Solver(follower.model, T, tolerance=1e-11)
    batch = solver.batch(x0, params, stage_params=REFERENCE, gain=GAIN)
    expected, _ = solver.vjp_batch(batch, d_controls=np.ones((3, T, 1)))
    ran = 0
    try:
        import jax

        from dilqr.jax import layer as of_jax

        jax.config.update("jax_enable_x64", True)
        layer = of_jax(follower.model, T, gain=GAIN, tolerance=1e-11)
        gradient = jax.grad(lambda s: layer(x0, params, s).controls.sum())(REFERENCE)
        assert_near(gradient, expected.stage_params.sum(axis=0), 1e-12)
        ran += 1
    except ImportError:
        pass
    try:
        import torch

        from dilqr.torch import Layer

        reference = torch.tensor(REFERENCE, requires_grad=True)
        Layer(follower.model, T, gain=GAIN, tolerance=1e-11)(x0, params, reference).controls.sum().backward()
        assert reference.grad is not None
        assert_near(reference.grad, expected.stage_params.sum(axis=0), 1e-12)
        ran += 1
    except ImportError:
        pass
    if ran == 0:
        pytest.skip("neither JAX nor PyTorch is installed")
