"""The nonlinear problems of the bench `limits` in CasADi, in the formulas of our models, by multiple shooting.

The variables are u_0, x_1, u_1, x_2, .., x_N; x_0 is given. The rows are the dynamics, f(x_t, u_t) - x_{t+1} = 0, then
the limits.
"""

from dataclasses import dataclass, field

import casadi
import numpy
from casadi import SX, cos, exp, sin, sqrt, tanh, vertcat, vertsplit


@dataclass
class Model:
    nx: int
    nu: int
    horizon: int
    # x+ = step(x, u)
    step: callable
    # Costs of (x, u, s) and (x, s).
    cost: callable
    terminal: callable
    # Bounds of the controls.
    lower: list
    upper: list
    # Rows <= 0 of a stage's (x, u), and rows = 0 of the end's x.
    inequalities: callable = None
    equalities: callable = None
    # Whether stage 0 has the rows: not where they are of the state alone.
    first: bool = False


@dataclass
class Shooting:
    """A model's problem with its first state and stage parameters as parameters."""

    model: Model
    nlp: dict = field(init=False)
    lbg: numpy.ndarray = field(init=False)
    ubg: numpy.ndarray = field(init=False)
    lbx: numpy.ndarray = field(init=False)
    ubx: numpy.ndarray = field(init=False)

    def __post_init__(self):
        model, horizon = self.model, self.model.horizon
        start, references = SX.sym("x0", model.nx), SX.sym("s", horizon + 1)
        variables, defects, rows, x, cost = [], [], [], start, 0.0
        for t in range(horizon):
            u, after = SX.sym(f"u{t}", model.nu), SX.sym(f"x{t + 1}", model.nx)
            variables += [u, after]
            cost += model.cost(x, u, references[t])
            defects.append(model.step(x, u) - after)
            if model.inequalities and (t > 0 or model.first):
                rows.append(model.inequalities(x, u))
            x = after
        cost += model.terminal(x, references[horizon])
        equalities = model.equalities(x) if model.equalities else SX(0, 1)
        rows = vertcat(SX(0, 1), *rows)
        z, p = vertcat(*variables), vertcat(start, references)
        self.nlp = {"x": z, "p": p, "f": cost, "g": vertcat(*defects, rows, equalities)}
        low = numpy.full(rows.numel(), -numpy.inf)
        self.lbg = numpy.concatenate([numpy.zeros(horizon * model.nx), low, numpy.zeros(equalities.numel())])
        self.ubg = numpy.zeros(len(self.lbg))
        free = numpy.full(model.nx, numpy.inf)
        self.lbx = numpy.tile(numpy.concatenate([model.lower, -free]), horizon)
        self.ubx = numpy.tile(numpy.concatenate([model.upper, free]), horizon)
        derivatives = [cost, self.nlp["g"], casadi.gradient(cost, z), casadi.jacobian(self.nlp["g"], z)]
        self.evaluate = casadi.Function("evaluate", [z, p], derivatives)
        controls = variables[::2]
        self.simulate = casadi.Function("simulate", [start, vertcat(*controls)], [self.rollout(start, controls)])
        self.plant = casadi.Function("plant", [start, variables[0]], [model.step(start, variables[0])])

    def rollout(self, x, controls):
        trajectory = []
        for u in controls:
            x = self.model.step(x, u)
            trajectory += [u, x]
        return vertcat(*trajectory)

    def guess(self, start, controls):
        """The trajectory of these controls."""
        return self.simulate(start, numpy.array(controls).reshape(-1)).full().ravel()

    def residual(self, z, p, row_multipliers, bound_multipliers):
        """`benches/src/limits/residual.rs`, for multipliers that are positive at upper limits."""
        _, g, gradient, jacobian = self.evaluate(z, p)
        g, gradient = g.full().ravel(), gradient.full().ravel()
        jacobian = jacobian.sparse()
        lagrangian = gradient + jacobian.T @ row_multipliers + bound_multipliers
        dynamics = self.model.horizon * self.model.nx
        inequality = self.lbg < self.ubg
        mu = row_multipliers[inequality]
        over, under = numpy.maximum(bound_multipliers, 0.0), numpy.maximum(-bound_multipliers, 0.0)
        bounded = numpy.isfinite(self.ubx)
        violation = max(
            abs(g[~inequality]).max(),
            g[inequality].max(initial=0.0),
            (z - self.ubx).max(),
            (self.lbx - z).max(),
        )
        product = max(
            abs(g[inequality] * mu).max(initial=0.0),
            abs(over[bounded] * (z - self.ubx)[bounded]).max(initial=0.0),
            abs(under[bounded] * (self.lbx - z)[bounded]).max(initial=0.0),
        )
        stationarity = max(abs(lagrangian).max(), (-mu).max(initial=0.0))
        costate = abs(row_multipliers[:dynamics]).max()
        variable = max(abs(z).max(), abs(numpy.asarray(p)[: self.model.nx]).max())
        return float(max(stationarity / costate, violation / variable, product / (costate * variable)))


