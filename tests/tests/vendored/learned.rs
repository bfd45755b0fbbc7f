/// A pendulum with a learned torque, a drag from a table, and a friction that is a function of the user's own.
#[dilqr_runtime::model(integrator = midpoint, dt = DT)]
pub mod learned {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }

    pub struct Control {
        pub torque: f64,
    }

    pub struct Params {
        pub gravity: f64,
        pub drag: f64,
    }

    const DT: f64 = 0.1;
    const DRAG: dilqr_runtime::Spline<4> =
        dilqr_runtime::Spline::natural([-3.0, -1.0, 1.0, 3.0], [-2.0, -0.4, 0.4, 2.0]);

    #[network(layers = [3, 6, 4, 2], activation = tanh)]
    pub struct Residual;

    #[function(inputs = 2, outputs = 1)]
    pub struct Friction {
        pub width: f64,
    }

    pub fn derivative(x: State, u: Control, p: Params, residual: &Residual, friction: &Friction) -> State {
        let [push, slip] = residual.evaluate([x.angle.sin(), x.rate, u.torque]);
        let [lost] = friction.evaluate([x.rate, p.drag]);
        State {
            angle: x.rate + 0.1 * slip,
            rate: p.gravity * x.angle.sin() + u.torque + push * (1.0 + push) - p.drag * DRAG.at(x.rate) - lost,
        }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        0.1 * (x.angle.powi(2) + 0.1 * x.rate.powi(2) + 0.05 * u.torque.powi(2))
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        4.0 * x.angle.powi(2) + x.rate.powi(2)
    }
}

/// `c tanh(v / width)` of `(v, c)`
impl dilqr_runtime::VectorFunction<2, 1> for learned::Friction {
    fn value<S: dilqr_runtime::Scalar>(&self, &[v, c]: &[S; 2]) -> [S; 1] {
        [c * (v / S::from_f64(self.width)).tanh()]
    }

    fn jacobian<S: dilqr_runtime::Scalar>(&self, &[v, c]: &[S; 2]) -> [[S; 2]; 1] {
        let width = S::from_f64(self.width);
        let t = (v / width).tanh();
        [[c * (S::one() - t * t) / width, t]]
    }

    fn contraction<S: dilqr_runtime::Scalar>(&self, &[v, c]: &[S; 2], &[mu]: &[S; 1]) -> [[S; 2]; 2] {
        let width = S::from_f64(self.width);
        let t = (v / width).tanh();
        let slope = (S::one() - t * t) / width;
        let mixed = mu * slope;
        [[S::from_f64(-2.0) * mu * c * t * slope / width, mixed], [mixed, S::zero()]]
    }
}

/// The bits of a solution, of its gradients in parameters and weights, and of its Jacobian.
pub fn answers() -> Vec<u64> {
    use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};
    const HORIZON: usize = 15;
    // Differences have errors of 1e-8.
    assert!(dilqr_runtime::check_function(&learned::Friction { width: 0.7 }, &[0.4, 0.5]).largest() < 1e-7);
    let model = learned::Learned::new(learned::Residual::xavier(6), learned::Friction { width: 0.7 });
    let problem = Problem::new([0.8, -0.3], [3.0, 0.5], HORIZON);
    let mut solver = Ilqr::new(model, HORIZON, Settings::default()).expect("the settings are the default");
    let solution = solver.solve(&problem).expect("the problem is one");
    assert_eq!(solution.status, Status::Converged);
    let mut loss = LossGradient::zeros(HORIZON);
    for t in 0..HORIZON {
        loss.states[t][1] = (0.7 * t as f64).sin();
        loss.controls[t][0] = 0.1 * t as f64;
    }
    let gradient = solver.vjp(&solution, &loss).expect("the solution has a gradient");
    let of_cost = solver.value_gradient(&solution).expect("the solution has a cost");
    let jacobian = solver.jacobian(&solution).expect("the solution has a Jacobian");
    let mut numbers = vec![solution.cost];
    numbers.extend(solution.states.iter().flat_map(|x| x.iter().copied()));
    numbers.extend(solution.controls.iter().flat_map(|u| u.iter().copied()));
    for gradient in [gradient, of_cost] {
        assert_eq!(gradient.weights.len(), learned::Residual::LEN);
        assert!(gradient.weights.iter().filter(|weight| **weight != 0.0).count() > learned::Residual::LEN / 2);
        numbers.extend(gradient.params.iter().chain(gradient.initial_state.iter()).copied());
        numbers.extend(gradient.weights);
    }
    numbers.extend(jacobian.states.iter().flat_map(|x| x.iter().copied()));
    numbers.extend(jacobian.controls.iter().flat_map(|u| u.iter().copied()));
    numbers.into_iter().map(f64::to_bits).collect()
}
