/// A spring that stiffens, with a target of its own at each stage.
#[dilqr_runtime::model(integrator = euler, dt = DT)]
pub mod spring {
    pub struct State {
        pub position: [f64; 2],
        pub velocity: f64,
    }

    pub struct Control {
        pub force: f64,
    }

    pub struct Params {
        pub stiffness: f64,
        pub softness: f64,
    }

    pub struct StageParams {
        pub target: f64,
    }

    const DT: f64 = 0.1;
    const WEIGHT: f64 = 0.3;

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let stretch = x.position[0] - x.position[1];
        let pull = if stretch < 0.5 { stretch } else { 0.5 + (stretch - 0.5).tanh() };
        State {
            position: [x.velocity, 0.2 * stretch.sin()],
            velocity: u.force - p.stiffness * pull / (1.0 + p.softness.powi(2)).sqrt(),
        }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params, s: StageParams) -> f64 {
        (x.position[0] - s.target).powi(2) + WEIGHT * (u.force.powi(2) + 0.1 * x.velocity.powi(2))
    }

    pub fn terminal_cost(x: State, p: Params, s: StageParams) -> f64 {
        p.stiffness * (x.position[0] - s.target).powi(2) + x.velocity.powi(2)
    }
}

/// The bits of a solution, its gradient and its Jacobian: every kernel has a part in them.
pub fn answers() -> Vec<u64> {
    use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};
    const HORIZON: usize = 20;
    let targets: Vec<_> = (0..=HORIZON).map(|t| spring::StageParams { target: (0.3 * t as f64).cos() }).collect();
    let problem = Problem::new([1.0, 0.2, -0.1], [2.0, 0.5], HORIZON).with_stage_params(&targets);
    let mut solver = Ilqr::new(spring::Spring, HORIZON, Settings::default()).expect("the settings are the default");
    let solution = solver.solve(&problem).expect("the problem is one");
    assert_eq!(solution.status, Status::Converged);
    let mut loss = LossGradient::zeros(HORIZON);
    for t in 0..HORIZON {
        loss.states[t][0] = (0.7 * t as f64).sin();
        loss.controls[t][0] = 0.1 * t as f64;
    }
    let gradient = solver.vjp(&solution, &loss).expect("the solution has a gradient");
    let jacobian = solver.jacobian(&solution).expect("the solution has a Jacobian");
    let mut numbers = vec![solution.cost];
    numbers.extend(solution.states.iter().flat_map(|x| x.iter().copied()));
    numbers.extend(solution.controls.iter().flat_map(|u| u.iter().copied()));
    numbers.extend(gradient.params.iter().chain(gradient.initial_state.iter()).copied());
    numbers.extend(gradient.stage_params.iter().flat_map(|s| s.iter().copied()));
    numbers.extend(jacobian.states.iter().flat_map(|x| x.iter().copied()));
    numbers.extend(jacobian.controls.iter().flat_map(|u| u.iter().copied()));
    numbers.into_iter().map(f64::to_bits).collect()
}
