//! Problems that choose entries of the initial state: free starts with costs and constraints, and constants along the
//! trajectory (a final time, a size), which are entries of the state that do not move.

use dilqr_runtime::model::{Stage, Start, Terminal};
use dilqr_runtime::nalgebra::{DMatrix, DVector, SVector};
use dilqr_runtime::{Direction, Ilqr, Limits, LossGradient, Model, Problem, Scalar, Settings, Solution, Status};

/// Measurements `s` of a decaying state, with an arrival cost: parameters are mean and information of the start, and the
/// weight of the noise, which is the control.
#[derive(Clone, Copy)]
struct Smoother;

impl Model<1, 1, 3, 1> for Smoother {
    const START: Start<1> = Start { cost: true, ..Start::FREE };

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 3, 1>, next: &mut SVector<S, 1>) {
        next[0] = S::from_f64(0.9) * at.x[0] + at.u[0];
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 3, 1>) -> S {
        (at.x[0] - at.s[0]).powi(2) + at.p[2] * at.u[0].powi(2)
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 3, 1>) -> S {
        (at.x[0] - at.s[0]).powi(2)
    }
    fn initial_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 3, 1>) -> S {
        at.p[1] * (at.x[0] - at.p[0]).powi(2)
    }
}

/// A cart that reaches `p_0` at rest, in little time and with little force: the state's third entry is the final time, which
/// stays within `[0.5, p_2]`. `p_1` is the price of force.
#[derive(Clone, Copy)]
struct Timed;

const STAGES: usize = 20;

impl Model<3, 1, 3> for Timed {
    const START: Start<3> = Start { free: [false, false, true], ..Start::GIVEN };
    const LIMITS: Limits = Limits { bounded: true, terminal_equalities: 2, initial_inequalities: 2, ..Limits::NONE };

    fn dynamics<S: Scalar>(&self, Stage { x, u, .. }: Stage<'_, S, 3, 1, 3>, next: &mut SVector<S, 3>) {
        let dt = x[2] / S::from_f64(STAGES as f64);
        next[0] = x[0] + dt * x[1] + S::from_f64(0.5) * dt * dt * u[0];
        next[1] = x[1] + dt * u[0];
        next[2] = x[2];
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 3, 1, 3>) -> S {
        p[1] * x[2] * u[0].powi(2) / S::from_f64(STAGES as f64)
    }
    fn terminal_cost<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 3, 3>) -> S {
        x[2]
    }
    fn bounds<S: Scalar>(&self, _: &SVector<S, 3>, lower: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
        (lower[0], upper[0]) = (S::from_f64(-1.0), S::from_f64(1.0));
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 3, 3>, c: &mut [S]) {
        (c[0], c[1]) = (x[0] - p[0], x[1]);
    }
    fn initial_constraints<S: Scalar>(&self, Terminal { x, p, .. }: Terminal<'_, S, 3, 3>, c: &mut [S]) {
        (c[0], c[1]) = (S::from_f64(0.5) - x[2], x[2] - p[2]);
    }
}

/// A driven pendulum, linearized, on a periodic orbit: the state is position and velocity, then the same at the start, which
/// is free. A force `sin` of the stage drives it; it stays near `p_0`, and its speed below `p_1` at every stage, the first
/// included.
#[derive(Clone, Copy)]
struct Periodic;

impl Model<4, 1, 2, 1> for Periodic {
    const START: Start<4> = Start::FREE;
    const LIMITS: Limits = Limits {
        stage_inequalities: 1,
        terminal_equalities: 2,
        initial_equalities: 2,
        depends_on_control: &[true],
        ..Limits::NONE
    };

    fn dynamics<S: Scalar>(&self, Stage { x, u, s, .. }: Stage<'_, S, 4, 1, 2, 1>, next: &mut SVector<S, 4>) {
        let dt = S::from_f64(0.2);
        next[0] = x[0] + dt * x[1];
        next[1] = x[1] + dt * (u[0] + s[0] - x[0] - S::from_f64(0.1) * x[1] * x[1] * x[1]);
        (next[2], next[3]) = (x[2], x[3]);
    }
    fn stage_cost<S: Scalar>(&self, Stage { x, u, p, .. }: Stage<'_, S, 4, 1, 2, 1>) -> S {
        (x[0] - p[0]).powi(2) + S::from_f64(0.3) * u[0].powi(2)
    }
    fn terminal_cost<S: Scalar>(&self, _: Terminal<'_, S, 4, 2, 1>) -> S {
        S::zero()
    }
    fn stage_constraints<S: Scalar>(&self, Stage { x, p, .. }: Stage<'_, S, 4, 1, 2, 1>, c: &mut [S]) {
        c[0] = x[1] - p[1];
    }
    fn terminal_constraints<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 4, 2, 1>, c: &mut [S]) {
        (c[0], c[1]) = (x[0] - x[2], x[1] - x[3]);
    }
    fn initial_constraints<S: Scalar>(&self, Terminal { x, .. }: Terminal<'_, S, 4, 2, 1>, c: &mut [S]) {
        (c[0], c[1]) = (x[0] - x[2], x[1] - x[3]);
    }
}

