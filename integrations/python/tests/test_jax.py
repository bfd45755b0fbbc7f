"""The layer of JAX."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import dilqr
from conftest import MODELS, Case, assert_near, case

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

from jax.test_util import check_grads

import dilqr.jax


def layer_of(this: Case, **keywords: Any) -> dilqr.jax.Layer:
    settings = {"tolerance": 1e-11, **keywords}
    return dilqr.jax.layer(this.solver.model, this.solver.horizon, **settings)


def starts(this: Case, count: int) -> Any:
    return jnp.asarray(this.x0 + 0.05 * np.random.default_rng(count).normal(size=(count, this.x0.size)))


def test_values_are_those_of_the_solver(each: Case) -> None:
    x0 = starts(each, 3)
    solved = layer_of(each)(x0, each.params, **each.start)
    for k in range(3):
        solution = each.solve(np.asarray(x0[k]))
        assert np.array_equal(solved.states[k], solution.states)
        assert np.array_equal(solved.controls[k], solution.controls)
        assert solved.value[k] == solution.value
    assert dilqr.jax.STATUSES[int(solved.info.status[0])] == "converged" and solved.info.converged.all()
    assert solved.info.iterations.dtype == jnp.int32


@pytest.mark.parametrize("name", MODELS)
def test_gradients(name: str) -> None:
    """Reverse mode beside JAX's differences, of all outputs in both arguments."""
    each = case(name, 5)
    layer = layer_of(each)
    scale = jnp.asarray(each.params)

    def loss(x0: Any, params: Any) -> Any:
        states, controls, value, _ = layer(x0, params * scale, **each.start)
        return (states**2).sum() + jnp.sin(controls).sum() + value.sum()

    # JAX's differences take a step of 1e-6: their error is the solve's, 1e-11, over it, times the ten of large controls.
    check_grads(loss, (starts(each, 2), jnp.ones_like(scale)), order=1, modes=["rev"], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["pendulum", "cartpole", "unicycle"])
def test_second_derivatives(name: str) -> None:
    this = case(name, 8)
    layer, scale = layer_of(this), jnp.asarray(this.params)

    def loss(x0: Any, params: Any) -> Any:
        states, controls, *_ = layer(x0, params * scale, **this.start)
        return (states**3).sum() + jnp.sin(controls).sum()

    # As above.
    check_grads(loss, (starts(this, 2), jnp.ones_like(scale)), order=2, modes=["rev"], atol=1e-4, rtol=1e-4)


def test_a_hessian_is_that_of_the_solver(pendulum: Case) -> None:
    layer = layer_of(pendulum)
    hessian = jax.jacrev(jax.grad(lambda p: layer(pendulum.x0, p).controls.sum()))(jnp.asarray(pendulum.params))
    ones = np.ones((15, 1))
    columns = [pendulum.solver.hvp(pendulum.solve(), None, ones, params=direction).params for direction in np.eye(3)]
    assert_near(hessian, np.stack(columns), 1e-9)


def test_second_derivatives_of_the_value_are_refused(pendulum: Case) -> None:
    layer = layer_of(pendulum)
    with pytest.raises(Exception, match="second derivatives of `value` are not available"):
        jax.jacrev(jax.grad(lambda p: layer(pendulum.x0, p).value))(jnp.asarray(pendulum.params)).block_until_ready()


def test_jit(pendulum: Case) -> None:
    layer, x0, params = layer_of(pendulum), starts(pendulum, 10), jnp.asarray(pendulum.params)

    def loss(x0: Any, params: Any) -> Any:
        return (layer(x0, params).controls ** 2).sum()

    value, gradient = jax.value_and_grad(loss, (0, 1))(x0, params)
    jitted, of_jitted = jax.jit(jax.value_and_grad(loss, (0, 1)))(x0, params)
    assert_near(jitted, value, 1e-14)
    for one, other in zip(of_jitted, gradient):
        assert_near(one, other, 1e-12)


