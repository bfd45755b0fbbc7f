"""Solves the problems of the suite with Ipopt, on the same discretizations, and writes their objectives.

    python3 -m venv venv && venv/bin/pip install casadi numpy
    venv/bin/python stress/suite/reference.py            # all problems, writes reference.csv
    venv/bin/python stress/suite/reference.py goddard    # prints those named
    venv/bin/python stress/suite/reference.py --regularity goddard
                                                         # prints whether the solution has a derivative: see Program.regularity

Dynamics hold between shooting nodes. Limits stand at the stages at which the models enforce them.
"""

import csv
import sys
from pathlib import Path

import casadi as ca
import numpy as np

OPTIONS = {
    "print_time": False,
    "expand": True,
    "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-10, "bound_relax_factor": 0.0, "max_iter": 3000},
}
PROBLEMS = {}


def problem(function):
    PROBLEMS[function.__name__] = function
    return function


class Program:
    """A nonlinear program, built variable by variable and row by row."""

    def __init__(self):
        self.variables, self.guess, self.lower, self.upper = [], [], [], []
        self.rows, self.least, self.most = [], [], []
        self.cost = 0

    def variable(self, guess, lower=-np.inf, upper=np.inf):
        guess = np.atleast_1d(np.asarray(guess, float))
        v = ca.MX.sym(f"v{len(self.variables)}", guess.size)
        self.variables.append(v)
        self.guess.append(guess)
        self.lower.append(np.broadcast_to(np.asarray(lower, float), guess.shape))
        self.upper.append(np.broadcast_to(np.asarray(upper, float), guess.shape))
        return v

    def row(self, value, least, most):
        value = ca.vertcat(value)
        self.rows.append(value)
        self.least.append(np.broadcast_to(np.asarray(least, float), value.numel()))
        self.most.append(np.broadcast_to(np.asarray(most, float), value.numel()))

    def equal(self, value, to=0.0):
        self.row(value - to, 0.0, 0.0)

    def at_most_zero(self, value):
        self.row(value, -np.inf, 0.0)

    def solve(self):
        nlp = {"x": ca.vertcat(*self.variables), "f": self.cost, "g": ca.vertcat(*self.rows)}
        solver = ca.nlpsol("solver", "ipopt", nlp, OPTIONS)
        self.solution = solver(
            x0=np.concatenate(self.guess),
            lbx=np.concatenate(self.lower),
            ubx=np.concatenate(self.upper),
            lbg=np.concatenate(self.least),
            ubg=np.concatenate(self.most),
        )
        stats = solver.stats()
        return float(self.solution["f"]), stats["iter_count"], stats["return_status"]

    def regularity(self):
        """Numbers of strongly and weakly active limits, the corank of the active rows and the least eigenvalue of the
        reduced Hessian, with multipliers and slacks relative to their largest values."""
        x, g = ca.vertcat(*self.variables), ca.vertcat(*self.rows)
        mult = ca.MX.sym("m", g.shape[0])
        hessian = ca.hessian(self.cost + ca.dot(mult, g), x)[0]
        f = ca.Function("f", [x, mult], [g, ca.jacobian(g, x), hessian])
        point, lam_g = self.solution["x"], self.solution["lam_g"]
        value, jacobian, hessian = (np.asarray(ca.DM(m)) for m in f(point, lam_g))
        value, point = value.ravel(), np.asarray(point).ravel()
        lam_g, lam_x = np.asarray(lam_g).ravel(), np.asarray(self.solution["lam_x"]).ravel()
        ends = [np.concatenate(v) for v in (self.least, self.most, self.lower, self.upper)]
        at = np.concatenate([value, point])
        least, most = np.concatenate([ends[0], ends[2]]), np.concatenate([ends[1], ends[3]])
        lam, rows = np.abs(np.concatenate([lam_g, lam_x])), np.vstack([jacobian, np.eye(point.size)])
        equal = least == most
        slack = np.minimum(at - least, most - at)
        near, strong = ~equal & (slack < 1e-6), lam > 1e-6 * lam.max()
        active = rows[equal | (near & strong)]
        active = active / np.linalg.norm(active, axis=1, keepdims=True)
        singular = np.linalg.svd(active)
        rank = int((singular[1] > 1e-9 * singular[1][0]).sum())
        free = singular[2][rank:].T
        curvature = np.linalg.eigvalsh(free.T @ hessian @ free) if free.size else np.array([np.nan])
        return {
            "strong": int((near & strong).sum()),
            "weak": int((near & ~strong).sum()),
            "corank": active.shape[0] - rank,
            "least singular value": f"{singular[1][rank - 1]:.1e}",
            "free": free.shape[1],
            "curvature": f"{curvature.min():.1e} .. {curvature.max():.1e}",
        }


