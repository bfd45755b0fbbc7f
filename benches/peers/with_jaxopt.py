"""Kepler's equation by JAXopt's `custom_root` around Newton's method, with its gradient in mean anomaly and eccentricity.

    python with_jaxopt.py '[0.1, 0.9]' 256

takes the eccentricities and the number of mean anomalies, and prints one line of JSON for `experiments kepler`. It needs
`pip install jaxopt` (with a JAX that it works with). One core. The linear equation of the derivative is a division, which is faster
than `custom_root`'s own choice, conjugate gradients on the normal equations.
"""

import json
import math
import statistics
import sys
import time
from importlib import metadata

import one_core  # noqa: F401

try:
    import jax
    import jax.numpy as jnp
    import jaxopt
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    raise SystemExit from None


def residual(anomaly, mean, eccentricity):
    return anomaly - eccentricity * jnp.sin(anomaly) - mean


def divide(product, right):
    return right / product(jnp.ones_like(right))


@jaxopt.implicit_diff.custom_root(residual, solve=divide)
def newton(guess, mean, eccentricity):
    """Steps until one is at most 1e-9 of the anomaly; that one is taken, too."""

    def goes_on(state):
        anomaly, step, count = state
        return (jnp.abs(step) > 1e-9 * jnp.abs(anomaly)) & (count < 100)

    def advance(state):
        anomaly, _, count = state
        step = -residual(anomaly, mean, eccentricity) / (1.0 - eccentricity * jnp.cos(anomaly))
        return anomaly + step, step, count + 1

    return jax.lax.while_loop(goes_on, advance, (guess, jnp.full_like(guess, jnp.inf), 0))[0]


def root(mean, eccentricity):
    guess = mean + jnp.copysign(eccentricity, jnp.sin(mean))
    return newton(jax.lax.stop_gradient(guess), mean, eccentricity)


def seconds(call, repeats):
    call()
    times = []
    for _ in range(15):
        begin = time.perf_counter()
        for _ in range(repeats):
            call()
        times.append((time.perf_counter() - begin) / repeats)
    return statistics.median(times)


def main():
    eccentricities, count = json.loads(sys.argv[1]), int(sys.argv[2])
    both = jax.value_and_grad(root, (0, 1))
    one, one_both, many = jax.jit(root), jax.jit(both), jax.jit(jax.vmap(both))
    means = [2.0 * math.pi * (i + 0.5) / count for i in range(count)]
    rows = []
    for eccentricity in eccentricities:
        worst = 0.0
        for mean in means:
            anomaly, gradient = one_both(mean, eccentricity)
            scale = 1.0 - eccentricity * math.cos(anomaly)
            exact = (1.0 / scale, math.sin(anomaly) / scale)
            difference = math.hypot(gradient[0] - exact[0], gradient[1] - exact[1])
            worst = max(worst, difference / math.hypot(*exact))
        mean, single = jnp.array(means[count // 5]), jnp.array(eccentricity)
        batch = (jnp.array(means), jnp.full(count, eccentricity))
        rows.append(
            {
                "side": f"JAXopt {metadata.version('jaxopt')}, JAX {jax.__version__}",
                "eccentricity": eccentricity,
                "error": worst,
                "solve": 1e9 * seconds(lambda: one(mean, single).block_until_ready(), 300),
                "both": 1e9 * seconds(lambda: jax.block_until_ready(one_both(mean, single)), 300),
                "batch": 1e9 * seconds(lambda: jax.block_until_ready(many(*batch)), 100) / count,
            }
        )
    print(json.dumps({"rows": rows}))


main()
