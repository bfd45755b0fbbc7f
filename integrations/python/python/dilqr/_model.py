"""Models: the names of their numbers, and the compiled code behind them."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ._arrays import Array, real

#: The version of the interface to extension modules; see ``INTERFACE`` of the crate ``dilqr-python``.
INTERFACE = 1


class Names(Sequence[str]):
    """The names of the entries of a vector, in their order.

    >>> import dilqr
    >>> dilqr.models.cartpole.params
    Names(gravity, mass_cart, mass_pole, length)
    >>> dilqr.models.cartpole.params.index("length")
    3
    """

    def __init__(self, kind: str, names: Sequence[str], defaults: Sequence[float] | None = None) -> None:
        self._kind = kind
        self._names = tuple(names)
        self._defaults = defaults

    @property
    def size(self) -> int:
        """The number of entries."""
        return len(self._names)

    @property
    def defaults(self) -> dict[str, float]:
        """Usual values by name; empty where the model has none."""
        return {} if self._defaults is None else dict(zip(self._names, self._defaults))

    def to_dict(self, values: ArrayLike) -> dict[str, Any]:
        """The entries of an array, along its last axis, by name."""
        array = np.asarray(values)
        if array.shape[-1:] != (self.size,):
            raise ValueError(f"{self._kind} has the shape {array.shape}, expected the last axis to be {self.size}")
        return {name: array[..., i] for i, name in enumerate(self._names)}

    def to_array(self, values: Mapping[str, Any]) -> Array:
        """The array of values by name: ``(size,)``, or ``(.., size)`` where values are arrays of the same shape.

        A field with several entries, such as ``goal[0]`` and ``goal[1]``, may be given as ``goal``, entries last.
        """
        parts = [real(f"{self._kind}[{name!r}]", value) for name, value in zip(self._names, self.split(values))]
        try:
            return np.stack(np.broadcast_arrays(*parts), axis=-1) if parts else np.zeros(0)
        except ValueError as error:
            shapes = ", ".join(f"{name}: {part.shape}" for name, part in zip(self._names, parts))
            raise ValueError(f"{self._kind} has entries of the shapes {shapes}, expected equal ones") from error

    def split(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the names, with fields of several entries taken apart along their last axis."""
        known: dict[str, Any] = {}
        # The key that gave each entry: dicts have no order under JAX, so none of two forms takes precedence.
        keys: dict[str, str] = {}
        for name, value in values.items():
            entries = [full for full in self._names if full.startswith((f"{name}[", f"{name}."))]
            if name in self._names:
                given = {name: value}
            elif entries:
                given = self._apart(name, value, entries)
            else:
                near = difflib.get_close_matches(str(name), self._names, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{self._kind} has no entry {name!r}, expected {', '.join(self._names)}{hint}")
            for entry in given:
                if entry in keys:
                    raise ValueError(
                        f"{self._kind} gives {entry!r} twice, as {keys[entry]!r} and as {name!r}, expected one of them"
                    )
                keys[entry] = name
            known.update(given)
        missing = [name for name in self._names if name not in known]
        if missing:
            hint = f": start from `{{**model.{self._kind}.defaults, ..}}`" if self._defaults is not None else ""
            raise ValueError(f"{self._kind} lacks {', '.join(missing)}{hint}")
        return [known[name] for name in self._names]

    def direction(self, values: Mapping[str, Any]) -> Array:
        """As :meth:`to_array`, with zeros where no value is given."""
        given = {full for name in values for full in self._names if full.startswith((f"{name}[", f"{name}."))}
        return self.to_array({**{name: 0.0 for name in self._names if name not in given}, **values})

    def _apart(self, name: str, value: Any, entries: Sequence[str]) -> dict[str, Any]:
        """The entries of a field by their names, along the last axis of its value."""
        if not hasattr(value, "shape"):
            try:
                value = np.asarray(value)
            except (TypeError, ValueError, RuntimeError) as error:
                raise TypeError(
                    f"{self._kind}[{name!r}] is a {type(value).__name__}, expected an array, entries last: {error}"
                ) from error
        if tuple(value.shape[-1:]) != (len(entries),):
            raise ValueError(
                f"{self._kind}[{name!r}] has the shape {tuple(value.shape)}, expected {len(entries)} as the last axis"
            )
        return {entry: value[..., k] for k, entry in enumerate(entries)}

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self._names[index]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (Names, tuple)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._names)

    def __repr__(self) -> str:
        return f"Names({', '.join(self._names)})"


class Model:
    """A compiled model: one of :mod:`dilqr.models`, or the attribute ``model`` of an extension module of your own.

    >>> import dilqr
    >>> dilqr.models.pendulum
    Model('pendulum', states=(theta, omega), controls=(torque), params=(gravity, mass, length))
    """

    def __init__(self, native: Any) -> None:
        interface = getattr(native, "interface", None)
        if interface != INTERFACE:
            raise ImportError(
                f"the model has version {interface} of the interface, this package has version {INTERFACE}: "
                "build the model with the crate dilqr-python of this version"
            )
        self._native = native
        states, controls, params, stage_params = native.names
        self._names = (
            Names("x0", states),
            Names("controls", controls),
            Names("params", params, native.defaults),
            Names("stage_params", stage_params),
        )

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._native.name)

    @property
    def states(self) -> Names:
        """The names of the state's entries, ``NX``."""
        return self._names[0]

    @property
    def controls(self) -> Names:
        """The names of the control's entries, ``NU``."""
        return self._names[1]

    @property
    def params(self) -> Names:
        """The names of the parameters, ``NP``, with usual values as ``defaults``."""
        return self._names[2]

    @property
    def stage_params(self) -> Names:
        """The names of the parameters of a stage, ``NS``; most models have none."""
        return self._names[3]

    @property
    def design_size(self) -> int:
        """The number of design variables, ``ND``; most models have none."""
        return int(self._native.design_size)

    def __repr__(self) -> str:
        parts = [f"{kind}=({', '.join(getattr(self, kind))})" for kind in ("states", "controls", "params")]
        if self.stage_params:
            parts.append(f"stage_params=({', '.join(self.stage_params)})")
        return f"Model({self.name!r}, {', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        for module in ("dilqr.models", self.name):
            try:
                if _found(module, self.name) is self:
                    return (_found, (module, self.name))
            except (ImportError, AttributeError):
                continue
        raise TypeError(
            f"the model {self.name!r} is neither one of dilqr.models nor that of a module of its name, and cannot be pickled"
        )

    def __deepcopy__(self, _: Any) -> Model:
        return self


def _found(module: str, name: str) -> Model:
    """A model of :mod:`dilqr.models` by its name, or that of an extension module. For pickles."""
    imported = importlib.import_module(module)
    model: Model = getattr(imported, name if module == "dilqr.models" else "model")
    return model


def as_model(model: Any) -> Model:
    """The argument ``model`` of a call: a model, or the extension module of one."""
    found = model if isinstance(model, Model) else getattr(model, "model", None)
    if not isinstance(found, Model):
        raise TypeError(
            f"model is a {type(model).__name__}, expected a dilqr.Model, such as dilqr.models.cartpole, or a module of "
            "dilqr_python::export!"
        )
    return found
