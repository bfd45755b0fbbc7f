"""Bad input: an exception that names the argument, what was given and what was expected. And processes that fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dilqr
from conftest import Case, case

T = 15
P = {"gravity": 10.0, "mass": 1.0, "length": 1.0}

CASES: list[tuple[Callable[[dilqr.Solver, dilqr.Solution], Any], type[Exception], str]] = [
    (lambda s, _: s.solve([0.1]), ValueError, r"x0 has the shape \(1,\), expected \(2,\): theta, omega"),
    (lambda s, _: s.solve([[0.1, 0.0]]), ValueError, r"x0 has the shape \(1, 2\), expected \(2,\)"),
    (lambda s, _: s.solve(0.1), ValueError, r"x0 has the shape \(\), expected \(2,\)"),
    (lambda s, _: s.solve(["a", "b"]), TypeError, "x0 has the dtype <U1, expected real numbers"),
    (lambda s, _: s.solve([0.1, 1j]), TypeError, "x0 has the dtype complex128, expected real numbers"),
    (lambda s, _: s.solve(None), TypeError, "x0 has the dtype object, expected real numbers"),
    (lambda s, _: s.solve([True, False]), TypeError, "x0 has the dtype bool, expected real numbers"),
    (lambda s, _: s.solve([[0.1], [0.1, 0.2]]), TypeError, "x0 is a list, expected an array of real numbers"),
    (lambda s, _: s.solve([np.nan, 0.0]), ValueError, "the initial state is NaN at entry 0, expected a finite number"),
    (lambda s, _: s.solve([0.0, np.inf]), ValueError, "the initial state is inf at entry 1, expected a finite number"),
    (lambda s, _: s.solve({"theta": 0.1}), ValueError, "x0 lacks omega"),
    (lambda s, _: s.solve([0, 0], [1.0, 2.0]), ValueError, r"params has the shape \(2,\), expected \(3,\): gravity"),
    (lambda s, _: s.solve([0, 0], {**P, "mas": 1.0}), ValueError, "params has no entry 'mas', .* did you mean 'mass'"),
    (lambda s, _: s.solve([0, 0], {"mass": 1.0}), ValueError, "params lacks gravity, length: start from"),
    (lambda s, _: s.solve([0, 0], {**P, "mass": np.nan}), ValueError, "the parameter vector is NaN at entry 1"),
    (lambda s, _: s.solve([0, 0], {**P, "mass": "1"}), TypeError, r"params\['mass'\] has the dtype <U1"),
    (lambda s, _: s.solve([0, 0], controls=np.zeros((T, 2))), ValueError, r"controls has the shape .* \(15, 1\)"),
    (
        lambda s, _: s.solve([0, 0], controls=np.full((T, 1), np.nan)),
        ValueError,
        "the list of controls is NaN at stage",
    ),
    (lambda s, _: s.solve([0, 0], states=np.zeros((T, 2))), ValueError, r"states has the shape .* \(16, 2\)"),
    (lambda s, _: s.solve([0, 0], stage_params=np.zeros((T + 1, 1))), ValueError, r"stage_params has .* \(16, 0\)"),
    (lambda s, _: s.solve([0, 0], gain=[1.0, 2.0]), ValueError, r"gain has the shape \(2,\), expected \(1, 2\)"),
    (lambda s, _: s.solve([0, 0], gain=[[1.0, np.nan]]), ValueError, r"gain is nan at \[0, 1\], expected a finite"),
    (lambda s, _: s.solve([0, 0], previous=[1.0]), ValueError, "no function of the model reads one"),
    (lambda s, _: s.solve([0, 0], start=3), TypeError, "start is a int, expected a Solution"),
    (lambda s, _: s.batch([0.1, 0.0]), ValueError, r"x0s has the shape \(2,\), expected \(B, 2\): theta, omega"),
    (lambda s, _: s.batch(np.zeros((0, 2))), ValueError, "the batch is empty, expected at least one problem"),
    (
        lambda s, _: s.batch([[0, 0]] * 3, np.ones((2, 3))),
        ValueError,
        r"params has the shape \(2, 3\), expected \(3, 3\)",
    ),
    (lambda s, _: s.batch([[0, 0], [0, np.nan]]), ValueError, "problem 1: the initial state is NaN at entry 1"),
    (lambda s, _: s.batch([[0, 0]], threads=0), ValueError, "threads is 0, expected at least 1"),
    (lambda s, _: s.batch([[0, 0]], threads=1.5), TypeError, "threads is 1.5, expected an int"),
    (lambda s, x: s.vjp(x, np.zeros((T, 2))), ValueError, r"d_states has the shape \(15, 2\), expected \(16, 2\)"),
    (lambda s, x: s.vjp(x, d_controls=np.full((T, 1), np.nan)), ValueError, r"d_controls is nan at \[0, 0\]"),
    (lambda s, x: s.vjp(x, d_value=np.inf), ValueError, "d_value is inf, expected a finite number"),
    (lambda s, x: s.vjp(x, d_value="1"), TypeError, "d_value has the dtype <U1, expected real numbers"),
    (lambda s, x: s.vjp(x, d_value=True), TypeError, "d_value has the dtype bool, expected real numbers"),
    (lambda s, x: s.vjp(x, d_value=[1.0]), ValueError, r"d_value has the shape \(1,\), expected \(\)"),
    (lambda s, x: s.solve([0, 0], start=x, controls=x.controls), ValueError, "start and controls are both given"),
    (lambda s, x: s.solve([0, 0], start=x, gain=[[1, 1]]), ValueError, "start and gain are both given"),
    (
        lambda s, _: s.batch([[0, 0]], start=s.batch([[0, 0]]), gain=[[1, 1]]),
        ValueError,
        "start and gain are both given",
    ),
    (lambda s, x: s.vjp(x.states), TypeError, "solution is a ndarray, expected a Solution"),
    (lambda s, x: s.vjp_batch(x), TypeError, "batch is a Solution, expected a Batch"),
    (lambda s, x: s.vjp(s.batch([[0, 0]])), TypeError, "solution is a Batch, expected a Solution"),
    (lambda s, x: s.batch([[0, 0]], start=x), TypeError, "start is a Solution, expected a Batch"),
    (lambda s, x: s.hvp(x, params=[1.0]), ValueError, r"params has the shape \(1,\), expected \(3,\)"),
    (lambda s, x: s.jacobian(x, stage=-1), ValueError, "stage is -1, expected at least 0"),
    (lambda s, x: s.jacobian(x, stage=99), ValueError, "the stage is 99, expected at most the horizon, 15"),
    (
        lambda s, x: dilqr.Solver(s.model, 14).vjp(x),
        ValueError,
        "'pendulum' over 15 stages, expected 'pendulum' over 14",
    ),
    (
        lambda s, x: dilqr.Solver(dilqr.models.cartpole, T).vjp(x),
        ValueError,
        "'pendulum' over 15 stages, expected 'cartpole' over 15",
    ),
    (lambda s, _: dilqr.Solver(s.model, 0), ValueError, "horizon is 0, expected at least 1"),
    (lambda s, _: dilqr.Solver(s.model, 2.0), TypeError, "horizon is 2.0, expected an int"),
    (lambda s, _: dilqr.Solver("pendulum", 3), TypeError, "model is a str, expected a dilqr.Model"),
    (lambda s, _: dilqr.Solver(s.model, 3, tolerance=-1), ValueError, "setting `tolerance` is -1, expected a positive"),
    (lambda s, _: dilqr.Solver(s.model, 3, tol=1), TypeError, "there is no setting `tol`, expected one of tolerance"),
    (lambda s, _: dilqr.Solver(s.model, 3, tolerance="x"), TypeError, "setting `tolerance` is 'x', expected a number"),
    (lambda s, _: dilqr.Solver(s.model, 3, max_iterations=-1), TypeError, "expected an integer of at least 0"),
    (
        lambda s, _: dilqr.Solver(s.model, 3, max_iterations=True),
        TypeError,
        "is True, expected an integer of at least 0",
    ),
    (lambda s, _: dilqr.Solver(s.model, 3, tolerance=np.True_), TypeError, "True.*, expected a number"),
    (lambda s, _: dilqr.Solver(s.model, 3, penalty={"initial": True}), TypeError, "setting `penalty.initial` is True"),
    (lambda s, _: dilqr.Solver(s.model, 3, method="x"), ValueError, 'setting `method` is "x", expected one of "auto"'),
    (lambda s, _: dilqr.Solver(s.model, 3, penalty=1), TypeError, "setting `penalty` is 1, expected a dict"),
    (lambda s, _: dilqr.Solver(s.model, 3, penalty={"x": 1}), TypeError, "there is no setting `penalty.x`"),
    (lambda s, _: dilqr.Mpc(s.model, 3).step([1.0]), ValueError, r"x has the shape \(1,\), expected \(2,\)"),
    (lambda s, _: dilqr.Mpc(s.model, 3).step([1.0, np.nan]), ValueError, "the initial state is NaN at entry 1"),
]


@pytest.mark.parametrize("call, kind, text", CASES, ids=[text[:50] for _, _, text in CASES])
def test_bad_input(call: Callable[..., Any], kind: type[Exception], text: str) -> None:
    this = case("pendulum", T)
    solution = this.solve()
    with pytest.raises(kind, match=text):
        call(this.solver, solution)
    # The solver is as good as before.
    assert np.array_equal(this.solve().states, solution.states)


def test_arrays_of_other_layouts_and_types_are_copied(pendulum: Case) -> None:
    expected = pendulum.solve()
    wide = np.zeros((4, 4))
    wide[::2, 0] = pendulum.x0
    strided = wide[::2, 0]
    assert not strided.flags.c_contiguous
    assert np.array_equal(pendulum.solve(x0=strided).states, expected.states)
    # The other byte order, and reversed.
    assert np.array_equal(pendulum.solve(x0=pendulum.x0.astype(">f8")).states, expected.states)
    assert np.array_equal(pendulum.solve(x0=pendulum.x0[::-1].copy()[::-1]).states, expected.states)
    controls = np.asfortranarray(np.zeros((15, 1)))
    assert np.array_equal(pendulum.solver.solve(pendulum.x0, controls=controls).states, expected.states)
    # Integers and single precision are real numbers, too.
    half = pendulum.solve(x0=np.array([0.5, 0.0]))
    assert np.array_equal(pendulum.solve(x0=np.array([0.5, 0.0], np.float32)).states, half.states)
    assert pendulum.solver.solve([1, 0], [10, 1, 1]).converged


def test_input_is_not_written_to(pendulum: Case) -> None:
    x0, loss = pendulum.x0.copy(), np.ones((15, 1))
    x0.flags.writeable = loss.flags.writeable = False
    pendulum.solver.vjp(pendulum.solver.solve(x0), d_controls=loss)
    batch = pendulum.solver.batch(x0[None])
    pendulum.solver.vjp_batch(batch, d_controls=loss[None])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# The child does not use JAX, whose threads this is about.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_a_forked_process_solves(pendulum: Case) -> None:
    """The child has none of its parent's threads; batches make their own."""
    x0s = np.random.default_rng(6).normal(size=(30, 2)) * 0.2
    expected = pendulum.solver.batch(x0s, pendulum.params, threads=2)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            batch = pendulum.solver.batch(x0s, pendulum.params, threads=2)
            gradient, _ = pendulum.solver.vjp_batch(batch, d_controls=np.ones(batch.controls.shape), threads=2)
            single = pendulum.solver.vjp(pendulum.solve(), d_controls=np.ones((15, 1)))
            same = np.array_equal(batch.states, expected.states)
            status = 0 if same and np.isfinite(gradient.params).all() and np.isfinite(single.params).all() else 2
        finally:
            os._exit(status)
    # A child that waits for threads never ends: the time limit is that of 30 small solves, a hundred times over.
    import signal

    def give_up(*_: Any) -> None:
        os.kill(child, signal.SIGKILL)

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    try:
        _, code = os.waitpid(child, 0)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    assert os.waitstatus_to_exitcode(code) == 0
