"""What `run --own-model` checks of the package that `python -m dilqr new my_model` writes: solves and gradients, at its bounds."""

from __future__ import annotations

import my_model
import numpy as np

import dilqr


def main() -> None:
    model = my_model.model
    assert isinstance(model, dilqr.Model) and repr(model).startswith("Model('my_model', states=(angle, rate)"), model
    params = {"mass": 1.0, "length": 1.0, "strongest": 3.0}
    solver = dilqr.Solver(model, 30, tolerance=1e-11)
    solution = solver.solve([0.3, 0.0], params)
    assert solution.converged, solution
    assert abs(np.abs(solution.controls).max() - 3.0) < 1e-12 and solution.certificate.active
    gradient = solver.vjp(solution, d_states=np.ones((31, 2)))
    step = 1e-5
    for i, name in enumerate(model.params):
        moved = [
            solver.solve([0.3, 0.0], {**params, name: params[name] + sign * step}).states.sum() for sign in (1.0, -1.0)
        ]
        difference = (moved[0] - moved[1]) / (2.0 * step)
        # Differences of second order.
        assert abs(difference - gradient.params[i]) < 1e-6 * np.abs(gradient.params).max(), name
    # The module itself stands for its model, and the native classes of two modules go together.
    assert dilqr.Solver(my_model, 30).solve([0.3, 0.0], params).converged
    try:
        dilqr.Solver(dilqr.models.pendulum, 30).vjp(solution)
    except ValueError as error:
        assert "'my_model' over 30 stages" in str(error)
    else:
        raise AssertionError("a solution of another model was taken")
    try:
        dilqr.Solver(model, 5).solve([0.3, 0.0], {**params, "strongest": -1.0})
    except ValueError as error:
        assert "the bounds of control `torque` are reversed" in str(error), error
    else:
        raise AssertionError("reversed bounds were taken")
    print("own model: 3 derivatives agree with differences")


if __name__ == "__main__":
    main()
