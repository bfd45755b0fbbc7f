"""Makes tracking.json, path.json and bound_parameter.json, beside this file: optimal control problems with parameters
of the stage, a path inequality with terminal equalities, and bounds that are parameters, with their exact derivatives.

Nothing of dilqr takes part, and no structure of the problem is used. A problem is one nonlinear program in
z = (x_0 .. x_T, u_0 .. u_{T-1}) with theta = (p, x0, s_0 .. s_T):

    minimise J(z, theta)   subject to   E(z, theta) = 0,   G(z, theta) <= 0

where E holds x0 - x_0, then f(x_t, u_t) - x_{t+1}, then the terminal equalities; and G the stages' inequalities, then
u - upper, then lower - u. Newton's method on the optimality conditions of the active set (a dense solve in float64; a
row of G is active where its multiplier plus its value is positive) finds the solution, the implicit function theorem on
the same matrix its derivatives. CasADi differentiates the expressions.

What is stored has been checked here, and the script stops where a check fails:
* stationarity of the Lagrangian, and feasibility, below 1e-11;
* a strict minimum with strict complementarity and independent active constraints (least eigenvalue of the
  Lagrangian's Hessian on their null space, least margin, least singular value: all stored);
* the same optimum by Ipopt from the same initial controls (to the 1e-7 that an interior-point method gives);
* every derivative against differences of problems that were solved again (fourth order, relative to the largest
  entry).

Run with Python 3, numpy 2 and casadi 3.7 or later: `python tests/reference/make_limits.py`. The tests need only the JSON.
"""

import json
from pathlib import Path

import casadi as ca
import numpy as np

STATIONARITY = 1e-11


class Case:
    """A problem: its functions over CasADi expressions, and its numbers. Sides of `bounds` may be None."""

    def __init__(self, name, definition, names, horizon, dynamics, stage_cost, terminal_cost, params, initial_state,
                 stage_params, initial_controls, bounds=None, inequalities=None, terminal_equalities=None):
        self.name, self.definition, self.names, self.horizon = name, definition, names, horizon
        self.params, self.initial_state = np.array(params), np.array(initial_state)
        self.stage_params, self.initial_controls = np.array(stage_params), np.array(initial_controls)
        self.nx, self.nu = len(initial_state), self.initial_controls.shape[1]
        self.params_count, self.ns = len(params), self.stage_params.shape[1]
        assert self.initial_controls.shape == (horizon, self.nu) and self.stage_params.shape == (horizon + 1, self.ns)

        xs = [ca.SX.sym(f"x{t}", self.nx) for t in range(horizon + 1)]
        us = [ca.SX.sym(f"u{t}", self.nu) for t in range(horizon)]
        ss = [ca.SX.sym(f"s{t}", self.ns) for t in range(horizon + 1)]
        p, x0 = ca.SX.sym("p", self.params_count), ca.SX.sym("x0", self.nx)
        split = ca.vertsplit
        entries = lambda t: (split(xs[t]), split(us[t]), split(p), split(ss[t]))
        end = (split(xs[horizon]), split(p), split(ss[horizon]))

        stages = range(horizon)
        cost = sum(stage_cost(*entries(t)) for t in stages) + terminal_cost(*end)
        equal = [x0 - xs[0]] + [ca.vertcat(*dynamics(*entries(t))) - xs[t + 1] for t in stages]
        if terminal_equalities:
            equal.append(ca.vertcat(*terminal_equalities(*end)))
        self.nc = len(inequalities(*entries(0))) if inequalities else 0
        less = [ca.vertcat(*inequalities(*entries(t))) for t in stages] if inequalities else []
        lower, upper = bounds(split(p)) if bounds else ([None] * self.nu, [None] * self.nu)
        # Which row of G bounds which control from which side: (t, i, sign of the multiplier as Q_u).
        self.bound_rows = []
        for sign, side in [(-1, upper), (1, lower)]:
            for t in stages:
                for i, limit in enumerate(side):
                    if limit is not None:
                        less.append(sign * (limit - us[t][i]))
                        self.bound_rows.append((t, i, sign))
        self.bounds = [list(side) for side in bounds(params)] if bounds else None

        z, theta = ca.vertcat(*xs, *us), ca.vertcat(p, x0, *ss)
        equal, less = ca.vertcat(*equal), ca.vertcat(ca.SX(0, 1), *less)
        le, lg = ca.SX.sym("le", equal.numel()), ca.SX.sym("lg", less.numel())
        lagrangian = cost + ca.dot(le, equal) + ca.dot(lg, less)
        gradient = ca.gradient(lagrangian, z)
        everything = [z, theta, le, lg]
        make = lambda *out: ca.Function("f", everything, [ca.densify(o) for o in out])
        self.cost = make(cost)
        self.conditions = make(gradient, equal, less)
        self.matrices = make(ca.jacobian(gradient, z), ca.jacobian(equal, z), ca.jacobian(less, z))
        self.parameter_terms = make(*(ca.jacobian(rows, theta) for rows in (gradient, equal, less)))
        self.lagrangian_gradient = make(ca.gradient(lagrangian, theta))
        self.program = {"x": z, "p": theta, "f": cost, "g": ca.vertcat(equal, less)}
        self.ne, self.ng = equal.numel(), less.numel()
        self.theta = np.concatenate([self.params, self.initial_state, self.stage_params.ravel()])
        step = ca.Function("step", [xs[0], us[0], p, ss[0]], [ca.vertcat(*dynamics(*entries(0)))])
        states = [self.initial_state]
        for u, s in zip(self.initial_controls, self.stage_params):
            states.append(np.array(step(states[-1], u, self.params, s)).ravel())
        self.first = np.concatenate([np.ravel(states), self.initial_controls.ravel()])

    def states(self, z):
        return z[: (self.horizon + 1) * self.nx].reshape(self.horizon + 1, self.nx, *z.shape[1:])

    def controls(self, z):
        return z[(self.horizon + 1) * self.nx :].reshape(self.horizon, self.nu, *z.shape[1:])