def test_vmap(pendulum: Case) -> None:
    """Over a batch of one problem each, over one of batches, over parameters alone, and of gradients."""
    layer, x0, params = layer_of(pendulum), starts(pendulum, 6), jnp.asarray(pendulum.params)
    expected = layer(x0, params)
    single = jax.vmap(lambda x: layer(x, params))(x0)
    nested = jax.vmap(lambda x: layer(x, params))(x0.reshape(2, 3, 2))
    for name in ("states", "controls", "value"):
        assert np.array_equal(getattr(single, name), getattr(expected, name))
        joined = getattr(nested, name)
        assert np.array_equal(joined.reshape(6, *joined.shape[2:]), getattr(expected, name))
    assert np.array_equal(single.info.iterations, expected.info.iterations)

    several = params * jnp.array([[1.0], [1.1], [0.9]])
    by_params = jax.vmap(lambda p: layer(pendulum.x0, p).controls)(several)
    for k in range(3):
        assert np.array_equal(by_params[k], layer(pendulum.x0, several[k]).controls)

    gradient = jax.grad(lambda x, p: layer(x, p).controls[0, 0])
    per_problem = jax.vmap(gradient, in_axes=(0, None))(x0, params)
    for k in range(6):
        assert_near(per_problem[k], gradient(x0[k], params), 1e-12)
    of_params = jax.grad(lambda p: layer(pendulum.x0, p).controls[0, 0])
    per_params = jax.vmap(of_params)(several)
    for k in range(3):
        assert_near(per_params[k], of_params(several[k]), 1e-12)


def test_parameters_by_name_have_gradients_by_name() -> None:
    this = case("unicycle")
    layer = layer_of(this)
    params = {"goal": jnp.array([1.0, 0.5]), "goal_heading": 0.0, "price_speed": jnp.full(3, 0.05), "price_turn": 0.05}
    x0 = starts(this, 3)
    gradient = jax.grad(lambda p: layer(x0, p, **this.start).states[:, -1].sum())(params)
    by_array = jax.grad(lambda p: layer(x0, p, **this.start).states[:, -1].sum())(jnp.asarray(this.params))
    assert_near(gradient["goal"], by_array[:2], 1e-12)
    assert gradient["price_speed"].shape == (3,)
    assert_near(gradient["price_speed"].sum(), by_array[3], 1e-12)


@pytest.mark.parametrize("choice", ["zero", "nan"])
def test_gradients_that_do_not_exist(choice: str) -> None:
    # The second problem is not solved in two iterations.
    layer = dilqr.jax.layer(dilqr.models.pendulum, 15, max_iterations=2, on_no_gradient=choice)
    x0, params = jnp.array([[0.0, 0.0], [3.0, 0.0]]), jnp.array([[10.0, 1.0, 1.0]] * 2)
    assert [dilqr.jax.REASONS[int(code)] for code in layer(x0, params).info.no_gradient] == ["", "not_converged"]
    gradient = jax.grad(lambda p: layer(x0, p).controls.sum())(params)
    assert np.isfinite(gradient[0]).all()
    assert np.array_equal(gradient[1], np.full(3, 0.0 if choice == "zero" else np.nan), equal_nan=True)
    assert layer.refused[0] is None and "has not converged" in str(layer.refused[1])


def test_gradients_that_do_not_exist_are_errors() -> None:
    layer = dilqr.jax.layer(dilqr.models.pendulum, 15, max_iterations=2)
    x0 = jnp.array([[3.0, 0.0]])
    assert not layer(x0).info.converged[0] and layer(x0).info.no_gradient[0] == -1
    for transform in (jax.grad, lambda f: jax.jit(jax.grad(f))):
        with pytest.raises(Exception, match="problem 0: the solution has not converged: status iteration limit"):
            transform(lambda p: layer(x0, p).controls.sum())(jnp.array([10.0, 1.0, 1.0])).block_until_ready()


def test_a_batch_that_is_no_longer_kept_is_solved_again(pendulum: Case) -> None:
    kept, forgotten = layer_of(pendulum), layer_of(pendulum, keep=0)
    x0, params = starts(pendulum, 9), jnp.asarray(pendulum.params)
    gradients = [jax.grad(lambda p: layer(x0, p).controls.sum())(params) for layer in (kept, forgotten)]
    assert np.array_equal(*gradients)
    assert len(kept._engine._kept) == 1 and len(forgotten._engine._kept) == 0
    for k in range(20):
        kept(x0 + 0.001 * k, params)
    assert len(kept._engine._kept) == 8


