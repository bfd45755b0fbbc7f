/// A cart in the least time: its time is a design variable, its force has a limited rate, its speed a soft limit, and its start is
/// chosen.
#[dilqr_runtime::model(initial_state = free, integrator = midpoint, dt = d.time / STEPS)]
pub mod cart {
    pub struct State {
        pub place: f64,
        #[bounds(None, p.most)]
        pub speed: f64,
    }

    pub struct Control {
        #[bounds(-1.0, d.time)]
        #[rate_bounds(-p.rate, p.rate)]
        pub force: f64,
    }

    pub struct Params {
        pub goal: f64,
        pub rate: f64,
        pub soft: f64,
        pub most: f64,
    }

    pub struct Design {
        #[bounds(0.5, 20.0)]
        pub time: f64,
    }

    const STEPS: f64 = 12.0;

    pub fn derivative(x: State, u: Control, _p: Params) -> State {
        State { place: x.speed, speed: u.force - 0.1 * x.speed.powi(3) }
    }

    pub fn running_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.1 * u.force * u.force
    }

    pub fn initial_cost(x: State, _p: Params) -> f64 {
        2.0 * (x.speed - 0.1).powi(2)
    }

    pub fn initial_equalities(x: State, _p: Params) -> [f64; 1] {
        [x.place]
    }

    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.time
    }

    #[penalty(linear = p.soft, quadratic = 1.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.speed - 0.5]
    }

    pub fn terminal_equalities(x: State, p: Params) -> [f64; 2] {
        [x.place - p.goal, x.speed]
    }
}

/// A solution, its gradients, and its Jacobian.
pub fn numbers() -> alloc::vec::Vec<f64> {
    use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};
    const HORIZON: usize = 12;
    let problem = Problem::new([0.0, 0.1], [1.0, 0.3, 0.05, 0.62], HORIZON).with_design([3.0]).with_previous([0.2]);
    let mut solver = Ilqr::new(cart::Cart, HORIZON, Settings::default()).expect("the settings are the default");
    let solution = solver.solve(&problem).expect("the problem is one");
    assert_eq!(solution.status, Status::Converged);
    let mut loss = LossGradient::zeros(HORIZON);
    for t in 0..HORIZON {
        loss.states[t][1] = 1.0 - 0.1 * t as f64;
        loss.controls[t][0] = 0.1 * t as f64;
    }
    loss.design[0] = 0.3;
    let gradient = solver.vjp(&solution, &loss).expect("the solution has a gradient");
    let of_cost = solver.value_gradient(&solution).expect("the solution has a cost");
    let jacobian = solver.jacobian(&solution).expect("the solution has a Jacobian");
    let mut numbers = alloc::vec::Vec::from([solution.cost, solution.design[0]]);
    numbers.extend(solution.states.iter().flat_map(|x| x.iter().copied()));
    numbers.extend(solution.controls.iter().flat_map(|u| u.iter().copied()));
    numbers.extend(gradient.params.iter().chain(of_cost.params.iter()).copied());
    numbers.extend(jacobian.design.iter().chain(jacobian.states.iter().flat_map(|x| x.iter())).copied());
    numbers.extend(jacobian.controls.iter().flat_map(|u| u.iter().copied()));
    numbers
}