def evaluate(function, *arguments):
    outputs = [np.array(o) for o in function.call([ca.DM(a) for a in arguments])]
    return [o.ravel() if o.shape[1] == 1 else o for o in outputs]


def bordered(hessian, rows):
    """The matrix of the optimality conditions."""
    return np.block([[hessian, rows.T], [rows, np.zeros((len(rows), len(rows)))]])


def newton(case, theta, z, le, lg, iterations=100):
    """Newton's method on the optimality conditions; ends when rounding alone moves them. Returns z, le, lg, active."""
    best = None
    for _ in range(iterations):
        _, _, less = evaluate(case.conditions, z, theta, le, lg)
        active = lg + less > 0
        lg = np.where(active, lg, 0.0)
        gradient, equal, less = evaluate(case.conditions, z, theta, le, lg)
        residual = max(np.abs(v).max(initial=0) for v in (gradient, equal, less[active], np.maximum(less, 0)))
        if best is not None and residual < STATIONARITY and residual >= 0.5 * best[0]:
            return best[1:]
        if best is None or residual < best[0]:
            best = (residual, z, le, lg, active)
        hessian, ez, gz = evaluate(case.matrices, z, theta, le, lg)
        step = np.linalg.solve(
            bordered(hessian, np.vstack([ez, gz.reshape(case.ng, z.size)[active]])),
            -np.concatenate([gradient, equal, less[active]]),
        )
        # A far first guess: not further than the problem's own size at once.
        step *= min(1.0, 2.0 / np.abs(step[: z.size]).max())
        z, le = z + step[: z.size], le + step[z.size : z.size + case.ne]
        lg = lg.copy()
        lg[active] += step[z.size + case.ne :]
    raise RuntimeError(f"{case.name}: residual {best[0]:e} after {iterations} iterations")


