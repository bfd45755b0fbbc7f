"""LQ problems with limits, in the numbers of `benches/src/limits/lq.rs` and `quadrotor_lq.rs`, as quadratic programs.

The variables are u_0, x_1, u_1, x_2, .., x_N; x_0 is given.
"""

import math
from dataclasses import dataclass

import numpy
import scipy.sparse as sparse

MASK = (1 << 64) - 1


class Random:
    """SplitMix64 and the transform of Box and Muller, as `benches/src/limits/random.rs`."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        bits = self.state
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
        bits ^= bits >> 31
        return (bits >> 11) / (1 << 53)

    def normal(self, *shape):
        count = math.prod(shape)
        return numpy.array([self.one() for _ in range(count)]).reshape(shape)

    def one(self):
        radius, angle = self.uniform(), self.uniform()
        return math.sqrt(-2.0 * math.log(1.0 - radius)) * math.cos(2.0 * math.pi * angle)


@dataclass
class Program:
    """Minimize 1/2 z'Pz + q'z + constant subject to E z = e and lower <= z <= upper."""

    P: sparse.csc_matrix
    q: numpy.ndarray
    constant: float
    E: sparse.csc_matrix
    e: numpy.ndarray
    lower: numpy.ndarray
    upper: numpy.ndarray
    start: numpy.ndarray

    def cost(self, z):
        return float(0.5 * z @ (self.P @ z) + self.q @ z + self.constant)

    def residual(self, z, costates, multipliers):
        """`benches/src/limits/residual.rs`. A multiplier is positive at an upper bound, negative at a lower one."""
        gradient = self.P @ z + self.q + self.E.T @ costates + multipliers
        over, under = numpy.maximum(multipliers, 0.0), numpy.maximum(-multipliers, 0.0)
        violation = max(abs(self.E @ z - self.e).max(), (z - self.upper).max(), (self.lower - z).max())
        bounded = numpy.isfinite(self.upper), numpy.isfinite(self.lower)
        product = max(
            abs(over[bounded[0]] * (z - self.upper)[bounded[0]]).max(),
            abs(under[bounded[1]] * (self.lower - z)[bounded[1]]).max(),
        )
        costate, variable = abs(costates).max(), max(abs(z).max(), abs(self.start).max())
        worst = abs(gradient).max() / costate, violation / variable, product / (costate * variable)
        return max(map(float, worst))


def program(horizon, dynamics, costs, limits, start):
    """With x+ = A x + B u + c, cost 1/2 (x, u)' H (x, u) + h'(x, u) + k a stage, 1/2 x'H_xx x + h_x'x + k at the end, and
    limits lower, upper of (x, u)."""
    (A, B, c), (H, h, k), (lower, upper) = dynamics, costs, limits
    nx, nu = B.shape
    first = numpy.concatenate([start, numpy.zeros(nu)])
    # (x, u) of a stage stands in the order x_t, u_t: u_0 alone, then pairs, then x_N alone.
    P = sparse.block_diag([H[nx:, nx:]] + [H] * (horizon - 1) + [H[:nx, :nx]], format="csc")
    q = numpy.concatenate([(H @ first + h)[nx:]] + [h] * (horizon - 1) + [h[:nx]])
    constant = 0.5 * first @ H @ first + h @ first + (horizon + 1) * k
    size = horizon * (nx + nu)
    rows = sparse.lil_matrix((horizon * nx, size))
    right = -numpy.tile(c, horizon)
    right[:nx] -= A @ start
    for t in range(horizon):
        here = t * (nx + nu)
        rows[t * nx : (t + 1) * nx, here : here + nu] = B
        rows[t * nx : (t + 1) * nx, here + nu : here + nu + nx] = -numpy.eye(nx)
        if t > 0:
            rows[t * nx : (t + 1) * nx, here - nx : here] = A
    bounds = [numpy.concatenate([side[nx:]] + [side] * (horizon - 1) + [side[:nx]]) for side in (lower, upper)]
    return Program(P, q, float(constant), rows.tocsc(), right, *bounds, numpy.array(start))


def spectral_radius(A):
    power, logarithm, exponent = A.copy(), 0.0, 1.0
    for _ in range(20):
        size = abs(power).max()
        power /= size
        logarithm += math.log(size) / exponent
        power = power @ power
        exponent *= 2.0
    return math.exp(logarithm + math.log(abs(power).max()) / exponent)


def random_lq(seed, horizon, spread, radius, drift, start):
    random = Random(seed)
    A = numpy.eye(8) + spread * random.normal(8, 8)
    actual = spectral_radius(A)
    if actual > radius:
        A *= radius / actual
    B = random.normal(8, 4)
    c = drift * random.normal(8)
    x = start * random.normal(8)
    factor = random.normal(12, 12)
    # Costs are z'Hz.
    H = 2.0 * (numpy.eye(12) + 0.01 * factor @ factor.T)
    most = numpy.concatenate([numpy.full(8, numpy.inf), numpy.ones(4)])
    return program(horizon, (A, B, c), (H, numpy.zeros(12), 0.0), (-most, most), x)


def quadrotor(start):
    A = numpy.eye(12)
    A[0, 6] = A[1, 7] = A[2, 8] = 0.1
    A[3, 0], A[3, 6], A[3, 9] = 0.0488, 0.0016, 0.0992
    A[4, 1], A[4, 7], A[4, 10] = -0.0488, -0.0016, 0.0992
    A[5, 11] = 0.0992
    A[9, 0], A[9, 6], A[9, 9] = 0.9734, 0.0488, 0.9846
    A[10, 1], A[10, 7], A[10, 10] = -0.9734, -0.0488, 0.9846
    A[11, 11] = 0.9846
    B = numpy.zeros((12, 4))
    for row, size in ((0, 0.0726), (3, 0.0006), (6, 1.4512), (9, 0.0236)):
        B[row, 1], B[row, 3] = -size, size
    for row, size in ((1, -0.0726), (4, 0.0006), (7, -1.4512), (10, 0.0236)):
        B[row, 0], B[row, 2] = size, -size
    for row, size in ((2, 0.0152), (8, 0.3049)):
        B[row] = -size, size, -size, size
    B[5], B[11] = 0.0106, 0.2107
    weights = numpy.array([0, 0, 10, 10, 10, 10, 0, 0, 0, 5, 5, 5.0])
    reference = numpy.zeros(12)
    reference[2] = 1.0
    H = numpy.diag(numpy.concatenate([weights, numpy.full(4, 0.1)]))
    h = numpy.concatenate([-weights * reference, numpy.zeros(4)])
    lower, upper = numpy.full(16, -numpy.inf), numpy.full(16, numpy.inf)
    lower[:2], upper[:2] = -math.pi / 6, math.pi / 6
    lower[5] = -1.0
    lower[12:], upper[12:] = -0.9916, 2.4084
    constant = 0.5 * float(weights @ reference**2)
    return program(10, (A, B, numpy.zeros(12)), (H, h, constant), (lower, upper), numpy.array(start, dtype=float))


def families():
    """Programs by the name of their row."""
    return {
        "lq": [random_lq(1000 + i, 20, 0.2, math.inf, 1.0, 1.0) for i in range(128)],
        "stable lq": [random_lq(2000 + i, 40, 0.1, 0.99, 0.01, 5.0) for i in range(64)],
        "quadrotor near": [quadrotor([0.0] * 12)],
        "quadrotor far": [quadrotor([0, 0, 0, 5, -5, -0.5, 0, 0, 0, 0, 0, -1])],
    }
