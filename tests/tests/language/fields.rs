//! Fields of matrices and of structs: their order in the vectors, names, conversions, derivatives, bounds.

use dilqr_runtime::model::Stage;
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{LossGradient, Model, Settings, Status};
use dilqr_tests::{Points, assert_derivatives};

/// Two wheels on a plate: matrices, structs in structs, arrays of structs, the state as a parameter.
#[dilqr_runtime::model]
pub mod plate {
    const WHEELS: usize = 2;
    const DT: f64 = 0.1;

    pub struct Pose {
        pub place: [f64; 2],
        pub turn: f64,
    }
    pub struct State {
        pub pose: Pose,
        pub rates: [[f64; 2]; 1],
    }
    pub struct Wheel {
        pub torque: f64,
        pub brake: [f64; 1],
    }
    pub struct Control {
        #[bounds(-p.most.torque, [p.most; WHEELS])]
        pub wheels: [Wheel; WHEELS],
        #[bounds([[-0.5], [-f64::INFINITY]], 0.75)]
        pub lift: [[f64; 1]; 2],
    }
    pub struct Inertia {
        pub xx: f64,
        pub xy: f64,
        pub yy: f64,
    }
    /// A struct that holds arrays, structs, and arrays of structs.
    pub struct Body {
        pub inertia: Inertia,
        pub radii: [f64; WHEELS],
        pub r#type: f64,
    }
    pub struct Params {
        pub a: [[f64; 2]; 2],
        pub body: Body,
        pub most: Wheel,
        pub goal: State,
        pub parts: [Inertia; 2],
    }

    fn rate(Inertia { xx, xy, yy }: Inertia, v: [f64; 2]) -> [f64; 2] {
        [xx * v[0] + xy * v[1], xy * v[0] + yy * v[1]]
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let mut next = x;
        let mut push = [0.0; 2];
        for i in 0..2 {
            for j in 0..2 {
                push[i] += p.a[i][j] * p.body.radii[j] * (u.wheels[j].torque - u.wheels[j].brake[0] * x.rates[0][j]);
            }
        }
        let turned = rate(p.body.inertia, push);
        for i in 0..2 {
            next.rates[0][i] += DT * (turned[i] + u.lift[i][0]);
            next.pose.place[i] += DT * next.rates[0][i] * (p.body.r#type * x.pose.turn).cos();
        }
        let Pose { turn, place: _ } = x.pose;
        next.pose = Pose { turn: turn + DT * (next.rates[0][0] - next.rates[0][1]), place: next.pose.place };
        next
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut cost = (x.pose.turn - p.goal.pose.turn).powi(2);
        for wheel in 0..WHEELS {
            let pulled = rate(p.parts[wheel], [u.lift[wheel][0], 1.0]);
            cost += u.wheels[wheel].torque.powi(2) + u.wheels[wheel].brake[0].powi(2) + pulled[0].powi(2) + pulled[1];
        }
        cost
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..2 {
            cost += (x.pose.place[i] - p.goal.pose.place[i]).powi(2) + (x.rates[0][i] - p.goal.rates[0][i]).powi(2);
        }
        cost
    }
}

/// Stage parameters that hold structs, and a helper struct without fields.
#[dilqr_runtime::model]
pub mod tracker {
    pub struct Nothing {}
    pub struct State {
        pub at: [[f64; 1]; 2],
        pub nothing: Nothing,
    }
    pub struct Control {
        pub push: [[f64; 1]; 2],
    }
    pub struct Params {
        pub weights: Weights,
        pub nothings: [Nothing; 3],
    }
    pub struct Weights {
        pub of: [f64; 2],
    }
    pub struct StageParams {
        pub goal: [State; 2],
    }

    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { at: [[x.at[0][0] + u.push[0][0]], [x.at[1][0] + u.push[1][0]]], nothing: x.nothing }
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        let mut cost = 0.0;
        for i in 0..2 {
            let between = 0.5 * (s.goal[0].at[i][0] + s.goal[1].at[i][0]);
            cost += p.weights.of[i] * (x.at[i][0] - between).powi(2) + u.push[i][0].powi(2);
        }
        cost
    }
    pub fn terminal_cost(x: State, _p: Params, s: StageParams) -> f64 {
        (x.at[0][0] - s.goal[0].at[0][0]).powi(2) + (x.at[1][0] - s.goal[1].at[1][0]).powi(2)
    }
}

#[test]
fn derivatives() {
    assert_derivatives!(plate::Plate at Points::new([1.0, 0.2, 0.3, 0.8, 1.0, 0.1, 0.7, 0.5, 0.6, 1.2, 0.4, 0.9, 0.3,
        0.6, 0.5, 0.2, 0.1, 1.0, 0.4, 0.6, 0.8, 0.3, 0.5]));
}

