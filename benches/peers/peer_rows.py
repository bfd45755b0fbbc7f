"""How the peers of the bench `limits` are run.

For each problem the tolerance falls until the residual is ours, within a factor of 10. The time is that of the last solve.
"""

import argparse
import json
import math

# Rounding of peers whose residuals are not refined: below that, a smaller residual is no merit of a tolerance.
FLOOR = 1e-10
# Solves that take less [s] are repeated.
SHORT = 0.5
REPEATS = 3


def residuals():
    """Our residuals by the name of a row: the rows that are wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--residuals", type=json.loads, default={})
    return parser.parse_args().residuals


def wanted(ours):
    return 10.0 * max(ours, FLOOR)


def one(solve, problem, tolerances, most):
    """The answer at the first tolerance that is tight enough, else that with the smallest residual."""
    best = None
    for tolerance in tolerances:
        answer = seconds, solved, residual, _ = solve(problem, tolerance)
        good = bool(solved and residual <= most)
        if best is None or good or (solved and not residual >= best[0][2]):
            best = answer, good, tolerance
        if good:
            break
    (seconds, solved, residual, cost), good, tolerance = best
    times = [seconds]
    if seconds < SHORT:
        times += [solve(problem, tolerance)[0] for _ in range(REPEATS - 1)]
    return sorted(times)[len(times) // 2], solved, good, residual, cost


def row(solve, problems, tolerances, ours):
    """`solve(problem, tolerance)` gives seconds, whether it solved, the residual and the cost."""
    answers = [one(solve, problem, tolerances, wanted(ours)) for problem in problems]
    largest = max((residual for _, solved, _, residual, _ in answers if solved), default=math.nan)
    return {
        "time": 1e3 * sum(seconds for seconds, *_ in answers),
        "problems": len(problems),
        "good": sum(good for _, _, good, _, _ in answers),
        "residual": largest if math.isfinite(largest) else None,
        "costs": [cost if solved and math.isfinite(cost) else None for _, solved, _, _, cost in answers],
    }


def answer(peer, rows):
    print(json.dumps({"peer": peer, "rows": rows}), flush=True)


def missing(peer, error):
    print(json.dumps({"peer": peer, "missing": str(error)}), flush=True)
