"""How the peers of the bench `limits` are run: tolerances fall until the residuals are ours, within a factor of 10."""

import argparse
import json
import math

# Rounding of peers whose residuals are not refined: below that, a smaller residual is no merit of a tolerance.
FLOOR = 1e-10
REPEATS = 3


def residuals():
    """Our residuals by the name of a row: the rows that are wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--residuals", type=json.loads, default={})
    return parser.parse_args().residuals


def row(solve, problems, tolerances, ours):
    """`solve(problem, tolerance)` gives seconds, whether it solved, the residual and the cost."""
    wanted = 10.0 * max(ours, FLOOR)
    best = None
    for tolerance in tolerances:
        answers = [solve(problem, tolerance) for problem in problems]
        good = sum(bool(solved and residual <= wanted) for _, solved, residual, _ in answers)
        if best is None or good > best[0]:
            best = good, tolerance, answers
        if good == len(problems):
            break
    good, tolerance, answers = best
    again = [sum(solve(problem, tolerance)[0] for problem in problems) for _ in range(REPEATS - 1)]
    times = sorted([sum(seconds for seconds, *_ in answers)] + again)
    largest = max((residual for _, solved, residual, _ in answers if solved), default=math.nan)
    return {
        "time": 1e3 * times[len(times) // 2],
        "problems": len(problems),
        "good": good,
        "residual": largest if math.isfinite(largest) else None,
        "costs": [cost if solved and math.isfinite(cost) else None for _, solved, _, cost in answers],
        "tolerance": tolerance,
    }


def answer(peer, rows):
    print(json.dumps({"peer": peer, "rows": rows}), flush=True)


def missing(peer, error):
    print(json.dumps({"peer": peer, "missing": str(error)}), flush=True)
