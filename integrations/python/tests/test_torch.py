"""The layer of PyTorch."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pytest

import dilqr
from conftest import MODELS, Case, assert_near, case

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.autograd import gradcheck, gradgradcheck

import dilqr.torch


def layer_of(this: Case, **keywords: Any) -> dilqr.torch.Layer:
    settings = {"tolerance": 1e-11, **keywords}
    return dilqr.torch.Layer(this.solver.model, this.solver.horizon, **settings)


def starts(this: Case, count: int) -> Any:
    return torch.tensor(this.x0 + 0.05 * np.random.default_rng(count).normal(size=(count, this.x0.size)))


def test_values_are_those_of_the_solver(each: Case) -> None:
    x0 = starts(each, 3)
    solved = layer_of(each)(x0, torch.tensor(each.params), **each.start)
    for k in range(3):
        solution = each.solve(x0[k].numpy())
        assert np.array_equal(solved.states[k].numpy(), solution.states)
        assert np.array_equal(solved.controls[k].numpy(), solution.controls)
        assert solved.value[k].item() == solution.value
    assert solved.info.status == ("converged",) * 3 and solved.info.converged.all()
    assert solved.info.refused == [None] * 3


@pytest.mark.parametrize("name", MODELS)
def test_gradients(name: str) -> None:
    """Reverse mode beside PyTorch's differences, of all outputs in both arguments."""
    each = case(name, 5)
    layer, scale = layer_of(each), torch.tensor(each.params)
    arguments = (starts(each, 2).requires_grad_(), torch.ones_like(scale).requires_grad_())
    # Differences take a step of 1e-6: their error is the solve's tolerance, 1e-11, over it.
    assert gradcheck(lambda x0, p: layer(x0, p * scale, **each.start)[:3], arguments, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["pendulum", "unicycle"])
def test_second_derivatives(name: str) -> None:
    this = case(name, 6)
    layer, scale = layer_of(this), torch.tensor(this.params)
    arguments = (starts(this, 2).requires_grad_(), torch.ones_like(scale).requires_grad_())
    # As above.
    assert gradgradcheck(lambda x0, p: layer(x0, p * scale, **this.start)[:2], arguments, atol=1e-5, rtol=1e-5)


def test_a_hessian_is_that_of_the_solver(pendulum: Case) -> None:
    layer = layer_of(pendulum)
    x0, params = torch.tensor(pendulum.x0), torch.tensor(pendulum.params)
    hessian = torch.autograd.functional.hessian(lambda p: layer(x0, p).controls.sum(), params)
    by_functions = torch.func.jacrev(torch.func.grad(lambda p: layer(x0, p).controls.sum()))(params)
    ones = np.ones((15, 1))
    columns = [pendulum.solver.hvp(pendulum.solve(), None, ones, params=direction).params for direction in np.eye(3)]
    assert_near(hessian, np.stack(columns), 1e-9)
    assert_near(by_functions, np.stack(columns), 1e-9)


def test_a_gradient_penalty(pendulum: Case) -> None:
    """A loss that contains a gradient, and trains on it: the gradient of `g' g` is `2 H g`."""
    layer, params = layer_of(pendulum), torch.tensor(pendulum.params, requires_grad=True)
    loss = layer(torch.tensor(pendulum.x0), params).controls.sum()
    (first,) = torch.autograd.grad(loss, params, create_graph=True)
    (first**2).sum().backward()
    solution, ones = pendulum.solve(), np.ones((15, 1))
    direction = pendulum.solver.vjp(solution, d_controls=ones).params
    assert params.grad is not None
    # The same sums in another order.
    assert_near(params.grad, 2.0 * pendulum.solver.hvp(solution, None, ones, params=direction).params, 1e-9)


def test_second_derivatives_of_the_value_are_refused(pendulum: Case) -> None:
    layer, params = layer_of(pendulum), torch.tensor(pendulum.params, requires_grad=True)
    value = layer(torch.tensor(pendulum.x0), params).value
    (first,) = torch.autograd.grad(value, params, create_graph=True)
    with pytest.raises(NotImplementedError, match="second derivatives of `value` are not available"):
        first.sum().backward()


def test_vmap(pendulum: Case) -> None:
    layer, x0, params = layer_of(pendulum), starts(pendulum, 6), torch.tensor(pendulum.params)
    expected = layer(x0, params)
    nested = torch.func.vmap(lambda x: layer(x, params)[:3])(x0.reshape(2, 3, 2))
    for one, other in zip(nested, expected):
        assert np.array_equal(one.reshape(other.shape), other)
    last = torch.func.vmap(lambda x: layer(x, params).controls, in_dims=1, out_dims=1)(x0.T)
    assert np.array_equal(last.movedim(1, 0), expected.controls)

    gradient = torch.func.grad(lambda x, p: layer(x, p).controls[0, 0], argnums=(0, 1))
    per_problem = torch.func.vmap(gradient, in_dims=(0, None))(x0, params)
    for k in range(6):
        for one, other in zip(per_problem, gradient(x0[k], params)):
            assert_near(one[k], other, 1e-12)


