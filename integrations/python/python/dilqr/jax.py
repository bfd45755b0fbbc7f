"""Layers of JAX: batches of optimal control problems with exact gradients.

>>> import dilqr, dilqr.jax, jax, jax.numpy as jnp
>>> layer = dilqr.jax.layer(dilqr.models.pendulum, horizon=20)
>>> x0 = jnp.array([[0.3, 0.0], [-0.2, 0.1]])
>>> states, controls, value, info = layer(x0, jnp.array([10.0, 1.0, 1.0]))
>>> states.shape, controls.shape, value.shape, bool(info.converged.all())
((2, 21, 2), (2, 20, 1), (2,), True)
>>> jax.grad(lambda p: layer(x0, p).controls[:, 0].sum())(jnp.array([10.0, 1.0, 1.0])).shape
(3,)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ._layer import REASONS, STATUSES, Cotangents, Engine, Problems, Report, codes, status_codes
from ._model import Model

__all__ = ["REASONS", "STATUSES", "Info", "Layer", "Solved", "layer"]


class Info(NamedTuple):
    """How the solves of a batch ended."""

    #: Codes, places in :data:`STATUSES`; ``(B,)``.
    status: jax.Array
    #: Whether each is a solution, ``(B,)``.
    converged: jax.Array
    #: ``(B,)``.
    iterations: jax.Array
    #: Why a gradient does not exist: codes, places in :data:`REASONS`, ``(B,)``. It is 0 where the gradient exists, and -1 with
    #: ``on_no_gradient="raise"``, which checks in the backward pass alone.
    no_gradient: jax.Array


class Solved(NamedTuple):
    """What a layer returns."""

    #: ``(B, T + 1, NX)``.
    states: jax.Array
    #: ``(B, T, NU)``.
    controls: jax.Array
    #: The optimal costs, ``(B,)``.
    value: jax.Array
    info: Info


class Layer:
    """A differentiable function of initial states and parameters. See :func:`layer`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refused: list[str | None] = []
        self._apply = _function(engine, self._report)

    def __call__(self, x0: Any, params: Any = None, stage_params: Any = None, controls: Any = None) -> Solved:
        """Solves ``B`` problems.

        Args:
            x0: initial states, ``(B, NX)``. Any leading axes do, also none.
            params: parameters by name or as an array, ``(B, NP)`` or ``(NP,)``; without them the model's usual ones.
            stage_params: ``(B, T + 1, NS)`` or ``(T + 1, NS)``.
            controls: controls to start from, ``(B, T, NU)`` or ``(T, NU)``; their gradient is zero.
        """
        sizes = self._engine.sizes
        x0 = _array("x0", x0)
        if x0.ndim == 0 or x0.shape[-1] != sizes["nx"]:
            names = ", ".join(self._engine.solver.model.states)
            raise ValueError(f"x0 has the shape {x0.shape}, expected (B, {sizes['nx']}): {names}")
        lead = x0.shape[:-1]
        if 0 in lead:
            raise ValueError(f"x0 has the shape {x0.shape}: the batch is empty, expected at least one problem")
        if sizes["ns"] and stage_params is None:
            raise ValueError(f"stage_params is None, expected the shape {(*lead, sizes['t'] + 1, sizes['ns'])}")
        arrays = (
            x0,
            _lead("params", self._params(params), lead, (sizes["np"],), x0.dtype),
            _lead("stage_params", stage_params, lead, (sizes["t"] + 1, sizes["ns"]), x0.dtype),
            _lead("controls", controls, lead, (sizes["t"], sizes["nu"]), x0.dtype),
        )
        # By the types alone: by values, a number of Python would be rounded to the other arguments' type.
        widest = jnp.result_type(*(array.dtype for array in arrays))
        states, us, value, info = self._apply(*(array.astype(widest) for array in arrays))
        return Solved(states.astype(x0.dtype), us.astype(x0.dtype), value.astype(x0.dtype), info)

    @property
    def refused(self) -> list[str | None]:
        """For each problem of the last backward pass that ran why it has no gradient; ``None`` where it has one."""
        return list(self._refused)

    def _report(self, refused: list[str | None]) -> None:
        self._refused = refused

    def __repr__(self) -> str:
        solver = self._engine.solver
        return f"dilqr.jax.layer({solver.model.name!r}, horizon={solver.horizon})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Layer, (self._engine,))

    def _params(self, params: Any) -> Any:
        names = self._engine.solver.model.params
        if params is None:
            params = self._engine.solver._params((), None)
        if not isinstance(params, Mapping):
            return params
        parts = [_array(f"params[{name!r}]", part) for name, part in zip(names, names.split(params))]
        return jnp.stack(jnp.broadcast_arrays(*parts), axis=-1) if parts else None