/// The weights of a loss that is linear in the whole trajectory: `sin(1 + 1.7 k)` for entry `k`.
fn loss<const NX: usize, const NU: usize>(horizon: usize) -> LossGradient<NX, NU> {
    let mut loss: LossGradient<NX, NU> = LossGradient::zeros(horizon);
    let mut weights = (0..).map(|k| (1.0 + 1.7 * f64::from(k)).sin());
    for t in 0..=horizon {
        loss.states[t].iter_mut().zip(&mut weights).for_each(|(entry, weight)| *entry = weight);
        if t < horizon {
            loss.controls[t].iter_mut().zip(&mut weights).for_each(|(entry, weight)| *entry = weight);
        }
    }
    loss
}

fn value<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    loss: &LossGradient<NX, NU>,
    solution: &Solution<NX, NU, NP, NS>,
) -> f64 {
    let states: f64 = loss.states.iter().zip(&solution.states).map(|(g, x)| g.dot(x)).sum();
    states + loss.controls.iter().zip(&solution.controls).map(|(g, u)| g.dot(u)).sum::<f64>()
}

/// Compares gradient, Jacobian, gradient of the optimal cost and second derivatives with central differences through solves.
fn compare_with_differences<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    (model, relaxation): (M, Option<f64>),
    problem: impl Fn(SVector<f64, NX>, SVector<f64, NP>, &[SVector<f64, NS>]) -> Problem<NX, NU, NP, NS>,
    (x0, p, s): (SVector<f64, NX>, SVector<f64, NP>, Vec<SVector<f64, NS>>),
) -> Result<Solution<NX, NU, NP, NS>, Box<dyn std::error::Error>>
where
    M: Model<NX, NU, NP, NS> + Copy,
{
    let horizon = s.len() - 1;
    let settings = Settings { tolerance: 1e-11, relaxation, ..Settings::default() };
    let mut solver = Ilqr::new(model, horizon, settings)?;
    let solution = solver.solve(&problem(x0, p, &s))?;
    assert_eq!(solution.status, Status::Converged, "{}", solution.stats);
    let loss = loss(horizon);
    let gradient = solver.vjp(&solution, &loss)?;
    let of_value = solver.value_gradient(&solution)?;
    let jacobian = solver.jacobian(&solution)?;
    // A step of 1e-5 has a relative error of 1e-10 from the third derivative and of 1e-11 / 1e-5 from the solve's tolerance.
    let (h, allowed) = (1e-5, 3e-6);
    let close =
        |what: &str, a: f64, b: f64, scale: f64| assert!((a - b).abs() <= allowed * (1.0 + scale), "{what}: {a} {b}");
    let mut solve = |x0: SVector<f64, NX>, p: SVector<f64, NP>, s: &[SVector<f64, NS>]| {
        let near = problem(x0, p, s).with_warm_start(&model, &solution);
        let solution = solver.solve(&near).expect("a problem");
        assert_eq!(solution.status, Status::Converged, "{}", solution.stats);
        let gradient = solver.vjp(&solution, &loss).expect("a gradient");
        (solution, gradient)
    };
    for j in 0..NP {
        let along = |sign: f64| {
            let mut p = p;
            p[j] += sign * h;
            p
        };
        let (plus, minus) = (solve(x0, along(1.0), &s), solve(x0, along(-1.0), &s));
        let difference = (value(&loss, &plus.0) - value(&loss, &minus.0)) / (2.0 * h);
        close("gradient", gradient.params[j], difference, gradient.params.amax());
        // That of a relaxed problem is the gradient of its cost with barriers.
        if relaxation.is_none() {
            let change = (plus.0.cost - minus.0.cost) / (2.0 * h);
            close("value", of_value.params[j], change, of_value.params.amax());
        }
        for t in 0..=horizon {
            let change = (plus.0.states[t] - minus.0.states[t]) / (2.0 * h);
            for i in 0..NX {
                close("jacobian", jacobian.states[t][(i, j)], change[i], change.amax());
            }
        }
        let mut direction = SVector::zeros();
        direction[j] = 1.0;
        let mut second = Ilqr::new(model, horizon, settings)?;
        let product = second.hvp(&solution, &loss, &Direction::new(direction), |_, _| LossGradient::zeros(horizon))?;
        let change = (plus.1.params - minus.1.params) / (2.0 * h);
        for k in 0..NP {
            // Differences of gradients, which are as accurate as the trajectory.
            assert!(
                (product.params[k] - change[k]).abs() <= 1e-4 * (1.0 + change.amax()),
                "{} {}",
                product.params,
                change
            );
        }
    }
    for i in 0..NX {
        let along = |sign: f64| {
            let mut x0 = x0;
            x0[i] += sign * h;
            x0
        };
        let (plus, minus) = (solve(along(1.0), p, &s), solve(along(-1.0), p, &s));
        let difference = (value(&loss, &plus.0) - value(&loss, &minus.0)) / (2.0 * h);
        close("initial state", gradient.initial_state[i], difference, gradient.initial_state.amax());
        if relaxation.is_none() {
            close("value", of_value.initial_state[i], (plus.0.cost - minus.0.cost) / (2.0 * h), 1.0);
        }
        if M::START.free[i] {
            assert_eq!((gradient.initial_state[i], of_value.initial_state[i]), (0.0, 0.0));
        }
    }
    for t in (0..=horizon).step_by(7) {
        for k in 0..NS {
            let along = |sign: f64| {
                let mut s = s.clone();
                s[t][k] += sign * h;
                s
            };
            let (plus, minus) = (solve(x0, p, &along(1.0)), solve(x0, p, &along(-1.0)));
            let difference = (value(&loss, &plus.0) - value(&loss, &minus.0)) / (2.0 * h);
            close("stage", gradient.stage_params[t][k], difference, gradient.params.amax());
        }
    }
    Ok(solution)
}

