"""Backward passes in PyTorch, beside ours: mpc.pytorch's, and automatic differentiation through iLQR's iterations.

    python3 mpc_pytorch.py [--quick] [--ours backward-cost.csv] [--output FOLDER]

makes a virtual environment under `target/peers` of this repository (torch and mpc from PyPI, some gigabytes, the first time
only), times both on the problems of `cargo run --release -p dilqr-benches --bin experiments -- backward-cost`, and prints one
table with what that program measured. It writes `mpc-pytorch.csv` and `mpc-pytorch.md` to the folder (`target/experiments`
unless told otherwise).

float64, one thread, one problem at a time. mpc.pytorch counts stages with a control each, also the last: T + 1 of them are our
T. Its backward pass takes the linearisation as fixed. The loss is half the squares of all states and controls, and the
gradient that in the parameters of the dynamics.
"""

import argparse
import csv
import statistics
import sys
import time
from pathlib import Path

import torch_environment
import torch
from mpc import mpc
from torch.func import jacrev, vmap

STEP = 0.05


class Pendulum(torch.nn.Module):
    """Cosine, sine and rate; torque; gravity, mass and length."""

    weights = [1.0, 1.0, 0.1, 0.001]
    linear = [-1.0, 0.0, 0.0, 0.0]
    params = [10.0, 1.0, 1.0]
    angle = 0.6

    def __init__(self, params):
        super().__init__()
        self.params = params

    @staticmethod
    def start(angle):
        return [torch.cos(angle), torch.sin(angle), torch.zeros(())]

    @staticmethod
    def law(x):
        return -(8.0 * torch.atan2(x[1], x[0]) + 2.0 * x[2])

    def step(self, x, u):
        gravity, mass, length = self.params
        cosine, sine, rate = x
        rate = rate + STEP * (3 * gravity / (2 * length) * sine + 3 * u[0] / (mass * length**2))
        angle = torch.atan2(sine, cosine) + STEP * rate
        return torch.stack([torch.cos(angle), torch.sin(angle), rate])

    def forward(self, x, u):
        return vmap(self.step)(x, u)


class Cartpole(Pendulum):
    """Position, velocity, cosine, sine and rate; force; gravity, masses of cart and pole, half the pole's length."""

    weights = [0.1, 0.1, 1.0, 1.0, 0.1, 0.001]
    linear = [0.0, 0.0, -1.0, 0.0, 0.0, 0.0]
    params = [9.8, 1.0, 0.1, 0.5]
    angle = 0.5

    @staticmethod
    def start(angle):
        zero = torch.zeros(())
        return [zero, zero, torch.cos(angle), torch.sin(angle), zero]

    @staticmethod
    def law(x):
        return 2.0 * x[0] + 4.0 * x[1] + 40.0 * torch.atan2(x[3], x[2]) + 8.0 * x[4]

    def step(self, x, u):
        gravity, cart, pole, length = self.params
        position, velocity, cosine, sine, rate = x
        mass = cart + pole
        push = (u[0] + pole * length * rate**2 * sine) / mass
        turn = (gravity * sine - cosine * push) / (length * (4 / 3 - pole * cosine**2 / mass))
        pull = push - pole * length * turn * cosine / mass
        angle = torch.atan2(sine, cosine) + STEP * rate
        return torch.stack(
            [position + STEP * velocity, velocity + STEP * pull, torch.cos(angle), torch.sin(angle), rate + STEP * turn]
        )


def loss(xs, us):
    return 0.5 * (xs**2).sum() + 0.5 * (us**2).sum()


def guess(system, horizon):
    """The rollout under the linear law from which every solver starts: states and controls."""
    with torch.no_grad():
        x = torch.stack(system.start(torch.tensor(system.angle)))
        xs, us = [x], []
        for _ in range(horizon):
            us.append(system.law(x).reshape(1))
            x = system.step(x, us[-1])
            xs.append(x)
        return torch.stack(xs), torch.stack(us)


def by_mpc(kind, horizon, iterations):
    """Seconds of mpc.pytorch's forward and backward pass, and the gradient."""
    params = torch.tensor(kind.params, requires_grad=True)
    system = kind(params)
    xs, us = guess(system, horizon)
    controls = torch.cat([us, torch.zeros(1, 1)]).reshape(horizon + 1, 1, 1)
    weights, linear = torch.tensor(kind.weights), torch.tensor(kind.linear)
    solver = mpc.MPC(
        len(kind.weights) - 1,
        1,
        horizon + 1,
        u_init=controls,
        lqr_iter=iterations,
        grad_method=mpc.GradMethods.AUTO_DIFF,
        n_batch=1,
        verbose=-1,
        eps=0.0,
        not_improved_lim=10**9,
        best_cost_eps=0.0,
        exit_unconverged=False,
        detach_unconverged=False,
    )
    begin = time.perf_counter()
    states, solved, _ = solver(xs[:1], mpc.QuadCost(torch.diag(weights), linear), system)
    value = loss(states, solved)
    middle = time.perf_counter()
    value.backward()
    return middle - begin, time.perf_counter() - middle, params.grad