def layer(
    model: Model,
    horizon: int,
    *,
    on_no_gradient: str = "raise",
    gain: Any = None,
    threads: int | None = None,
    keep: int = 8,
    **settings: Any,
) -> Layer:
    """A layer that solves problems of a model over a horizon.

    It works under ``jit``, ``vmap`` and ``grad``, also twice (reverse over reverse). Arguments are converted to the widest of
    their types, so none is rounded, and results have the type of the initial states. ``jax_enable_x64`` is advisable. Without
    it initial states and parameters are rounded to 24 bits before the solve, and results after it.

    Args:
        model: one of :mod:`dilqr.models`, or a module of your own.
        horizon: the number of stages.
        on_no_gradient: ``"raise"`` an exception where a gradient does not exist (JAX reports it as an error of the computation,
            with its text), or let it be ``"zero"`` or ``"nan"``. The reasons are in ``info.no_gradient``.
        gain: feedback of the start, ``(NU, NX)``: solves begin with the rollout under ``u = controls[t] + gain @ x``.
        threads: the number of threads; one for each core by default.
        keep: the number of batches whose solutions are kept for the backward pass; others are solved again.
        settings: as of :class:`dilqr.Solver`.
    """
    return Layer(
        Engine(model, horizon, on_no_gradient=on_no_gradient, gain=gain, threads=threads, keep=keep, settings=settings)
    )


def _array(name: str, value: Any) -> jax.Array:
    """An array of floating-point numbers."""
    try:
        # A copy, because the caller may change it before the backward pass, in the byte order that JAX takes.
        if isinstance(value, np.ndarray):
            value = np.array(value, value.dtype.newbyteorder("="))
        array = value if isinstance(value, jax.Array) else jnp.array(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is a {type(value).__name__}, expected an array of real numbers: {error}") from error
    if jnp.issubdtype(array.dtype, jnp.integer):
        array = array.astype(jnp.result_type(float))
    if array.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"{name} has the dtype {array.dtype}, expected float32 or float64")
    return array