/// The smoother's solution is that of a linear least-squares problem.
#[test]
fn a_free_start_without_limits() -> Result<(), Box<dyn std::error::Error>> {
    let horizon = 14;
    let s: Vec<SVector<f64, 1>> = (0..=horizon).map(|t| [(t as f64).sin()].into()).collect();
    let p = SVector::from([0.3, 0.7, 4.0]);
    let problem = |x0, p, s: &[SVector<f64, 1>]| Problem::new(x0, p, horizon).with_stage_params(s);
    let solution = compare_with_differences((Smoother, None), problem, ([5.0].into(), p, s.clone()))?;
    // Unknowns x_0 and u_t; residuals of start, measurements and noise.
    let n = horizon + 1;
    let (mut a, mut b) = (DMatrix::zeros(2 * n, n), DVector::zeros(2 * n));
    (a[(0, 0)], b[0]) = (p[1].sqrt(), p[1].sqrt() * p[0]);
    for t in 0..=horizon {
        a[(1 + t, 0)] = 0.9_f64.powi(t as i32);
        for k in 0..t {
            a[(1 + t, 1 + k)] = 0.9_f64.powi((t - 1 - k) as i32);
        }
        b[1 + t] = s[t][0];
        if t < horizon {
            a[(1 + n + t, 1 + t)] = p[2].sqrt();
        }
    }
    let unknowns = (a.transpose() * &a).cholesky().ok_or("singular")?.solve(&(a.transpose() * &b));
    assert!((solution.states[0][0] - unknowns[0]).abs() < 1e-12);
    for t in 0..horizon {
        assert!((solution.controls[t][0] - unknowns[1 + t]).abs() < 1e-12);
    }
    assert!((solution.cost - (&a * &unknowns - &b).norm_squared()).abs() < 1e-12);
    Ok(())
}

#[test]
fn a_final_time_is_an_entry_of_the_state() -> Result<(), Box<dyn std::error::Error>> {
    let s = vec![SVector::zeros(); STAGES + 1];
    let problem = |x0, p, _: &[SVector<f64, 0>]| Problem::new(x0, p, STAGES);
    let solution = compare_with_differences(
        (Timed, None),
        problem,
        ([0.0, 0.0, 3.0].into(), [1.0, 0.05, 10.0].into(), s.clone()),
    )?;
    // Without force's price the least time is 2 sqrt(1), and the grid is fine enough for that.
    assert!(solution.states[0][2] > 2.0 && solution.states[0][2] < 2.3, "{}", solution.states[0]);
    // A time limit that is active.
    let solution =
        compare_with_differences((Timed, None), problem, ([0.0, 0.0, 3.0].into(), [1.0, 2.0, 2.2].into(), s))?;
    assert!((solution.states[0][2] - 2.2).abs() < 1e-12);
    Ok(())
}