def unrolled(kind, horizon, iterations):
    """The same of full Gauss-Newton steps, each a backward sweep and a rollout, with automatic differentiation through
    all of them."""
    params = torch.tensor(kind.params, requires_grad=True)
    system = kind(params)
    xs, us = guess(system, horizon)
    weights, linear = torch.tensor(kind.weights), torch.tensor(kind.linear)
    size = len(kind.weights) - 1
    hxx, gx, huu, gu = torch.diag(weights[:size]), linear[:size], weights[size:], linear[size:]
    slopes = vmap(jacrev(system.step, argnums=(0, 1)))
    begin = time.perf_counter()
    for _ in range(iterations):
        fx, fu = slopes(xs[:-1], us)
        value, costate = hxx, hxx @ xs[-1] + gx
        feedback, feedforward = [], []
        for t in reversed(range(horizon)):
            a, b = fx[t], fu[t]
            qx, qu = hxx @ xs[t] + gx + a.T @ costate, huu * us[t] + gu + b.T @ costate
            quu = torch.diag(huu) + b.T @ value @ b
            qux = b.T @ value @ a
            gain, shift = -qux / quu, -qu / quu[0]
            value = hxx + a.T @ value @ a + qux.T @ gain
            costate = qx + gain.T @ qu
            feedback.append(gain)
            feedforward.append(shift)
        x, states, controls = xs[0], [xs[0]], []
        for t, (gain, shift) in enumerate(zip(reversed(feedback), reversed(feedforward))):
            controls.append(us[t] + shift + gain @ (x - xs[t]))
            x = system.step(x, controls[-1])
            states.append(x)
        xs, us = torch.stack(states), torch.stack(controls)
    value = loss(xs, us)
    middle = time.perf_counter()
    value.backward()
    return middle - begin, time.perf_counter() - middle, params.grad


def measure(way, kind, horizon, iterations, times):
    """Medians of a way's seconds, and its gradient."""
    runs = [way(kind, horizon, iterations) for _ in range(times)]
    return [statistics.median(run[k] for run in runs) for k in (0, 1)], runs[0][2]


COLUMNS = [
    "system",
    "horizon",
    "iterations",
    "mpc_forward",
    "mpc_backward",
    "unrolled_forward",
    "unrolled_backward",
    "mpc_error",
]


def table(rows, ours):
    head = [
        "system", "T", "iterations", "mpc.pytorch forward [ms]", "backward [ms]", "unrolled PyTorch forward [ms]",
        "backward [ms]", "unrolled / mpc, backward", "ours, Implicit [ms]", "mpc / ours, backward",
        "unrolled / ours, backward", "mpc.pytorch's gradient against unrolling",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        implicit = ours.get((row["system"], int(row["horizon"]), int(row["iterations"])))
        times = [float(row[name]) for name in COLUMNS[3:7]]
        cells = [row["system"], row["horizon"], row["iterations"]]
        cells += [f"{1e3 * seconds:.3g}" for seconds in times]
        cells.append(f"{times[3] / times[1]:.1f}")
        cells += (
            [f"{1e3 * implicit:.2g}", f"{times[1] / implicit:.0f}", f"{times[3] / implicit:.0f}"]
            if implicit
            else ["-", "-", "-"]
        )
        cells.append(f"{100 * float(row['mpc_error']):.0f} %")
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="two short cases alone")
    results = torch_environment.ROOT / "target" / "experiments"
    parser.add_argument("--output", type=Path, default=results, help="folder of the results")
    parser.add_argument("--ours", type=Path, help="what the experiments measured [backward-cost.csv of the folder]")
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)

    ours = {}
    path = arguments.ours or arguments.output / "backward-cost.csv"
    if path.exists():
        with path.open() as file:
            for row in csv.DictReader(file):
                ours[row["system"], int(row["horizon"]), int(row["iterations"])] = float(row["implicit"])
    else:
        print(f"{path} is not there: without a column of ours", file=sys.stderr)

    cases = [(horizon, iterations) for horizon in (10, 20, 30, 100) for iterations in (5, 50, 100, 300)]
    if arguments.quick:
        cases = cases[:1]
    file = arguments.output / "mpc-pytorch.csv"
    rows = []
    if file.exists():
        with file.open() as text:
            rows = list(csv.DictReader(text))
    done = {(row["system"], int(row["horizon"]), int(row["iterations"])) for row in rows}
    for name, kind in (("pendulum", Pendulum), ("cartpole", Cartpole)):
        for horizon, iterations in cases:
            if (name, horizon, iterations) in done:
                continue
            times = 5 if horizon * iterations <= 500 else 3 if horizon * iterations <= 1500 else 1
            print(f"{name}, T {horizon}, {iterations} iterations", file=sys.stderr)
            by, gradient = measure(by_mpc, kind, horizon, iterations, times)
            through, exact = measure(unrolled, kind, horizon, iterations, times)
            error = ((gradient - exact).norm() / exact.norm()).item()
            new = dict(zip(COLUMNS, [name, horizon, iterations, *by, *through, error]))
            rows.append(new)
            with file.open("a", newline="") as text:
                writer = csv.DictWriter(text, COLUMNS)
                if len(rows) == 1:
                    writer.writeheader()
                writer.writerow(new)
    text = table(rows, ours)
    (arguments.output / "mpc-pytorch.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
