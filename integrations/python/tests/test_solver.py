"""Solves and derivatives: beside reference data, differences of solves, and one another."""

from __future__ import annotations

import json
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

import dilqr
from conftest import Case, assert_near, case, differences

REFERENCE = Path(__file__).parents[3] / "tests" / "reference"


@pytest.mark.parametrize("name", ["pendulum", "cartpole"])
def test_reference_data(name: str) -> None:
    """Solutions and derivatives that were computed outside this project, by dense Newton steps."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference data belong to a checkout of the repository")
    data = json.loads((REFERENCE / f"{name}.json").read_text())
    solver = dilqr.Solver(getattr(dilqr.models, name), data["horizon"])
    solution = solver.solve(data["initial_state"], data["params"], data["initial_controls"])
    assert solution.converged
    # The data end at a stationarity of 1e-11.
    assert abs(solution.value - data["cost"]) <= 1e-9 * abs(data["cost"])
    assert_near(solution.states, data["states"])
    assert_near(solution.controls, data["controls"])
    gradient = solver.vjp(solution, data["loss_gradient_states"], data["loss_gradient_controls"])
    assert_near(gradient.params, data["grad_params"])
    assert_near(gradient.x0, data["grad_initial_state"])
    jacobian = solver.jacobian(solution)
    assert_near(jacobian.states, np.reshape(data["jacobian_states_params"], jacobian.states.shape))
    assert_near(jacobian.controls, np.reshape(data["jacobian_controls_params"], jacobian.controls.shape))


def test_derivatives_beside_differences(each: Case) -> None:
    solver, solution = each.solver, each.solve()
    assert solution.converged, solution
    by_params = differences(lambda p: each.solve(params=p).states, each.params)
    jacobian = solver.jacobian(solution)
    assert_near(jacobian.states, by_params)
    by_params = differences(lambda p: each.solve(params=p).controls, each.params)
    assert_near(jacobian.controls, by_params)

    random = np.random.default_rng(1)
    d_states, d_controls = random.normal(size=solution.states.shape), random.normal(size=solution.controls.shape)
    gradient = solver.vjp(solution, d_states, d_controls)
    by_jacobian = np.einsum("ti,tip->p", d_states, jacobian.states) + np.einsum(
        "ti,tip->p", d_controls, jacobian.controls
    )
    # Forward and reverse mode are the same sums in another order.
    assert_near(gradient.params, by_jacobian, 1e-9)

    def loss(x0: np.ndarray) -> float:
        moved = each.solve(x0=x0)
        return float((d_states * moved.states).sum() + (d_controls * moved.controls).sum())

    assert_near(gradient.x0, differences(loss, each.x0))


def test_the_value_has_a_gradient(each: Case) -> None:
    solver, solution = each.solver, each.solve()
    gradient = solver.value_gradient(solution)
    assert_near(gradient.params, differences(lambda p: each.solve(params=p).value, each.params))
    assert_near(gradient.x0, differences(lambda x0: each.solve(x0=x0).value, each.x0))
    assert_near(gradient.x0, solution.costates[0], 1e-12)
    weighted = solver.vjp(solution, d_value=3.0)
    assert_near(weighted.params, 3.0 * gradient.params, 1e-12)


def test_second_derivatives_beside_differences(pendulum: Case) -> None:
    """`L = sum |x|^2 / 2 + sum u^3`: its Hessian in parameters and initial state together, column by column."""
    solver = pendulum.solver

    def gradient(data: np.ndarray) -> np.ndarray:
        solution = pendulum.solve(x0=data[3:], params=data[:3])
        of = solver.vjp(solution, solution.states, 3.0 * solution.controls**2)
        return np.concatenate([of.params, of.x0])

    data = np.concatenate([pendulum.params, pendulum.x0])
    solution = pendulum.solve()
    columns = []
    for direction in np.eye(5):
        product = solver.hvp(
            solution,
            solution.states,
            3.0 * solution.controls**2,
            params=direction[:3],
            x0=direction[3:],
            loss_hessian=lambda dx, du: (dx, 6.0 * solution.controls * du),
        )
        columns.append(np.concatenate([product.params, product.x0]))
    hessian = np.stack(columns, axis=-1)
    assert_near(hessian, hessian.T, 1e-9)
    assert_near(hessian, differences(gradient, data))


def test_tangents(each: Case) -> None:
    solver, solution = each.solver, each.solve()
    direction = np.random.default_rng(2).normal(size=each.params.size)
    tangent, jacobian = solver.jvp(solution, params=direction), solver.jacobian(solution)
    assert_near(tangent.states, jacobian.states @ direction, 1e-9)
    assert_near(tangent.controls, jacobian.controls @ direction, 1e-9)
    # By name, where a direction may leave entries out.
    name = solver.model.params[-1]
    assert_near(solver.jvp(solution, params={name: 1.0}).states, jacobian.states[:, :, -1], 1e-9)


def test_batches_equal_single_solves(each: Case) -> None:
    random = np.random.default_rng(3)
    x0s = each.x0 + 0.01 * random.normal(size=(11, each.x0.size))
    params = each.params * (1.0 + 0.01 * random.normal(size=(11, each.params.size)))
    batch = each.solver.batch(x0s, params, threads=2, **each.start)
    assert batch.converged.all() and len(batch) == 11
    d_states, d_controls = random.normal(size=batch.states.shape), random.normal(size=batch.controls.shape)
    d_value = random.normal(size=11)
    for value in (None, d_value):
        gradients, reasons = each.solver.vjp_batch(batch, d_states, d_controls, d_value=value)
        assert reasons == [None] * 11
        for k in range(11):
            solution = each.solve(x0s[k], params[k])
            # Lanes round differently; the tolerance is 1e-11.
            assert_near(batch.states[k], solution.states, 1e-8)
            assert_near(batch[k].controls, solution.controls, 1e-8)
            assert_near(batch.value[k], solution.value, 1e-10)
            factor = 0.0 if value is None else value[k]
            one = each.solver.vjp(solution, d_states[k], d_controls[k], d_value=factor)
            assert_near(gradients.params[k], one.params, 1e-6)
            assert_near(gradients.x0[k], one.x0, 1e-6)


def test_small_batches_have_the_bits_of_single_solves(pendulum: Case) -> None:
    x0s = np.array([[0.4, 0.0], [-0.3, 0.2], [0.1, 0.1]])
    batch = pendulum.solver.batch(x0s, pendulum.params)
    for k, x0 in enumerate(x0s):
        assert np.array_equal(batch.states[k], pendulum.solve(x0).states)


def test_results_do_not_depend_on_threads(pendulum: Case) -> None:
    x0s = np.random.default_rng(4).normal(size=(40, 2)) * 0.3
    one, three = (pendulum.solver.batch(x0s, pendulum.params, threads=n) for n in (1, 3))
    assert np.array_equal(one.states, three.states)


def test_threads_share_a_solver(pendulum: Case) -> None:
    x0s = np.random.default_rng(5).normal(size=(200, 2)) * 0.3
    expected = [pendulum.solve(x0) for x0 in x0s]
    found: list[dilqr.Solution | None] = [None] * len(x0s)

    def work(first: int) -> None:
        for k in range(first, len(x0s), 4):
            found[k] = pendulum.solve(x0s[k])

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(found, expected):
        assert one is not None and np.array_equal(one.states, other.states)


def test_the_interpreter_is_released() -> None:
    """While a batch is solved, another Python thread counts."""
    this = case("cartpole", horizon=100)
    counted, done = 0, threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.is_set():
            counted += 1
            done.wait(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    before = counted
    this.solver.batch(np.tile(this.x0, (40, 1)), this.params, threads=1)
    after = counted
    done.set()
    thread.join()
    assert after > before + 2


def test_a_start_from_a_solution(pendulum: Case) -> None:
    solution = pendulum.solve()
    again = pendulum.solver.solve(pendulum.x0, pendulum.params * 1.001, start=solution)
    cold = pendulum.solver.solve(pendulum.x0, pendulum.params * 1.001)
    assert again.stats.iterations < cold.stats.iterations
    assert_near(again.controls, cold.controls, 1e-8)


def test_a_gain_holds_an_unstable_system() -> None:
    """Of the upright rod the controls of zero lead far away in 6 s; with feedback the start is near the solution."""
    solver = dilqr.Solver(dilqr.models.pendulum, 120)
    held = solver.solve([0.2, 0.0], gain=[[-15.0, -4.0]])
    assert held.converged and held.stats.iterations <= 8
    offset = solver.solve([0.2, 0.0], controls=np.full((120, 1), 0.1), gain=[[-15.0, -4.0]])
    assert_near(offset.states, held.states, 1e-6)


def test_states_to_start_from(pendulum: Case) -> None:
    line = np.linspace(pendulum.x0, [0.0, 0.0], pendulum.solver.horizon + 1)
    solution = pendulum.solver.solve(pendulum.x0, pendulum.params, states=line)
    assert_near(solution.controls, pendulum.solve().controls, 1e-7)


def test_a_gradient_that_does_not_exist_is_an_exception() -> None:
    this = case("pendulum", max_iterations=1)
    solution = this.solve(x0=np.array([3.0, 0.0]))
    assert solution.status == "iteration limit" and not solution.converged
    for call in (
        lambda: this.solver.vjp(solution, d_controls=np.ones((15, 1))),
        lambda: this.solver.jacobian(solution),
        lambda: this.solver.value_gradient(solution),
        lambda: this.solver.hvp(solution, params=[1.0, 0.0, 0.0]),
    ):
        with pytest.raises(dilqr.NoGradient, match="has not converged: status iteration limit"):
            call()


@pytest.mark.parametrize("choice, expected", [("zero", 0.0), ("nan", np.nan)])
def test_what_stands_for_a_gradient_that_does_not_exist(choice: str, expected: float) -> None:
    # Two iterations solve the first problem, which is at rest, and not the second one.
    this = case("pendulum", max_iterations=2)
    batch = this.solver.batch([[0.0, 0.0], [3.0, 0.0]], this.params)
    assert list(batch.converged) == [True, False]
    loss = np.ones(batch.controls.shape)
    gradient, reasons = this.solver.vjp_batch(batch, d_controls=loss, on_no_gradient=choice)
    assert reasons[0] is None and reasons[1] is not None and "has not converged" in reasons[1]
    assert np.array_equal(gradient.params[1], np.full(3, expected), equal_nan=True)
    assert np.array_equal(gradient.x0[0], this.solver.vjp(batch[0], d_controls=loss[0]).x0)
    with pytest.raises(dilqr.NoGradient, match="problem 1: the solution has not converged"):
        this.solver.vjp_batch(batch, d_controls=loss)


@pytest.mark.parametrize("choice, expected", [("zero", 0.0), ("nan", np.nan)])
def test_losses_of_trajectories_that_diverged(choice: str, expected: float) -> None:
    """Their derivatives are not finite, and stand in the way of no other problem's gradient."""
    solver = dilqr.Solver(dilqr.models.pendulum, 5)
    batch = solver.batch([[0.1, 0.0]] * 2, [[10.0, 1.0, 1.0], [10.0, 0.0, 1.0]])
    assert batch.status == ("converged", "diverged") and np.isnan(batch.states[1]).any()
    losses = {"d_states": 2.0 * batch.states, "d_value": np.array([1.0, np.inf])}
    gradient, reasons = solver.vjp_batch(batch, **losses, on_no_gradient=choice)
    assert reasons[0] is None and "status diverged" in str(reasons[1])
    assert np.array_equal(gradient.params[0], solver.vjp(batch[0], losses["d_states"][0], d_value=1.0).params)
    assert np.array_equal(gradient.params[1], np.full(3, expected), equal_nan=True)
    with pytest.raises(dilqr.NoGradient, match="problem 1: the solution has not converged"):
        solver.vjp_batch(batch, **losses)
    with pytest.raises(dilqr.NoGradient, match="status diverged"):
        solver.vjp(batch[1], losses["d_states"][1], d_value=np.inf)
    with pytest.raises(dilqr.NoGradient, match="status diverged"):
        solver.hvp(batch[1], losses["d_states"][1], params=[1.0, 0.0, 0.0])
    # Where the gradient exists, they are errors as before.
    for name, at in (("d_states", (0, 3, 1)), ("d_value", (0,))):
        wrong = {key: array.copy() for key, array in losses.items()}
        wrong[name][at] = np.nan
        with pytest.raises(ValueError, match=f"problem 0: {name} is nan"):
            solver.vjp_batch(batch, **wrong, on_no_gradient=choice)


