"""A layer of model predictive control inside a policy, trained in closed loop with JAX.

A vehicle drives to a place while a current carries it off. The controller's model has no current. A small network sees the
current, and shifts the goal that the controller is given. It is trained on what happens: the distances along closed-loop
drives, whose gradient passes through every solve of every step.

    python mpc_policy.py --out pictures
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import dilqr
import dilqr.jax

jax.config.update("jax_enable_x64", True)

#: Stages that the controller looks ahead, steps of a drive, and the time of one [s].
HORIZON, STEPS, DT = 12, 25, 0.1
#: Where the vehicle is to be [m].
PLACE = jnp.array([1.0, 0.5])

Network = list[tuple[jax.Array, jax.Array]]


def network(sizes: list[int]) -> Network:
    """Weights of a network whose first output is zero: training begins at the plain controller."""
    random = np.random.default_rng(3)
    layers = [
        (jnp.asarray(random.normal(size=(n, m)) / np.sqrt(n)), jnp.zeros(m)) for n, m in zip(sizes[:-1], sizes[1:])
    ]
    layers[-1] = (0.0 * layers[-1][0], layers[-1][1])
    return layers


def evaluate(weights: Network, inputs: jax.Array) -> jax.Array:
    for matrix, offset in weights[:-1]:
        inputs = jnp.tanh(inputs @ matrix + offset)
    return inputs @ weights[-1][0] + weights[-1][1]


def drive(layer: dilqr.jax.Layer, weights: Network, x0: jax.Array, current: jax.Array) -> jax.Array:
    """The places along the drives of a batch, ``(B, STEPS + 1, 2)``."""

    def step(x: jax.Array, _: Any) -> tuple[jax.Array, jax.Array]:
        seen = jnp.concatenate([10.0 * current, x[:, :2] - PLACE, jnp.cos(x[:, 2:]), jnp.sin(x[:, 2:])], axis=1)
        goal = PLACE + evaluate(weights, seen)
        params = {"goal": goal, "goal_heading": 0.0, "price_speed": 0.05, "price_turn": 0.05}
        u = layer(x, params, controls=jnp.full((HORIZON, 2), 0.1)).controls[:, 0]
        # The vehicle, by the midpoint rule, and the current.
        heading = x[:, 2] + 0.5 * DT * u[:, 1]
        motion = jnp.stack([u[:, 0] * jnp.cos(heading), u[:, 0] * jnp.sin(heading), u[:, 1]], axis=1)
        return x + DT * (motion + jnp.pad(current, ((0, 0), (0, 1)))), x[:, :2]

    last, places = jax.lax.scan(step, x0, None, length=STEPS)
    return jnp.concatenate([jnp.moveaxis(places, 0, 1), last[:, None, :2]], axis=1)


def situations(count: int, seed: int) -> tuple[jax.Array, jax.Array]:
    """Poses to start from, and currents of up to 0.3 m/s."""
    random = np.random.default_rng(seed)
    x0 = random.uniform([-0.5, -0.5, -0.5], [0.5, 0.5, 0.5], (count, 3))
    angle, speed = random.uniform(0.0, 2.0 * np.pi, count), random.uniform(0.1, 0.3, count)
    return jnp.asarray(x0), jnp.asarray(np.stack([speed * np.cos(angle), speed * np.sin(angle)], axis=1))


def train(iterations: int, count: int) -> tuple[np.ndarray, Network, Network, dilqr.jax.Layer]:
    """The losses on situations that are not trained on, and the networks before and after."""
    # A problem whose gradient does not exist takes no part in a step.
    layer = dilqr.jax.layer(dilqr.models.unicycle, HORIZON, on_no_gradient="zero")

    def loss(weights: Network, x0: jax.Array, current: jax.Array) -> jax.Array:
        places = drive(layer, weights, x0, current)
        return ((places[:, STEPS // 2 :] - PLACE) ** 2).sum(axis=-1).mean()

    first = network([6, 16, 2])
    value, gradient = jax.jit(loss), jax.jit(jax.grad(loss))
    test = situations(count, 100)
    weights, losses = first, [float(value(first, *test))]
    zeros = jax.tree.map(jnp.zeros_like, first)
    mean, square = zeros, zeros
    for k in range(1, iterations + 1):
        slope = gradient(weights, *situations(count, k))
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, slope)
        square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g**2, square, slope)
        rate = 0.02 * 0.5 ** (3.0 * k / iterations)
        weights = jax.tree.map(
            lambda w, m, s: w - rate * (m / (1 - 0.9**k)) / (jnp.sqrt(s / (1 - 0.99**k)) + 1e-12), weights, mean, square
        )
        losses.append(float(value(weights, *test)))
    return np.array(losses), first, weights, layer


def picture(losses: np.ndarray, drives: tuple[jax.Array, jax.Array], folder: Path) -> None:
    """Losses, and drives before and after."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained")
    left.semilogy(losses)
    left.set(xlabel="iteration", ylabel="squared distance [m^2]", title="Drives that are not trained on")
    for places, color, name in zip(drives, ("tab:gray", "tab:blue"), ("plain controller", "learned policy")):
        for k, path in enumerate(np.asarray(places)):
            right.plot(path[:, 0], path[:, 1], color=color, linewidth=1.0, label=name if k == 0 else None)
    right.plot(*PLACE, "k+", markersize=12)
    right.set(xlabel="x [m]", ylabel="y [m]", title="Drives in a current", aspect="equal")
    right.legend()
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "mpc_policy.svg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer iterations")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="the folder of the picture")
    given = parser.parse_args()
    losses, first, last, layer = train(*((12, 6) if given.quick else (150, 32)))
    print(f"squared distance {losses[0]:.4f} -> {losses[-1]:.4f} m^2")
    assert losses[-1] < (0.6 if given.quick else 0.3) * losses[0], losses
    x0, current = situations(8, 200)
    picture(losses, tuple(drive(layer, weights, x0, current) for weights in (first, last)), given.out)


if __name__ == "__main__":
    main()