#[test]
fn a_periodic_orbit_begins_where_it_ends() -> Result<(), Box<dyn std::error::Error>> {
    let horizon = 30;
    let s: Vec<SVector<f64, 1>> =
        (0..=horizon).map(|t| [(2.0 * core::f64::consts::PI * t as f64 / horizon as f64).sin()].into()).collect();
    let problem = |x0, p, s: &[SVector<f64, 1>]| Problem::new(x0, p, horizon).with_stage_params(s);
    for most in [10.0, 0.1] {
        let solution =
            compare_with_differences((Periodic, None), problem, (SVector::zeros(), [0.2, most].into(), s.clone()))?;
        assert!((solution.states[0] - solution.states[horizon]).amax() < 1e-10);
        assert!(solution.states.iter().take(horizon).all(|x| x[1] <= most + 1e-10));
    }
    Ok(())
}

/// In a relaxed problem the limits of the initial state have barriers, too.
#[test]
fn a_relaxed_problem_chooses_its_start() -> Result<(), Box<dyn std::error::Error>> {
    let s = vec![SVector::zeros(); STAGES + 1];
    let problem = |x0, p, _: &[SVector<f64, 0>]| Problem::new(x0, p, STAGES);
    let mut excess = Vec::new();
    for tau in [1e-1, 1e-3, 1e-6] {
        let p = [1.0, 2.0, 2.2].into();
        let solution = compare_with_differences((Timed, Some(tau)), problem, ([0.0, 0.0, 2.0].into(), p, s.clone()))?;
        excess.push(2.2 - solution.states[0][2]);
    }
    // The slack of an active limit falls with the relaxation.
    assert!(excess[0] > excess[1] && excess[1] > 30.0 * excess[2] && excess[2] > 0.0, "{excess:?}");
    Ok(())
}

/// A point that keeps below `s`, which is infinite at stages where there is no limit, and that ends below `p_0`.
#[derive(Clone, Copy)]
struct Gated;

impl Model<1, 1, 1, 1> for Gated {
    const LIMITS: Limits = Limits {
        stage_inequalities: 1,
        terminal_inequalities: 1,
        depends_on_control: &[false],
        open_params: &[0],
        open_stage_params: &[0],
        ..Limits::NONE
    };

    fn dynamics<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1, 1>, next: &mut SVector<S, 1>) {
        next[0] = at.x[0] + at.u[0];
    }
    fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1, 1>) -> S {
        (at.x[0] - S::one()).powi(2) + S::from_f64(0.5) * at.u[0].powi(2)
    }
    fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, 1, 1, 1>) -> S {
        (at.x[0] - S::one()).powi(2)
    }
    fn stage_constraints<S: Scalar>(&self, at: Stage<'_, S, 1, 1, 1, 1>, c: &mut [S]) {
        c[0] = at.x[0] - at.s[0];
    }
    fn terminal_constraints<S: Scalar>(&self, at: Terminal<'_, S, 1, 1, 1>, c: &mut [S]) {
        c[0] = at.x[0] - at.p[0];
    }
}

/// An infinite limit is none: the solution is that of a limit far away, and the gradient in it is zero.
#[test]
fn infinite_limits_are_absent() -> Result<(), Box<dyn std::error::Error>> {
    let horizon = 6;
    let stages = |open: f64| -> Vec<SVector<f64, 1>> {
        (0..=horizon).map(|t| [if t == 3 { 0.4 } else { open }].into()).collect()
    };
    for relaxation in [None, Some(1e-4)] {
        let settings = Settings { relaxation, ..Settings::default() };
        let mut solver = Ilqr::new(Gated, horizon, settings)?;
        let loss: LossGradient<1, 1> = loss(horizon);
        let mut answers = Vec::new();
        for open in [f64::INFINITY, 1e12] {
            for most in [0.7, open] {
                let problem = Problem::new([0.0], [most], horizon).with_stage_params(&stages(open));
                let solution = solver.solve(&problem)?;
                assert_eq!(solution.status, Status::Converged, "{}", solution.stats);
                let gradient = solver.vjp(&solution, &loss)?;
                assert!(solver.jacobian(&solution)?.states.iter().all(|x| x[0].is_finite()));
                assert!((gradient.stage_params[3][0]).abs() > 0.1);
                assert!(gradient.stage_params[2][0].abs() < 1e-9, "{gradient:?}");
                answers.push((solution.states[5][0], gradient.params[0], gradient.stage_params[3][0]));
            }
        }
        for i in 0..2 {
            let (a, b) = (answers[i], answers[i + 2]);
            // A barrier of a limit 1e12 away has a slope of 1e-16.
            assert!((a.0 - b.0).abs() + (a.1 - b.1).abs() + (a.2 - b.2).abs() < 1e-9, "{a:?} {b:?}");
        }
        let nan = Problem::new([0.0], [f64::NAN], horizon).with_stage_params(&stages(f64::INFINITY));
        assert!(solver.solve(&nan).is_err());
    }
    Ok(())
}

