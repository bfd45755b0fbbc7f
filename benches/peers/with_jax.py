"""The solver as one writes it in JAX: Gauss-Newton steps, compiled whole, and the exact gradient by the adjoint.

    python with_jax.py

needs `pip install jax casadi` (the latter for the formulas' module only). One core; `problems.py` says what is printed.
"""

import json
import time

import one_core  # noqa: F401

try:
    import casadi  # noqa: F401
    import jax
    import jax.numpy as jnp
    import problems
except ImportError as error:
    print(json.dumps({"peer": "JAX", "missing": str(error)}))
    raise SystemExit from None


def functions(problem):
    """`solve(start, guess, params)` and `differentiate(solution, params)`, to be compiled."""
    neutral = jnp.array(problem.neutral)
    nx = len(problem.start)

    def step(x, u, p):
        return jnp.stack(problem.step(list(x), list(u), list(p)))

    def cost(x, u):
        return problem.cost(list(x), list(u))

    def total(xs, us):
        return jax.vmap(cost)(xs[:-1], us).sum() + cost(xs[-1], neutral)

    def riccati(fx, fu, hxx, hux, huu, gx, gu, last):
        def stage(value, here):
            hessian, gradient = value
            fx, fu, hxx, hux, huu, gx, gu = here
            qxx, qux, quu = hxx + fx.T @ hessian @ fx, hux + fu.T @ hessian @ fx, huu + fu.T @ hessian @ fu
            qx, qu = gx + fx.T @ gradient, gu + fu.T @ gradient
            if quu.shape == (1, 1):
                gain, k = -qux / quu, -qu / quu[0]
            else:
                both = -jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(quu), jnp.column_stack([qux, qu]))
                gain, k = both[:, :-1], both[:, -1]
            before = qxx + qux.T @ gain
            return (0.5 * (before + before.T), qx + gain.T @ qu), (gain, k, hessian, gradient)

        return jax.lax.scan(stage, last, (fx, fu, hxx, hux, huu, gx, gu), reverse=True)[1]

    def rollout(start, us, xs, gains, ks, size, p):
        def stage(x, here):
            u, reference, gain, k = here
            u = u + size * k + gain @ (x - reference)
            return step(x, u, p), (x, u)

        end, (path, controls) = jax.lax.scan(stage, start, (us, xs[:-1], gains, ks))
        return jnp.vstack([path, end]), controls

    slopes = jax.vmap(jax.jacfwd(step, (0, 1)), (0, 0, None))
    cost_slopes = jax.vmap(jax.grad(cost, (0, 1)))

    def cost_blocks(x, u):
        ((hxx, _), (hux, huu)) = jax.hessian(cost, (0, 1))(x, u)
        return hxx, hux, huu

    def solve(start, guess, p):
        nu, horizon = guess.shape[1], guess.shape[0]
        nothing = jnp.zeros((horizon, nu, nx)), jnp.zeros((horizon, nu))
        xs, us = rollout(start, guess, jnp.zeros((horizon + 1, nx)), *nothing, 0.0, p)

        def iterate(state):
            xs, us, best, _, count, _ = state
            fx, fu = slopes(xs[:-1], us, p)
            hxx, hux, huu = jax.vmap(cost_blocks)(xs[:-1], us)
            gx, gu = cost_slopes(xs[:-1], us)
            last = jax.hessian(cost)(xs[-1], neutral), jax.grad(cost)(xs[-1], neutral)
            gains, ks, _, _ = riccati(fx, fu, hxx, hux, huu, gx, gu, last)

            def attempt(search):
                size, tries = search[0] * 0.5, search[1] + 1
                path, controls = rollout(start, us, xs, gains, ks, size, p)
                return size, tries, path, controls, total(path, controls)

            def worse(search):
                return (search[4] > best + 1e-10 * jnp.abs(best)) & (search[1] < 12)

            search = jax.lax.while_loop(worse, attempt, attempt((2.0, 0)))
            return search[2], search[3], search[4], jnp.abs(ks).max(), count + 1, gains

        def goes_on(state):
            return (state[3] >= problems.TOLERANCE) & (state[4] < 100)

        first = xs, us, total(xs, us), jnp.inf, 0, nothing[0]
        return jax.lax.while_loop(goes_on, iterate, first)

    def differentiate(xs, us, gains, p):
        fx, fu = slopes(xs[:-1], us, p)
        lx, lu = cost_slopes(xs[:-1], us)
        end = jax.grad(cost)(xs[-1], neutral)

        def costate(after, here):
            fx, fu, lx, lu, gain = here
            before = lx + fx.T @ after + gain.T @ (lu + fu.T @ after)
            return before, after

        _, after = jax.lax.scan(costate, end, (fx, fu, lx, lu, gains), reverse=True)

        def hamiltonian(x, u, p, costate):
            return cost(x, u) + costate @ step(x, u, p)

        def hamiltonian_blocks(x, u, costate):
            ((hxx, _), (hux, huu)) = jax.hessian(hamiltonian, (0, 1))(x, u, p, costate)
            return hxx, hux, huu

        hxx, hux, huu = jax.vmap(hamiltonian_blocks)(xs[:-1], us, after)
        loss_x = jnp.zeros_like(xs).at[1:, problem.rate].set(xs[1:, problem.rate])
        last = jax.hessian(cost)(xs[-1], neutral), loss_x[-1]
        gains, ks, hessians, gradients = riccati(fx, fu, hxx, hux, huu, loss_x[:-1], us, last)

        def forward(dx, here):
            fx, fu, gain, k, hessian, gradient = here
            du = k + gain @ dx
            after = fx @ dx + fu @ du
            return after, (dx, du, hessian @ after + gradient)

        _, (dx, du, dcostate) = jax.lax.scan(forward, jnp.zeros(nx), (fx, fu, gains, ks, hessians, gradients))

        def contraction(x, u, costate, dx, du, dcostate):
            def along(p):
                slopes = jax.grad(hamiltonian, (0, 1))(x, u, p, costate)
                return slopes[0] @ dx + slopes[1] @ du + dcostate @ step(x, u, p)

            return jax.grad(along)(p)

        return jax.vmap(contraction)(xs[:-1], us, after, dx, du, dcostate).sum(0)

    return solve, differentiate