def test_problems_that_occur_several_times_are_solved_once(pendulum: Case) -> None:
    layer, params = layer_of(pendulum), torch.tensor(pendulum.params)
    jacobian = torch.func.jacrev(lambda p: layer(torch.tensor(pendulum.x0), p).controls)(params)
    # Forward and reverse mode are the same sums in another order.
    assert_near(jacobian, pendulum.solver.jacobian(pendulum.solve()).controls, 1e-9)
    assert [len(batch) for batch in layer._engine._kept.values()] == [1]


def test_parameters_by_name_have_gradients_by_name() -> None:
    this = case("unicycle")
    layer, x0 = layer_of(this), starts(this, 3)
    goal = torch.tensor([1.0, 0.5], dtype=torch.float64, requires_grad=True)
    price = torch.full((3,), 0.05, dtype=torch.float64, requires_grad=True)
    params = {"goal": goal, "goal_heading": 0.0, "price_speed": price, "price_turn": 0.05}
    layer(x0, params, **this.start).states[:, -1].sum().backward()
    array = torch.tensor(this.params, requires_grad=True)
    layer(x0, array, **this.start).states[:, -1].sum().backward()
    assert goal.grad is not None and price.grad is not None and array.grad is not None
    assert_near(goal.grad, array.grad[:2], 1e-12)
    assert_near(price.grad.sum(), array.grad[3], 1e-12)


@pytest.mark.parametrize("choice", ["zero", "nan"])
def test_gradients_that_do_not_exist(choice: str) -> None:
    # The second problem is not solved in two iterations.
    layer = dilqr.torch.Layer(dilqr.models.pendulum, 15, max_iterations=2, on_no_gradient=choice)
    params = torch.tensor([[10.0, 1.0, 1.0]] * 2, dtype=torch.float64, requires_grad=True)
    solved = layer(torch.tensor([[0.0, 0.0], [3.0, 0.0]], dtype=torch.float64), params)
    assert list(solved.info.converged) == [True, False]
    solved.controls.sum().backward()
    assert params.grad is not None and torch.isfinite(params.grad[0]).all()
    assert np.array_equal(params.grad[1], np.full(3, 0.0 if choice == "zero" else np.nan), equal_nan=True)
    assert solved.info.refused[0] is None and "has not converged" in str(solved.info.refused[1])


def test_gradients_that_do_not_exist_are_exceptions() -> None:
    layer = dilqr.torch.Layer(dilqr.models.pendulum, 15, max_iterations=2)
    params = torch.tensor([10.0, 1.0, 1.0], dtype=torch.float64, requires_grad=True)
    solved = layer(torch.tensor([[3.0, 0.0]], dtype=torch.float64), params)
    with pytest.raises(dilqr.NoGradient, match="problem 0: the solution has not converged: status iteration limit"):
        solved.controls.sum().backward()
    assert "has not converged" in str(solved.info.refused[0])


def test_single_precision(pendulum: Case) -> None:
    layer, x0 = layer_of(pendulum), starts(pendulum, 4)
    params = torch.tensor(pendulum.params, dtype=torch.float32, requires_grad=True)
    solved = layer(x0.to(torch.float32), params)
    assert solved.states.dtype == solved.value.dtype == torch.float32
    solved.controls.sum().backward()
    double = torch.tensor(pendulum.params, requires_grad=True)
    layer(x0, double).controls.sum().backward()
    assert params.grad is not None and double.grad is not None
    # 24 bits, and the conditioning of the problem.
    assert_near(params.grad, double.grad, 1e-5)


def test_tensors_of_other_layouts(pendulum: Case) -> None:
    layer, x0 = layer_of(pendulum), starts(pendulum, 4)
    assert not x0.T.contiguous().T.is_contiguous()
    assert np.array_equal(layer(x0.T.contiguous().T).states, layer(x0).states)


BAD = [
    (lambda layer: layer(torch.zeros(3, 4)), ValueError, r"x0 has the shape \(3, 4\), expected \(B, 2\): theta, omega"),
    (lambda layer: layer(torch.zeros(0, 2)), ValueError, "the batch is empty, expected at least one problem"),
    (lambda layer: layer(torch.zeros(3, 2, dtype=torch.complex64)), TypeError, "x0 has the dtype torch.complex64, exp"),
    (lambda layer: layer(torch.zeros(3, 2, dtype=torch.float16)), TypeError, "x0 has the dtype torch.float16, expect"),
    (lambda layer: layer(torch.zeros(3, 2, device="meta")), ValueError, "x0 is on the device meta, expected cpu"),
    (lambda layer: layer("x"), TypeError, "x0 is a str, expected a tensor of real numbers"),
    (
        lambda layer: layer(torch.zeros(3, 2), torch.ones(2)),
        ValueError,
        r"params has the shape \(2,\), expected \(3,\)",
    ),
    (lambda layer: layer(torch.zeros(3, 2), {"mass": 1.0}), ValueError, "params lacks gravity, length"),
    (lambda layer: layer(torch.full((3, 2), torch.nan)), ValueError, "problem 0: the initial state is NaN at entry 0"),
]