def rk4(rate, h, substeps=1):
    """One stage of the classical Runge-Kutta method."""

    def step(x, u):
        k = h / substeps
        for _ in range(substeps):
            a = rate(x, u)
            b = rate(x + k / 2 * a, u)
            c = rate(x + k / 2 * b, u)
            d = rate(x + k * c, u)
            x = x + k / 6 * (a + 2 * b + 2 * c + d)
        return x

    return step


def shoot(p, step, states, controls, bounds=(-np.inf, np.inf)):
    """States and controls of a trajectory. The first guess of a state is the given initial state."""
    xs, us = [ca.DM(np.asarray(states[0], float))], []
    for guess, control in zip(states[1:], controls, strict=True):
        u = p.variable(control, *bounds)
        x = p.variable(guess)
        p.equal(x - step(xs[-1], u))
        xs.append(x)
        us.append(u)
    return xs, us


def along(n):
    return np.arange(n + 1) / n


@problem
def goddard():
    p, n = Program(), 100
    t = along(n)
    time = p.variable(1.0, 0.0, 3.5)

    def rate(x, u):
        h, v, m = x[0], x[1], x[2]
        drag = 310 * v**2 * ca.exp(-500 * (h - 1))
        return time * ca.vertcat(v, (u - drag) / m - 1 / h**2, -u / 0.5)

    states = np.stack([np.ones(n + 1), t * (1 - t), 1 - 0.4 * t], 1)
    xs, _ = shoot(p, rk4(rate, 1 / n), states, np.full(n, 1.75), (0.0, 3.5))
    for x in xs[1:-1]:
        p.at_most_zero(1 - x[0])
        p.at_most_zero(-x[1])
    p.equal(xs[-1][2], 0.6)
    p.cost = -xs[-1][0]
    return p


@problem
def robbins(floor=0.0):
    p, n, h = Program(), 100, 0.1
    a = np.array([[1, h, h * h / 2], [0, 1, h], [0, 0, 1]])
    b = np.array([h**3 / 6, h * h / 2, h])
    states = [np.array([1.0, -2.0, 0.0])]
    for _ in range(n):
        states.append(a @ states[-1] + b * 0.1)
    xs, us = shoot(p, lambda x, u: ca.mtimes(ca.DM(a), x) + ca.DM(b) * u, states, np.full(n, 0.1))
    for x in xs[1:-1]:
        p.at_most_zero(floor - x[0])
    p.equal(xs[-1])
    p.cost = sum(h * (3 * x[0] + 0.5 * u**2) for x, u in zip(xs, us))
    return p


@problem
def robbins_below():
    return robbins(-0.05)


@problem
def escape():
    p, n = Program(), 100
    goal = np.array([7.5, 2.5, 0.0])
    way = np.array([[2.5, 2.5, 0], [4, 5, 0.785], [5, 6.25, 0], [7.5, 6.25, -0.261], [9, 5, -1.57], [7.5, 2.5, 0]])
    states = np.stack([np.interp(5 * along(n), range(6), way[:, i]) for i in range(3)], 1)

    def rate(x, u):
        return ca.vertcat(u[0] * ca.cos(x[2]), u[0] * ca.sin(x[2]), u[1])

    discs = [(a, b) for a in (0, 5, 10) for b in np.linspace(0, 5, 30)]
    discs += [(a, 0) for a in np.linspace(0, 10, 50)]
    discs += [(a, 5) for start in (0, 5) for a in np.linspace(start, start + 3, 15)]
    discs = np.array(discs)
    xs, us = shoot(p, rk4(rate, 0.03), states, np.ones((n, 2)), (-5.0, 5.0))
    for x in xs[1:-1]:
        p.at_most_zero(0.25 - (x[0] - discs[:, 0]) ** 2 - (x[1] - discs[:, 1]) ** 2)
    p.equal(xs[-1] - goal)
    p.cost = 50 * ca.sumsqr(xs[-1] - goal)
    p.cost += sum(0.015 * (0.001 * ca.sumsqr(x - goal) + 0.01 * ca.sumsqr(u)) for x, u in zip(xs, us))
    return p


