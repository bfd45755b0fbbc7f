"""The problems on which whole solvers are compared, as `benches/src/peers.rs` has them.

Each is a system of `systems.py` over a horizon, with parameters, start and first guess. The terminal cost is the stage cost at
the control that costs nothing. The loss whose gradient is wanted is 1/2 sum_t |u_t|^2 + 1/2 sum_{t >= 1} w_t^2, `w` the state
entry `rate`. A solve ends with a full step that moves no control by 1e-8.

What a script prints is one object: `peer`, `cases` and `riccati`. A case holds the optimal `cost`, the `controls` stage after
stage, the loss's `gradient` in the parameters, and `times` [us] of an `iteration` (Gauss-Newton), a `solve`, the `gradient`, and
of a problem of a `batch`. `riccati` holds the first `gain` and `feedforward` of the recursion over the stages of
`riccati_stage`, its `time`, and that of a problem in the `lanes` of vector registers. What a solver does not do is left out.
"""

import math
from dataclasses import dataclass

import systems

TOLERANCE = 1e-8
RICCATI_HORIZON = 100


@dataclass
class Problem:
    system: str
    horizon: int
    start: list
    params: list
    # Control of the first guess at a state.
    law: callable
    # Control of the terminal cost.
    neutral: list
    rate: int

    @property
    def name(self):
        return f"{self.system.split('_')[0]}_T{self.horizon}"

    def step(self, x, u, p):
        return systems.SYSTEMS[self.system].step(x, u, p)

    def cost(self, x, u):
        return systems.SYSTEMS[self.system].cost(x, u)

    def guess(self):
        """Controls of the first guess: the law's along its own rollout."""
        use(math)
        x, controls = self.start, []
        for _ in range(self.horizon):
            controls.append(self.law(x))
            x = self.step(x, controls[-1], self.params)
        return controls


def use(functions):
    """The systems' sine and cosine from here on: of `math`, `casadi` or `jax.numpy`."""
    systems.sin, systems.cos = functions.sin, functions.cos


def pendulum(horizon):
    return Problem(
        "pendulum", horizon, [1.0, 0.0], [10.0, 1.0, 1.0], lambda x: [-(8.0 * x[0] + 2.0 * x[1])], [0.0], 1
    )


def cartpole(horizon):
    def law(x):
        return [2.0 * x[0] + 4.0 * x[1] + 40.0 * x[2] + 8.0 * x[3]]

    return Problem("cartpole", horizon, [0.0, 0.0, 0.5, 0.0], [9.8, 1.0, 0.1, 0.5], law, [0.0], 3)


def quadrotor(horizon):
    hover = [systems.HOVER] * 4
    start = [0.5, -0.4, 0.6, 0.1, -0.1, 0.2] + [0.0] * 6
    params = [0.5, 0.0023, 0.0023, 0.004, 0.175, 0.0245]
    return Problem("quadrotor_rk4", horizon, start, params, lambda _: hover, hover, 9)


PROBLEMS = [pendulum(10), cartpole(30), cartpole(100), quadrotor(100)]
BATCH = (cartpole(30), 64)


def batch_start(problem, i, count):
    """As many poles, let go at different angles."""
    start = list(problem.start)
    start[2] = -0.5 + i / (count - 1)
    return start


def riccati_stage(t):
    """fx, fu, hxx, hux, huu, gx, gu of four states and one control, row by row."""
    four = range(4)
    return (
        [[(i == j) + 0.05 * math.cos(i - 2.0 * j + 0.3 * t) for j in four] for i in four],
        [[0.1 * (1 + i) + 0.01 * math.sin(t)] for i in four],
        [[(i == j) + 0.1 * math.cos(i + j + 0.1 * t) for j in four] for i in four],
        [[0.02 * math.sin(j + t) for j in four]],
        [[1.0]],
        [math.sin(i + 0.2 * t) for i in four],
        [0.1 * math.cos(t)],
    )
