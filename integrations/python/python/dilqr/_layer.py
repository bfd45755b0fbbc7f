"""A batch of solves as a function of arrays, with its derivatives: what the layers for JAX and PyTorch share.

A framework calls it with plain arrays, and again for each derivative. Solutions are kept between these calls, under the bytes of
their problems. One that is no longer kept is solved again: the same problems have the same solutions, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ._arrays import Array, flat, integer
from ._model import Model
from ._solution import Batch
from ._solver import Reasons, Solver, check_choice, settle, where_finite

#: Why a gradient does not exist, by the codes of a layer's ``info``. The first is none; ``unchecked`` has the code -1.
REASONS = (
    "",
    "not_converged",
    "not_positive_definite",
    "weakly_active",
    "constraints_dependent",
    "undefined",
    "other",
)

#: How a solve ended, by the codes of a layer's ``info``.
STATUSES = (
    "unsolved",
    "converged",
    "iteration limit",
    "line search failed",
    "regularization limit",
    "diverged",
    "infeasible",
    "unbounded",
)

VALUE = "the loss gradient in the value"

#: The lists of the native module, by what users call them, in the order of :class:`Cotangents`.
LOSSES = {
    "the loss gradient in the states": "d_states",
    "the loss gradient in the controls": "d_controls",
    VALUE: "d_value",
}


class Problems(NamedTuple):
    """The arrays of ``B`` problems, all of ``float64``."""

    x0: Array  # (B, NX)
    params: Array  # (B, NP)
    stage_params: Array  # (B, T + 1, NS)
    controls: Array  # (B, T, NU)


class Cotangents(NamedTuple):
    """The gradients of losses in what a layer returns."""

    states: Array  # (B, T + 1, NX)
    controls: Array  # (B, T, NU)
    value: Array  # (B,)


#: Takes for each problem of a backward pass why it has no gradient, also where the pass raises an exception.
Report = Callable[[list[str | None]], None]


class Engine:
    """Solves and differentiates batches."""

    def __init__(
        self,
        model: Model,
        horizon: int,
        *,
        on_no_gradient: str,
        gain: Any,
        threads: int | None,
        keep: int,
        settings: dict[str, Any],
    ) -> None:
        self.solver = Solver(model, horizon, **settings)
        self.on_no_gradient = check_choice(on_no_gradient)
        self.gain = self.solver._gain(gain)
        self.threads = None if threads is None else integer("threads", threads, 1)
        self._keep = integer("keep", keep, 0)
        self._kept: dict[tuple[bytes, ...], Batch] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles begin without solutions.
        return {**self.__dict__, "_kept": {}}

    @property
    def sizes(self) -> dict[str, int]:
        """``NX``, ``NU``, ``NP``, ``NS`` and ``T`` by their names in lower case."""
        model = self.solver.model
        return {
            "nx": model.states.size,
            "nu": model.controls.size,
            "np": model.params.size,
            "ns": model.stage_params.size,
            "t": self.solver.horizon,
        }

    def solve(self, problems: Problems) -> Batch:
        """The solutions of a batch."""
        # No lock: a process may be forked at any time. Each step is one operation on a dict.
        key = tuple(np.ascontiguousarray(array).tobytes() for array in problems)
        batch = self._kept.pop(key, None)
        if batch is None:
            batch = self._repeated(problems)
            if batch is not None:
                # Not kept: the solutions that it repeats are.
                return batch
            data = {
                "x0": flat(problems.x0),
                "params": flat(problems.params),
                "stage_params": flat(problems.stage_params),
                "controls": flat(problems.controls),
                "gain": self.gain,
            }
            native = self.solver._native.solve_batch(data, self.threads)
            batch = Batch(native, self.solver.model, self.solver.horizon)
        self._kept[key] = batch
        for oldest in list(self._kept)[: max(0, len(self._kept) - self._keep)]:
            self._kept.pop(oldest, None)
        return batch

    def _repeated(self, problems: Problems) -> Batch | None:
        """The solutions of problems of which some are equal, each solved once; ``None`` where all differ.

        Losses that are mapped over one batch come with as many copies of its problems.
        """
        rows: dict[bytes, int] = {}
        index: list[int] = []
        first: list[int] = []
        for row in np.concatenate([array.reshape(len(array), -1) for array in problems], axis=1):
            place = rows.setdefault(row.tobytes(), len(rows))
            if place == len(first):
                first.append(len(index))
            index.append(place)
        if len(first) == len(index):
            return None
        try:
            batch = self.solve(Problems(*(array[first] for array in problems)))
        except ValueError:
            # The error names the place of a problem: that among all of them is right.
            return None
        return Batch(batch._native.select(index), self.solver.model, self.solver.horizon)

    def check(self, problems: Problems) -> tuple[Batch, Reasons]:
        """The solutions, and why some have no gradient."""
        batch = self.solve(problems)
        zeros = Cotangents(np.zeros(batch.states.shape), np.zeros(batch.controls.shape), np.zeros(len(batch)))
        _, reasons = self._vjp(batch, zeros)
        return batch, reasons

    def backward(self, problems: Problems, cotangents: Cotangents, report: Report) -> tuple[Array, Array, Array]:
        """The gradients in initial states, parameters and stage parameters."""
        gradients, reasons = self._vjp(self.solve(problems), cotangents)
        self._settle(gradients, reasons, report)
        return gradients

    def second(
        self, problems: Problems, cotangents: Cotangents, directions: tuple[Array, Array, Array], report: Report
    ) -> tuple[tuple[Array, Array, Array], Cotangents]:
        """The gradients of the inner product of :meth:`backward` with ``directions``: in the data, and in the cotangents.

        The second derivative of the optimal cost itself is not at hand.
        """
        batch = self.solve(problems)
        if np.any(cotangents.value):
            raise NotImplementedError(
                "second derivatives of `value` are not available: sum the cost of states and controls instead"
            )
        solver = self.solver
        names = {f"the cotangent of the gradient in {name}": name for name in ("x0", "params", "stage_params")}

        def hvp(given: dict[str, Array]) -> tuple[Any, Reasons]:
            losses = {key: flat(given[name]) for name, key in LOSSES.items() if name in given}
            direction = {key: flat(given[name]) for name, key in names.items()}
            arrays, moved, reasons = solver._native.hvp_batch(batch._native, losses, direction, self.threads)
            return (arrays, moved), reasons

        losses = dict(zip(LOSSES, (cotangents.states, cotangents.controls)))
        (arrays, moved), reasons = where_finite(hvp, {**losses, **dict(zip(names, directions))})
        lead = (len(batch),)
        products = tuple(solver._gradient(lead, arrays))
        states, controls = solver._tangent(lead, moved)
        ones = Cotangents(np.zeros_like(states), np.zeros_like(controls), np.ones(len(batch)))
        of_value, more = self._vjp(batch, ones)
        value = sum(
            (gradient * array).reshape(len(batch), -1).sum(axis=1) for gradient, array in zip(of_value, directions)
        )
        reasons = [one or other for one, other in zip(reasons, more)]
        self._settle((*products, states, controls, value), reasons, report)
        return products, Cotangents(states, controls, value)  # type: ignore[return-value]

    def _vjp(self, batch: Batch, cotangents: Cotangents) -> tuple[tuple[Array, Array, Array], Reasons]:
        solver = self.solver
        losses = dict(zip(LOSSES, cotangents))
        if not np.any(cotangents.value):
            del losses[VALUE]

        def vjp(given: dict[str, Array]) -> tuple[Any, Reasons]:
            lists = {LOSSES[name]: flat(array) for name, array in given.items()}
            return solver._native.vjp_batch(batch._native, lists, self.threads)  # type: ignore[no-any-return]

        arrays, reasons = where_finite(vjp, losses)
        return tuple(solver._gradient((len(batch),), arrays)), reasons  # type: ignore[return-value]

    def _settle(self, arrays: tuple[Array, ...], reasons: Reasons, report: Report) -> None:
        report([reason and reason[1] for reason in reasons])
        settle(arrays, reasons, self.on_no_gradient)


def codes(reasons: Reasons) -> Any:
    """The codes of reasons; see :data:`REASONS`."""
    return np.array([0 if reason is None else REASONS.index(reason[0]) for reason in reasons], dtype=np.int32)


def status_codes(batch: Batch) -> Any:
    """The codes of how solves ended; see :data:`STATUSES`."""
    return np.array([STATUSES.index(status) for status in batch.status], dtype=np.int32)
