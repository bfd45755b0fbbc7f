"""A neural differential equation by Diffrax' adaptive DOPRI5 and the adjoint equation, on the data of `experiments neural-ode`.

    python with_diffrax.py spiral 5 2000

takes the flow, the number of seeds and the epochs, and prints one line of JSON. It needs `pip install diffrax`. One core, float64. Data,
network, segments, Adam and its steps are those of the experiment; initial weights have its distribution, from another generator.
"""

import json
import math
import sys
import time

import one_core  # noqa: F401

try:
    import diffrax
    import jax
    import jax.numpy as jnp
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    raise SystemExit from None

STEP, AHEAD = 0.1, 10
FLOWS = {
    "spiral": ([100, 50, 150], 50, 1e-2, lambda x: (-x[0] ** 3 + 2 * x[1] ** 3, -2 * x[0] ** 3 - 0.1 * x[1] ** 3)),
    "van der Pol": ([107, 106, 106], 500, 1e-3, lambda x: (x[1], 3.0 * (1.0 - x[0] ** 2) * x[1] - x[0])),
}


def data(split, slope):
    """Training, validation and test points, by classical Runge-Kutta steps of a hundredth."""
    f = lambda x: jnp.array(slope(x))

    @jax.jit
    def advance(x):
        def runge_kutta(_, x):
            h = STEP / 100
            a = f(x)
            b = f(x + 0.5 * h * a)
            c = f(x + 0.5 * h * b)
            return x + h / 6 * (a + 2 * b + 2 * c + f(x + h * c))

        return jax.lax.fori_loop(0, 100, runge_kutta, x)

    points, x = [], jnp.array([2.0, 0.0])
    for _ in range(sum(split)):
        points.append(x)
        x = advance(x)
    points = jnp.stack(points)
    return points[: split[0]], points[split[0] : split[0] + split[1]], points[split[0] + split[1] :]


def network(key, hidden):
    weights = []
    for before, after in [(2, hidden), (hidden, hidden), (hidden, 2)]:
        key, own = jax.random.split(key)
        reach = math.sqrt(6 / (before + after))
        weights.append((jax.random.uniform(own, (after, before), minval=-reach, maxval=reach), jnp.zeros(after)))
    return weights


def evaluate(_, x, weights):
    for matrix, bias in weights[:-1]:
        x = jnp.tanh(matrix @ x + bias)
    return weights[-1][0] @ x + weights[-1][1]


def predict(weights, x, count):
    times = STEP * jnp.arange(1, count + 1)
    return diffrax.diffeqsolve(
        diffrax.ODETerm(evaluate), diffrax.Dopri5(), 0.0, STEP * count, STEP / 2, x, weights,
        saveat=diffrax.SaveAt(ts=times), adjoint=diffrax.BacksolveAdjoint(), max_steps=100_000, throw=False,
        stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-8),
    ).ys


def train(flow, seed, epochs):
    split, hidden, rate, slope = FLOWS[flow]
    begin = time.perf_counter()
    learned, validation, test = data(split, slope)
    starts = range(0, split[0] - AHEAD, AHEAD)
    segments = jnp.stack([learned[start : start + AHEAD + 1] for start in starts])

    def loss(weights):
        found = jax.vmap(lambda segment: predict(weights, segment[0], AHEAD))(segments)
        return jnp.sum((found - segments[:, 1:]) ** 2) / (len(starts) * AHEAD)

    @jax.jit
    def error(weights, points):
        found = predict(weights, points[0], len(points) - 1)
        return jnp.mean((found - points[1:]) ** 2)

    @jax.jit
    def step(state, count, rate):
        weights, means, squares = state
        value, gradient = jax.value_and_grad(loss)(weights)
        means = jax.tree.map(lambda mean, g: 0.9 * mean + 0.1 * g, means, gradient)
        squares = jax.tree.map(lambda square, g: 0.999 * square + 0.001 * g * g, squares, gradient)
        change = lambda mean, square: (mean / (1 - 0.9**count)) / (jnp.sqrt(square / (1 - 0.999**count)) + 1e-12)
        moved = jax.tree.map(lambda w, m, s: w - rate * change(m, s), weights, means, squares)
        return (moved, means, squares), value

    weights = network(jax.random.PRNGKey(seed), hidden)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state, best, value = (weights, zeros, zeros), (math.inf, weights), math.nan
    for epoch in range(epochs):
        state, value = step(state, epoch + 1.0, rate * 0.01 ** (epoch / epochs))
        if (epoch + 1) % 10 == 0 or epoch + 1 == epochs:
            found = float(error(state[0], validation))
            best = min(best, (found, state[0]), key=lambda pair: pair[0])
    steps = len(starts) * AHEAD
    forward = jax.jit(loss)
    jax.block_until_ready((forward(state[0]), step(state, 1.0, rate)))
    first = time.perf_counter()
    for _ in range(10):
        jax.block_until_ready(forward(state[0]))
    second = time.perf_counter()
    for _ in range(10):
        jax.block_until_ready(step(state, 1.0, rate))
    third = time.perf_counter()
    micro = 1e6 / 10 / steps
    return {
        "system": flow, "method": "DOPRI5, adjoint equation", "seed": seed, "epochs": epochs, "train": 0.5 * float(value),
        "validation": best[0], "test": float(error(best[1], test)), "refused": 0, "forward": micro * (second - first),
        "backward": micro * ((third - second) - (second - first)), "seconds": time.perf_counter() - begin,
    }


def main():
    flow, seeds, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps({"rows": [train(flow, seed, epochs) for seed in range(seeds)]}))


main()