@pytest.mark.parametrize("call, kind, text", BAD, ids=[text[:40] for _, _, text in BAD])
def test_bad_input(call: Any, kind: type[Exception], text: str) -> None:
    layer = dilqr.torch.Layer(dilqr.models.pendulum, 15)
    with pytest.raises(kind, match=text):
        call(layer)


def test_a_loss_that_is_no_number(pendulum: Case) -> None:
    params = torch.tensor(pendulum.params, requires_grad=True)
    solved = layer_of(pendulum)(torch.tensor(pendulum.x0), params)
    with pytest.raises(ValueError, match="problem 0: the loss gradient in the controls is nan at"):
        (solved.controls * torch.nan).sum().backward(retain_graph=True)
    for factor in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="problem 0: the loss gradient in the value is (nan|inf)"):
            (solved.value * factor).sum().backward(retain_graph=True)


@pytest.mark.parametrize("choice", ["zero", "nan"])
def test_losses_of_trajectories_that_diverged(choice: str) -> None:
    """Of first and second order, and of the value; they stand in the way of no other problem's gradient."""
    layer = dilqr.torch.Layer(dilqr.models.pendulum, 5, on_no_gradient=choice)
    x0 = torch.tensor([[0.1, 0.0]] * 2, dtype=torch.float64)
    data = torch.tensor([[10.0, 1.0, 1.0], [10.0, 0.0, 1.0]], dtype=torch.float64)

    def gradients(count: int) -> list[Any]:
        params = data[:count].clone().requires_grad_()
        solved = layer(x0[:count], params)
        (first,) = torch.autograd.grad((solved.states**2).sum(), params, create_graph=True)
        (second,) = torch.autograd.grad((first**2).sum(), params)
        (of_value,) = torch.autograd.grad((layer(x0[:count], params).value ** 2).sum(), params)
        return [first.detach(), second, of_value]

    assert torch.isnan(layer(x0, data).states[1]).any()
    for both, alone in zip(gradients(2), gradients(1)):
        assert_near(both[:1], alone, 1e-12)
        assert np.array_equal(both[1], np.full(3, 0.0 if choice == "zero" else np.nan), equal_nan=True)


def test_an_array_that_changes_before_the_backward_pass(pendulum: Case) -> None:
    layer, params = layer_of(pendulum), torch.tensor(pendulum.params, requires_grad=True)
    x0 = starts(pendulum, 3).numpy()
    layer(torch.tensor(x0), params).controls.sum().backward()
    expected, params.grad = params.grad, None
    solved = layer(x0, params)
    x0[:] = 0.1
    solved.controls.sum().backward()
    assert params.grad is not None and torch.equal(params.grad, expected)
    # Layouts and byte orders that tensors do not have.
    for other in (x0.astype(">f8"), x0[::-1, ::-1].copy()[::-1, ::-1]):
        assert torch.equal(layer(other, params).states, layer(x0, params).states)


def test_reasons_are_those_of_the_batch() -> None:
    """Not those of another batch of the layer, also where the backward pass fails for its input."""
    layer = dilqr.torch.Layer(dilqr.models.pendulum, 15, max_iterations=2, on_no_gradient="zero")
    params = torch.tensor([10.0, 1.0, 1.0], dtype=torch.float64, requires_grad=True)
    refused = layer(torch.tensor([[3.0, 0.0]], dtype=torch.float64), params)
    solved = layer(torch.tensor([[0.0, 0.0]] * 2, dtype=torch.float64), params)
    refused.controls.sum().backward()
    with pytest.raises(ValueError, match="problem 0: the loss gradient in the controls"):
        (solved.controls * torch.nan).sum().backward()
    assert solved.info.refused == [None, None]
    assert "has not converged" in str(refused.info.refused[0])


def test_copies_and_pickles(pendulum: Case) -> None:
    """Learners copy their networks, and save them."""
    layer, x0 = layer_of(pendulum), starts(pendulum, 3)
    expected = layer(x0).states
    file = io.BytesIO()
    torch.save(torch.nn.Sequential(layer), file)
    file.seek(0)
    for again in (copy.deepcopy(layer), torch.load(file, weights_only=False)[0]):
        assert len(again._engine._kept) == 0
        assert np.array_equal(again(x0).states, expected)


def test_representation() -> None:
    assert repr(dilqr.torch.Layer(dilqr.models.pendulum, 15)) == "Layer('pendulum', horizon=15)"
