//! One problem through every form of a derivative. All give the same answer, or refuse it for the same reason.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{
    Direction, Gradient, GradientError, Ilqr, LossGradient, Model, Problem, Settings, Solution, Status, batch,
};
use dilqr_tests::{harness_loss, value};

/// The step of differences, relative to the number. Their error is its square, and rounding errors over it.
const STEP: f64 = 1e-5;

/// Whether an error says that limits are degenerate.
pub(crate) fn is_degenerate(error: &GradientError) -> bool {
    matches!(error, GradientError::WeaklyActive { .. } | GradientError::ConstraintsDependent { .. })
}

fn tight() -> Settings {
    Settings { tolerance: 1e-10, ..Settings::default() }
}

/// The solution of a problem that has one.
pub(crate) fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    problem: &Problem<NX, NU, NP, NS>,
) -> Solution<NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    let solution = Ilqr::new(model, problem.horizon(), tight()).unwrap().solve(problem).unwrap();
    assert_eq!(solution.status, Status::Converged);
    solution
}

/// The gradient of the harness loss, the same from all entry points, or the refusal of all of them.
///
/// The gradients of the loss and of the optimal cost are compared with differences in every parameter, from both sides, to
/// `tolerance` relative to the largest entry. Differences are one-sided, extrapolated from two steps, so that a derivative
/// that exists from one side only is no answer.
pub(crate) fn outcomes<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    name: &str,
    model: M,
    problem: &Problem<NX, NU, NP, NS>,
    tolerance: f64,
) -> Result<Gradient<NX, NP, NS>, GradientError>
where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let (horizon, loss) = (problem.horizon(), harness_loss(problem.horizon()));
    let solution = solve(model, problem);
    let mut solver = Ilqr::new(model, horizon, tight()).unwrap();
    let outcome = solver.vjp(&solution, &loss);
    let of_cost = solver.value_gradient(&solution);
    let jacobian = solver.jacobian(&solution);
    let (solutions, losses) = ([solution.clone()], [loss.clone()]);
    assert_eq!(batch::vjp(&model, &tight(), &solutions, &losses), std::slice::from_ref(&outcome), "{name}");
    assert_eq!(batch::vjp_lanes(&model, &tight(), &solutions, &losses), std::slice::from_ref(&outcome), "{name}");
    let (again, sensitivities) = solver.solve_and_differentiate(problem).unwrap();
    let at_once = sensitivities.and_then(|mut sensitivities| sensitivities.vjp(&loss));
    assert_eq!((again == solution, &at_once), (true, &outcome), "{name}");
    let second =
        solver.hvp(&solution, &loss, &Direction::new(SVector::repeat(1.0)), |_, _| LossGradient::zeros(horizon));
    let gradient = match outcome {
        Ok(gradient) => gradient,
        Err(error) => {
            assert!(is_degenerate(&error), "{name}: {error}");
            assert_eq!([of_cost.err(), jacobian.err(), second.err()], [(); 3].map(|()| Some(error.clone())), "{name}");
            return Err(error);
        }
    };
    // Each of these problems has limits with which a second derivative is not given, or is one without degenerate limits.
    assert!(second.is_ok() || is_degenerate(&second.unwrap_err()), "{name}");
    let jacobian = jacobian.unwrap();
    let by_columns = jacobian.states.iter().zip(&loss.states).map(|(j, g)| j.transpose() * g).sum::<SVector<f64, NP>>()
        + jacobian.controls.iter().zip(&loss.controls).map(|(j, g)| j.transpose() * g).sum::<SVector<f64, NP>>();
    let size = gradient.params.amax().max(gradient.initial_state.amax());
    // The same linear system, forward and backward.
    assert!((by_columns - gradient.params).amax() <= 1e-10 * size, "{name}: {by_columns} {}", gradient.params);
    let of_cost = of_cost.unwrap();
    let entries = NP + NX + NS * (horizon + 1);
    // A change of every number by its own size.
    let unit = |entry| step_unit(problem, entry);
    let largest = |gradient: &Gradient<NX, NP, NS>| {
        (0..entries).map(|entry| (entry_of(gradient, entry) * unit(entry)).abs()).fold(0.0, f64::max)
    };
    let (size, cost_size) = (largest(&gradient), largest(&of_cost));
    for (entry, sign) in (0..entries).flat_map(|entry| [(entry, 1.0), (entry, -1.0)]) {
        let at = |by: f64| moved(model, problem, (entry, by * unit(entry)), &solution);
        let (one, two) = (at(sign * STEP), at(2.0 * sign * STEP));
        let slope = |zero: f64, one: f64, two: f64| (4.0 * one - 3.0 * zero - two) / (2.0 * sign * STEP);
        let measured = slope(value(&loss, &solution), value(&loss, &one), value(&loss, &two));
        let given = entry_of(&gradient, entry) * unit(entry);
        assert!((given - measured).abs() <= tolerance * size, "{name}, entry {entry}, {sign}: {given} {measured}");
        let measured = slope(solution.cost, one.cost, two.cost);
        let given = entry_of(&of_cost, entry) * unit(entry);
        assert!(
            (given - measured).abs() <= 1e-6 * cost_size,
            "{name}, entry {entry}, {sign}: {given} {measured}, cost"
        );
    }
    Ok(gradient)
}

/// An entry of a gradient: parameters, then the initial state, then the stages.
fn entry_of<const NX: usize, const NP: usize, const NS: usize>(gradient: &Gradient<NX, NP, NS>, entry: usize) -> f64 {
    let mut entries = gradient.params.iter().chain(gradient.initial_state.iter());
    let stages = gradient.stage_params.iter().flat_map(|s| s.iter());
    *entries.by_ref().chain(stages).nth(entry).unwrap()
}

/// The magnitude of an entry of the data, 1 where it is zero.
fn step_unit<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    problem: &Problem<NX, NU, NP, NS>,
    entry: usize,
) -> f64 {
    let stages = problem.stage_params().iter().flat_map(|s| s.iter());
    let at = *problem.params().iter().chain(problem.x0().iter()).chain(stages).nth(entry).unwrap();
    if at == 0.0 { 1.0 } else { at.abs() }
}

/// The solution with an entry of the data moved.
fn moved<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    problem: &Problem<NX, NU, NP, NS>,
    (entry, by): (usize, f64),
    from: &Solution<NX, NU, NP, NS>,
) -> Solution<NX, NU, NP, NS>
where
    M: Model<NX, NU, NP, NS>,
{
    let (mut params, mut x0) = (*problem.params(), *problem.x0());
    let mut stage_params = problem.stage_params().to_vec();
    match entry {
        entry if entry < NP => params[entry] += by,
        entry if entry < NP + NX => x0[entry - NP] += by,
        entry => stage_params[(entry - NP - NX) / NS][(entry - NP - NX) % NS] += by,
    }
    let moved = Problem::new(x0, params, problem.horizon()).with_stage_params(&stage_params);
    solve(model, &moved.with_controls(&from.controls))
}