#[test]
fn names_follow_the_declaration() {
    assert_eq!(plate::State::NAMES, ["pose.place[0]", "pose.place[1]", "pose.turn", "rates[0][0]", "rates[0][1]"]);
    let controls = ["wheels[0].torque", "wheels[0].brake[0]", "wheels[1].torque", "wheels[1].brake[0]"];
    assert_eq!(plate::Control::NAMES[..4], controls);
    assert_eq!(plate::Control::NAMES[4..], ["lift[0][0]", "lift[1][0]"]);
    let body = ["body.inertia.xx", "body.inertia.xy", "body.inertia.yy", "body.radii[0]", "body.radii[1]", "body.type"];
    assert_eq!(plate::Params::NAMES[..4], ["a[0][0]", "a[0][1]", "a[1][0]", "a[1][1]"]);
    assert_eq!(plate::Params::NAMES[4..10], body);
    assert_eq!(
        plate::Params::NAMES[10..14],
        ["most.torque", "most.brake[0]", "goal.pose.place[0]", "goal.pose.place[1]"]
    );
    let parts = ["parts[0].xx", "parts[0].xy", "parts[0].yy", "parts[1].xx", "parts[1].xy", "parts[1].yy"];
    assert_eq!(plate::Params::NAMES[17..], parts);
    assert_eq!(
        tracker::StageParams::NAMES,
        ["goal[0].at[0][0]", "goal[0].at[1][0]", "goal[1].at[0][0]", "goal[1].at[1][0]"]
    );
    assert_eq!(tracker::Params::NAMES, ["weights.of[0]", "weights.of[1]"]);
}

/// The array in the order of the names, field by field as the user's struct has it, and back.
#[test]
fn conversions() {
    let numbers: [f64; 23] = std::array::from_fn(|index| index as f64 + 0.5);
    let params = plate::Params::from(numbers);
    assert_eq!(params.a, [[0.5, 1.5], [2.5, 3.5]]);
    assert_eq!(params.body.inertia, plate::Inertia { xx: 4.5, xy: 5.5, yy: 6.5 });
    assert_eq!((params.body.radii, params.body.r#type), ([7.5, 8.5], 9.5));
    assert_eq!(params.most, plate::Wheel { torque: 10.5, brake: [11.5] });
    assert_eq!(params.goal, plate::State::from([12.5, 13.5, 14.5, 15.5, 16.5]));
    assert_eq!(params.goal.pose, plate::Pose { place: [12.5, 13.5], turn: 14.5 });
    assert_eq!(params.parts[1], plate::Inertia { xx: 20.5, xy: 21.5, yy: 22.5 });
    let vector: SVector<f64, 23> = params.into();
    assert_eq!(vector, SVector::from(numbers));
    assert_eq!((<[f64; 23]>::from(params), plate::Params::from(vector)), (numbers, params));
    let control = plate::Control::from([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!((control.wheels[1].torque, control.wheels[1].brake, control.lift), (3.0, [4.0], [[5.0], [6.0]]));
    let stage = tracker::StageParams::from([1.0, 2.0, 3.0, 4.0]);
    assert_eq!((stage.goal[0].at, stage.goal[1].at), ([[1.0], [2.0]], [[3.0], [4.0]]));
}

/// A number is the bound of every entry, a value of the field's type has one for each.
#[test]
fn bounds() {
    let mut p = SVector::<f64, 23>::repeat(1.0);
    (p[10], p[11]) = (0.3, 0.2);
    let (mut lower, mut upper) = (SVector::repeat(f64::NEG_INFINITY), SVector::repeat(f64::INFINITY));
    plate::Plate.bounds(&p, &mut lower, &mut upper);
    assert_eq!(lower.as_slice(), [-0.3, -0.3, -0.3, -0.3, -0.5, f64::NEG_INFINITY]);
    assert_eq!(upper.as_slice(), [0.3, 0.2, 0.3, 0.2, 0.75, 0.75]);
}

/// A quadratic problem: the gradient by central differences of solves, and the conversions in its data.
#[test]
fn solve_and_gradient() {
    let horizon = 6;
    let stages: Vec<tracker::StageParams> =
        (0..=horizon).map(|t| tracker::StageParams::from([t as f64, 1.0, 0.5, -(t as f64)])).collect();
    let solve = |params: tracker::Params| {
        let start = tracker::State { at: [[0.2], [-0.1]], nothing: tracker::Nothing {} };
        let problem = tracker::Problem::new(start, params, horizon).with_stage_params(&stages);
        let mut solver = tracker::Solver::new(tracker::Tracker, horizon, Settings::default()).unwrap();
        let solution = solver.solve(&problem).unwrap();
        assert_eq!(solution.status, Status::Converged);
        (solver, solution)
    };
    let center = [0.7, 1.3];
    let (mut solver, solution) = solve(center.into());
    let mut loss = LossGradient::zeros(horizon);
    loss.states[4][1] = 1.0;
    let gradient = solver.vjp(&solution, &loss).unwrap();
    for i in 0..2 {
        let at = |h: f64| {
            let mut params = center;
            params[i] += h;
            solve(params.into()).1.states[4][1]
        };
        // Central differences with h = 1e-4 are off by h^2 times a third derivative of size 1, and by 1e-9 / h of the solves'.
        let difference = (at(1e-4) - at(-1e-4)) / 2e-4;
        assert!((gradient.params[i] - difference).abs() < 1e-7, "{i}: {} and {difference}", gradient.params[i]);
    }
    let (x, u) = (SVector::from([0.3, 0.4]), SVector::from([0.1, 0.2]));
    let cost = tracker::Tracker.stage_cost(Stage::new(&x, &u, &center.into(), &stages[2].into()));
    let own = tracker::stage_cost(x.into(), u.into(), center.into(), stages[2]);
    // The same operations in another order.
    assert!((cost - own).abs() <= 1e-15 * own.abs().max(1.0));
}
