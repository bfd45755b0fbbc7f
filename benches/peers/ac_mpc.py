"""AC-MPC's policy by mpc.pytorch, on the problems of `experiments ac-mpc`.

    python3 ac_mpc.py problems.json '[1, 8, 32]'

takes the file of the problems and the sizes of batches, and prints one line of JSON: rows as `benches/src/bin/experiments/ac_mpc`
has them. The environment of `torch_environment.py` is used, and made first where it is not there.

float64, on one thread and on two. `until convergence` iterates until no control moves by 1e-8. Costs and first controls are compared
with ours before anything is timed, and it is an error if they differ. `one iteration` is the published setting: it stops there, at a
point that need not be a solution. The derivatives of the dynamics are by hand, as mpc.pytorch recommends.
"""

import json
import sys
import time

import torch_environment  # noqa: F401
import torch
from mpc import mpc
from torch.func import jacrev, vmap

STEP = 0.02
HALF = STEP / 2
UPPER = [4 * 8.5 / 0.752, 10.0, 10.0, 4.0]
LOWER = [0.0, -10.0, -10.0, -4.0]
WEIGHTS = 28
THRUST = 10
# Of the largest magnitude of a cost, and of the controls' magnitudes. A cost's error is about the square of a control's.
SAME_COST = 1e-7
SAME_CONTROL = 1e-3


def names(*lists):
    return (entry for vectors in lists for entry in vectors.unbind(-1))


class Quadrotor(torch.nn.Module):
    """Position, quaternion and velocity; thrust over mass and rates. The exponential of the rotation is a series, as ours."""

    def __init__(self, gravity):
        super().__init__()
        self.gravity = gravity

    def turn(self, rate):
        """The quaternion of a step, and the derivatives of its real part and of its scale in the square."""
        square = HALF**2 * (rate**2).sum(-1, keepdim=True)
        real = 1 - square / 2 * (1 - square / 12 * (1 - square / 30))
        scale = HALF * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)))
        of_real = -1 / 2 + square / 12 - square**2 / 240
        of_scale = HALF * (-1 / 6 + square / 60 - square**2 / 1680)
        return real, scale, of_real, of_scale

    def forward(self, x, u):
        position, (w, i, j, k), velocity = x[..., :3], names(x[..., 3:7]), x[..., 7:]
        thrust, rate = u[..., :1], u[..., 1:]
        real, scale, _, _ = self.turn(rate)
        (real,), (a, b, c) = names(real), names(scale * rate)
        turned = torch.stack(
            [
                real * w - a * i - b * j - c * k,
                real * i + a * w + c * j - b * k,
                real * j + b * w - c * i + a * k,
                real * k + c * w + b * i - a * j,
            ],
            -1,
        )
        up = torch.stack([2 * (i * k + w * j), 2 * (j * k - w * i), w * w - i * i - j * j + k * k], -1)
        gravity = torch.tensor([0.0, 0.0, self.gravity])
        return torch.cat([position + STEP * velocity, turned, velocity + STEP * (thrust * up - gravity)], -1)

    def grad_input(self, x, u):
        count = len(x)
        w, i, j, k = names(x[:, 3:7])
        thrust, rate = u[:, :1], u[:, 1:]
        real, scale, of_real, of_scale = self.turn(rate)
        (e,), (a, b, c) = names(real), names(scale * rate)
        fx = torch.eye(10).repeat(count, 1, 1)
        fx[:, 0, 7] = fx[:, 1, 8] = fx[:, 2, 9] = STEP
        rows = [[e, -a, -b, -c], [a, e, c, -b], [b, -c, e, a], [c, b, -a, e]]
        fx[:, 3:7, 3:7] = torch.stack([torch.stack(row, -1) for row in rows], -2)
        rows = [[j, k, w, i], [-i, -w, k, j], [w, -i, -j, k]]
        fx[:, 7:, 3:7] = 2 * STEP * thrust[:, :, None] * torch.stack([torch.stack(row, -1) for row in rows], -2)
        fu = torch.zeros(count, 10, 4)
        fu[:, 7:, 0] = STEP * torch.stack([2 * (i * k + w * j), 2 * (j * k - w * i), w * w - i * i - j * j + k * k], -1)
        rows = [[w, -i, -j, -k], [i, w, -k, j], [j, k, w, -i], [k, -j, i, w]]
        of_turn = torch.stack([torch.stack(row, -1) for row in rows], -2)
        of_rate = torch.zeros(count, 4, 3)
        of_rate[:, 0] = of_real * 2 * HALF**2 * rate
        of_rate[:, 1:] = scale[:, :, None] * torch.eye(3)
        of_rate[:, 1:] += (of_scale * 2 * HALF**2)[:, :, None] * rate[:, :, None] * rate[:, None]
        fu[:, 3:7, 1:] = of_turn @ of_rate
        return fx, fu


