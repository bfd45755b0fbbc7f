//! Products with the second derivative, against differences of gradients of re-solved problems, and by symmetry.

use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Direction, Gradient, Ilqr, LossGradient, Model, Problem, Settings, Solution};

use super::{relative_error, solve};

/// Fixed numbers between -1 and 1.
fn number(i: usize) -> f64 {
    (1.0 + i as f64 * 0.77).sin()
}

fn numbers<const N: usize>(seed: usize) -> SVector<f64, N> {
    SVector::from_fn(|i, _| number(seed + 3 * i))
}

/// `L = sum_t sin(a_t' x_t + b_t' u_t)`, `a_t` and `b_t` fixed: for each stage its argument, and `a_t`, `b_t`.
fn arguments<'a, const NX: usize, const NU: usize>(
    states: &'a [SVector<f64, NX>],
    controls: &'a [SVector<f64, NU>],
) -> impl Iterator<Item = (f64, SVector<f64, NX>, SVector<f64, NU>)> + 'a {
    states.iter().enumerate().map(|(t, x)| {
        let (a, b) = (numbers::<NX>(7 * t), numbers::<NU>(5 * t + 3));
        (a.dot(x) + controls.get(t).map_or(0.0, |u| b.dot(u)), a, b)
    })
}

pub(crate) fn loss<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
) -> LossGradient<NX, NU> {
    let mut loss = LossGradient::zeros(solution.horizon());
    for (t, (argument, a, b)) in arguments(&solution.states, &solution.controls).enumerate() {
        loss.states[t] = a * argument.cos();
        if let Some(g) = loss.controls.get_mut(t) {
            *g = b * argument.cos();
        }
    }
    loss
}

fn loss_hessian<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
    dx: &[SVector<f64, NX>],
    du: &[SVector<f64, NU>],
) -> LossGradient<NX, NU> {
    let mut product = LossGradient::zeros(solution.horizon());
    let stages = arguments(&solution.states, &solution.controls).zip(arguments(dx, du));
    for (t, ((argument, a, b), (change, ..))) in stages.enumerate() {
        product.states[t] = -a * argument.sin() * change;
        if let Some(g) = product.controls.get_mut(t) {
            *g = -b * argument.sin() * change;
        }
    }
    product
}

fn direction<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    solution: &Solution<NX, NU, NP, NS>,
    seed: usize,
) -> Direction<NX, NP, NS> {
    let stages: Vec<SVector<f64, NS>> = (0..=solution.horizon()).map(|t| numbers(11 * t + seed)).collect();
    let size = |p: f64| if p == 0.0 { 1.0 } else { p.abs() };
    Direction::new(SVector::from_fn(|i, _| size(solution.params[i]) * number(seed + 4 * i)))
        .with_initial_state(numbers::<NX>(seed + 1))
        .with_stage_params(&stages)
}

fn pairing<const NX: usize, const NP: usize, const NS: usize>(
    gradient: &Gradient<NX, NP, NS>,
    direction: &Direction<NX, NP, NS>,
) -> f64 {
    let stages = gradient.stage_params.iter().zip(&direction.stage_params);
    gradient.params.dot(&direction.params)
        + gradient.initial_state.dot(&direction.initial_state)
        + stages.map(|(g, s)| g.dot(s)).sum::<f64>()
}

/// The product along one direction of everything against differences with step `h` of re-solved problems' gradients, which
/// are good to `tolerance`; the products along two directions against one another.
pub(crate) fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    model: M,
    problem: &Problem<NX, NU, NP, NS>,
    settings: Settings,
    h: f64,
    tolerance: f64,
) where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let horizon = problem.horizon();
    let mut solver = Ilqr::new(model, horizon, settings).unwrap();
    let solution = solve(&mut solver, problem);
    let along = direction(&solution, 2);
    let gradient = loss(&solution);
    let product = solver.hvp(&solution, &gradient, &along, |dx, du| loss_hessian(&solution, dx, du)).unwrap();

    let mut at = |h: f64| {
        let stages: Vec<_> = solution.stage_params.iter().zip(&along.stage_params).map(|(s, v)| s + v * h).collect();
        let problem = Problem::new(solution.x0 + along.initial_state * h, solution.params + along.params * h, horizon)
            .with_stage_params(&stages)
            .with_warm_start(&model, &solution);
        let solution = solve(&mut solver, &problem);
        solver.vjp(&solution, &loss(&solution)).unwrap()
    };
    let [below, just_below, just_above, above] = [-2.0 * h, -h, h, 2.0 * h].map(&mut at);
    // Fourth order.
    let slope = |part: &dyn Fn(&Gradient<NX, NP, NS>) -> f64| {
        (8.0 * (part(&just_above) - part(&just_below)) - (part(&above) - part(&below))) / (12.0 * h)
    };
    let measured = Gradient::<NX, NP, NS> {
        params: SVector::from_fn(|i, _| slope(&|g| g.params[i])),
        initial_state: SVector::from_fn(|i, _| slope(&|g| g.initial_state[i])),
        stage_params: (0..=horizon).map(|t| SVector::from_fn(|i, _| slope(&|g| g.stage_params[t][i]))).collect(),
        weights: Vec::new(),
    };
    let mut errors = vec![
        relative_error(&[product.params], &[measured.params]),
        relative_error(&[product.initial_state], &[measured.initial_state]),
    ];
    if NS > 0 {
        errors.push(relative_error(&product.stage_params, &measured.stage_params));
    }
    println!("second derivative against differences: {errors:?}");
    assert!(errors.iter().all(|error| *error <= tolerance), "{errors:?}");

    let across = direction(&solution, 23);
    let other = solver.hvp(&solution, &gradient, &across, |dx, du| loss_hessian(&solution, dx, du)).unwrap();
    let (one, two) = (pairing(&product, &across), pairing(&other, &along));
    // The same number by two sets of sweeps about a solution that is good to 1e-12; sums over the horizon cancel digits, and
    // second derivatives amplify what the solution lacks.
    let scale = product.params.norm() * across.params.norm() + product.initial_state.norm();
    println!("symmetric to {:e}", (one - two).abs() / scale);
    assert!((one - two).abs() <= 1e-9 * scale, "{one} {two}");
}
