//! Direct loss gradients of control problems against the exact ones, whose own test is `gradient.rs`.

use dilqr_runtime::{
    Formulation, Gradient, GradientError, Ilqr, LossGradient, Problem, Settings, SettingsError, Solution,
};

/// A pendulum that a network helps, with a goal for each stage.
#[dilqr_runtime::model(integrator = euler, dt = 0.1)]
pub mod pendulum {
    pub struct State {
        pub theta: f64,
        pub omega: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub gravity: f64,
        pub price: f64,
    }
    pub struct StageParams {
        pub goal: f64,
    }
    #[network(layers = [2, 3, 1], activation = tanh)]
    pub struct Wind;
    pub fn derivative(x: State, u: Control, p: Params, wind: &Wind) -> State {
        let [push] = wind.evaluate([x.theta, x.omega]);
        State { theta: x.omega, omega: u.torque - p.gravity * x.theta.sin() + 0.2 * push }
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        let miss = x.theta - s.goal;
        miss * miss + 0.1 * x.omega * x.omega + p.price * u.torque * u.torque
    }
    pub fn terminal_cost(x: State, p: Params, s: StageParams) -> f64 {
        let miss = x.theta - s.goal;
        p.gravity * miss * miss + x.omega * x.omega
    }
}

/// A cart between walls, with a motor that has limits.
#[dilqr_runtime::model(integrator = rk4, dt = 0.1)]
pub mod cart {
    pub struct State {
        pub place: f64,
        #[bounds(None, p.fastest)]
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-p.most, p.most)]
        pub push: f64,
    }
    pub struct Params {
        pub most: f64,
        pub fastest: f64,
        pub drag: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { place: x.speed, speed: u.push - p.drag * x.speed * x.speed }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        (x.place - 1.0) * (x.place - 1.0) + 0.01 * u.push * u.push
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        5.0 * (x.place - 1.0) * (x.place - 1.0) + x.speed * x.speed
    }
}

/// A race over a distance in a time that is to be found.
#[dilqr_runtime::model(integrator = rk4, dt = d.total / 10.0)]
pub mod race {
    pub struct State {
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub push: f64,
    }
    pub struct Params {
        pub price: f64,
        pub drag: f64,
        pub goal: f64,
    }
    pub struct Design {
        #[bounds(0.1, 10.0)]
        pub total: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { place: x.speed, speed: u.push - p.drag * x.speed }
    }
    pub fn running_cost(_x: State, u: Control, p: Params) -> f64 {
        p.price * u.push * u.push
    }
    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.total
    }
    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.place - p.goal, x.speed]
    }
}

/// A loss gradient without a structure.
fn loss<const NX: usize, const NU: usize, const ND: usize>(horizon: usize) -> LossGradient<NX, NU, ND> {
    let mut loss = LossGradient::<NX, NU, ND>::zeros(horizon);
    let entries = loss.states.iter_mut().flat_map(|x| x.iter_mut());
    let entries = entries.chain(loss.controls.iter_mut().flat_map(|u| u.iter_mut())).chain(loss.design.iter_mut());
    for (k, entry) in entries.enumerate() {
        *entry = (1.3 * k as f64 + 0.2).cos();
    }
    loss
}

fn entries<const NX: usize, const NP: usize, const NS: usize>(gradient: &Gradient<NX, NP, NS>) -> Vec<f64> {
    let stages = gradient.stage_params.iter().flat_map(|s| s.iter().copied());
    let all = gradient.params.iter().chain(gradient.initial_state.iter()).chain(&gradient.weights);
    all.copied().chain(stages).collect()
}