def test_a_solve_that_diverges_says_where() -> None:
    solver = dilqr.Solver(dilqr.models.pendulum, 5)
    solution = solver.solve([0.1, 0.0], {"gravity": 10.0, "mass": 0.0, "length": 1.0})
    assert solution.status == "diverged"
    assert solution.cause is not None and "not finite" in solution.cause
    assert solution.cause in repr(solution)


def test_settings() -> None:
    given = {
        "tolerance": 1e-8,
        "max_iterations": 7,
        "hessian": "gauss_newton",
        "method": "ddp",
        "relaxation": 0.1,
        "regularization": {"initial": 1e-3},
        "line_search": {"max_trials": 3},
        "penalty": {"increase": 5.0},
    }
    solver = dilqr.Solver(dilqr.models.pendulum, 10, **given)
    for name, value in given.items():
        found = solver.settings[name]
        assert (found if not isinstance(value, dict) else {key: found[key] for key in value}) == value
    # All of them are keywords again.
    assert dilqr.Solver(dilqr.models.pendulum, 10, **solver.settings).settings == solver.settings


def test_names_and_groups_of_names() -> None:
    solver = dilqr.Solver(dilqr.models.unicycle, 10)
    params = dilqr.models.unicycle.params
    assert params == ("goal[0]", "goal[1]", "goal_heading", "price_speed", "price_turn")
    grouped = {**params.defaults, "goal[0]": 2.0, "goal[1]": 1.0}
    named = {"goal": [2.0, 1.0], "goal_heading": 0.0, "price_speed": 0.05, "price_turn": 0.05}
    assert np.array_equal(params.to_array(grouped), params.to_array(named))
    solution = solver.solve({"x": 0.0, "y": 0.1, "heading": 0.2}, named, controls=np.full((10, 2), 0.1))
    assert np.array_equal(solution.x0, [0.0, 0.1, 0.2])
    assert params.to_dict(solution.params)["goal[0]"] == 2.0
    # Values of a batch.
    assert params.to_array({**named, "price_speed": np.array([0.1, 0.2, 0.3])}).shape == (3, 5)
    # A list of as many problems as the field has entries is no other than the array of it.
    goals = [[1.0, 2.0], [3.0, 4.0]]
    for given in (goals, np.array(goals)):
        assert np.array_equal(params.to_array({**named, "goal": given})[:, :2], goals)
    with pytest.raises(TypeError, match=r"params\['goal'\] is a list, expected an array, entries last"):
        params.to_array({**named, "goal": [[1.0, 2.0], [3.0]]})