@problem
def waypoint():
    p, n = Program(), 50
    step = rk4(lambda x, u: ca.vertcat(x[1], u), 0.02)
    xs, us = shoot(p, step, np.zeros((n + 1, 2)), np.zeros(n))
    p.equal(xs[25][0], 0.2)
    p.equal(xs[-1])
    p.cost = sum(0.01 * u**2 for u in us)
    return p


@problem
def bryson_denham():
    p, n = Program(), 50
    h = 1 / n
    step = rk4(lambda x, u: ca.vertcat(x[1], u), h)
    states = np.stack([np.zeros(n + 1), 1 - 2 * along(n)], 1)
    xs, us = shoot(p, step, states, np.zeros(n))
    for x in xs[1:-1]:
        p.at_most_zero(x[0] - 1 / 9)
    p.equal(xs[-1] - np.array([0.0, -1.0]))
    p.cost = sum(h / 2 * u**2 for u in us)
    return p


@problem
def van_der_pol():
    p, n = Program(), 20

    def rate(x, u):
        a, b = x[0], x[1]
        return ca.vertcat((1 - b**2) * a - b + u, a, a**2 + b**2 + u**2)

    # The source rolls its guess out.
    step, states = rk4(rate, 0.5, 4), [np.array([0.0, 1.0, 0.0])]
    for _ in range(n):
        states.append(np.asarray(ca.DM(step(ca.DM(states[-1]), 0.0))).ravel())
    xs, _ = shoot(p, step, states, np.zeros(n), (-1.0, 1.0))
    for x in xs[1:]:
        p.at_most_zero(-0.25 - x[0])
    p.cost = xs[-1][2]
    return p


@problem
def catalyst():
    p, n = Program(), 100

    def rate(x, u):
        return ca.vertcat(u * (10 * x[1] - x[0]), u * (x[0] - 10 * x[1]) - (1 - u) * x[1])

    xs, _ = shoot(p, rk4(rate, 1 / n), np.tile([1.0, 0.0], (n + 1, 1)), np.zeros(n), (0.0, 1.0))
    p.cost = xs[-1][0] + xs[-1][1] - 1
    return p


@problem
def steering():
    p, n = Program(), 100
    t = along(n)
    time = p.variable(1.0, -np.pi / 2, np.pi / 2)

    def rate(x, u):
        return time * ca.vertcat(x[2], x[3], 100 * ca.cos(u), 100 * ca.sin(u))

    states = np.stack([0 * t, 5 * t, 45 * t, 0 * t], 1)
    xs, _ = shoot(p, rk4(rate, 1 / n), states, np.zeros(n), (-np.pi / 2, np.pi / 2))
    p.equal(xs[-1][1:] - np.array([5.0, 45.0, 0.0]))
    p.cost = time
    return p


@problem
def glider():
    p, n = Program(), 100
    t = along(n)
    time = p.variable(105.0, 0.1, 200.0)

    def rate(x, u):
        x, y, vx, vy = ca.vertsplit(x)
        r = (x / 100 - 2.5) ** 2
        w = vy - 2.5 * (1 - r) * ca.exp(-r)
        v = ca.sqrt(vx**2 + w**2)
        drag = 0.5 * (0.034 + 0.069662 * u**2) * 1.13 * 14 * v
        lift = 0.5 * u * 1.13 * 14 * v
        return time * ca.vertcat(vx, vy, -(lift * w + drag * vx) / 100, (lift * vx - drag * w) / 100 - 9.80665)

    states = np.stack([1250 * t, 1000 - 100 * t, 13.2275675 + 0 * t, -1.28750052 + 0 * t], 1)
    xs, _ = shoot(p, rk4(rate, 1 / n), states, np.full(n, 1.0), (0.0, 1.4))
    for x in xs[1:-1]:
        p.at_most_zero(-x[0])
        p.at_most_zero(-x[2])
    p.equal(xs[-1][1:] - np.array([900.0, 13.2275675, -1.28750052]))
    p.cost = -xs[-1][0]
    return p


