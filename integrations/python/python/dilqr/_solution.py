"""What a solve and its derivatives return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._arrays import Array, frozen
from ._model import Model


class Gradient(NamedTuple):
    """The gradient of a scalar in the data of a problem; of a batch with the batch first."""

    #: In the initial state, ``(NX,)``; zero where the solve chooses it.
    x0: Array
    #: In the parameters, ``(NP,)``.
    params: Array
    #: In the stage parameters, ``(T + 1, NS)``.
    stage_params: Array


class Jacobian(NamedTuple):
    """The derivative of a trajectory in parameters."""

    #: ``(T + 1, NX, NP)``.
    states: Array
    #: ``(T, NU, NP)``.
    controls: Array
    #: ``(ND, NP)``.
    design: Array


class Tangent(NamedTuple):
    """The derivative of a trajectory along a direction of the data."""

    #: ``(T + 1, NX)``.
    states: Array
    #: ``(T, NU)``.
    controls: Array


class Stats(NamedTuple):
    """The counts of a solve."""

    iterations: int
    line_search_steps: int
    regularizations: int
    multiplier_updates: int
    newton_steps: int
    #: The residual of stationarity over its terms.
    stationarity: float
    #: The relative Newton step about the trajectory.
    step: float
    #: The largest violation of a constraint, in its unit.
    violation: float
    violation_stage: int | None


class ActiveLimit(NamedTuple):
    """A limit that holds a trajectory."""

    stage: int
    limit: str
    multiplier: float


class Certificate(NamedTuple):
    """How well a solution satisfies the optimality conditions. ``str()`` of it is a report."""

    stationarity: float
    step: float
    violation: float
    violation_stage: int | None
    #: The smallest eigenvalue of the reduced Hessian; positive at a strict minimum.
    smallest_eigenvalue: float
    condition: float
    active: tuple[ActiveLimit, ...]
    #: Strict complementarity: where it is zero, a limit is neither active nor inactive.
    margin: float
    #: The stage and the limit with that margin.
    weakest: tuple[int, str] | None
    text: str

    def __str__(self) -> str:
        return self.text


def _shapes(model: Model, horizon: int) -> dict[str, tuple[int, ...]]:
    nx, nu, nd = model.states.size, model.controls.size, model.design_size
    return {
        "states": (horizon + 1, nx),
        "controls": (horizon, nu),
        "gains": (horizon, nu, nx),
        "costates": (horizon + 1, nx),
        "design": (nd,),
        "x0": (nx,),
        "params": (model.params.size,),
        "stage_params": (horizon + 1, model.stage_params.size),
    }


class Solution:
    """A trajectory with everything needed to use and to differentiate it. Its arrays cannot be written to.

    >>> import dilqr
    >>> solver = dilqr.Solver(dilqr.models.pendulum, horizon=30)
    >>> solver.solve([0.3, 0.0], dilqr.models.pendulum.params.defaults).status
    'converged'
    """

    def __init__(self, native: Any, model: Model, horizon: int) -> None:
        self._native = native
        self._model = model
        self._horizon = horizon
        self._lists: dict[str, Array] = {}

    def _list(self, name: str) -> Array:
        if name not in self._lists:
            self._lists[name] = frozen(self._native.list(name), _shapes(self._model, self._horizon)[name])
        return self._lists[name]

    @property
    def model(self) -> Model:
        """The model."""
        return self._model

    @property
    def horizon(self) -> int:
        """``T``, the number of controls."""
        return self._horizon

    @property
    def status(self) -> str:
        """How the solve ended: ``"converged"``, ``"iteration limit"``, ``"line search failed"``, ``"diverged"``, .."""
        return str(self._native.status)

    @property
    def converged(self) -> bool:
        """Whether it is a solution, to the tolerance."""
        return bool(self._native.converged)

    @property
    def cause(self) -> str | None:
        """Why and where a solve failed, if more than the status can be said."""
        cause: str | None = self._native.cause
        return cause

    @property
    def value(self) -> float:
        """The optimal cost."""
        return float(self._native.value)

    @property
    def relaxation(self) -> float | None:
        """The relaxation that it was solved at."""
        relaxation: float | None = self._native.relaxation
        return relaxation

    @property
    def states(self) -> Array:
        """``(T + 1, NX)``."""
        return self._list("states")

    @property
    def controls(self) -> Array:
        """``(T, NU)``."""
        return self._list("controls")

    @property
    def gains(self) -> Array:
        """Feedback about the trajectory, ``(T, NU, NX)``: ``u = controls[t] + gains[t] @ (x - states[t])``."""
        return self._list("gains")

    @property
    def costates(self) -> Array:
        """``(T + 1, NX)``."""
        return self._list("costates")

    @property
    def design(self) -> Array:
        """The design variables, ``(ND,)``."""
        return self._list("design")

    @property
    def x0(self) -> Array:
        """The initial state of the problem, ``(NX,)``."""
        return self._list("x0")

    @property
    def params(self) -> Array:
        """The parameters of the problem, ``(NP,)``."""
        return self._list("params")

    @property
    def stage_params(self) -> Array:
        """The stage parameters of the problem, ``(T + 1, NS)``."""
        return self._list("stage_params")

    @property
    def stats(self) -> Stats:
        """The counts of the solve."""
        return Stats(**self._native.stats)

    @property
    def certificate(self) -> Certificate:
        """How well it satisfies the optimality conditions."""
        data = dict(self._native.certificate)
        data["active"] = tuple(ActiveLimit(*limit) for limit in data["active"])
        return Certificate(**data)

    def __repr__(self) -> str:
        cause = f" ({self.cause})" if self.cause else ""
        return (
            f"Solution({self._model.name!r}, horizon={self._horizon}, status={self.status!r}{cause}, "
            f"value={self.value:.6g}, iterations={self.stats.iterations})"
        )


class Batch(Sequence[Solution]):
    """The solutions of ``B`` problems, as arrays with the batch first, and one by one as ``batch[k]``."""

    def __init__(self, native: Any, model: Model, horizon: int) -> None:
        self._native = native
        self._model = model
        self._horizon = horizon
        self._lists: dict[str, Array] = {}

    def _list(self, name: str) -> Array:
        if name not in self._lists:
            shape = (len(self), *_shapes(self._model, self._horizon)[name])
            self._lists[name] = frozen(self._native.list(name), shape)
        return self._lists[name]

    @property
    def model(self) -> Model:
        """The model."""
        return self._model

    @property
    def horizon(self) -> int:
        """``T``, the number of controls of each problem."""
        return self._horizon

    @property
    def states(self) -> Array:
        """``(B, T + 1, NX)``."""
        return self._list("states")

    @property
    def controls(self) -> Array:
        """``(B, T, NU)``."""
        return self._list("controls")

    @property
    def gains(self) -> Array:
        """``(B, T, NU, NX)``."""
        return self._list("gains")

    @property
    def design(self) -> Array:
        """The design variables, ``(B, ND)``."""
        return self._list("design")

    @property
    def value(self) -> Array:
        """The optimal costs, ``(B,)``."""
        values: Array = self._native.value
        return values

    @property
    def status(self) -> tuple[str, ...]:
        """How each solve ended."""
        return tuple(self._native.status)

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Whether each is a solution, to the tolerance, ``(B,)``."""
        return np.array(self._native.converged, dtype=bool)

    @property
    def iterations(self) -> NDArray[np.int64]:
        """The iterations of each solve, ``(B,)``."""
        return np.array(self._native.iterations, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._native)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        k = range(len(self))[index]
        return Solution(self._native.solution(k), self._model, self._horizon)

    def __iter__(self) -> Iterator[Solution]:
        return (self[k] for k in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"Batch({self._model.name!r}, problems={len(self)}, horizon={self._horizon}, "
            f"converged={int(self.converged.sum())})"
        )
