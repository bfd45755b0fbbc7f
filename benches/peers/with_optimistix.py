"""The fit of predators and prey by Optimistix' Levenberg-Marquardt method and Diffrax, as in Optimistix' documentation.

    python with_optimistix.py

prints one line of JSON for `experiments lotka-volterra`. It needs `pip install optimistix diffrax`. One core, float64. The fit is
done with the steps of 0.1 of the documentation, and with as many steps as ours. The gradient is that of the first rate in all
recorded points, by implicit differentiation; its time is that of a fit with it minus that of a fit.
"""

import json
import statistics
import time
from importlib import metadata

import one_core  # noqa: F401

try:
    import diffrax
    import jax
    import jax.numpy as jnp
    import optimistix
except ImportError as error:
    print(json.dumps({"missing": str(error)}))
    raise SystemExit from None

RATES = jnp.array([0.1, 0.02, 0.4, 0.02])
STARTS = jnp.array([[9.0, 9.0], [10.0, 10.0], [11.0, 11.0]])
POINTS = diffrax.SaveAt(ts=jnp.linspace(0.0, 30.0, 20))


def slope(_, populations, rates):
    prey, predators = populations
    met = prey * predators
    return jnp.stack([rates[0] * prey - rates[1] * met, rates[3] * met - rates[2] * predators])


def trajectories(rates, h):
    def one(start):
        term, method = diffrax.ODETerm(slope), diffrax.Tsit5()
        # Levenberg-Marquardt steps use forward mode.
        adjoint = diffrax.DirectAdjoint()
        return diffrax.diffeqsolve(term, method, 0.0, 30.0, h, start, rates, saveat=POINTS, adjoint=adjoint).ys

    return jax.vmap(one)(STARTS)


def seconds(first, second):
    """Medians of the time of the first call, and of what the second takes longer. They run in turn."""
    first(), second()
    times, differences = [], []
    for _ in range(5):
        begin = time.perf_counter()
        first()
        middle = time.perf_counter()
        second()
        times.append(middle - begin)
        differences.append(time.perf_counter() - middle - times[-1])
    return statistics.median(times), statistics.median(differences)


def row(name, h, start_name, start):
    data = trajectories(RATES, h)
    solver = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)

    def fit(data):
        residuals = lambda rates, data: data - trajectories(rates, h)
        found = optimistix.least_squares(residuals, solver, start, args=data, max_steps=256, throw=False)
        return found.value, found.stats["num_steps"]

    plain = jax.jit(fit)
    both = jax.jit(jax.value_and_grad(lambda data: fit(data)[0][0]))
    rates, steps = plain(data)
    error = float(jnp.max(jnp.abs(rates / RATES - 1.0)))
    fitted, longer = seconds(lambda: jax.block_until_ready(plain(data)), lambda: jax.block_until_ready(both(data)))
    return {
        "side": f"Optimistix {metadata.version('optimistix')}, {name}",
        "start": start_name,
        "steps": int(steps),
        "fit": 1e6 * fitted,
        "gradient": 1e6 * longer,
        "error": error,
    }


def main():
    starts = {"zeros": jnp.zeros(4), "1.2 times the rates": 1.2 * RATES}
    methods = {"300 steps": 0.1, "76 steps": 30.0 / 76.0}
    rows = [row(name, h, of, start) for of, start in starts.items() for name, h in methods.items()]
    print(json.dumps({"rows": rows}))


main()
