"""A controller with a receding horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from ._arrays import Array, flat, integer, shaped
from ._model import Model, as_model
from ._solution import Solution, Stats
from ._solver import Params


class MpcStep(NamedTuple):
    """What to do until the next measurement."""

    #: The control of the coming stage, ``(NU,)``, within its bounds.
    control: Array
    #: Feedback for a state that is measured before the next step, ``(NU, NX)``.
    gain: Array
    status: str
    converged: bool
    cause: str | None
    #: Whether the plan is the solution of this step. Otherwise the last plan stays in use.
    replanned: bool
    #: The cost of the plan.
    cost: float
    stats: Stats


class Mpc:
    """Model predictive control: the same problem, solved anew from every measured state. One thread uses it at a time.

    >>> import dilqr
    >>> mpc = dilqr.Mpc(dilqr.models.pendulum, horizon=20, max_iterations=20)
    >>> step = mpc.step([0.2, 0.0])
    >>> step.converged, step.control.shape
    (True, (1,))
    """

    def __init__(self, model: Model, horizon: int, params: Params | None = None, **settings: Any) -> None:
        self._model = as_model(model)
        self._horizon = integer("horizon", horizon, 1)
        self._native = self._model._native.controller(self._params(params), self._horizon, settings)

    @property
    def model(self) -> Model:
        """The model."""
        return self._model

    @property
    def horizon(self) -> int:
        """``T``, the number of stages it looks ahead."""
        return self._horizon

    @property
    def params(self) -> Array:
        """The parameters of the next step, ``(NP,)``. They can be set, to an array or to values by name."""
        params: Array = self._native.params()
        params.flags.writeable = False
        return params

    @params.setter
    def params(self, params: Params) -> None:
        self._native.set_params(self._params(params))

    @property
    def plan(self) -> Solution | None:
        """The plan of the last step; ``None`` before the first one."""
        native = self._native.plan()
        return None if native is None else Solution(native, self._model, self._horizon)

    def step(self, x: ArrayLike) -> MpcStep:
        """The control for the measured state ``x``, ``(NX,)``. A solve that does not converge is no exception.

        Raises:
            ValueError, TypeError: for an array of another shape or type, and numbers that are not finite. The plan stays.
        """
        data = self._native.step(self._state("x", x))
        data["gain"] = data["gain"].reshape(self._model.controls.size, self._model.states.size)
        data["stats"] = Stats(**data["stats"])
        return MpcStep(**data)

    def advance(self) -> None:
        """Shifts the plan by one stage, for a sampling period without a step."""
        self._native.advance()

    def reset(self) -> None:
        """Drops the plan."""
        self._native.reset()

    def set_stage_params(self, stage_params: ArrayLike) -> None:
        """Changes the stage parameters, ``(T + 1, NS)``, of the stages in the horizon of the next step."""
        shape = (self._horizon + 1, self._model.stage_params.size)
        self._native.set_stage_params(flat(shaped("stage_params", stage_params, shape)))

    def set_previous(self, previous: ArrayLike) -> None:
        """Sets the control that was applied before the next step, ``(NU,)``, for models that read it."""
        self._native.set_previous(shaped("previous", previous, (self._model.controls.size,)))

    def start_from(self, solution: Solution) -> None:
        """Starts anew from the feedback law of a solution over the same horizon."""
        if not isinstance(solution, Solution):
            raise TypeError(f"solution is a {type(solution).__name__}, expected a Solution")
        if solution.model._native is not self._model._native:
            raise ValueError(f"solution is one of the model {solution.model.name!r}, expected {self._model.name!r}")
        self._native.start_from(solution._native)

    def _state(self, name: str, value: Any) -> Array:
        states = self._model.states
        array = states.to_array(value) if isinstance(value, Mapping) else value
        return shaped(name, array, (states.size,), f": {', '.join(states)}")

    def _params(self, params: Any) -> Array:
        names = self._model.params
        if params is None:
            if names.size and not names.defaults:
                raise ValueError(f"params is None, expected values of {', '.join(names)}: the model has no usual ones")
            params = names.defaults
        array = names.to_array(params) if isinstance(params, Mapping) else params
        return shaped("params", array, (names.size,), f": {', '.join(names)}")

    def __repr__(self) -> str:
        return f"Mpc({self._model.name!r}, horizon={self._horizon})"