def test_problems_that_occur_several_times_are_solved_once(pendulum: Case) -> None:
    """As those of losses that are mapped over one batch."""
    layer, params = layer_of(pendulum), jnp.asarray(pendulum.params)
    x0 = starts(pendulum, 2)
    jacobian = jax.jacrev(lambda p: layer(x0, p).controls)(params)
    for k in range(2):
        expected = pendulum.solver.jacobian(pendulum.solve(np.asarray(x0[k]))).controls
        # Forward and reverse mode are the same sums in another order.
        assert_near(jacobian[k], expected, 1e-9)
    # The backward pass of 30 copies found the forward pass's two solutions.
    assert [len(batch) for batch in layer._engine._kept.values()] == [2]
    # In any order, with their own errors.
    several = x0[jnp.array([1, 0, 1, 1, 0])]
    assert np.array_equal(layer(several, params).states, layer(x0, params).states[jnp.array([1, 0, 1, 1, 0])])
    with pytest.raises(Exception, match="problem 5: the initial state is NaN"):
        jax.block_until_ready(layer(jnp.concatenate([several, jnp.full((1, 2), jnp.nan)]), params))


def test_single_precision(pendulum: Case) -> None:
    layer = layer_of(pendulum)
    x0, params = starts(pendulum, 4), jnp.asarray(pendulum.params)

    def of(dtype: Any) -> Any:
        return jax.value_and_grad(lambda p: layer(x0.astype(dtype), p).controls.sum())(params.astype(dtype))

    (value, gradient), (expected, of_expected) = of(jnp.float32), of(jnp.float64)
    assert value.dtype == gradient.dtype == jnp.float32
    # 24 bits, and the conditioning of the problem.
    assert_near(value, expected, 1e-5)
    assert_near(gradient, of_expected, 1e-5)


def test_arguments_of_several_types_are_not_rounded(pendulum: Case) -> None:
    """Parameters of double precision beside initial states of single precision."""
    layer, x0 = layer_of(pendulum), starts(pendulum, 3).astype(jnp.float32)
    params = jnp.asarray(pendulum.params * (1.0 + 1e-9))
    batch = pendulum.solver.batch(x0, params)
    expected, _ = pendulum.solver.vjp_batch(batch, d_controls=np.ones(batch.controls.shape))
    solved = layer(x0, params)
    assert solved.states.dtype == solved.controls.dtype == solved.value.dtype == jnp.float32
    assert np.array_equal(solved.controls, batch.controls.astype(np.float32))
    by_array = jax.grad(lambda p: layer(x0, p).controls.sum())(params)
    names = pendulum.solver.model.params
    by_name = jax.grad(lambda p: layer(x0, p).controls.sum())(dict(zip(names, params.tolist())))
    for gradient in (by_array, jnp.stack([by_name[name] for name in names])):
        assert gradient.dtype == jnp.float64
        # The cotangents are ones in both types.
        assert_near(gradient, expected.params.sum(axis=0), 1e-12)


def test_an_array_that_changes_before_the_backward_pass(pendulum: Case) -> None:
    layer, params = layer_of(pendulum), jnp.asarray(pendulum.params)
    # Aligned as arrays of JAX are, which may then share it.
    memory = np.zeros(64 + 8 * 8)
    first = (-memory.ctypes.data) % 64 // 8
    x0 = memory[first : first + 8].reshape(4, 2)
    x0[:] = starts(pendulum, 4)
    expected = jax.grad(lambda p: layer(jnp.array(x0), p).controls.sum())(params)
    value, backward = jax.vjp(lambda p: layer(x0, p).controls, params)
    x0[:] = 0.1
    assert_near(backward(jnp.ones_like(value))[0], expected, 1e-12)
    assert np.array_equal(layer(x0.astype(">f8")).states, layer(x0).states)


