"""OSQP, PIQP and POUNCE's convex solver on the LQ problems of the bench `limits`.

    python with_qp.py --residuals '{"lq": 1e-12, "quadrotor near": 1e-12}'

names rows with our residuals. Prints one line of JSON for each solver. Times are a solver's own, without Python's part,
set-up included, as matrices change with the problem. OSQP polishes.
"""

import importlib
import os
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import peer_rows

try:
    import limits_lq
    import numpy
    import scipy.sparse as sparse
except ImportError as error:
    for name in ("OSQP", "PIQP", "POUNCE (convex)"):
        peer_rows.missing(name, error)
    raise SystemExit from None


def with_osqp(osqp):
    def solve(problem, tolerance):
        limited = numpy.flatnonzero(numpy.isfinite(problem.lower) | numpy.isfinite(problem.upper))
        rows = sparse.vstack([problem.E, sparse.identity(len(problem.q), format="csc")[limited]], format="csc")
        solver = osqp.OSQP()
        solver.setup(
            sparse.triu(problem.P, format="csc"),
            problem.q,
            rows,
            numpy.concatenate([problem.e, problem.lower[limited]]),
            numpy.concatenate([problem.e, problem.upper[limited]]),
            eps_abs=tolerance,
            eps_rel=tolerance,
            max_iter=20_000,
            polishing=True,
            verbose=False,
        )
        result = solver.solve(raise_error=False)
        if result.info.status_val not in (1, 2):
            return result.info.run_time, False, numpy.nan, numpy.nan
        equations = len(problem.e)
        multipliers = numpy.zeros(len(problem.q))
        multipliers[limited] = result.y[equations:]
        residual = problem.residual(result.x, result.y[:equations], multipliers)
        return result.info.run_time, True, residual, problem.cost(result.x)

    return solve, (1e-3, 1e-5, 1e-7, 1e-9, 1e-11)


def with_piqp(piqp):
    def solve(problem, tolerance):
        solver = piqp.SparseSolver()
        solver.settings.kkt_solver = piqp.KKTSolver.sparse_multistage
        solver.settings.compute_timings = True
        solver.settings.eps_abs = solver.settings.eps_rel = tolerance
        solver.settings.eps_duality_gap_abs = solver.settings.eps_duality_gap_rel = tolerance
        none = sparse.csc_matrix((0, len(problem.q)))
        empty = numpy.zeros(0)
        bounds = problem.lower, problem.upper
        solver.setup(problem.P, problem.q, problem.E, problem.e, none, empty, empty, *bounds)
        status = solver.solve()
        result = solver.result
        seconds = result.info.setup_time + result.info.solve_time
        residual = problem.residual(result.x, result.y, result.z_bu - result.z_bl)
        return seconds, status == piqp.PIQP_SOLVED, residual, problem.cost(result.x)

    return solve, (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)


def with_pounce(pounce):
    def solve(problem, tolerance):
        lower, upper = problem.lower, problem.upper
        triangle = sparse.tril(problem.P, format="csc")
        start = time.perf_counter()
        result = pounce.solve_qp(
            triangle, problem.q, problem.E, problem.e, lb=lower, ub=upper, tol=tolerance, check_psd=False
        )
        seconds = time.perf_counter() - start
        x, y = numpy.array(result.x), numpy.array(result.y)
        residual = problem.residual(x, y, numpy.array(result.z_ub) - numpy.array(result.z_lb))
        return seconds, result.status in ("optimal", "optimal_inaccurate"), residual, problem.cost(x)

    return solve, (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)


def main():
    ours = peer_rows.residuals()
    problems = {name: family for name, family in limits_lq.families().items() if name in ours}
    sides = (("OSQP", "osqp", with_osqp), ("PIQP", "piqp", with_piqp), ("POUNCE (convex)", "pounce", with_pounce))
    for peer, module, side in sides:
        try:
            solve, tolerances = side(importlib.import_module(module))
        except ImportError as error:
            peer_rows.missing(peer, error)
            continue
        rows = {name: peer_rows.row(solve, family, tolerances, ours[name]) for name, family in problems.items()}
        peer_rows.answer(peer, rows)


main()