class Network(torch.nn.Module):
    """One hidden layer, and the published ranges over 1e5."""

    def __init__(self, case):
        super().__init__()
        units, rows = len(case["first_bias"]), len(case["last_bias"])
        matrix = lambda name, columns: torch.nn.Parameter(torch.tensor(case[name]).reshape(columns, -1).T.contiguous())
        self.first, self.last = matrix("first", len(case["first"]) // units), matrix("last", units)
        self.first_bias = torch.nn.Parameter(torch.tensor(case["first_bias"]))
        self.last_bias = torch.nn.Parameter(torch.tensor(case["last_bias"]))
        self.gravity, self.horizon = case["gravity"], rows // WEIGHTS

    def forward(self, observations):
        hidden = torch.tanh(observations @ self.first.T + self.first_bias)
        shares = torch.sigmoid(hidden @ self.last.T + self.last_bias).reshape(-1, self.horizon, WEIGHTS)
        quadratic, linear = shares[..., : WEIGHTS // 2] + 1e-6, shares[..., WEIGHTS // 2 :] - 0.5
        thrust = -self.gravity * shares[..., WEIGHTS // 2 + THRUST, None]
        linear = torch.cat([linear[..., :THRUST], thrust, linear[..., THRUST + 1 :]], -1)
        # Stages first, as mpc.pytorch has them.
        return torch.diag_embed(quadratic).transpose(0, 1).contiguous(), linear.transpose(0, 1).contiguous()

    def gradient(self):
        return torch.cat([weights.grad.reshape(-1) for weights in self.parameters()])


WAYS = {
    "until convergence": {"lqr_iter": 200, "eps": 1e-8, "best_cost_eps": 0.0, "not_improved_lim": 20},
    # The published numbers; the one of costs over 1e5, as the costs are.
    "one iteration": {"lqr_iter": 1, "eps": 0.1, "best_cost_eps": 1e-9, "max_linesearch_iter": 5},
}


class Batch:
    """Some problems of a case."""

    def __init__(self, case, network, count):
        self.network, self.horizon, self.count = network, network.horizon, count
        some = lambda name: torch.tensor(case[name]).reshape(len(case["costs"]), -1)[:count]
        self.states, self.observations, self.actions = some("states"), some("observations"), some("actions")
        self.costs, self.controls, self.weights = some("costs")[:, 0], some("controls"), some("gradient")
        self.dynamics = Quadrotor(case["gravity"])
        self.guess = torch.tensor([case["gravity"], 0.0, 0.0, 0.0]).repeat(self.horizon, count, 1)
        bound = lambda numbers: torch.tensor(numbers).repeat(self.horizon, count, 1)
        self.lower, self.upper = bound(LOWER), bound(UPPER)

    def solve(self, way, cost):
        solver = mpc.MPC(
            10,
            4,
            self.horizon,
            u_lower=self.lower,
            u_upper=self.upper,
            u_init=self.guess,
            grad_method=mpc.GradMethods.ANALYTIC,
            verbose=-1,
            exit_unconverged=False,
            detach_unconverged=False,
            **WAYS[way],
        )
        states, controls, _ = solver(self.states, mpc.QuadCost(*cost), self.dynamics)
        return states, controls

    def loss(self, controls):
        return 0.5 * (((controls[0] - self.actions) / torch.tensor(UPPER)) ** 2).sum()

    def whole(self, way):
        self.network.zero_grad()
        self.loss(self.solve(way, self.network(self.observations))[1]).backward()

    def controllers(self, way, cost):
        cost = [part.detach().requires_grad_() for part in cost]
        self.loss(self.solve(way, cost)[1]).backward()

    def exact(self):
        """Our gradient in the network, from ours in the weights of the stages."""
        self.network.zero_grad()
        quadratic, linear = self.network(self.observations)
        diagonal = torch.diagonal(quadratic, dim1=-2, dim2=-1)
        torch.cat([diagonal, linear], -1).backward(self.weights.reshape(self.count, self.horizon, WEIGHTS).transpose(0, 1))
        return self.network.gradient()

    def compare(self, way):
        """The largest excess of a cost and change of a first control beside ours, the error of the gradient, and the problems that
        have not been solved."""
        cost = [part.detach() for part in self.network(self.observations)]
        states, controls = (part.detach() for part in self.solve(way, cost))
        tau = torch.cat([states, controls], -1)
        own = (0.5 * (tau * (cost[0] @ tau[..., None])[..., 0]).sum(-1) + (tau * cost[1]).sum(-1)).sum(0)
        excess = (own - self.costs) / self.costs.abs().max()
        moved = ((controls[0] - self.controls) / torch.tensor(UPPER)).abs().amax(-1)
        exact = self.exact()
        self.whole(way)
        error = (self.network.gradient() - exact).norm() / exact.norm()
        failed = ((excess > SAME_COST) | (moved > SAME_CONTROL)).sum()
        return excess.clamp(min=0).max().item(), moved.max().item(), error.item(), failed.item()


def seconds(work, threads):
    """The least of runs for some seconds. The machine may be busy, so the clock of one thread is the processor's."""
    clock = time.process_time if threads == 1 else time.perf_counter
    work()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - begin < 2 and len(times) < 40):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def check_derivatives(dynamics):
    torch.manual_seed(1)
    x, u = torch.randn(5, 10), torch.randn(5, 4)
    fx, fu = dynamics.grad_input(x, u)
    exact = vmap(jacrev(dynamics.forward, argnums=(0, 1)))(x, u)
    if max((fx - exact[0]).abs().max(), (fu - exact[1]).abs().max()) > 1e-12:
        raise RuntimeError("the derivatives of the dynamics are wrong")


def rows(case, counts):
    network = Network(case)
    for count in counts:
        batch = Batch(case, network, count)
        for way in WAYS:
            torch.set_num_threads(1)
            cost, control, gradient, failed = batch.compare(way)
            if failed and way == "until convergence":
                raise RuntimeError(f"{failed} of {count} solutions differ: costs by {cost:.1e}, controls by {control:.1e}")
            for threads in (1, 2):
                torch.set_num_threads(threads)
                weights = network(batch.observations)
                works = [lambda: batch.controllers(way, weights), lambda: batch.whole(way)]
                times = [seconds(work, threads) for work in works]
                print(f"{network.horizon} stages, {count} problems, {way}, {threads}: {times}", file=sys.stderr)
                yield {
                    "way": f"mpc.pytorch, {way}",
                    "threads": threads,
                    "horizon": network.horizon,
                    "batch": count,
                    "controllers": times[0],
                    "whole": times[1],
                    "cost": cost,
                    "control": control,
                    "gradient": gradient,
                    "failed": failed,
                }


def main():
    torch.set_default_dtype(torch.float64)
    with open(sys.argv[1]) as file:
        cases = json.load(file)
    counts = json.loads(sys.argv[2])
    check_derivatives(Quadrotor(cases[0]["gravity"]))
    found = [row for case in cases for row in rows(case, counts)]
    side = f"mpc.pytorch 0.0.6 with torch {torch.__version__}, float64"
    print(json.dumps({"side": side, "rows": found}))


if __name__ == "__main__":
    main()
