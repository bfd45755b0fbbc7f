"""ipopt (through CasADi) and POUNCE on the nonlinear problems of the bench `limits`.

    python with_ipopt.py --residuals '{"race bend": 1e-12, "race controller": 1e-12}'

names rows with our residuals. Prints one line of JSON for each solver. Derivatives are CasADi's, evaluated by its virtual
machine. Guesses are ours: the rollout of the first controls, and for the controller the shifted plan.
`bound_relax_factor` is 0.
"""

import os
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import peer_rows

try:
    import casadi
    import limits_nlp
    import numpy
except ImportError as error:
    peer_rows.missing("ipopt", error)
    peer_rows.missing("POUNCE", error)
    raise SystemExit from None

TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)


class Ipopt:
    """CasADi's interface; solvers are made once for a problem and a tolerance, as they are for ours."""

    def __init__(self):
        self.solvers = {}

    def solver(self, shooting, tolerance):
        key = id(shooting), tolerance
        if key not in self.solvers:
            own = {"tol": tolerance, "constr_viol_tol": tolerance, "compl_inf_tol": tolerance, "dual_inf_tol": 1.0}
            own |= {"bound_relax_factor": 0.0, "print_level": 0, "sb": "yes", "max_iter": 3000}
            options = {"ipopt": own, "print_time": False, "expand": True}
            self.solvers[key] = casadi.nlpsol("solver", "ipopt", shooting.nlp, options)
        return self.solvers[key]

    def solve(self, shooting, guess, parameters, tolerance):
        """Seconds, whether it solved, z, and multipliers of rows and bounds."""
        solver = self.solver(shooting, tolerance)
        bounds = {"lbx": shooting.lbx, "ubx": shooting.ubx, "lbg": shooting.lbg, "ubg": shooting.ubg}
        start = time.perf_counter()
        result = solver(x0=guess, p=parameters, **bounds)
        seconds = time.perf_counter() - start
        z, rows, bounded = (result[name].full().ravel() for name in ("x", "lam_g", "lam_x"))
        return seconds, solver.stats()["success"], z, rows, bounded


class Callbacks:
    """A problem with its parameters for POUNCE, in the form of cyipopt's."""

    def __init__(self, shooting):
        z, p, g = (shooting.nlp[name] for name in ("x", "p", "g"))
        multipliers, weight = casadi.SX.sym("mu", g.numel()), casadi.SX.sym("w")
        jacobian = casadi.jacobian(g, z)
        lagrangian = weight * shooting.nlp["f"] + casadi.dot(multipliers, g)
        hessian = casadi.tril(casadi.hessian(lagrangian, z)[0])
        self.values = casadi.Function("values", [z, p], [shooting.nlp["f"]])
        self.slopes = casadi.Function("slopes", [z, p], [casadi.gradient(shooting.nlp["f"], z)])
        self.rows = casadi.Function("rows", [z, p], [g])
        self.entries = casadi.Function("entries", [z, p], [jacobian.nz[:]])
        self.curvature = casadi.Function("curvature", [z, p, multipliers, weight], [hessian.nz[:]])
        self.structures = [tuple(map(numpy.array, matrix.sparsity().get_triplet())) for matrix in (jacobian, hessian)]
        self.parameters = None

    def objective(self, z):
        return float(self.values(z, self.parameters))

    def gradient(self, z):
        return self.slopes(z, self.parameters).full().ravel()

    def constraints(self, z):
        return self.rows(z, self.parameters).full().ravel()

    def jacobian(self, z):
        return self.entries(z, self.parameters).full().ravel()

    def jacobianstructure(self):
        return self.structures[0]

    def hessian(self, z, multipliers, weight):
        return self.curvature(z, self.parameters, multipliers, weight).full().ravel()

    def hessianstructure(self):
        return self.structures[1]


class Pounce:
    def __init__(self, pounce):
        self.pounce = pounce
        self.callbacks = {}

    def solve(self, shooting, guess, parameters, tolerance):
        callbacks = self.callbacks.setdefault(id(shooting), None) or Callbacks(shooting)
        self.callbacks[id(shooting)] = callbacks
        callbacks.parameters = parameters
        problem = self.pounce.Problem(
            n=len(guess),
            m=len(shooting.lbg),
            problem_obj=callbacks,
            lb=shooting.lbx,
            ub=shooting.ubx,
            cl=shooting.lbg,
            cu=shooting.ubg,
        )
        options = {"tol": tolerance, "constr_viol_tol": tolerance, "compl_inf_tol": tolerance}
        options |= {"bound_relax_factor": 0.0, "print_level": 0, "sb": "yes", "max_iter": 3000}
        for name, value in options.items():
            problem.add_option(name, value)
        start = time.perf_counter()
        z, info = problem.solve(guess)
        seconds = time.perf_counter() - start
        bounded = numpy.array(info["mult_x_U"]) - numpy.array(info["mult_x_L"])
        return seconds, info["status"] in (0, 1), numpy.array(z), numpy.array(info["mult_g"]), bounded


def cold(solver):
    def solve(problem, tolerance):
        shooting = problem.shooting
        seconds, solved, z, rows, bounded = solver.solve(shooting, problem.guess, problem.parameters, tolerance)
        residual = shooting.residual(z, problem.parameters, rows, bounded)
        return seconds, solved, residual, float(shooting.evaluate(z, problem.parameters)[0])

    return solve


def controller(solver, tolerances, ours, steps=60):
    """A closed loop, each step from the shifted plan of the last one."""
    shooting = limits_nlp.race()
    nx, nu, horizon = shooting.model.nx, shooting.model.nu, shooting.model.horizon

    def run(tolerance):
        x, controls = numpy.array([-2.0, 0.0, 0.0, 0.0, 0.0, 0.0]), numpy.zeros((horizon, nu))
        guess = shooting.guess(x, controls)
        seconds, answers = 0.0, []
        for _ in range(steps):
            parameters = numpy.concatenate([x, limits_nlp.race_references(x[0])])
            took, solved, z, rows, bounded = solver.solve(shooting, guess, parameters, tolerance)
            seconds += took
            answers.append((solved, shooting.residual(z, parameters, rows, bounded)))
            x = shooting.plant(x, z[:nu]).full().ravel()
            guess = numpy.concatenate([z[nu + nx :], z[-nu - nx :]])
        return seconds, answers

    best = None
    for tolerance in tolerances:
        seconds, answers = run(tolerance)
        good = sum(bool(solved and residual <= peer_rows.wanted(ours)) for solved, residual in answers)
        if best is None or good > best[0]:
            best = good, seconds, answers
        if good == steps:
            break
    good, seconds, answers = best
    largest = max((residual for solved, residual in answers if solved), default=None)
    return {
        "time": 1e3 * seconds,
        "problems": steps,
        "good": good,
        "residual": largest,
        "costs": [],
    }


def sides():
    yield "ipopt", Ipopt()
    try:
        import pounce
    except ImportError as error:
        peer_rows.missing("POUNCE", error)
    else:
        yield "POUNCE", Pounce(pounce)


def main():
    ours = peer_rows.residuals()
    problems = {name: [make()] for name, make in limits_nlp.PROBLEMS.items() if name in ours}
    for peer, solver in sides():
        rows = {name: peer_rows.row(cold(solver), one, TOLERANCES, ours[name]) for name, one in problems.items()}
        if "race controller" in ours:
            rows["race controller"] = controller(solver, TOLERANCES, ours["race controller"])
        peer_rows.answer(peer, rows)


main()