def _lead(name: str, value: Any, lead: tuple[int, ...], shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """An argument with the leading axes of the batch; zeros of this type for ``None``."""
    if value is None:
        return jnp.zeros((*lead, *shape), dtype)
    array = _array(name, value)
    if array.shape not in (shape, (*lead, *shape)):
        raise ValueError(f"{name} has the shape {array.shape}, expected {shape} or {(*lead, *shape)}")
    return jnp.broadcast_to(array, (*lead, *shape))


def _host(call: Callable[..., Any], ends: tuple[int, ...]) -> Callable[..., Any]:
    """A function of arrays with any leading axes, from one with a single one. It takes and returns arrays of numpy.

    ``ends`` are the numbers of axes of each argument that are not leading.
    """

    def callback(*arrays: Any) -> Any:
        given = [np.asarray(array) for array in arrays]
        lead = given[0].shape[: given[0].ndim - ends[0]]
        count = math.prod(lead)
        rows = [
            np.ascontiguousarray(array, np.float64).reshape(count, *array.shape[array.ndim - end :])
            for array, end in zip(given, ends)
        ]
        dtype = given[0].dtype

        def result(array: Any) -> Any:
            array = np.asarray(array)
            return array.reshape(lead + array.shape[1:]).astype(dtype if array.dtype == np.float64 else array.dtype)

        return tuple(result(array) for array in call(*rows))

    return callback


def _function(engine: Engine, report: Report) -> Callable[..., Solved]:
    """The solves as a function that JAX differentiates, twice."""
    sizes = engine.sizes
    nx, nu, t = sizes["nx"], sizes["nu"], sizes["t"]
    checks = engine.on_no_gradient != "raise"
    # Axes of initial states, parameters, stage parameters and controls; of states, controls and value.
    data, outputs = (1, 1, 2, 2), (2, 2, 0)

    def run(call: Callable[..., Any], ends: tuple[int, ...], shapes: Any, *arrays: Any) -> Any:
        return jax.pure_callback(_host(call, ends), shapes, *arrays, vmap_method="broadcast_all")

    def like(array: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(array.shape, array.dtype)

    def solve_host(*arrays: Any) -> Any:
        problems = Problems(*arrays)
        if checks:
            batch, reasons = engine.check(problems)
            no_gradient = codes(reasons)
        else:
            batch = engine.solve(problems)
            no_gradient = np.full(len(batch), -1, np.int32)
        return (
            batch.states,
            batch.controls,
            batch.value,
            status_codes(batch),
            batch.converged,
            batch.iterations.astype(np.int32),
            no_gradient,
        )

    def backward_host(*arrays: Any) -> Any:
        report([])
        return engine.backward(Problems(*arrays[:4]), Cotangents(*arrays[4:]), report)

    def second_host(*arrays: Any) -> Any:
        report([])
        products, cotangents = engine.second(Problems(*arrays[:4]), Cotangents(*arrays[4:7]), arrays[7:], report)
        return (*products, *cotangents)

    def solve(x0: Any, params: Any, stage_params: Any, controls: Any) -> Solved:
        lead = x0.shape[:-1]
        shapes = (
            jax.ShapeDtypeStruct((*lead, t + 1, nx), x0.dtype),
            jax.ShapeDtypeStruct((*lead, t, nu), x0.dtype),
            jax.ShapeDtypeStruct(lead, x0.dtype),
            jax.ShapeDtypeStruct(lead, np.int32),
            jax.ShapeDtypeStruct(lead, np.bool_),
            jax.ShapeDtypeStruct(lead, np.int32),
            jax.ShapeDtypeStruct(lead, np.int32),
        )
        states, us, value, *info = run(solve_host, data, shapes, x0, params, stage_params, controls)
        return Solved(states, us, value, Info(*info))

    @jax.custom_vjp
    def gradient(problems: Any, cotangents: Any) -> Any:
        shapes = tuple(like(array) for array in problems[:3])
        return run(backward_host, (*data, *outputs), shapes, *problems, *cotangents)

    def gradient_forward(problems: Any, cotangents: Any) -> Any:
        return gradient(problems, cotangents), (problems, cotangents)

    def gradient_backward(saved: Any, directions: Any) -> Any:
        problems, cotangents = saved
        shapes = tuple(like(array) for array in (*problems[:3], *cotangents))
        ends = (*data, *outputs, *data[:3])
        products = run(second_host, ends, shapes, *problems, *cotangents, *directions)
        return (*products[:3], jnp.zeros_like(problems[3])), products[3:]

    gradient.defvjp(gradient_forward, gradient_backward)

    function = jax.custom_vjp(solve)

    def forward(*arrays: Any) -> Any:
        return function(*arrays), arrays

    def backward(saved: Any, cotangent: Any) -> Any:
        gradients = gradient(saved, (cotangent.states, cotangent.controls, cotangent.value))
        return (*gradients, jnp.zeros_like(saved[3]))

    function.defvjp(forward, backward)
    return function
