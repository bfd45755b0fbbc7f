"""Learns the parameters of a cart-pole from the way an expert drives it, with numpy alone.

The expert's controller has a model with parameters that the learner does not have. The learner sees trajectories: what the
expert's controller plans from several initial states. It looks for the parameters under which its own plans are the same.
Adam takes steps along exact gradients of the distance, through the solution of each problem.

    python learn_cartpole.py --out pictures
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import dilqr

HORIZON = 50


def starts(count: int) -> np.ndarray:
    """Initial states: leaning poles on moving carts."""
    return np.random.default_rng(7).uniform([-0.5, -0.5, -0.5, -0.5], [0.5, 0.5, 0.5, 0.5], (count, 4))


def learn(steps: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The losses, and the parameters over those of the expert, step by step; and the expert's parameters."""
    model = dilqr.models.cartpole
    solver = dilqr.Solver(model, HORIZON)
    expert = model.params.to_array({"gravity": 9.81, "mass_cart": 1.3, "mass_pole": 0.35, "length": 0.6})
    x0s = starts(count)
    shown = solver.batch(x0s, expert)
    assert shown.converged.all(), shown
    # Angles and positions of about 0.3, forces of about 5.
    weight_states, weight_controls = 10.0, 0.1

    # Gravity is known. The others are positive, so their logarithms are learned.
    learned = np.log(model.params.to_array(model.params.defaults))
    learned[0] = np.log(expert[0])
    first, second = np.zeros(4), np.zeros(4)
    losses, path = [], []
    for step in range(1, steps + 1):
        params = np.exp(learned)
        batch = solver.batch(x0s, params)
        d_states = weight_states * (batch.states - shown.states) / count
        d_controls = weight_controls * (batch.controls - shown.controls) / count
        loss = 0.5 * count * ((d_states**2).sum() / weight_states + (d_controls**2).sum() / weight_controls)
        losses.append(loss)
        path.append(params / expert)
        gradient, _ = solver.vjp_batch(batch, d_states, d_controls)
        slope = gradient.params.sum(axis=0) * params
        slope[0] = 0.0
        # Adam, with a rate that falls.
        rate = 0.05 * 0.5 ** (5.0 * step / steps)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        learned -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-12)
    return np.array(losses), np.array(path), expert


def picture(losses: np.ndarray, path: np.ndarray, folder: Path) -> None:
    """Losses and parameters."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.5), layout="constrained")
    left.semilogy(losses)
    left.set(xlabel="step", ylabel="loss", title="Distance to the expert's trajectories")
    for i, name in enumerate(dilqr.models.cartpole.params):
        if i > 0:
            right.plot(path[:, i], label=name)
    right.axhline(1.0, color="black", linewidth=0.8)
    right.set(xlabel="step", ylabel="learned / expert's", title="Parameters")
    right.legend()
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "learn_cartpole.svg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="the folder of the picture")
    given = parser.parse_args()
    losses, path, expert = learn(*((120, 4) if given.quick else (400, 16)))
    names = dilqr.models.cartpole.params
    for i, name in enumerate(names):
        print(f"{name:10} learned {path[-1, i] * expert[i]:.4f}, expert's {expert[i]:.4f}")
    print(f"loss {losses[0]:.3e} -> {losses[-1]:.3e}")
    # Without the last digits: the quick run ends at a part in a thousand of each parameter.
    assert losses[-1] < 1e-3 * losses[0] and np.abs(path[-1] - 1.0).max() < 0.05, path[-1]
    picture(losses, path, given.out)


if __name__ == "__main__":
    main()
