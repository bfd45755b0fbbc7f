"""Solves problems and differentiates their solutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._arrays import Array, finite, flat, integer, real, shaped, shaped_or_zeros
from ._errors import NoGradient
from ._model import Model, as_model
from ._solution import Batch, Gradient, Jacobian, Solution, Tangent

#: Parameters: an array, or values by name.
Params = ArrayLike | Mapping[str, Any]

ON_NO_GRADIENT = ("raise", "zero", "nan")

#: For each problem why it has no gradient, its kind and in words; ``None`` where it has one.
Reasons = list[tuple[str, str] | None]


class Solver:
    """Solves problems of a model over a horizon, and differentiates their solutions exactly.

    Settings are those of the Rust crate: ``tolerance`` (1e-9), ``max_iterations`` (500), ``hessian`` (``"exact"`` or
    ``"gauss_newton"``), ``method`` (``"auto"``, ``"ddp"``, ``"interior_point"`` or ``"augmented_lagrangian"``),
    ``activity``, ``relaxation``, and the dicts ``regularization``, ``line_search`` and ``penalty``.

    Threads may share a solver. Solves and derivatives release the interpreter.

    >>> import dilqr, numpy as np
    >>> solver = dilqr.Solver(dilqr.models.pendulum, horizon=30)
    >>> solution = solver.solve(x0=[0.3, 0.0], params={"gravity": 10.0, "mass": 1.0, "length": 1.0})
    >>> solution.controls.shape, solution.converged
    ((30, 1), True)
    >>> gradient = solver.vjp(solution, d_controls=np.eye(30)[:, :1])  # of the first control
    >>> bool(np.allclose(gradient.params, solver.jacobian(solution).controls[0, 0]))
    True
    """

    def __init__(self, model: Model, horizon: int, **settings: Any) -> None:
        self._model = as_model(model)
        self._native = self._model._native.solver(integer("horizon", horizon, 1), settings)

    @property
    def model(self) -> Model:
        """The model."""
        return self._model

    @property
    def horizon(self) -> int:
        """``T``, the number of controls."""
        return int(self._native.horizon)

    @property
    def settings(self) -> dict[str, Any]:
        """All settings, with their values."""
        settings: dict[str, Any] = self._native.settings
        return settings

    def solve(
        self,
        x0: ArrayLike,
        params: Params | None = None,
        controls: ArrayLike | None = None,
        states: ArrayLike | None = None,
        stage_params: ArrayLike | None = None,
        *,
        gain: ArrayLike | None = None,
        start: Solution | None = None,
        design: ArrayLike | None = None,
        previous: ArrayLike | None = None,
    ) -> Solution:
        """Solves a problem. A solve that does not converge is no exception: the solution's status says so.

        Args:
            x0: initial state, ``(NX,)`` or by name; a guess where the model chooses it.
            params: parameters, ``(NP,)`` or by name; without them the model's usual ones.
            controls: controls to start from, ``(T, NU)``; zeros without them.
            states: states to start from, ``(T + 1, NX)``; they need not satisfy the dynamics.
            stage_params: parameters of each stage, ``(T + 1, NS)``.
            gain: feedback of the start, ``(NU, NX)``: it is the rollout under ``u = controls[t] + gain @ x``. Unstable
                systems need one.
            start: a solution of a neighboring problem to start from: its feedback, multipliers and design variables.
                ``controls`` and ``gain`` are refused beside it; ``states`` and ``design`` take the place of its own.
            design: design variables to start from, ``(ND,)``.
            previous: the control before the first stage, ``(NU,)``, for models that read it.

        Raises:
            ValueError, TypeError: for arrays of other shapes or types, and numbers that are not finite.
        """
        x0 = self._vector("x0", x0)
        data = self._data(
            (),
            x0,
            params,
            stage_params=stage_params,
            controls=controls,
            states=states,
            design=design,
            previous=previous,
        )
        data["gain"] = self._gain(gain)
        if start is not None:
            _alone(controls=controls, gain=gain)
            data["start"] = [self._checked("start", start)._native]
        return Solution(self._native.solve(data), self._model, self.horizon)

    def batch(
        self,
        x0s: ArrayLike,
        params: Params | None = None,
        threads: int | None = None,
        *,
        controls: ArrayLike | None = None,
        states: ArrayLike | None = None,
        stage_params: ArrayLike | None = None,
        gain: ArrayLike | None = None,
        start: Batch | None = None,
        design: ArrayLike | None = None,
        previous: ArrayLike | None = None,
    ) -> Batch:
        """Solves ``B`` problems on several threads, by default one for each core.

        ``x0s`` is ``(B, NX)``. The other arguments are those of :meth:`solve` with the batch first; without a batch axis
        they serve all problems. From 8 problems on, several are solved at once in the vector registers of a core.
        A result then rounds differently from that of :meth:`solve`, but depends on nothing else in the batch.
        """
        array = self._batch_vector("x0s", x0s)
        batch = (len(array),)
        data = self._data(
            batch,
            array,
            params,
            stage_params=stage_params,
            controls=controls,
            states=states,
            design=design,
            previous=previous,
        )
        data["gain"] = self._gain(gain)
        if start is not None:
            _alone(controls=controls, gain=gain)
            if len(self._checked("start", start, Batch)) != len(array):
                raise ValueError(f"start has {len(start)} problems, expected {len(array)}")
            data["start"] = [start._native.solution(k) for k in range(len(start))]
        return Batch(self._native.solve_batch(data, _threads(threads)), self._model, self.horizon)

    def vjp(
        self,
        solution: Solution,
        d_states: ArrayLike | None = None,
        d_controls: ArrayLike | None = None,
        *,
        d_value: float = 0.0,
        d_design: ArrayLike | None = None,
    ) -> Gradient:
        """The gradient of a loss in the data of the problem, from the loss's gradient in the trajectory.

        Args:
            solution: a solution of this model and horizon.
            d_states: in the states, ``(T + 1, NX)``; ``None`` for zeros.
            d_controls: in the controls, ``(T, NU)``; ``None`` for zeros.
            d_value: in the optimal cost.
            d_design: in the design variables, ``(ND,)``; ``None`` for zeros.

        Raises:
            NoGradient: where the gradient does not exist, with the reason.
            ValueError, TypeError: for arrays of other shapes or types, and numbers that are not finite.
        """
        native = self._checked("solution", solution)._native
        value = shaped("d_value", d_value, ()).reshape(())
        data = self._losses(solution, d_states, d_controls, value, d_design)
        return self._gradient((), self._native.vjp(native, data))

    def vjp_batch(
        self,
        batch: Batch,
        d_states: ArrayLike | None = None,
        d_controls: ArrayLike | None = None,
        *,
        d_value: ArrayLike | None = None,
        d_design: ArrayLike | None = None,
        threads: int | None = None,
        on_no_gradient: str = "raise",
    ) -> tuple[Gradient, list[str | None]]:
        """The gradients of :meth:`vjp` for each problem of a batch, and for each why it does not exist.

        ``on_no_gradient`` says what stands for a gradient that does not exist: ``"raise"`` is an exception, ``"zero"`` and
        ``"nan"`` are numbers. A problem without a gradient may have losses that are not finite, such as those of a
        trajectory that diverged.
        """
        check_choice(on_no_gradient)
        native = self._checked("batch", batch, Batch)._native
        value = np.zeros(len(batch)) if d_value is None else shaped("d_value", d_value, (len(batch),))
        given = self._given((len(batch),), d_states, d_controls, value, d_design)
        count = _threads(threads)

        def vjp(losses: dict[str, Array]) -> tuple[Any, Reasons]:
            return self._native.vjp_batch(native, _flat(losses), count)  # type: ignore[no-any-return]

        arrays, reasons = where_finite(vjp, given)
        gradient = self._gradient((len(batch),), arrays)
        settle(gradient, reasons, on_no_gradient)
        return gradient, [reason and reason[1] for reason in reasons]

    def hvp(
        self,
        solution: Solution,
        d_states: ArrayLike | None = None,
        d_controls: ArrayLike | None = None,
        *,
        params: Params | None = None,
        x0: ArrayLike | None = None,
        stage_params: ArrayLike | None = None,
        loss_hessian: Callable[[Array, Array], tuple[ArrayLike, ArrayLike]] | None = None,
    ) -> Gradient:
        """The product of a loss's second derivative in the data with a direction ``params``, ``x0``, ``stage_params``.

        ``d_states`` and ``d_controls`` are the loss's gradient in the trajectory. ``loss_hessian(dx, du)`` is the product of
        its second derivative in the trajectory with a change of states and controls; a loss without one is linear.

        Raises:
            NoGradient: where the second derivative does not exist.
        """
        native = self._checked("solution", solution)._native
        losses = self._losses(solution, d_states, d_controls, np.zeros(()), None)
        arrays, moved = self._native.hvp(native, losses, self._direction((), params, x0, stage_params))
        product = self._gradient((), arrays)
        if loss_hessian is None:
            return product
        tangent = self._tangent((), moved)
        of_states, of_controls = loss_hessian(*tangent)
        second = self.vjp(solution, of_states, of_controls)
        return Gradient(*(one + other for one, other in zip(product, second)))

    def jvp(
        self,
        solution: Solution,
        *,
        params: Params | None = None,
        x0: ArrayLike | None = None,
        stage_params: ArrayLike | None = None,
    ) -> Tangent:
        """The derivative of the trajectory along a direction of the data."""
        native = self._checked("solution", solution)._native
        losses = self._losses(solution, None, None, np.zeros(()), None)
        _, moved = self._native.hvp(native, losses, self._direction((), params, x0, stage_params))
        return self._tangent((), moved)

    def jacobian(self, solution: Solution, stage: int | None = None) -> Jacobian:
        """The derivative of the trajectory in the parameters, or in the stage parameters of one stage.

        Raises:
            NoGradient: where it does not exist.
        """
        native = self._checked("solution", solution)._native
        stage = None if stage is None else integer("stage", stage, 0)
        states, controls, design = self._native.jacobian(native, stage)
        model, t = self._model, self.horizon
        n = (model.params if stage is None else model.stage_params).size
        nx, nu, nd = model.states.size, model.controls.size, model.design_size
        return Jacobian(states.reshape(t + 1, nx, n), controls.reshape(t, nu, n), design.reshape(nd, n))

    def value_gradient(self, solution: Solution) -> Gradient:
        """The gradient of the optimal cost in the data of the problem.

        Raises:
            NoGradient: where it does not exist.
        """
        return self._gradient((), self._native.value_gradient(self._checked("solution", solution)._native))

    def __repr__(self) -> str:
        return f"Solver({self._model.name!r}, horizon={self.horizon})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (self._model, self.horizon, self.settings))

    def __deepcopy__(self, _: Any) -> Solver:
        # It holds nothing of its solves.
        return self

    def _vector(self, name: str, value: Any) -> Array:
        """A state, by name or in order."""
        states = self._model.states
        if isinstance(value, Mapping):
            value = states.to_array(value)
        return shaped(name, value, (states.size,), f": {', '.join(states)}")

    def _batch_vector(self, name: str, value: Any) -> Array:
        states = self._model.states
        array = real(name, states.to_array(value) if isinstance(value, Mapping) else value)
        if array.ndim != 2 or array.shape[1] != states.size:
            raise ValueError(f"{name} has the shape {array.shape}, expected (B, {states.size}): {', '.join(states)}")
        if len(array) == 0:
            raise ValueError(f"{name} has the shape {array.shape}: the batch is empty, expected at least one problem")
        return np.ascontiguousarray(array)

    def _params(self, batch: tuple[int, ...], params: Params | None) -> Array:
        names = self._model.params
        if params is None:
            if names.size and not names.defaults:
                raise ValueError(f"params is None, expected values of {', '.join(names)}: the model has no usual ones")
            params = names.defaults
        array = real("params", names.to_array(params) if isinstance(params, Mapping) else params)
        if array.shape == (names.size,) and batch:
            array = np.broadcast_to(array, (*batch, names.size))
        return shaped("params", array, (*batch, names.size), f": {', '.join(names)}")

    def _gain(self, gain: ArrayLike | None) -> Array | None:
        if gain is None:
            return None
        shape = (self._model.controls.size, self._model.states.size)
        return flat(finite("gain", shaped("gain", gain, shape)))

    def _data(self, batch: tuple[int, ...], x0: Array, params: Params | None, **others: Any) -> dict[str, Any]:
        """The lists of problems that the native module takes."""
        model, t = self._model, self.horizon
        shapes = {
            "stage_params": (t + 1, model.stage_params.size),
            "controls": (t, model.controls.size),
            "states": (t + 1, model.states.size),
            "design": (model.design_size,),
            "previous": (model.controls.size,),
        }
        data: dict[str, Any] = {"x0": flat(x0), "params": flat(self._params(batch, params))}
        if others["stage_params"] is None and model.stage_params:
            raise ValueError(f"stage_params is None, expected the shape {(*batch, *shapes['stage_params'])}")
        for name, shape in shapes.items():
            if others[name] is None:
                continue
            array = real(name, others[name])
            if batch and array.shape == shape:
                array = np.broadcast_to(array, (*batch, *shape))
            data[name] = flat(shaped(name, array, (*batch, *shape)))
        return data

    def _losses(
        self,
        solution: Solution,
        d_states: ArrayLike | None,
        d_controls: ArrayLike | None,
        d_value: Array,
        d_design: ArrayLike | None,
    ) -> dict[str, Array]:
        """The derivatives of a loss, as the native module takes them."""
        given = self._given((), d_states, d_controls, d_value, d_design)
        if not solution.converged:
            # There is no gradient, whatever the loss is: that of a trajectory that diverged has no finite derivative.
            given = {name: np.zeros(array.shape) for name, array in given.items()}
        return _flat({name: finite(name, array) for name, array in given.items()})

    def _given(
        self,
        batch: tuple[int, ...],
        d_states: ArrayLike | None,
        d_controls: ArrayLike | None,
        d_value: Array,
        d_design: ArrayLike | None,
    ) -> dict[str, Array]:
        """The derivatives of losses, with their shapes checked."""
        model, t = self._model, self.horizon
        data = {
            "d_states": shaped_or_zeros("d_states", d_states, (*batch, t + 1, model.states.size)),
            "d_controls": shaped_or_zeros("d_controls", d_controls, (*batch, t, model.controls.size)),
        }
        if d_value.any():
            data["d_value"] = d_value
        if d_design is not None:
            data["d_design"] = shaped("d_design", d_design, (*batch, model.design_size))
        return data

    def _direction(
        self, batch: tuple[int, ...], params: Params | None, x0: ArrayLike | None, stage_params: ArrayLike | None
    ) -> dict[str, Any]:
        model = self._model
        if isinstance(params, Mapping):
            params = model.params.direction(params)
        if isinstance(x0, Mapping):
            x0 = model.states.direction(x0)
        direction = {
            "params": shaped_or_zeros("params", params, (*batch, model.params.size)),
            "x0": shaped_or_zeros("x0", x0, (*batch, model.states.size)),
            "stage_params": shaped_or_zeros(
                "stage_params", stage_params, (*batch, self.horizon + 1, model.stage_params.size)
            ),
        }
        return {name: flat(finite(f"the direction of {name}", array)) for name, array in direction.items()}

    def _gradient(self, batch: tuple[int, ...], arrays: Any) -> Gradient:
        model = self._model
        x0, params, stage_params = arrays
        return Gradient(
            x0.reshape(*batch, model.states.size),
            params.reshape(*batch, model.params.size),
            stage_params.reshape(*batch, self.horizon + 1, model.stage_params.size),
        )

    def _tangent(self, batch: tuple[int, ...], arrays: Any) -> Tangent:
        states, controls = arrays
        model, t = self._model, self.horizon
        return Tangent(
            states.reshape(*batch, t + 1, model.states.size), controls.reshape(*batch, t, model.controls.size)
        )

    def _checked(self, name: str, given: Any, kind: type[Solution] | type[Batch] = Solution) -> Any:
        """A solution or a batch of this model and horizon."""
        if not isinstance(given, kind):
            raise TypeError(f"{name} is a {type(given).__name__}, expected a {kind.__name__} of this solver")
        if given.model._native is not self._model._native or given.horizon != self.horizon:
            raise ValueError(
                f"{name} is one of the model {given.model.name!r} over {given.horizon} stages, expected "
                f"{self._model.name!r} over {self.horizon}"
            )
        return given


def _again(model: Model, horizon: int, settings: dict[str, Any]) -> Solver:
    """A solver from a pickle."""
    return Solver(model, horizon, **settings)


def _threads(threads: int | None) -> int | None:
    return None if threads is None else integer("threads", threads, 1)


def _alone(**others: Any) -> None:
    """Refuses arguments beside ``start``, which a solution would take the place of."""
    for name, value in others.items():
        if value is not None:
            raise ValueError(
                f"start and {name} are both given, expected one of them: a solution has controls and gains"
            )


def _flat(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name: flat(array) for name, array in arrays.items()}


def where_finite(
    call: Callable[[dict[str, Array]], tuple[Any, Reasons]], arrays: dict[str, Array]
) -> tuple[Any, Reasons]:
    """A derivative of a batch, which the call returns with the reasons where there is none.

    Arrays that are not finite are an error, except in problems without a gradient: a loss of a trajectory that diverged has no
    finite derivative, and neither has a loss of a gradient that is NaN. The call gets zeros in their place.
    """
    bad = np.any([~np.isfinite(array).reshape(len(array), -1).all(axis=1) for array in arrays.values()], axis=0)
    if not bad.any():
        return call(arrays)
    zeroed = {name: array.copy() for name, array in arrays.items()}
    for array in zeroed.values():
        array[bad] = 0.0
    results, reasons = call(zeroed)
    for problem in np.flatnonzero(bad):
        if reasons[problem] is None:
            for name, array in arrays.items():
                finite(f"problem {problem}: {name}", array[problem])
    return results, reasons


def check_choice(on_no_gradient: str) -> str:
    """The argument ``on_no_gradient``."""
    if on_no_gradient not in ON_NO_GRADIENT:
        raise ValueError(
            f"on_no_gradient is {on_no_gradient!r}, expected one of {', '.join(map(repr, ON_NO_GRADIENT))}"
        )
    return on_no_gradient


def settle(arrays: tuple[Array, ...], reasons: Reasons, on_no_gradient: str) -> None:
    """Puts what was chosen in the place of gradients that do not exist, which are NaN."""
    for problem, reason in enumerate(reasons):
        if reason is None:
            continue
        if on_no_gradient == "raise":
            raise NoGradient(f"problem {problem}: {reason[1]}")
        if on_no_gradient == "zero":
            for array in arrays:
                array[problem] = 0.0
