"""Layers of PyTorch: batches of optimal control problems with exact gradients.

>>> import dilqr, dilqr.torch, torch
>>> layer = dilqr.torch.Layer(dilqr.models.pendulum, horizon=20)
>>> x0 = torch.tensor([[0.3, 0.0], [-0.2, 0.1]], dtype=torch.float64)
>>> params = torch.tensor([10.0, 1.0, 1.0], dtype=torch.float64, requires_grad=True)
>>> states, controls, value, info = layer(x0, params)
>>> states.shape, controls.shape, value.shape, info.status
(torch.Size([2, 21, 2]), torch.Size([2, 20, 1]), torch.Size([2]), ('converged', 'converged'))
>>> controls[:, 0].sum().backward()
>>> params.grad.shape
torch.Size([3])
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ._layer import Cotangents, Engine, Problems
from ._model import Model
from ._solution import Batch

__all__ = ["Info", "Layer", "Solved"]


class Info:
    """How the solves of a batch ended. Under ``vmap`` it is that of all problems, one after another."""

    def __init__(self) -> None:
        self._batch: Batch | None = None
        #: For each problem why the last backward pass through this batch found no gradient; ``None`` where it found one.
        self.refused: list[str | None] = []

    def _set(self, batch: Batch) -> None:
        self._batch = batch
        self.refused = [None] * len(batch)

    def _report(self, refused: list[str | None]) -> None:
        self.refused = refused

    @property
    def solutions(self) -> Batch:
        """The solutions themselves."""
        if self._batch is None:
            raise RuntimeError("the batch has not been solved yet")
        return self._batch

    @property
    def status(self) -> tuple[str, ...]:
        """How each solve ended."""
        return self.solutions.status

    @property
    def converged(self) -> Any:
        """Whether each is a solution, an array ``(B,)``."""
        return self.solutions.converged

    @property
    def iterations(self) -> Any:
        """The iterations of each solve, an array ``(B,)``."""
        return self.solutions.iterations

    def __repr__(self) -> str:
        return f"Info({self._batch!r}, refused={sum(reason is not None for reason in self.refused)})"


class Solved(NamedTuple):
    """What a layer returns."""

    #: ``(B, T + 1, NX)``.
    states: Tensor
    #: ``(B, T, NU)``.
    controls: Tensor
    #: The optimal costs, ``(B,)``.
    value: Tensor
    info: Info


class Layer(torch.nn.Module):
    """A layer that solves problems of a model over a horizon.

    It has gradients of first and second order (the latter without ``value``), and works under ``torch.func.vmap`` and
    ``torch.func.grad``. Tensors are on the processor; ``float32`` is converted to ``float64`` for the solve.

    Args:
        model: one of :mod:`dilqr.models`, or a module of your own.
        horizon: the number of stages.
        on_no_gradient: ``"raise"`` :class:`dilqr.NoGradient` where a gradient does not exist, or let it be ``"zero"`` or
            ``"nan"``. The reasons are in ``info.refused`` after the backward pass.
        gain: feedback of the start, ``(NU, NX)``: solves begin with the rollout under ``u = controls[t] + gain @ x``.
        threads: the number of threads; one for each core by default.
        keep: the number of batches whose solutions are kept for the backward pass; others are solved again.
        settings: as of :class:`dilqr.Solver`.
    """

    def __init__(
        self,
        model: Model,
        horizon: int,
        *,
        on_no_gradient: str = "raise",
        gain: Any = None,
        threads: int | None = None,
        keep: int = 8,
        **settings: Any,
    ) -> None:
        super().__init__()
        self._engine = Engine(
            model, horizon, on_no_gradient=on_no_gradient, gain=gain, threads=threads, keep=keep, settings=settings
        )

    def forward(self, x0: Any, params: Any = None, stage_params: Any = None, controls: Any = None) -> Solved:
        """Solves ``B`` problems.

        Args:
            x0: initial states, ``(B, NX)``. Any leading axes do, also none.
            params: parameters by name or as a tensor, ``(B, NP)`` or ``(NP,)``; without them the model's usual ones.
            stage_params: ``(B, T + 1, NS)`` or ``(T + 1, NS)``.
            controls: controls to start from, ``(B, T, NU)`` or ``(T, NU)``; they have no gradient.
        """
        sizes = self._engine.sizes
        x0 = _tensor("x0", x0)
        if x0.ndim == 0 or x0.shape[-1] != sizes["nx"]:
            names = ", ".join(self._engine.solver.model.states)
            raise ValueError(f"x0 has the shape {tuple(x0.shape)}, expected (B, {sizes['nx']}): {names}")
        lead = tuple(x0.shape[:-1])
        if 0 in lead:
            raise ValueError(f"x0 has the shape {tuple(x0.shape)}: the batch is empty, expected at least one problem")
        if sizes["ns"] and stage_params is None:
            raise ValueError(f"stage_params is None, expected the shape {(*lead, sizes['t'] + 1, sizes['ns'])}")
        info = Info()
        states, us, value = _Solve.apply(
            x0.to(torch.float64).reshape(math.prod(lead), sizes["nx"]),
            _lead("params", self._params(params), lead, (sizes["np"],)),
            _lead("stage_params", stage_params, lead, (sizes["t"] + 1, sizes["ns"])),
            _lead("controls", controls, lead, (sizes["t"], sizes["nu"])).detach(),
            self._engine,
            info,
        )

        def shaped(tensor: Tensor) -> Tensor:
            return tensor.reshape((*lead, *tensor.shape[1:])).to(x0.dtype)

        return Solved(shaped(states), shaped(us), shaped(value), info)

    def extra_repr(self) -> str:
        solver = self._engine.solver
        return f"{solver.model.name!r}, horizon={solver.horizon}"

    def _params(self, params: Any) -> Any:
        names = self._engine.solver.model.params
        if params is None:
            params = self._engine.solver._params((), None)
        if not isinstance(params, Mapping):
            return params
        parts = [_tensor(f"params[{name!r}]", part) for name, part in zip(names, names.split(params))]
        return torch.stack(torch.broadcast_tensors(*parts), dim=-1) if parts else None


def _tensor(name: str, value: Any) -> Tensor:
    """A tensor of floating-point numbers on the processor."""
    try:
        # Numbers of Python have double precision, which PyTorch would not keep. Arrays are copied, because the caller may
        # change them before the backward pass, and into the layout and the byte order that tensors have.
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(_copied(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} is a {type(value).__name__}, expected a tensor of real numbers: {error}") from error
    if tensor.device.type != "cpu":
        raise ValueError(f"{name} is on the device {tensor.device}, expected cpu: the solver runs on the processor")
    if not tensor.dtype.is_floating_point and not tensor.dtype.is_complex and tensor.dtype != torch.bool:
        tensor = tensor.to(torch.float64)
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name} has the dtype {tensor.dtype}, expected torch.float32 or torch.float64")
    return tensor


def _copied(value: Any) -> Any:
    array = np.array(value, order="C")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _lead(name: str, value: Any, lead: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
    """An argument with one leading axis for all axes of the batch; zeros for ``None``."""
    if value is None:
        return torch.zeros((math.prod(lead), *shape), dtype=torch.float64)
    tensor = _tensor(name, value)
    if tuple(tensor.shape) not in (shape, (*lead, *shape)):
        raise ValueError(f"{name} has the shape {tuple(tensor.shape)}, expected {shape} or {(*lead, *shape)}")
    return tensor.to(torch.float64).expand(*lead, *shape).reshape(math.prod(lead), *shape)


def _numpy(tensors: Sequence[Tensor]) -> list[Any]:
    return [np.ascontiguousarray(tensor.detach().numpy()) for tensor in tensors]


def _tensors(arrays: Sequence[Any]) -> tuple[Tensor, ...]:
    # A copy: the arrays of solutions cannot be written to, tensors can.
    return tuple(torch.from_numpy(np.array(array)) for array in arrays)


def _batched(function: Any, info: Any, in_dims: Sequence[int | None], arguments: Sequence[Any]) -> Any:
    """A function with one leading axis under ``vmap``: the mapped axis joins it."""
    size = info.batch_size

    def joined(argument: Any, dim: int | None) -> Any:
        if not isinstance(argument, Tensor):
            return argument
        mapped = argument.expand(size, *argument.shape) if dim is None else argument.movedim(dim, 0)
        return mapped.reshape(size * mapped.shape[1], *mapped.shape[2:])

    outputs = function.apply(*(joined(argument, dim) for argument, dim in zip(arguments, in_dims)))
    return tuple(output.reshape(size, len(output) // size, *output.shape[1:]) for output in outputs), (0,) * len(
        outputs
    )


class _Solve(torch.autograd.Function):
    """Initial states, parameters, stage parameters and controls to start from -> states, controls, optimal costs."""

    @staticmethod
    def forward(x0: Tensor, params: Tensor, stage_params: Tensor, controls: Tensor, engine: Engine, info: Info) -> Any:
        batch = engine.solve(Problems(*_numpy((x0, params, stage_params, controls))))
        info._set(batch)
        return _tensors((batch.states, batch.controls, batch.value))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs[:4])
        ctx.rest = inputs[4:]

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        return (*_Gradient.apply(*ctx.saved_tensors, *cotangents, *ctx.rest), None, None, None)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
        return _batched(_Solve, info, in_dims, arguments)


class _Gradient(torch.autograd.Function):
    """The data of problems, and the gradients of losses in states, controls and costs -> the gradients in the data."""

    @staticmethod
    def forward(*arguments: Any) -> Any:
        *tensors, engine, info = arguments
        arrays = _numpy(tensors)
        return _tensors(engine.backward(Problems(*arrays[:4]), Cotangents(*arrays[4:]), info._report))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs[:7])
        ctx.rest = inputs[7:]

    @staticmethod
    def backward(ctx: Any, *directions: Tensor) -> Any:
        x0, params, stage_params, *cotangents = _Second.apply(*ctx.saved_tensors, *directions, *ctx.rest)
        return (x0, params, stage_params, None, *cotangents, None, None)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
        return _batched(_Gradient, info, in_dims, arguments)


class _Second(torch.autograd.Function):
    """What :class:`_Gradient` takes, and directions of its results -> the gradients of their inner product."""

    @staticmethod
    def forward(*arguments: Any) -> Any:
        *tensors, engine, info = arguments
        arrays = _numpy(tensors)
        problems, cotangents = Problems(*arrays[:4]), Cotangents(*arrays[4:7])
        products, cotangents = engine.second(problems, cotangents, tuple(arrays[7:]), info._report)
        return _tensors((*products, *cotangents))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *directions: Tensor) -> Any:
        raise NotImplementedError("a layer has no third derivatives")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
        return _batched(_Second, info, in_dims, arguments)