@dataclass
class Problem:
    shooting: Shooting
    start: list
    controls: list
    references: list

    @property
    def parameters(self):
        return numpy.concatenate([self.start, self.references])

    @property
    def guess(self):
        return self.shooting.guess(self.start, self.controls)


def runge_kutta(derivative, dt, steps=1):
    h = dt / steps

    def step(x, u):
        for _ in range(steps):
            k1 = derivative(x, u)
            k2 = derivative(x + 0.5 * h * k1, u)
            k3 = derivative(x + 0.5 * h * k2, u)
            k4 = derivative(x + h * k3, u)
            x = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return x

    return step


def race():
    mass = 0.043

    def force(x):
        return (0.28 - 0.05 * x[3]) * x[4] - 0.006 * x[3] ** 2 - 0.011 * tanh(5.0 * x[3])

    def bump(s, center, width):
        return exp(-(((s - center) / width) ** 2))

    def derivative(x, u):
        s, n, alpha, v, _, delta = vertsplit(x)
        curvature = 2.6 * bump(s, -0.4, 0.45) - 2.2 * bump(s, 0.8, 0.4) + 2.4 * bump(s, 2.2, 0.4)
        progress = v * cos(alpha + 0.5 * delta) / (1.0 - curvature * n)
        return vertcat(
            progress,
            v * sin(alpha + 0.5 * delta),
            15.5 * v * delta - curvature * progress,
            force(x) / mass * cos(0.5 * delta),
            u,
        )

    def cost(x, u, reference):
        s, n, alpha, v, d, delta = vertsplit(x)
        return 0.5 * (
            0.1 * (s - reference) ** 2
            + 1e-8 * (n**2 + alpha**2 + v**2)
            + 1e-3 * d**2
            + 5e-3 * delta**2
            + 1e-3 * u[0] ** 2
            + 5e-3 * u[1] ** 2
        )

    def terminal(x, reference):
        s, n, alpha, v, d, delta = vertsplit(x)
        return 0.01 * (
            5.0 * (s - reference) ** 2
            + 10.0 * n**2
            + 1e-8 * (alpha**2 + v**2)
            + 5e-3 * d**2
            + 2e-3 * delta**2
        )

    def inequalities(x, _):
        along = force(x) / mass
        lateral = 15.5 * x[3] ** 2 * x[5] + force(x) * sin(0.5 * x[5]) / mass
        pairs = ((along, 4.0), (lateral, 4.0), (x[1], 0.12), (x[4], 1.0), (x[5], 0.4))
        return vertcat(*(side for value, most in pairs for side in (value - most, -value - most)))

    step = runge_kutta(derivative, 0.02, 3)
    return Shooting(Model(6, 2, 50, step, cost, terminal, [-10.0, -2.0], [10.0, 2.0], inequalities))


def race_references(place):
    return [place + 3.0 * t / 50 for t in range(51)]