@problem
def robot_arm():
    p, n = Program(), 50
    t = along(n)
    time = p.variable(1.0, 0.0)

    def rate(x, u):
        reach, turn, tilt = x[0], x[1], x[2]
        inertia = ((5 - reach) ** 3 + reach**3) / 3
        return time * ca.vertcat(x[3:], u[0] / 5, u[1] / (inertia * ca.sin(tilt) ** 2), u[2] / inertia)

    goal = 2 * np.pi / 3
    still = np.ones(n + 1)
    states = [4.5 * still, goal * t**2, np.pi / 4 * still, 0 * t, 2 * goal * t, 0 * t]
    xs, _ = shoot(p, rk4(rate, 1 / n), np.stack(states, 1), np.zeros((n, 3)), (-1.0, 1.0))
    for x in xs[1:-1]:
        p.row(x[:3], np.array([0, -np.pi, 0]), np.array([5, np.pi, np.pi]))
    p.equal(xs[-1] - np.array([4.5, goal, np.pi / 4, 0, 0, 0]))
    p.cost = time
    return p


@problem
def chain():
    p, n = Program(), 100
    t = along(n)

    def rate(x, u):
        length = ca.sqrt(1 + u**2)
        return ca.vertcat(u, x[0] * length, length)

    shape = 8 * t * (0.5 * t - 0.25) + 1
    slope = 8 * (t - 0.25)
    length = np.sqrt(1 + slope**2)
    states = np.stack([shape, 4 * t * np.interp(t, t, shape), 4 * t], 1)
    xs, _ = shoot(p, rk4(rate, 1 / n), states, slope[:-1])
    p.equal(xs[-1][0], 3.0)
    p.equal(xs[-1][2], 4.0)
    p.cost = xs[-1][1]
    return p


@problem
def race():
    p, n = Program(), 100
    t = along(n)
    time = p.variable(1.0, 0.0)
    step = rk4(lambda x, u: time * ca.vertcat(x[1], u - x[1]), 1 / n)
    xs, _ = shoot(p, step, np.stack([0 * t, 1 - (t == 0)], 1), np.zeros(n), (0.0, 1.0))
    for x in xs[1:]:
        p.at_most_zero(x[1] - 1 + ca.sin(2 * np.pi * x[0]) / 2)
    p.equal(xs[-1][0], 1.0)
    p.cost = time
    return p


@problem
def parking():
    p, n = Program(), 50
    goal = np.array([0.0, 1.0, 0.0])

    def rate(x, u):
        return ca.vertcat(u[0] * ca.cos(x[2]), u[0] * ca.sin(x[2]), u[1])

    step, states = rk4(rate, 0.06), [np.zeros(3)]
    for _ in range(n):
        states.append(np.asarray(ca.DM(step(ca.DM(states[-1]), ca.DM.ones(2)))).ravel())
    xs, us = shoot(p, step, states, np.ones((n, 2)), (-2.0, 2.0))
    for x in xs[1:-1]:
        p.row(x[:2], np.array([-0.25, -0.001]), np.array([0.25, 1.001]))
    p.equal(xs[-1] - goal)
    p.cost = 50 * ca.sumsqr(xs[-1] - goal)
    p.cost += sum(0.06 * (0.005 * ca.sumsqr(x - goal) + 0.005 * ca.sumsqr(u)) for x, u in zip(xs, us))
    return p


@problem
def obstacles():
    p, n = Program(), 100
    goal = np.array([3.0, 3.0, 0.0])

    def rate(x, u):
        return ca.vertcat(u[0] * ca.cos(x[2]), u[0] * ca.sin(x[2]), u[1])

    step, states = rk4(rate, 0.05), [np.zeros(3)]
    for _ in range(n):
        states.append(np.asarray(ca.DM(step(ca.DM(states[-1]), ca.DM([0.01, 0.01])))).ravel())
    xs, us = shoot(p, step, states, np.full((n, 2), 0.01))
    for x in xs[1:-1]:
        for center in (0.75, 1.5, 2.25):
            p.at_most_zero(0.0625 - ca.sumsqr(x[:2] - center))
    p.equal(xs[-1] - goal)
    p.cost = 5 * ca.sumsqr(xs[-1] - goal)
    p.cost += sum(0.05 * (0.5 * ca.sumsqr(x - goal) + 0.25 * ca.sumsqr(u)) for x, u in zip(xs, us))
    return p