def microseconds(run):
    """Median of calls that each wait for their result."""
    jax.block_until_ready(run())
    samples = []
    start = time.perf_counter()
    while len(samples) < 15 or (len(samples) < 1000 and time.perf_counter() - start < 0.5):
        before = time.perf_counter()
        jax.block_until_ready(run())
        samples.append(time.perf_counter() - before)
    return 1e6 * sorted(samples)[len(samples) // 2]


def case(problem):
    guess, start, p = jnp.array(problem.guess()), jnp.array(problem.start), jnp.array(problem.params)
    problems.use(jnp)
    solve, differentiate = map(jax.jit, functions(problem))
    xs, us, cost, _, count, gains = solve(start, guess, p)
    gradient = differentiate(xs, us, gains, p)
    solve_time = microseconds(lambda: solve(start, guess, p))
    times = {"solve": solve_time, "iteration": solve_time / int(count)}
    times["gradient"] = microseconds(lambda: differentiate(xs, us, gains, p))
    return {
        "cost": float(cost),
        "iterations": int(count),
        "controls": us.ravel().tolist(),
        "gradient": gradient.tolist(),
        "times": times,
    }


def batch():
    """Microseconds a problem, all of them mapped over in one compiled call."""
    problem, count = problems.BATCH
    p = jnp.array(problem.params)
    starts, guesses = [], []
    for i in range(count):
        problem.start = problems.batch_start(problem, i, count)
        starts.append(problem.start)
        guesses.append(problem.guess())
    problems.use(jnp)
    solve = jax.jit(jax.vmap(functions(problem)[0], (0, 0, None)))
    starts, guesses = jnp.array(starts), jnp.array(guesses)
    return microseconds(lambda: solve(starts, guesses, p)) / count


def main():
    cases = {problem.name: case(problem) for problem in problems.PROBLEMS}
    cases[problems.BATCH[0].name]["times"]["batch"] = batch()
    print(json.dumps({"peer": f"JAX {jax.__version__}", "cases": cases}))


main()