/// A solution of a problem in other units is the same in these units, to the bit for powers of two.
#[test]
fn free_starts_do_not_depend_on_units() -> Result<(), Box<dyn std::error::Error>> {
    struct Scaled(f64, [f64; 3]);
    impl Model<3, 1, 3> for Scaled {
        const START: Start<3> = Timed::START;
        const LIMITS: Limits = Timed::LIMITS;
        fn dynamics<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 3, 1, 3>, next: &mut SVector<S, 3>) {
            let unscaled = SVector::from_fn(|i, _| x[i] / S::from_f64(self.1[i]));
            Timed.dynamics(Stage::new(&unscaled, u, p, s), next);
            for i in 0..3 {
                next[i] *= S::from_f64(self.1[i]);
            }
        }
        fn stage_cost<S: Scalar>(&self, Stage { x, u, p, s }: Stage<'_, S, 3, 1, 3>) -> S {
            let x = SVector::from_fn(|i, _| x[i] / S::from_f64(self.1[i]));
            S::from_f64(self.0) * Timed.stage_cost(Stage::new(&x, u, p, s))
        }
        fn terminal_cost<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 3, 3>) -> S {
            let x = SVector::from_fn(|i, _| x[i] / S::from_f64(self.1[i]));
            S::from_f64(self.0) * Timed.terminal_cost(Terminal::new(&x, p, s))
        }
        fn bounds<S: Scalar>(&self, p: &SVector<S, 3>, lower: &mut SVector<S, 1>, upper: &mut SVector<S, 1>) {
            Timed.bounds(p, lower, upper);
        }
        fn terminal_constraints<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 3, 3>, c: &mut [S]) {
            let x = SVector::from_fn(|i, _| x[i] / S::from_f64(self.1[i]));
            Timed.terminal_constraints(Terminal::new(&x, p, s), c);
        }
        fn initial_constraints<S: Scalar>(&self, Terminal { x, p, s }: Terminal<'_, S, 3, 3>, c: &mut [S]) {
            let x = SVector::from_fn(|i, _| x[i] / S::from_f64(self.1[i]));
            Timed.initial_constraints(Terminal::new(&x, p, s), c);
        }
    }
    let solve = |cost: f64, units: [f64; 3]| -> Result<_, Box<dyn std::error::Error>> {
        let mut solver = Ilqr::new(Scaled(cost, units), STAGES, Settings::default())?;
        let solution = solver.solve(&Problem::new([0.0, 0.0, 3.0 * units[2]], [0.9, 0.05, 10.0], STAGES))?;
        assert_eq!(solution.status, Status::Converged, "{cost} {units:?}");
        let mut loss: LossGradient<3, 1> = LossGradient::zeros(STAGES);
        loss.controls.iter_mut().enumerate().for_each(|(t, g)| g[0] = (1.0 + 1.7 * t as f64).sin());
        let gradient = solver.vjp(&solution, &loss)?.params;
        Ok((solution.stats.iterations, solution.controls, solution.states[0][2] / units[2], gradient))
    };
    let plain = solve(1.0, [1.0; 3])?;
    for k in [-40, -7, 30] {
        let unit = f64::powi(2.0, k);
        assert_eq!(solve(unit, [1.0; 3])?, plain);
        for i in 0..3 {
            let mut units = [1.0; 3];
            units[i] = unit;
            assert_eq!(solve(1.0, units)?, plain, "{k} {i}");
        }
    }
    for unit in [1e-6, 1e5] {
        let other = solve(unit, [unit, 1.0 / unit, 3.0 * unit])?;
        assert!((other.3 - plain.3).amax() < 1e-6 && (other.2 - plain.2).abs() < 1e-9, "{}", other.3);
    }
    Ok(())
}