@problem
def quadrotor():
    p, n = Program(), 10
    a, b = np.eye(12), np.zeros((12, 4))
    a[0, 6] = a[1, 7] = a[2, 8] = 0.1
    a[3, [0, 6, 9]] = 0.0488, 0.0016, 0.0992
    a[4, [1, 7, 10]] = -0.0488, -0.0016, 0.0992
    a[5, 11] = 0.0992
    a[9, [0, 6, 9]] = 0.9734, 0.0488, 0.9846
    a[10, [1, 7, 10]] = -0.9734, -0.0488, 0.9846
    a[11, 11] = 0.9846
    b[0] = 0, -0.0726, 0, 0.0726
    b[1] = -0.0726, 0, 0.0726, 0
    b[2] = -0.0152, 0.0152, -0.0152, 0.0152
    b[3] = 0, -0.0006, 0, 0.0006
    b[4] = 0.0006, 0, -0.0006, 0
    b[5] = 0.0106
    b[6] = 0, -1.4512, 0, 1.4512
    b[7] = -1.4512, 0, 1.4512, 0
    b[8] = -0.3049, 0.3049, -0.3049, 0.3049
    b[9] = 0, -0.0236, 0, 0.0236
    b[10] = 0.0236, 0, -0.0236, 0
    b[11] = 0.2107
    weight = np.array([0, 0, 10, 10, 10, 10, 0, 0, 0, 5, 5, 5.0])
    goal = np.eye(12)[2]

    def step(x, u):
        return ca.mtimes(ca.DM(a), x) + ca.mtimes(ca.DM(b), u)

    bounds = (9.6 - 10.5916, 13 - 10.5916)
    xs, us = shoot(p, step, np.zeros((n + 1, 12)), np.zeros((n, 4)), bounds)
    for x in xs[1:]:
        p.row(x[:2], -np.pi / 6, np.pi / 6)
        p.row(x[5], -1.0, np.inf)
    p.cost = sum(0.5 * ca.dot(weight, (x - goal) ** 2) for x in xs) + sum(0.05 * ca.sumsqr(u) for u in us)
    return p


@problem
def crane(effort=1e-4):
    p, n, h = Program(), 50, 0.18

    def rate(x, u):
        swing = -(u[0] + 27.0756 * x[2] + 2 * x[4] * x[5]) / x[1]
        return ca.vertcat(x[3:], u[0] + 17.2656 * x[2], u[1], swing)

    start, goal = np.array([0, 22, 0, 0, -1, 0.0]), np.array([10, 14, 0, 2.5, 0, 0])
    states = start + np.outer(along(n), goal - start)
    bounds = ([-2.83374, -0.80865], [2.83374, 0.71265])
    xs, us = shoot(p, rk4(rate, h), states, np.zeros((n, 2)), bounds)
    for x in xs[1:-1]:
        p.row(x[3:5], np.array([-2.5, -1.0]), np.array([2.5, 1.0]))
    p.equal(xs[-1] - goal)
    p.cost = sum(h * (0.5 * (x[2] ** 2 + x[5] ** 2) + effort * ca.sumsqr(u)) for x, u in zip(xs, us))
    return p


@problem
def crane_as_published():
    return crane(0.0)


@problem
def cannonball():
    p, n = Program(), 50
    radius = p.variable(0.05, 0.01, 0.1)
    angle = p.variable(np.radians(25), 0.0, np.radians(85))
    speed = p.variable(200.0, 10.0, 1000.0)
    time = p.variable(20.0, 1.5, 60.0)

    def rate(x, u):
        height, tilt, v = x[1], x[2], x[3]
        drag = 3 / 8 * 0.5 * 1.225 * ca.exp(-height / 8500) * v**2 / (7870 * radius)
        g = 9.80665
        fall = ca.vertcat(v * ca.cos(tilt), v * ca.sin(tilt), -g * ca.cos(tilt) / v, -drag - g * ca.sin(tilt))
        return time * fall

    step, x = rk4(rate, 1 / n), ca.vertcat(0, 0, angle, speed)
    for t in along(n)[1:]:
        half = max(0.0, 2 * t - 1)
        shape = [200 * t, 100 * (1 - abs(2 * t - 1)), np.radians(25 * max(0, 1 - 2 * t) - 45 * half)]
        node = p.variable([*shape, 150 + 50 * abs(2 * t - 1)])
        p.equal(node - step(x, None))
        x = node
    p.at_most_zero((7870 * 4 / 3 * np.pi * radius**3 * speed**2 / 2 - 4e5) / 4e5)
    p.equal(x[1])
    p.cost = -x[0]
    return p