@pytest.mark.parametrize("choice", ["zero", "nan"])
def test_losses_of_trajectories_that_diverged(choice: str) -> None:
    layer = dilqr.jax.layer(dilqr.models.pendulum, 5, on_no_gradient=choice)
    x0, params = jnp.array([[0.1, 0.0]] * 2), jnp.array([[10.0, 1.0, 1.0], [10.0, 0.0, 1.0]])
    assert np.isnan(layer(x0, params).states[1]).any()
    gradient = jax.grad(lambda p: (layer(x0, p).states ** 2).sum())(params)
    assert np.array_equal(gradient[1], np.full(3, 0.0 if choice == "zero" else np.nan), equal_nan=True)
    assert layer.refused[0] is None and "status diverged" in str(layer.refused[1])
    # The other problem has the gradient that it has alone.
    assert np.array_equal(gradient[:1], jax.grad(lambda p: (layer(x0[:1], p).states ** 2).sum())(params[:1]))


def test_a_loss_of_the_value_that_is_no_number(pendulum: Case) -> None:
    layer = layer_of(pendulum)
    for factor in (jnp.nan, jnp.inf):
        with pytest.raises(Exception, match="problem 0: the loss gradient in the value is (nan|inf)"):
            jax.grad(lambda p: (layer(pendulum.x0, p).value * factor).sum())(jnp.asarray(pendulum.params))
    # An input error has no reasons, and leaves none of an earlier pass.
    assert layer.refused == []


def test_large_batches(pendulum: Case) -> None:
    """JAX hands large arrays over in another way than small ones."""
    layer, params = layer_of(pendulum), jnp.asarray(pendulum.params)
    x0 = starts(pendulum, 3000)
    gradient = jax.jit(jax.grad(lambda p: layer(x0, p).controls.sum()))(params)
    batch = pendulum.solver.batch(x0, params)
    expected, _ = pendulum.solver.vjp_batch(batch, d_controls=np.ones(batch.controls.shape))
    # Sums of 3000 numbers in another order.
    assert_near(gradient, expected.params.sum(axis=0), 1e-12)


BAD = [
    (lambda layer: layer(jnp.zeros((3, 4))), ValueError, r"x0 has the shape \(3, 4\), expected \(B, 2\): theta, omega"),
    (lambda layer: layer(jnp.zeros((0, 2))), ValueError, "the batch is empty, expected at least one problem"),
    (lambda layer: layer(jnp.zeros((3, 2), complex)), TypeError, "x0 has the dtype complex128, expected float32"),
    (lambda layer: layer("x"), TypeError, "x0 is a str, expected an array of real numbers"),
    (lambda layer: layer(jnp.zeros((3, 2)), jnp.ones(2)), ValueError, r"params has the shape \(2,\), expected \(3,\)"),
    (lambda layer: layer(jnp.zeros((3, 2)), {"mass": 1.0}), ValueError, "params lacks gravity, length"),
    (lambda layer: layer(jnp.zeros((3, 2)), controls=jnp.zeros((3, 1))), ValueError, "controls has the shape"),
    (lambda layer: layer(jnp.full((3, 2), jnp.nan)), Exception, "problem 0: the initial state is NaN at entry 0"),
    (lambda _: dilqr.jax.layer(dilqr.models.pendulum, 5, on_no_gradient="x"), ValueError, "on_no_gradient is 'x'"),
]


@pytest.mark.parametrize("call, kind, text", BAD, ids=[text[:40] for _, _, text in BAD])
def test_bad_input(call: Any, kind: type[Exception], text: str) -> None:
    layer = dilqr.jax.layer(dilqr.models.pendulum, 15)
    with pytest.raises(kind, match=text):
        jax.block_until_ready(call(layer))


def test_copies_and_pickles(pendulum: Case) -> None:
    layer, x0 = layer_of(pendulum), starts(pendulum, 3)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert np.array_equal(again(x0).states, layer(x0).states)


def test_representation() -> None:
    assert repr(dilqr.jax.layer(dilqr.models.pendulum, 15)) == "dilqr.jax.layer('pendulum', horizon=15)"
