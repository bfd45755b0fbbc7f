"""acados with exact Hessians, where it is installed (`acados_template`, and its libraries).

    python with_acados.py [--output FOLDER]

Solves only; `problems.py` says what is printed.
"""

import argparse
import json
import os
from pathlib import Path

import problems

try:
    import casadi
    import numpy
    from acados_template import AcadosModel, AcadosOcp, AcadosOcpSolver
    from casadi import SX, vertcat, vertsplit
except ImportError as error:
    print(json.dumps({"peer": "acados", "missing": str(error)}))
    raise SystemExit from None

HERE = Path(__file__).resolve().parent


def solver(problem):
    problems.use(casadi)
    model, ocp = AcadosModel(), AcadosOcp()
    model.name = problem.name
    model.x = SX.sym("x", len(problem.start))
    model.u = SX.sym("u", len(problem.neutral))
    model.p = SX.sym("p", len(problem.params))
    x, u, p = (vertsplit(vector) for vector in (model.x, model.u, model.p))
    model.disc_dyn_expr = vertcat(*problem.step(x, u, p))
    model.cost_expr_ext_cost = problem.cost(x, u)
    model.cost_expr_ext_cost_e = problem.cost(x, problem.neutral)
    ocp.model = model
    ocp.parameter_values = numpy.array(problem.params)
    ocp.constraints.x0 = numpy.array(problem.start)
    ocp.cost.cost_type = ocp.cost.cost_type_e = "EXTERNAL"
    options = ocp.solver_options
    options.N_horizon = problem.horizon
    # The step is part of `disc_dyn_expr`, so the length of the horizon only sets the default weights of the stages, which are the
    # time steps. The costs of these problems are sums: every stage has the weight one, and so has the terminal cost.
    options.tf = float(problem.horizon)
    options.cost_scaling = numpy.ones(problem.horizon + 1)
    options.integrator_type = "DISCRETE"
    options.hessian_approx = "EXACT"
    options.nlp_solver_type = "SQP"
    options.qp_solver = "PARTIAL_CONDENSING_HPIPM"
    options.qp_solver_cond_N = problem.horizon
    # HPIPM's square-root recursion, the default, requires each stage's Hessian to be positive definite. Those of the cart-pole's
    # Lagrangian are not, and the solve ends with status 2. The classical recursion requires this of the reduced Hessian alone.
    options.qp_solver_ric_alg = 0
    options.nlp_solver_max_iter = 100
    for name in ("stat", "eq", "ineq", "comp"):
        setattr(options, f"nlp_solver_tol_{name}", problems.TOLERANCE)
    ocp.code_export_directory = problem.name
    return AcadosOcpSolver(ocp, json_file=f"{problem.name}.json", verbose=False)


def case(problem):
    guess = problem.guess()
    ocp = solver(problem)
    problems.use(__import__("math"))
    times = []
    for _ in range(31):
        x = problem.start
        for t, u in enumerate(guess):
            ocp.set(t, "x", numpy.array(x))
            ocp.set(t, "u", numpy.array(u))
            x = problem.step(x, u, problem.params)
        ocp.set(problem.horizon, "x", numpy.array(x))
        if ocp.solve() != 0:
            raise RuntimeError(f"{problem.name}: acados ends with status {ocp.status}")
        # Some versions give a number, others a list of one.
        times.append(1e6 * float(numpy.ravel(ocp.get_stats("time_tot"))[0]))
    controls = [float(u) for t in range(problem.horizon) for u in ocp.get(t, "u")]
    times = {"solve": sorted(times)[len(times) // 2]}
    return {"cost": float(ocp.get_cost()), "controls": controls, "times": times}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=HERE.parents[1] / "target" / "peers")
    folder = parser.parse_args().output.resolve() / "acados"
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    # The tool speaks on standard output; the answer is the last line of it.
    print(json.dumps({"peer": "acados", "cases": {problem.name: case(problem) for problem in problems.PROBLEMS}}))


main()
