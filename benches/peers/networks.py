"""The networks of `../benches/networks.rs` in JAX and CasADi: value, Jacobian and contraction at one point.

Prints sums of the entries of each, which the bench compares with its own, and the least time of a call in microseconds.
CasADi gets matrix expressions, JAX `jit` of the forward Jacobian and of `hessian`, once called from Python and once in a loop
inside of XLA, where calls cost nothing. One thread. With `--cpu-time` the times are those of the processor: on a shared machine other
programs count in the time of a clock.
"""

import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import casadi as ca
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

SHAPES = {
    "two_of_32": [32, 32],
    "two_of_64": [64, 64],
    "two_of_128": [128, 128],
    "one_of_256": [256],
    "four_of_64": [64, 64, 64, 64],
}
POINT = np.array([0.3, -0.2, 0.5, 0.1, -0.4])
MU = np.array([1.0, -0.5, 0.25, 2.0])
MASK = (1 << 64) - 1
clock = time.process_time if "--cpu-time" in sys.argv else time.perf_counter


def xavier(sizes, seed):
    """The weights of `Residual::xavier`: SplitMix64, uniform in each layer."""
    state, layers = seed, []
    for inputs, outputs in zip(sizes, sizes[1:]):
        entries = []
        for _ in range(inputs * outputs):
            state = (state + 0x9E3779B97F4A7C15) & MASK
            bits = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
            bits ^= bits >> 31
            entries.append((bits >> 11) / 2.0**52 - 1.0)
        matrix = np.sqrt(6.0 / (inputs + outputs)) * np.array(entries).reshape(outputs, inputs)
        layers.append((matrix, np.zeros(outputs)))
    return layers


def least_time(call, calls, rounds=15):
    call()
    times = []
    for _ in range(rounds):
        start = clock()
        for _ in range(calls):
            call()
        times.append((clock() - start) / calls)
    return 1e6 * min(times)


def with_casadi(layers):
    z, mu = ca.MX.sym("z", 5), ca.MX.sym("mu", 4)
    h = z
    for index, (matrix, biases) in enumerate(layers):
        h = ca.DM(matrix) @ h + ca.DM(biases)
        if index + 1 < len(layers):
            h = ca.tanh(h)
    outputs = [h, ca.jacobian(h, z), ca.hessian(ca.dot(mu, h), z)[0]]
    function = ca.Function("network", [z, mu], outputs)
    buffer, call = function.buffer()
    inputs, results = [POINT.copy(), MU.copy()], [np.zeros(function.nnz_out(i)) for i in range(3)]
    for index, array in enumerate(inputs):
        buffer.set_arg(index, memoryview(array))
    for index, array in enumerate(results):
        buffer.set_res(index, memoryview(array))
    elapsed = least_time(call, 200)
    return [float(array.sum()) for array in results], elapsed


def with_jax(layers):
    def network(z):
        for index, (matrix, biases) in enumerate(layers):
            z = matrix @ z + biases
            if index + 1 < len(layers):
                z = jnp.tanh(z)
        return z

    def derivatives(z, mu):
        return network(z), jax.jacfwd(network)(z), jax.hessian(lambda z: mu @ network(z))(z)

    def loop(z, mu):
        def body(_, z):
            return z + 1e-12 * sum(entry.sum() for entry in derivatives(z, mu))

        return jax.lax.fori_loop(0, 200, body, z)

    one, many = jax.jit(derivatives), jax.jit(loop)
    z, mu = jnp.array(POINT), jnp.array(MU)
    sums = [float(entry.sum()) for entry in one(z, mu)]
    called = least_time(lambda: jax.block_until_ready(one(z, mu)), 100)
    looped = least_time(lambda: jax.block_until_ready(many(z, mu)), 3) / 200
    return sums, called, looped


for name, hidden in SHAPES.items():
    layers = xavier([5, *hidden, 4], 1)
    sums, casadi = with_casadi(layers)
    others, called, looped = with_jax(layers)
    assert np.allclose(sums, others, rtol=1e-10, atol=1e-12), (sums, others)
    print(f"{name}: sums {sums}; CasADi {casadi:.2f}, JAX {called:.2f}, in a loop {looped:.2f}")
