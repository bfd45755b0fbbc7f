use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};

#[dilqr_runtime::model(integrator = rk4, dt = d.total / 30.0)]
pub mod fastest {
    pub struct Car {
        pub push: [[f64; 1]; 1],
        pub drag: f64,
    }
    pub struct State {
        pub place: f64,
        #[bounds(None, p.limit)]
        pub speed: f64,
    }
    pub struct Control {
        #[bounds(-1.0, 1.0)]
        pub push: f64,
    }
    pub struct Params {
        pub car: Car,
        pub limit: f64,
        pub soft: f64,
    }
    pub struct Design {
        #[bounds(0.5, 20.0)]
        pub total: f64,
    }
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { place: x.speed, speed: p.car.push[0][0] * u.push - p.car.drag * x.speed }
    }
    pub fn running_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.01 * u.push * u.push
    }
    pub fn terminal_cost(_x: State, _p: Params, d: Design) -> f64 {
        d.total
    }
    #[penalty(linear = p.soft, quadratic = 1.0)]
    pub fn stage_soft_constraints(x: State, _u: Control, _p: Params) -> [f64; 1] {
        [x.speed - 0.7]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 2] {
        [x.place - 1.0, x.speed]
    }
}
#[dilqr_runtime::model]
pub mod rated {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        #[rate_bounds(-0.2, 0.2)]
        pub u: f64,
    }
    pub struct Params {
        pub r: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(x: State, u: Control, previous: Control, p: Params) -> f64 {
        x.x * x.x + p.r * (u.u - previous.u).powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.x * x.x
    }
}
#[dilqr_runtime::model(initial_state = free)]
pub mod smoother {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub noise: f64,
    }
    pub struct Params {
        pub mean: f64,
        pub information: f64,
        pub q: f64,
    }
    pub struct StageParams {
        pub y: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: 0.9 * x.x + u.noise }
    }
    pub fn initial_cost(x: State, p: Params) -> f64 {
        p.information * (x.x - p.mean).powi(2)
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        (x.x - s.y).powi(2) + p.q * u.noise.powi(2)
    }
    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        (x.x - s.y).powi(2)
    }
}

#[test]
fn contract() -> Result<(), Box<dyn std::error::Error>> {
    let horizon = 30;
    let mut solver = Ilqr::new(fastest::Fastest, horizon, Settings::default())?;
    let solution = solver.solve(&Problem::new([0.0, 0.0], [1.0, 0.1, 0.8, 0.05], horizon).with_design([3.0]))?;
    assert_eq!(solution.status, Status::Converged);
    let mut loss = LossGradient::zeros(horizon);
    loss.design[0] = 1.0;
    let gradient = solver.vjp(&solution, &loss)?;
    println!("{:?} {} {:?}", fastest::Params::NAMES, solution.design[0], gradient.params);
    println!("{:?}", solver.jacobian(&solution)?.design);

    let mut solver = Ilqr::new(rated::Rated, 10, Settings::default())?;
    let solution = solver.solve(&Problem::new([1.0], [0.1], 10).with_previous([0.0]))?;
    assert!(solution.controls[0][0] >= -0.2 - 1e-9);

    let measured: Vec<[f64; 1]> = (0..=10).map(|t| [(t as f64).sin()]).collect();
    let mut solver = Ilqr::new(smoother::Smoother, 10, Settings::default())?;
    let solution = solver.solve(&Problem::new([0.0], [0.0, 0.1, 4.0], 10).with_stage_params(&measured))?;
    assert_eq!(solution.status, Status::Converged);
    Ok(())
}
