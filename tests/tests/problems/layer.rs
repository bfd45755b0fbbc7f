//! A batch of solves as one function of flat lists: values and gradients beside those of the solver, of differences and of other
//! numbers of threads.

use dilqr_runtime::layer::{Layer, LayerError, OnNoGradient, Output};
use dilqr_runtime::{Ilqr, LossGradient, Problem, Settings, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A pendulum that follows a reference.
#[dilqr_runtime::model]
pub mod follower {
    pub struct State {
        pub angle: f64,
        pub rate: f64,
    }
    pub struct Control {
        pub torque: f64,
    }
    pub struct Params {
        pub weight: f64,
        pub price: f64,
    }
    pub struct StageParams {
        pub reference: f64,
    }
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { angle: x.angle + 0.1 * x.rate, rate: x.rate + 0.1 * (x.angle.sin() + u.torque) }
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        p.weight * (x.angle - s.reference).powi(2) + 0.1 * x.rate.powi(2) + p.price * u.torque.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params, s: StageParams) -> f64 {
        3.0 * p.weight * (x.angle - s.reference).powi(2) + x.rate.powi(2)
    }
}

/// A cart with an unknown friction, in two forms: the second one has a design variable, which the compiler makes a state.
macro_rules! cart {
    ($name:ident, { $($design:item)* }, |$x:ident, $p:ident $(, $d:ident)?| $terminal:expr) => {
        #[dilqr_runtime::model]
        pub mod $name {
            pub struct State {
                pub place: f64,
                pub speed: f64,
            }
            pub struct Control {
                pub force: f64,
            }
            pub struct Params {
                pub goal: f64,
            }
            $($design)*
            #[network(layers = [1, 3, 1], activation = tanh)]
            pub struct Friction;
            #[network(layers = [2, 2, 1], activation = softplus)]
            pub struct Slope;
            pub fn dynamics(x: State, u: Control, _p: Params, friction: &Friction, slope: &Slope) -> State {
                let [drag] = friction.evaluate([x.speed]);
                let [hill] = slope.evaluate([x.place, u.force]);
                State { place: x.place + 0.1 * x.speed, speed: x.speed + 0.1 * (u.force - drag + 0.3 * hill) }
            }
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
                (x.place - p.goal).powi(2) + 0.1 * x.speed.powi(2) + 0.05 * u.force.powi(2)
            }
            pub fn terminal_cost($x: State, $p: Params $(, $d: Design)?) -> f64 {
                $terminal
            }
        }
    };
}

cart!(plain, {}, |x, p| 5.0 * (x.place - p.goal).powi(2) + x.speed.powi(2));
cart!(
    designed,
    {
        pub struct Design {
            #[bounds(-2.0, 2.0)]
            pub end: f64,
        }
    },
    |x, p, d| 5.0 * (x.place - p.goal - 0.1 * d.end).powi(2) + x.speed.powi(2) + (d.end - 0.3).powi(2)
);

const HORIZON: usize = 12;

fn random(seed: u64, count: usize) -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// A loss that is linear in the trajectories.
fn loss<const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
    output: &Output<NX, NU, NP, NS, ND>,
    (d_states, d_controls): (&[f64], &[f64]),
) -> f64 {
    assert!(output.status.iter().all(|status| *status == Status::Converged), "{:?}", output.status);
    let sum = |values: &[f64], weights: &[f64]| values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>();
    sum(&output.states, d_states) + sum(&output.controls, d_controls)
}