/// The errors at two epsilons of either sign: of first order, until rounding errors of the solves over epsilon.
fn check<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    solver: &mut Ilqr<M, NX, NU, NP, NS, ND>,
    problem: &Problem<NX, NU, NP, NS, ND>,
    epsilon: f64,
) -> Solution<NX, NU, NP, NS, ND>
where
    M: Formulation<NX, NU, NP, NS, ND>,
{
    let solution = solver.solve(problem).unwrap();
    assert!(solution.status.is_converged(), "{}", solution.status);
    let loss = loss(solution.horizon());
    let exact = entries(&solver.vjp(&solution, &loss).unwrap());
    let size = exact.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
    for sign in [1.0, -1.0] {
        let mut error = |epsilon: f64| {
            let gradient = entries(&solver.direct_loss(&solution, &loss, sign * epsilon).unwrap());
            assert_eq!(gradient.len(), exact.len());
            let largest = gradient.iter().zip(&exact).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
            largest / size
        };
        let (coarse, fine) = (error(epsilon), error(0.1 * epsilon));
        assert!(coarse < 0.05 && coarse > 1e-5, "{coarse}");
        assert!(fine < 0.12 * coarse && fine > 0.08 * coarse, "{coarse} {fine}");
    }
    solution
}

#[test]
fn direct_loss_gradients_tend_to_the_exact_one() {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let model = pendulum::Pendulum::new(pendulum::Wind::xavier(4));
    let goals: Vec<[f64; 1]> = (0..16).map(|t| [0.5 + 0.1 * f64::from(t)]).collect();
    let problem = pendulum::Problem::new([0.3, 0.0], [1.0, 0.2], 15).with_stage_params(&goals);
    check(&mut Ilqr::new(model, 15, settings).unwrap(), &problem, 1e-3);

    // Both kinds of limits hold somewhere, and not everywhere.
    let problem = cart::Problem::new([0.0, 0.0], [2.0, 0.8, 0.3], 20);
    let mut solver = Ilqr::new(cart::Cart, 20, settings).unwrap();
    let solution = check(&mut solver, &problem, 1e-4);
    let held = solution.bound_multipliers.iter().filter(|u| u[0] != 0.0).count();
    let slowed =
        solution.multipliers.stage.iter().chain(&solution.multipliers.terminal).filter(|&&mu| mu > 0.0).count();
    assert!((1..19).contains(&held) && (1..19).contains(&slowed), "{held} {slowed}");

    // Design variables and equalities.
    let problem = race::Problem::new([0.0, 0.0], [0.1, 0.2, 1.0], 10).with_design([2.0]);
    check(&mut Ilqr::new(race::Race, 10, settings).unwrap(), &problem, 1e-4);

    // Barriers.
    let relaxed = Settings { relaxation: Some(1e-2), ..settings };
    let problem = cart::Problem::new([0.0, 0.0], [2.0, 0.8, 0.3], 20);
    check(&mut Ilqr::new(cart::Cart, 20, relaxed).unwrap(), &problem, 1e-4);
}

#[test]
fn what_has_no_gradient_is_refused() {
    let mut solver = Ilqr::new(cart::Cart, 20, Settings::default()).unwrap();
    let solution = solver.solve(&cart::Problem::new([0.0, 0.0], [2.0, 0.8, 0.3], 20)).unwrap();
    let loss = loss(20);
    for epsilon in [0.0, f64::NAN, f64::NEG_INFINITY] {
        let refused = solver.direct_loss(&solution, &loss, epsilon);
        let named = |error: &SettingsError| matches!(error, SettingsError::OutOfRange { name: "epsilon", .. });
        assert!(matches!(&refused, Err(GradientError::Settings(error)) if named(error)), "{refused:?}");
    }
    let refused = solver.direct_loss(&solution, &LossGradient::zeros(19), 1e-3);
    assert!(matches!(refused, Err(GradientError::Input(_))), "{refused:?}");
    let mut edited = solution.clone();
    edited.controls[3][0] += 1e-3;
    assert!(matches!(solver.direct_loss(&edited, &loss, 1e-3), Err(GradientError::NotConverged { .. })));
    // Without a loss there is none.
    let vjp = solver.vjp(&solution, &loss).unwrap();
    let nothing = solver.direct_loss(&solution, &LossGradient::zeros(20), 1e-3).unwrap();
    assert!(vjp.params.amax() > 1e-3 && nothing.params.amax() < 1e-9, "{nothing:?}");
}