def obstacles():
    goal, vehicle, dt = (4.0, 0.0), 0.15, 0.1
    centers = ((1.0, -0.2, 0.4), (2.1, 0.5, 0.5), (3.1, -0.3, 0.35))

    def derivative(x, u):
        return vertcat(u[0] * cos(x[2]), u[0] * sin(x[2]), u[1])

    def step(x, u):
        return x + dt * derivative(x + 0.5 * dt * derivative(x, u), u)

    def distance(x):
        return (x[0] - goal[0]) ** 2 + (x[1] - goal[1]) ** 2

    def inequalities(x, _):
        return vertcat(*((r + vehicle) ** 2 - (x[0] - a) ** 2 - (x[1] - b) ** 2 for a, b, r in centers))

    def cost(x, u, _):
        return 0.01 * distance(x) + 0.02 * u[0] ** 2 + 0.02 * u[1] ** 2

    def terminal(x, _):
        return 10.0 * distance(x)

    model = Model(3, 2, 60, step, cost, terminal, [0.0, -2.0], [1.2, 2.0], inequalities)
    controls = [[0.7, 0.8 if t < 8 else -0.15] for t in range(60)]
    return Problem(Shooting(model), [0.0] * 3, controls, [0.0] * 61)


def swing_up():
    gravity, cart, pole, length = 9.8, 1.0, 0.1, 0.5

    def derivative(x, u):
        _, velocity, angle, rate = vertsplit(x)
        mass = cart + pole
        push = (u + pole * length * rate**2 * sin(angle)) / mass
        angular = (gravity * sin(angle) - cos(angle) * push) / (length * (4.0 / 3.0 - pole * cos(angle) ** 2 / mass))
        return vertcat(velocity, push - pole * length * angular * cos(angle) / mass, rate, angular)

    def cost(x, u, _):
        return 0.1 * x[0] ** 2 + 0.001 * u**2

    model = Model(
        4, 1, 60, runge_kutta(derivative, 0.05), cost, lambda x, _: SX(0.0), [-20.0], [20.0], equalities=lambda x: x
    )
    return Problem(Shooting(model), [0.0, 0.0, numpy.pi, 0.0], [[0.0]] * 60, [0.0] * 61)


def chain():
    mass, stiffness, length, gravity = 0.033, 1.0, 0.033, 9.81
    rest = vertcat(0.1915, 0.0, -0.5165, 0.396, 0.0, -0.7005, 0.6005, 0.0, -0.5165)
    rest_end = vertcat(0.792, 0.0, 0.0)

    def tension(a, b):
        along = b - a
        return stiffness * (1.0 - length / sqrt(casadi.sumsqr(along))) * along

    def derivative(x, u):
        points = [SX.zeros(3), x[0:3], x[3:6], x[6:9], x[9:12]]
        springs = [tension(a, b) for a, b in zip(points, points[1:])]
        down = vertcat(0.0, 0.0, gravity)
        return vertcat(x[12:], u, *((after - before) / mass - down for before, after in zip(springs, springs[1:])))

    def terminal(x, _):
        return casadi.sumsqr(x[:9] - rest) + casadi.sumsqr(x[12:]) + 4.0 * casadi.sumsqr(x[9:12] - rest_end)

    def cost(x, u, reference):
        return terminal(x, reference) + 0.01 * casadi.sumsqr(u)

    step = runge_kutta(derivative, 0.1)
    start = [0.1207, 0.0965, -0.4688, 0.2535, 0.2028, -0.6029, 0.3807, 0.3045, -0.3656, 0.5, 0.4, 0.2] + [0.0] * 9
    model = Model(21, 3, 40, step, cost, terminal, [-0.3] * 3, [0.3] * 3)
    return Problem(Shooting(model), start, [[0.0] * 3] * 40, [0.0] * 41)


def bend():
    return Problem(race(), [-1.0, 0.0, 0.0, 1.0, 0.3, 0.0], [[0.0, 0.0]] * 50, race_references(-1.0))


# Makers by the name of their row.
PROBLEMS = {
    "race bend": bend,
    "three obstacles": obstacles,
    "cart-pole swing-up": swing_up,
    "chain of masses": chain,
}
