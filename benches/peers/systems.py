"""The systems of the comparison, as CasADi expressions.

Each has the formulas of its model in Rust, arranged in the same way, so that both tools start from the same text:
`benches/src/peers.rs` (pendulum, cart-pole), `benches/src/quadrotor.rs` and `models/src/arm.rs`. `arm_dense` is the arm
without the symmetry of its inertia matrices.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from casadi import cos, sin


@dataclass
class System:
    """The functions `step(x, u, p)`, giving the next state, and `cost(x, u)`, over lists of scalars."""

    step: Callable
    cost: Callable
    # Whether its C code takes the compiler minutes.
    large: bool = False
    # Whether there is a model in Rust to time it against; otherwise only its operations are counted.
    timed: bool = True


def euler(derivative, x, u, p, dt):
    return [a + dt * rate for a, rate in zip(x, derivative(x, u, p))]


def runge_kutta(derivative, x, u, p, dt):
    def moved(rates, time):
        return [a + time * rate for a, rate in zip(x, rates)]

    first = derivative(x, u, p)
    second = derivative(moved(first, 0.5 * dt), u, p)
    third = derivative(moved(second, 0.5 * dt), u, p)
    fourth = derivative(moved(third, dt), u, p)
    return [a + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4) for a, k1, k2, k3, k4 in zip(x, first, second, third, fourth)]


# Pendulum.

PENDULUM_DT = 0.05


def pendulum_step(x, u, p):
    (theta, omega), (torque,), (gravity, mass, length) = x, u, p
    fall = 3.0 * gravity / (2.0 * length) * sin(theta)
    drive = 3.0 * torque / (mass * length * length)
    omega = omega + PENDULUM_DT * (fall + drive)
    return [theta + PENDULUM_DT * omega, omega]


def pendulum_cost(x, u):
    theta, omega = x
    return 0.05 * omega * omega - cos(theta) + 0.0005 * u[0] * u[0]


# Cart-pole.

CARTPOLE_DT = 0.05


def cartpole_derivative(x, u, p):
    (_, velocity, angle, rate), (force,), (gravity, mass_cart, mass_pole, length) = x, u, p
    s, c = sin(angle), cos(angle)
    mass = mass_cart + mass_pole
    lever = mass_pole * length
    push = (force + lever * rate * rate * s) / mass
    angular = (gravity * s - c * push) / (length * (4.0 / 3.0 - mass_pole * c * c / mass))
    linear = push - lever * angular * c / mass
    return [velocity, linear, rate, angular]


def cartpole_cost(x, u):
    position, velocity, angle, rate = x
    cost = 0.05 * position * position + 0.05 * velocity * velocity - cos(angle) + 0.05 * rate * rate
    return cost + 0.0005 * u[0] * u[0]


# Quadrotor.

QUADROTOR_DT = 0.02
GRAVITY = 9.81
QUADROTOR_GOAL = [0.0, 0.0, 1.0]
HOVER = 0.5 * GRAVITY / 4.0


def quadrotor_derivative(x, u, p):
    roll, pitch, yaw = x[3:6]
    wx, wy, wz = x[9:12]
    front, left, back, right = u
    mass, ix, iy, iz, arm, drag = p
    sin_roll, cos_roll, sin_pitch, cos_pitch = sin(roll), cos(roll), sin(pitch), cos(pitch)
    sin_yaw, cos_yaw = sin(yaw), cos(yaw)
    lift = (front + left + back + right) / mass
    tan_pitch = sin_pitch / cos_pitch
    return [
        *x[6:9],
        wx + sin_roll * tan_pitch * wy + cos_roll * tan_pitch * wz,
        cos_roll * wy - sin_roll * wz,
        (sin_roll * wy + cos_roll * wz) / cos_pitch,
        (cos_roll * sin_pitch * cos_yaw + sin_roll * sin_yaw) * lift,
        (cos_roll * sin_pitch * sin_yaw - sin_roll * cos_yaw) * lift,
        cos_roll * cos_pitch * lift - GRAVITY,
        (arm * (left - right) + (iy - iz) * wy * wz) / ix,
        (arm * (back - front) + (iz - ix) * wz * wx) / iy,
        (drag * (front - left + back - right) + (ix - iy) * wx * wy) / iz,
    ]


def quadrotor_cost(x, u):
    cost = 0.0
    for i in range(3):
        position, angle, velocity, rate = x[i] - QUADROTOR_GOAL[i], x[3 + i], x[6 + i], x[9 + i]
        cost += position * position + 0.1 * angle * angle + 0.1 * velocity * velocity + 0.01 * rate * rate
    effort = 0.0
    for thrust in u:
        effort += (thrust - HOVER) * (thrust - HOVER)
    return 0.5 * cost + 0.05 * effort


# Arm of seven joints: the articulated-body algorithm in spatial vectors, angular entries first.

ARM_DT = 0.01
ARM_LENGTH = [0.34, 0.20, 0.20, 0.20, 0.20, 0.19, 0.13]
ARM_AXIS = [2, 1, 2, 1, 2, 1, 2]
ARM_GYRATION = 0.0025
ARM_FRICTION = 0.1
ARM_GOAL = 0.3
JOINTS = len(ARM_AXIS)


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def plus(a, b):
    return [i + j for i, j in zip(a, b)]


def cross_motion(a, b):
    return cross(a[:3], b[:3]) + plus(cross(a[:3], b[3:]), cross(a[3:], b[:3]))


def cross_force(a, f):
    return plus(cross(a[:3], f[:3]), cross(a[3:], f[3:])) + cross(a[:3], f[3:])


def is_zero(value):
    return isinstance(value, float) and value == 0.0


def dot(a, b):
    """Without the terms that are zero by construction."""
    return sum((i * j for i, j in zip(a, b) if not is_zero(i) and not is_zero(j)), 0.0)


def times(m, v):
    return [dot(row, v) for row in m]


def transposed(m):
    return [list(column) for column in zip(*m)]


def dense_congruence(x, m):
    """`x' m x`, entry by entry."""
    half = [times(m, column) for column in transposed(x)]
    return [[dot(column, image) for image in half] for column in transposed(x)]


def symmetric_congruence(x, m):
    """`x' m x` for a symmetric `m`: only half of it is computed."""
    half = [times(m, column) for column in transposed(x)]
    columns = transposed(x)
    lower = [[dot(columns[i], half[j]) for j in range(i + 1)] for i in range(6)]
    return [[lower[max(i, j)][min(i, j)] for j in range(6)] for i in range(6)]


def transform(i, angle):
    s, c = sin(angle), cos(angle)
    if ARM_AXIS[i] == 2:
        turn = [[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]
    else:
        turn = [[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]]
    offset = ARM_LENGTH[i - 1] if i > 0 else 0.0

    def scaled(factor, value):
        return 0.0 if is_zero(value) or factor == 0.0 else factor * value

    upper = [row + [0.0, 0.0, 0.0] for row in turn]
    lower = [[scaled(-offset, row[1]), scaled(offset, row[0]), 0.0] + row for row in turn]
    return upper + lower


def link_inertia(i, mass):
    half = 0.5 * ARM_LENGTH[i]
    across = mass * (ARM_LENGTH[i] * ARM_LENGTH[i] / 12.0 + ARM_GYRATION + half * half)
    moment = mass * half
    inertia = [[0.0] * 6 for _ in range(6)]
    inertia[0][0] = inertia[1][1] = across
    inertia[2][2] = mass * ARM_GYRATION
    for axis in range(3, 6):
        inertia[axis][axis] = mass
    inertia[0][4] = inertia[4][0] = -moment
    inertia[1][3] = inertia[3][1] = moment
    return inertia


def arm_derivative(x, u, p, congruence=symmetric_congruence):
    angle, rate = x[:JOINTS], x[JOINTS:]
    # Outwards: velocities, and what the links would do without joint torques.
    transforms, inertia, bias, drift = [], [], [], []
    velocity = [0.0] * 6
    for i in range(JOINTS):
        transforms.append(transform(i, angle[i]))
        inertia.append(link_inertia(i, p[i]))
        joint = [0.0] * 6
        joint[ARM_AXIS[i]] = rate[i]
        velocity = times(transforms[i], velocity)
        velocity[ARM_AXIS[i]] += rate[i]
        drift.append(cross_motion(velocity, joint))
        bias.append(cross_force(velocity, times(inertia[i], velocity)))
    # Inwards: the inertia and the force that each joint feels of everything behind it.
    column, pivot, drive = [None] * JOINTS, [None] * JOINTS, [None] * JOINTS
    for i in reversed(range(JOINTS)):
        axis = ARM_AXIS[i]
        column[i] = [row[axis] for row in inertia[i]]
        pivot[i] = 1.0 / column[i][axis]
        drive[i] = u[i] - ARM_FRICTION * rate[i] - bias[i][axis]
        if i > 0:
            rest = [[inertia[i][r][k] - column[i][r] * column[i][k] * pivot[i] for k in range(6)] for r in range(6)]
            force = plus(times(rest, drift[i]), plus(bias[i], [c * (pivot[i] * drive[i]) for c in column[i]]))
            felt = congruence(transforms[i], rest)
            inertia[i - 1] = [plus(own, more) for own, more in zip(inertia[i - 1], felt)]
            bias[i - 1] = plus(bias[i - 1], times(transposed(transforms[i]), force))
    # Outwards: accelerations, the base accelerating against gravity.
    acceleration = [0.0, 0.0, 0.0, 0.0, 0.0, GRAVITY]
    rates = []
    for i in range(JOINTS):
        acceleration = plus(times(transforms[i], acceleration), drift[i])
        rates.append(pivot[i] * (drive[i] - dot(column[i], acceleration)))
        acceleration[ARM_AXIS[i]] += rates[i]
    return list(rate) + rates


def arm_cost(x, u):
    cost = 0.0
    for i in range(JOINTS):
        cost += 0.5 * (x[i] - ARM_GOAL) ** 2 + 0.005 * x[JOINTS + i] ** 2 + 0.0005 * u[i] ** 2
    return cost


SYSTEMS = {
    "pendulum": System(pendulum_step, pendulum_cost),
    "cartpole": System(lambda x, u, p: euler(cartpole_derivative, x, u, p, CARTPOLE_DT), cartpole_cost),
    "quadrotor_euler": System(lambda x, u, p: euler(quadrotor_derivative, x, u, p, QUADROTOR_DT), quadrotor_cost),
    "quadrotor_rk4": System(lambda x, u, p: runge_kutta(quadrotor_derivative, x, u, p, QUADROTOR_DT), quadrotor_cost),
    "arm": System(lambda x, u, p: euler(arm_derivative, x, u, p, ARM_DT), arm_cost, large=True),
    "arm_dense": System(
        lambda x, u, p: euler(functools.partial(arm_derivative, congruence=dense_congruence), x, u, p, ARM_DT),
        arm_cost,
        large=True,
        timed=False,
    ),
}