def ipopt(case):
    options = {"print_time": 0, "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-12, "max_iter": 1000}}
    solver = ca.nlpsol("solver", "ipopt", case.program, options)
    lbg = np.concatenate([np.zeros(case.ne), np.full(case.ng, -np.inf)])
    answer = solver(x0=case.first, p=case.theta, lbg=lbg, ubg=np.zeros(case.ne + case.ng))
    assert solver.stats()["success"], f"{case.name}: {solver.stats()['return_status']}"
    return np.array(answer["x"]).ravel()


def relative(given, expected):
    return np.abs(given - expected).max(initial=0) / np.abs(expected).max(initial=1e-300)


def make(case, seed):
    theta, nz = case.theta, case.first.size
    z, le, lg, active = newton(case, theta, case.first, np.zeros(case.ne), np.zeros(case.ng))
    gradient, equal, less = evaluate(case.conditions, z, theta, le, lg)
    stationarity = max(np.abs(v).max(initial=0) for v in (gradient, equal, less[active], np.maximum(less, 0)))
    assert stationarity < STATIONARITY

    hessian, ez, gz = evaluate(case.matrices, z, theta, le, lg)
    rows = np.vstack([ez, gz.reshape(case.ng, nz)[active]])
    null_space = np.linalg.qr(rows.T, mode="complete")[0][:, len(rows) :]
    eigenvalue = np.linalg.eigvalsh(null_space.T @ hessian @ null_space).min()
    singular_value = np.linalg.svd(rows, compute_uv=False).min()
    margin = np.concatenate([lg[active], -less[~active]]).min(initial=np.inf)
    assert eigenvalue > 1e-4 and singular_value > 1e-3 and margin > 1e-3, (eigenvalue, singular_value, margin)

    # dz/dtheta, and the gradient of the optimal cost: that of the Lagrangian.
    terms = evaluate(case.parameter_terms, z, theta, le, lg)
    lp, ep, gp = (m.reshape(-1, theta.size) for m in terms)
    jacobian = -np.linalg.solve(bordered(hessian, rows), np.vstack([lp, ep, gp[active]]))[:nz]
    (value_gradient,) = evaluate(case.lagrangian_gradient, z, theta, le, lg)
    random = np.random.default_rng(seed)
    loss = random.standard_normal(nz)
    loss_gradient = jacobian.T @ loss

    # Solved again at parameters on both sides: fourth order, with a step between truncation and rounding.
    differences, value_differences = np.zeros_like(jacobian), np.zeros(theta.size)
    for i in range(theta.size):
        h = 3e-4
        for weight, steps in [(8.0, 1), (-8.0, -1), (-1.0, 2), (1.0, -2)]:
            moved = theta.copy()
            moved[i] += steps * h
            there, _, _, same = newton(case, moved, z, le, lg)
            assert (same == active).all(), f"{case.name}: the active set changes with theta[{i}]"
            differences[:, i] += weight * there / (12 * h)
            value_differences[i] += weight * float(case.cost(there, moved, le, lg)) / (12 * h)
    disagreement = max(
        relative(loss_gradient, differences.T @ loss),
        relative(jacobian, differences),
        relative(value_gradient, value_differences),
    )
    assert disagreement < 1e-7, disagreement

    other = ipopt(case)
    other_disagreement = relative(other, z)
    assert other_disagreement < 1e-7, other_disagreement

    shape = lambda vector: np.split(vector, [case.params_count, case.params_count + case.nx])
    grad_params, grad_initial_state, grad_stage_params = shape(loss_gradient)
    value_params, value_initial_state, value_stage_params = shape(value_gradient)
    stage_rows = case.horizon * case.nc
    bound_multipliers = np.zeros((case.horizon, case.nu))
    for row, (t, i, sign) in enumerate(case.bound_rows):
        bound_multipliers[t, i] += sign * lg[stage_rows + row]
    costates = (case.horizon + 1) * case.nx
    data = {
        "name": case.name,
        "definition": case.definition,
        "horizon": case.horizon,
        "state_dim": case.nx,
        "control_dim": case.nu,
        "state_names": case.names[0],
        "control_names": case.names[1],
        "param_names": case.names[2],
        "stage_param_names": case.names[3],
        "params": case.params,
        "initial_state": case.initial_state,
        "stage_params": case.stage_params,
        "initial_controls": case.initial_controls,
        "bounds": case.bounds,
        "cost": float(case.cost(z, theta, le, lg)),
        "controls": case.controls(z),
        "states": case.states(z),
        "costates": le[:costates].reshape(-1, case.nx),
        "stage_multipliers": lg[:stage_rows].reshape(case.horizon, case.nc),
        "terminal_multipliers": le[costates:],
        "bound_multipliers": bound_multipliers,
        "loss_gradient_states": case.states(loss),
        "loss_gradient_controls": case.controls(loss),
        "grad_params": grad_params,
        "grad_initial_state": grad_initial_state,
        "grad_stage_params": grad_stage_params.reshape(-1, case.ns),
        "value_grad_params": value_params,
        "value_grad_initial_state": value_initial_state,
        "value_grad_stage_params": value_stage_params.reshape(-1, case.ns),
        "jacobian_controls_params": case.controls(jacobian)[:, :, : case.params_count],
        "jacobian_states_params": case.states(jacobian)[:, :, : case.params_count],
        "stationarity": stationarity,
        "min_hessian_eigenvalue": eigenvalue,
        "min_singular_value_of_active_rows": singular_value,
        "complementarity_margin": margin if case.ng else None,
        "finite_difference_disagreement": disagreement,
        "ipopt_disagreement": other_disagreement,
    }
    path = Path(__file__).with_name(case.name).with_suffix(".json")
    path.write_text(json.dumps(data, indent=1, default=lambda numbers: numbers.tolist()) + "\n")
    print(f"{case.name}: cost {data['cost']:.9f}, {active.sum()} of {case.ng} inequalities active")
    for key in list(data)[-6:]:
        print(f"  {key} {data[key]}")


def tracking():
    """A boat that follows a moving target in a current."""
    dt = 0.2

    def dynamics(x, u, p, s):
        px, py, heading, speed = x
        drag, rudder, _, _ = p
        turn = rudder * speed * ca.sin(u[1])
        return [
            px + dt * (speed * ca.cos(heading) + s[2]),
            py + dt * speed * ca.sin(heading),
            heading + dt * turn,
            speed + dt * (u[0] - drag * speed * ca.sqrt(1 + speed * speed)),
        ]

    def distance(x, p, s):
        # Grows like a square near the target and like a line far from it.
        dx, dy = x[0] - s[0], x[1] - s[1]
        return p[3] * (ca.sqrt(1 + (dx * dx + dy * dy) / p[3]) - 1)

    horizon = 20
    time = dt * np.arange(horizon + 1)
    stage_params = np.stack([0.9 * time, np.sin(0.8 * time), 0.3 * np.cos(time)], axis=1)
    return Case(
        "tracking",
        "boat: h = 0.2; px' = px + h (v cos a + current), py' = py + h v sin a, a' = a + h rudder v sin u1, "
        "v' = v + h (u0 - drag v sqrt(1 + v^2)); distance = scale (sqrt(1 + ((px - tx)^2 + (py - ty)^2) / scale) - 1); "
        "stage distance + effort (u0^2 + u1^2); terminal 5 distance + 0.1 v^2",
        [["px", "py", "heading", "speed"], ["thrust", "angle"], ["drag", "rudder", "effort", "scale"],
         ["target_x", "target_y", "current"]],
        horizon,
        dynamics,
        lambda x, u, p, s: distance(x, p, s) + p[2] * (u[0] ** 2 + u[1] ** 2),
        lambda x, p, s: 5 * distance(x, p, s) + 0.1 * x[3] ** 2,
        params=[0.4, 1.5, 0.05, 0.5],
        initial_state=[0.0, -0.4, 0.2, 0.5],
        stage_params=stage_params,
        initial_controls=np.tile([0.5, 0.0], (horizon, 1)),
    )


def path():
    """A car that has to stop at a point, within the grip of its tyres."""
    dt = 0.15

    def dynamics(x, u, p, s):
        px, py, heading, speed = x
        return [
            px + dt * speed * ca.cos(heading),
            py + dt * speed * ca.sin(heading),
            heading + dt * u[1],
            speed + dt * (u[0] - p[0] * speed * speed),
        ]

    horizon = 20
    surface = 1 + 0.1 * np.cos(0.3 * np.arange(horizon + 1))
    return Case(
        "path",
        "car: h = 0.15; px' = px + h v cos a, py' = py + h v sin a, a' = a + h u1, v' = v + h (u0 - drag v^2); stage "
        "(px - goal_x)^2 + (py - goal_y)^2 + 0.1 (u0^2 + turning u1^2) + 0.1 a^2; terminal a^2; path "
        "u0^2 + (v u1)^2 - (grip surface)^2 <= 0; end (px - goal_x, py - goal_y, v) = 0",
        [["px", "py", "heading", "speed"], ["acceleration", "turn"], ["drag", "grip", "goal_x", "goal_y", "turning"],
         ["surface"]],
        horizon,
        dynamics,
        lambda x, u, p, s: (x[0] - p[2]) ** 2 + (x[1] - p[3]) ** 2
        + 0.1 * (u[0] ** 2 + p[4] * u[1] ** 2) + 0.1 * x[2] ** 2,
        lambda x, p, s: x[2] ** 2,
        params=[0.1, 1.5, 3.0, 1.0, 1.5],
        initial_state=[0.0, 0.0, 0.1, 0.6],
        stage_params=surface[:, None],
        initial_controls=np.tile([0.2, 0.1], (horizon, 1)),
        inequalities=lambda x, u, p, s: [u[0] ** 2 + (x[3] * u[1]) ** 2 - (p[1] * s[0]) ** 2],
        terminal_equalities=lambda x, p, s: [x[0] - p[2], x[1] - p[3], x[3]],
    )


def bound_parameter():
    """A lander whose thrust and lean are limited by parameters."""
    dt = 0.2

    def dynamics(x, u, p, s):
        px, height, vx, rise = x
        thrust, lean = u
        mass, gravity, drag, _, _ = p
        air = drag * ca.sqrt(0.01 + (vx - s[0]) ** 2 + rise**2)
        vx_next = vx + dt * (thrust * ca.sin(lean) - air * (vx - s[0])) / mass
        rise_next = rise + dt * ((thrust * ca.cos(lean) - air * rise) / mass - gravity)
        return [px + dt * vx_next, height + dt * rise_next, vx_next, rise_next]

    horizon = 20
    wind = 0.5 * np.cos(0.5 * np.arange(horizon + 1))
    return Case(
        "bound_parameter",
        "lander: h = 0.2; air = drag sqrt(0.01 + (vx - wind)^2 + vy^2); "
        "vx' = vx + h (u0 sin u1 - air (vx - wind)) / mass, vy' = vy + h ((u0 cos u1 - air vy) / mass - gravity), "
        "px' = px + h vx', py' = py + h vy'; stage 0.1 (px^2 + py^2) + 0.05 (vx^2 + vy^2) "
        "+ 0.1 (u0 - mass gravity)^2 + 0.5 u1^2; terminal 5 (px^2 + py^2 + vx^2 + vy^2); "
        "1.2 <= u0 <= strength, u1 <= lean",
        [["px", "py", "vx", "vy"], ["thrust", "lean"], ["mass", "gravity", "drag", "strength", "lean"], ["wind"]],
        horizon,
        dynamics,
        lambda x, u, p, s: 0.1 * (x[0] ** 2 + x[1] ** 2) + 0.05 * (x[2] ** 2 + x[3] ** 2)
        + 0.1 * (u[0] - p[0] * p[1]) ** 2 + 0.5 * u[1] ** 2,
        lambda x, p, s: 5 * (x[0] ** 2 + x[1] ** 2 + x[2] ** 2 + x[3] ** 2),
        params=[1.2, 1.6, 0.1, 2.2, 0.25],
        initial_state=[-2.5, 3.0, 0.5, -1.0],
        stage_params=wind[:, None],
        initial_controls=np.tile([1.92, 0.0], (horizon, 1)),
        bounds=lambda p: ([1.2, None], [p[3], p[4]]),
    )


if __name__ == "__main__":
    for seed, case in enumerate([tracking(), path(), bound_parameter()]):
        make(case, seed)