@problem
def bioreactor():
    p, n, h = Program(), 24, 2.0

    def rate(x, u):
        a, s, q = x[0], x[1], x[2]
        growth = 0.48 * (1 - q / 50) * s / (1.2 + s + s**2 / 22)
        return ca.vertcat(
            (growth - 0.15) * a,
            0.15 * (u - s) - growth / 0.4 * a,
            -0.15 * q + (2.2 * growth + 0.2) * a,
            u / 48,
            0.15 * q / 48,
        )

    guess = np.array([6.5, 12.0, 22.0])
    start = p.variable(guess, 1.0, 50.0)
    step, x = rk4(rate, h, 2), ca.vertcat(start, 0, 0)
    for t in along(n)[1:]:
        u = p.variable(32.9, 28.7, 40.0)
        node = p.variable([*guess, 32.9 * t, 3.3 * t])
        p.equal(node - step(x, u))
        x = node
    p.equal(x[:3] - start)
    p.at_most_zero(x[3] - 32.9)
    p.cost = -x[4]
    return p


@problem
def shuttle():
    p, n = Program(), 200
    time = p.variable(20.08, 17.57, 22.59)  # in hundreds of seconds
    scale = np.array([1e5, 1.0, 1e4, 1.0, 1.0])

    def rate(x, u):
        height, latitude, v, tilt, heading = ca.vertsplit(x * scale)
        alpha = u[0] * 180 / np.pi
        density = 0.002378 * ca.exp(-height / 23800)
        pressure = 0.5 * density * v**2 * 2690 / (203000 / 32.174)
        lift = (-0.20704 + 0.029244 * alpha) * pressure
        drag = (0.07854 - 0.61592e-2 * alpha + 0.621408e-3 * alpha**2) * pressure
        radius = 20902900 + height
        g = 0.14076539e17 / radius**2
        return time * 100 * ca.vertcat(
            v * ca.sin(tilt),
            v / radius * ca.cos(tilt) * ca.cos(heading),
            -drag - g * ca.sin(tilt),
            lift / v * ca.cos(u[1]) + ca.cos(tilt) * (v / radius - g / v),
            lift * ca.sin(u[1]) / (v * ca.cos(tilt))
            + v / (radius * ca.cos(latitude)) * ca.cos(tilt) * ca.sin(heading) * ca.sin(latitude),
        ) / scale

    degree = np.pi / 180
    start = np.array([2.6, 0, 2.56, -degree, 90 * degree])
    states = start + np.outer(along(n), np.array([0.8, 0, 0.25, -5 * degree, 90 * degree]) - start)
    bounds = ([-90 * degree, -89 * degree], [90 * degree, degree])
    xs, _ = shoot(p, rk4(rate, 1 / n), states, np.zeros((n, 2)), bounds)
    for x in xs[1:-1]:
        least = np.array([0.0, -89 * degree, 1e-4, -89 * degree])
        p.row(x[:4], least, np.array([np.inf, 89 * degree, np.inf, 89 * degree]))
    p.equal(xs[-1][[0, 2, 3]] - np.array([0.8, 0.25, -5 * degree]))
    p.cost = -xs[-1][1]
    return p


def main(names):
    rows, regularity = [], "--regularity" in names
    names = [name for name in names if not name.startswith("-")]
    for name in names or PROBLEMS:
        program = PROBLEMS[name]()
        objective, iterations, status = program.solve()
        print(f"{name:12} {objective:18.12f} {iterations:5} {status}", flush=True)
        if regularity:
            print(program.regularity(), flush=True)
        rows.append([name, repr(objective), iterations])
    if not names and not regularity:
        with (Path(__file__).parent / "reference.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([["problem", "objective", "iterations"], *rows])


if __name__ == "__main__":
    main(sys.argv[1:])
