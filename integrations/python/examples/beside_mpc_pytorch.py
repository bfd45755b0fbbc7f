"""Times and gradients beside mpc.pytorch (Amos et al. 2018), on the same problems in the same run.

The pendulum of `dilqr.models`, from several initial states at once, in double precision on one thread. The loss is half the
squares of all states and controls, and its gradient that in the parameters. The gradient's error is that beside central
differences of solves. mpc.pytorch takes the linearization of the dynamics as fixed, so its gradient is another one.

    pip install mpc "numpy<2" && python beside_mpc_pytorch.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dilqr

HORIZON, STEP = 20, 0.05


def ours(x0: np.ndarray, params: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Seconds of the solves and of the gradient, and the gradient."""
    import torch

    import dilqr.torch

    layer = dilqr.torch.Layer(dilqr.models.pendulum, HORIZON, threads=1, keep=1)
    p = torch.tensor(params, requires_grad=True)
    begin = time.perf_counter()
    states, controls, _, info = layer(torch.tensor(x0), p)
    middle = time.perf_counter()
    (0.5 * (states**2).sum() + 0.5 * (controls**2).sum()).backward()
    end = time.perf_counter()
    assert info.converged.all() and p.grad is not None
    return middle - begin, end - middle, p.grad.numpy()


def theirs(x0: np.ndarray, params: np.ndarray) -> tuple[float, float, np.ndarray]:
    """The same of mpc.pytorch, with as many iterations as it needs."""
    import torch
    from mpc import mpc

    class Pendulum(torch.nn.Module):
        def __init__(self, params: Any) -> None:
            super().__init__()
            self.params = params

        def forward(self, x: Any, u: Any) -> Any:
            gravity, mass, length = self.params
            fall = 3.0 * gravity / (2.0 * length) * torch.sin(x[:, 0])
            rate = x[:, 1] + STEP * (fall + 3.0 * u[:, 0] / (mass * length**2))
            return torch.stack([x[:, 0] + STEP * rate, rate], dim=1)

    # Stages with a control each, the last one included: its control costs alone, and is zero.
    count = len(x0)
    hessians = torch.diag(torch.tensor([2.0, 0.2, 0.002])).repeat(HORIZON + 1, count, 1, 1)
    hessians[-1] = torch.diag(torch.tensor([20.0, 2.0, 0.002]))
    cost = mpc.QuadCost(hessians, torch.zeros(HORIZON + 1, count, 3))
    p = torch.tensor(params, requires_grad=True)
    solver = mpc.MPC(
        2,
        1,
        HORIZON + 1,
        lqr_iter=50,
        grad_method=mpc.GradMethods.AUTO_DIFF,
        n_batch=count,
        verbose=-1,
        eps=1e-9,
        exit_unconverged=False,
        detach_unconverged=False,
    )
    begin = time.perf_counter()
    states, controls, _ = solver(torch.tensor(x0), cost, Pendulum(p))
    middle = time.perf_counter()
    (0.5 * (states**2).sum() + 0.5 * (controls**2).sum()).backward()
    end = time.perf_counter()
    assert p.grad is not None
    return middle - begin, end - middle, p.grad.numpy()


def differences(x0: np.ndarray, params: np.ndarray) -> np.ndarray:
    """The gradient by central differences of fourth order; the solves are exact to 1e-12, so its error is below 1e-7."""
    solver = dilqr.Solver(dilqr.models.pendulum, HORIZON, tolerance=1e-12)

    def loss(p: np.ndarray) -> float:
        solved = solver.batch(x0, p)
        assert solved.converged.all()
        return 0.5 * float((solved.states**2).sum() + (solved.controls**2).sum())

    slopes = []
    for i in range(3):
        h = 1e-4 * np.eye(3)[i] * params[i]
        difference = 8.0 * (loss(params + h) - loss(params - h)) - (loss(params + 2.0 * h) - loss(params - 2.0 * h))
        slopes.append(difference / (12.0 * h[i]))
    return np.array(slopes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one batch alone")
    parser.add_argument("--out", type=Path, help="without effect: it draws no picture")
    given = parser.parse_args()
    try:
        import torch
    except ImportError:
        print("skipped: PyTorch is not installed")
        return
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    ways: dict[str, Callable[..., Any]] = {"dilqr": ours}
    try:
        import mpc  # noqa: F401

        ways["mpc.pytorch"] = theirs
    except ImportError:
        print("mpc.pytorch is not installed: dilqr alone")
    params = np.array([10.0, 1.0, 1.0])
    print("| problems | | solves [ms] | gradient [ms] | error of the gradient |\n|---|---|---|---|---|")
    for count in (8,) if given.quick else (1, 8, 64):
        x0 = np.random.default_rng(count).uniform([-1.0, -1.0], [1.0, 1.0], (count, 2))
        exact = differences(x0, params)
        for name, way in ways.items():
            runs = [way(x0, params) for _ in range(3 if given.quick else 7)]
            solve, gradient = (1e3 * statistics.median(run[k] for run in runs) for k in (0, 1))
            error = np.linalg.norm(runs[0][2] - exact) / np.linalg.norm(exact)
            print(f"| {count} | {name} | {solve:.3g} | {gradient:.3g} | {error:.1e} |")
            assert name != "dilqr" or error < 1e-6, error


if __name__ == "__main__":
    main()