def test_entries_that_are_given_twice_are_refused() -> None:
    params = dilqr.models.unicycle.params
    forms = [{"goal": [2.0, 1.0]}, params.defaults]
    # In both orders, because JAX sorts dicts.
    for first, second in (forms, forms[::-1]):
        with pytest.raises(ValueError, match=r"params gives 'goal\[0\]' twice, as 'goal.*' and as 'goal"):
            params.to_array({**first, **second})


def test_a_direction_may_be_a_group_of_entries() -> None:
    this = case("unicycle")
    solution = this.solve()
    jacobian = this.solver.jacobian(solution)
    tangent = this.solver.jvp(solution, params={"goal": [1.0, -2.0]})
    # Forward products are the same sums in another order.
    assert_near(tangent.states, jacobian.states[:, :, 0] - 2.0 * jacobian.states[:, :, 1], 1e-9)


def test_solutions_cannot_be_edited(pendulum: Case) -> None:
    solution = pendulum.solve()
    with pytest.raises(ValueError, match="read-only"):
        solution.controls[0] = 1.0
    with pytest.raises(AttributeError):
        solution.controls = np.zeros((15, 1))  # type: ignore[misc]


def test_a_certificate(pendulum: Case) -> None:
    certificate = pendulum.solve().certificate
    assert certificate.stationarity < 1e-9 and certificate.smallest_eigenvalue > 0.0 and certificate.active == ()
    assert str(certificate).startswith("stationarity")


def test_representations(pendulum: Case) -> None:
    solution = pendulum.solve()
    assert repr(pendulum.solver) == "Solver('pendulum', horizon=15)"
    assert repr(solution).startswith("Solution('pendulum', horizon=15, status='converged', value=")
    batch = pendulum.solver.batch([[0.1, 0.0]])
    assert repr(batch) == "Batch('pendulum', problems=1, horizon=15, converged=1)"
    assert "params=(gravity, mass, length)" in repr(dilqr.models.pendulum)


def test_pickles(pendulum: Case) -> None:
    again = pickle.loads(pickle.dumps(pendulum.solver))
    assert again.settings == pendulum.solver.settings
    assert np.array_equal(again.solve(pendulum.x0).states, pendulum.solve().states)