/// The differences of fourth order of `value` in entry `i` of `list`.
fn difference(list: &[f64], i: usize, value: impl Fn(&[f64]) -> f64) -> f64 {
    let h = 1e-3;
    let at = |step: f64| {
        let mut moved = list.to_vec();
        moved[i] += step;
        value(&moved)
    };
    (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
}

/// Solves are exact to some 1e-12 and the step is 1e-3; the truncation is its fourth power.
fn assert_near(given: f64, measured: f64, what: &str) {
    assert!((given - measured).abs() <= 1e-7 * (1.0 + measured.abs()), "{what}: {given} {measured}");
}

#[test]
fn gradients_are_those_of_differences() {
    let layer = Layer::new(follower::Follower, HORIZON, Settings::default()).unwrap();
    // More than a block of sums, and lanes.
    let batch = 35;
    let x0 = random(1, 2 * batch);
    let params: Vec<f64> = random(2, 2 * batch).iter().map(|r| 1.0 + 0.5 * r).collect();
    let references = random(3, batch * (HORIZON + 1));
    let weights = (random(4, batch * (HORIZON + 1) * 2), random(5, batch * HORIZON));
    let weights = (weights.0.as_slice(), weights.1.as_slice());
    let output = layer.forward(&x0, &params, &references).unwrap();
    assert_eq!((output.batch(), output.cost.len(), output.cause.len()), (batch, batch, batch));
    let gradient = layer.backward(&output, weights.0, weights.1, OnNoGradient::Raise).unwrap();
    assert_eq!((gradient.x0.len(), gradient.params.len()), (x0.len(), params.len()));
    assert_eq!(gradient.stage_params.len(), references.len());
    assert!(gradient.refused.iter().all(Option::is_none) && gradient.weights.is_empty());
    for k in [0, 7, 31, 32, 34] {
        let of_x0 = |x0: &[f64]| loss(&layer.forward(x0, &params, &references).unwrap(), weights);
        assert_near(gradient.x0[2 * k + 1], difference(&x0, 2 * k + 1, of_x0), "x0");
        let of_params = |params: &[f64]| loss(&layer.forward(&x0, params, &references).unwrap(), weights);
        assert_near(gradient.params[2 * k], difference(&params, 2 * k, of_params), "params");
        let of_stages = |references: &[f64]| loss(&layer.forward(&x0, &params, references).unwrap(), weights);
        let i = k * (HORIZON + 1) + 5;
        assert_near(gradient.stage_params[i], difference(&references, i, of_stages), "stage params");
    }

    // Shared parameters: the sum of those of each problem.
    let one = [1.1, 0.8];
    let shared = layer.forward(&x0, &one, &references).unwrap();
    let repeated = layer.forward(&x0, &one.repeat(batch), &references).unwrap();
    assert_eq!(shared.states, repeated.states);
    let of_shared = layer.backward(&shared, weights.0, weights.1, OnNoGradient::Raise).unwrap();
    let of_repeated = layer.backward(&repeated, weights.0, weights.1, OnNoGradient::Raise).unwrap();
    assert_eq!(of_shared.params.len(), 2);
    for i in 0..2 {
        let sum: f64 = of_repeated.params.iter().skip(i).step_by(2).sum();
        // Another order of the sum.
        assert!((of_shared.params[i] - sum).abs() <= 1e-12 * (1.0 + sum.abs()));
    }
    // A warm start ends in the same solutions, at once.
    let warm = layer.forward_with(&x0, &one, &references, &[], Some(&shared)).unwrap();
    assert!(warm.solutions().iter().all(|solution| solution.stats.iterations <= 1));
    for (a, b) in warm.states.iter().zip(&shared.states) {
        assert!((a - b).abs() <= 1e-9);
    }
}

#[test]
fn problems_are_those_of_the_solver() {
    // Fewer problems than lanes: the same bits.
    let layer = Layer::new(follower::Follower, HORIZON, Settings::default()).unwrap();
    let (x0, references) = (random(6, 4), random(7, 2 * (HORIZON + 1)));
    let output = layer.forward(&x0, &[1.0, 0.5], &references).unwrap();
    let (d_states, d_controls) = (random(8, output.states.len()), random(9, output.controls.len()));
    let gradient = layer.backward(&output, &d_states, &d_controls, OnNoGradient::Raise).unwrap();
    let mut solver = Ilqr::new(follower::Follower, HORIZON, Settings::default()).unwrap();
    for k in 0..2 {
        let stages: Vec<[f64; 1]> = references[k * (HORIZON + 1)..][..=HORIZON].iter().map(|r| [*r]).collect();
        let problem = Problem::new([x0[2 * k], x0[2 * k + 1]], [1.0, 0.5], HORIZON).with_stage_params(&stages);
        let solution = solver.solve(&problem).unwrap();
        assert_eq!(solution, output.solutions()[k]);
        let states = d_states[k * (HORIZON + 1) * 2..][..(HORIZON + 1) * 2].chunks(2).map(|d| [d[0], d[1]].into());
        let controls = d_controls[k * HORIZON..][..HORIZON].iter().map(|d| [*d].into());
        let loss = LossGradient::new(states.collect(), controls.collect());
        let own = solver.vjp(&solution, &loss).unwrap();
        assert_eq!(own.initial_state.as_slice(), &gradient.x0[2 * k..][..2]);
    }
}

/// The weights of all networks in one list, for models with and without a design.
#[test]
fn weights_are_inputs() {
    let x0 = random(10, 2 * 9);
    macro_rules! check {
        ($module:ident, $model:ident) => {
            let model = $module::$model::new($module::Friction::xavier(1), $module::Slope::xavier(2));
            let weights = [model.friction().weights(), model.slope().weights()].concat();
            let layer = Layer::new(model.clone(), HORIZON, Settings::default()).unwrap();
            let output = layer.forward(&x0, &[0.4], &[]).unwrap();
            assert_eq!(output.states, layer.forward_with(&x0, &[0.4], &[], &weights, None).unwrap().states);
            let others: Vec<f64> = weights.iter().zip(random(11, weights.len())).map(|(w, r)| w + 0.2 * r).collect();
            let (first, second) = others.split_at($module::Friction::LEN);
            let friction = $module::Friction::from_weights(first).unwrap();
            let changed = $module::$model::new(friction, $module::Slope::from_weights(second).unwrap());
            let changed = Layer::new(changed, HORIZON, Settings::default()).unwrap();
            let output = layer.forward_with(&x0, &[0.4], &[], &others, None).unwrap();
            assert_eq!(output.states, changed.forward(&x0, &[0.4], &[]).unwrap().states);

            let (d_states, d_controls) = (random(12, output.states.len()), random(13, output.controls.len()));
            let gradient = layer.backward(&output, &d_states, &d_controls, OnNoGradient::Raise).unwrap();
            assert_eq!(gradient.weights.len(), others.len());
            let of_weights = |weights: &[f64]| {
                loss(&layer.forward_with(&x0, &[0.4], &[], weights, None).unwrap(), (&d_states, &d_controls))
            };
            for i in (0..others.len()).step_by(5) {
                assert_near(gradient.weights[i], difference(&others, i, of_weights), stringify!($module));
            }
        };
    }
    check!(plain, Plain);
    check!(designed, Designed);
}

#[test]
fn sums_do_not_depend_on_threads() {
    let model = plain::Plain::new(plain::Friction::xavier(3), plain::Slope::xavier(4));
    let layer = Layer::new(model, HORIZON, Settings::default()).unwrap();
    let x0 = random(14, 2 * 70);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let output = layer.forward(&x0, &[0.4], &[]).unwrap();
            let (d_states, d_controls) = (random(15, output.states.len()), random(16, output.controls.len()));
            layer.backward(&output, &d_states, &d_controls, OnNoGradient::Raise).unwrap()
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

/// A problem without a gradient: an error, zeros or NaN.
#[test]
fn problems_without_a_gradient() {
    // The origin needs no iteration, the others do.
    let settings = Settings { max_iterations: 0, ..Settings::default() };
    let layer = Layer::new(follower::Follower, HORIZON, settings).unwrap();
    let references = vec![0.0; 3 * (HORIZON + 1)];
    let output = layer.forward(&[0.0, 0.0, 0.5, 0.0, 0.0, 0.0], &[1.0, 0.5], &references).unwrap();
    assert_eq!(output.status, [Status::Converged, Status::IterationLimit, Status::Converged]);
    let (d_states, d_controls) = (vec![1.0; output.states.len()], vec![1.0; output.controls.len()]);
    let backward = |on| layer.backward(&output, &d_states, &d_controls, on);
    let error = backward(OnNoGradient::Raise).unwrap_err();
    assert!(matches!(error, LayerError::NoGradient { problem: 1, .. }), "{error}");
    assert!(error.to_string().starts_with("problem 1: the solution has not converged"), "{error}");
    let zero = backward(OnNoGradient::Zero).unwrap();
    assert!(zero.refused[1].is_some() && zero.refused[0].is_none() && zero.refused[2].is_none());
    assert_eq!((zero.x0[2], zero.x0[3]), (0.0, 0.0));
    assert!(zero.x0[0] != 0.0 && zero.x0[0] == zero.x0[4]);
    assert!(zero.params.iter().all(|p| p.is_finite()));
    let nan = backward(OnNoGradient::Nan).unwrap();
    assert!(nan.x0[2].is_nan() && nan.params[0].is_nan() && nan.x0[0] == zero.x0[0]);
    // The loss of a trajectory that is no solution may be no number; that of a solution may not.
    let spoiled = |problem: usize| {
        let mut d_states = d_states.clone();
        d_states[problem * 2 * (HORIZON + 1)] = f64::NAN;
        layer.backward(&output, &d_states, &d_controls, OnNoGradient::Zero)
    };
    assert_eq!(spoiled(1).unwrap(), zero);
    assert!(matches!(spoiled(2), Err(LayerError::Input(_))));
}

#[test]
fn input_is_checked() {
    let layer = Layer::new(follower::Follower, 3, Settings::default()).unwrap();
    let stages = [0.0; 8];
    let text = |error: LayerError| error.to_string();
    let forward = |x0: &[f64], params: &[f64], stages: &[f64]| text(layer.forward(x0, params, stages).unwrap_err());
    assert_eq!(forward(&[], &[1.0, 1.0], &[]), "the batch is empty, expected at least one initial state");
    assert_eq!(
        forward(&[0.0; 3], &[1.0, 1.0], &[]),
        "the list of initial states has 3 numbers, expected a multiple of 2"
    );
    assert_eq!(forward(&[0.0; 4], &[1.0; 3], &stages), "the parameter vector has length 3, expected 4");
    assert_eq!(forward(&[0.0; 4], &[1.0; 2], &[]), "the list of stage parameters has length 0, expected 8");
    let error = forward(&[0.0, 0.0, f64::NAN, 0.0], &[1.0; 2], &stages);
    assert_eq!(error, "problem 1: the initial state is NaN at entry 0, expected a finite number");
    let error = text(layer.forward_with(&[0.0; 4], &[1.0; 2], &stages, &[1.0], None).unwrap_err());
    assert_eq!(error, "the list of weights has length 1, expected 0");

    let output = layer.forward(&[0.0; 4], &[1.0; 2], &stages).unwrap();
    let one = layer.forward(&[0.0; 2], &[1.0; 2], &[0.0; 4]).unwrap();
    let error = text(layer.forward_with(&[0.0; 4], &[1.0; 2], &stages, &[], Some(&one)).unwrap_err());
    assert_eq!(error, "the previous output has 1 problems, expected 2");
    let backward = |states: &[f64], controls: &[f64]| {
        text(layer.backward(&output, states, controls, OnNoGradient::Zero).unwrap_err())
    };
    assert_eq!(backward(&[0.0; 3], &[0.0; 6]), "the loss gradient in the states has length 3, expected 16");
    assert_eq!(backward(&[0.0; 16], &[0.0]), "the loss gradient in the controls has length 1, expected 6");
    let error = backward(&[f64::INFINITY; 16], &[0.0; 6]);
    assert_eq!(error, "the loss gradient in the states is inf at entry 0, expected a finite number");
    assert!(matches!(Layer::new(follower::Follower, 0, Settings::default()), Err(LayerError::Settings(_))));
}

/// An unstable plant needs a policy.
#[test]
fn a_policy_is_the_first_guess() {
    let settings = Settings { max_iterations: 0, ..Settings::default() };
    let layer = Layer::new(follower::Follower, HORIZON, settings).unwrap();
    let layer = layer.with_policy(|_, x| [-2.0 * x[0] - x[1]]);
    let output = layer.forward(&[0.5, 0.0], &[1.0, 0.5], &[0.0; HORIZON + 1]).unwrap();
    for (x, u) in output.states.chunks(2).zip(&output.controls) {
        assert_eq!(-2.0 * x[0] - x[1], *u);
    }
}

const _: () = {
    const fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Layer<plain::Plain, 2, 1, 1>>();
    crosses_threads::<Output<2, 1, 1>>();
};
