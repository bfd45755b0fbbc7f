//! Matrices, structs and arrays of structs in every vector; helper structs with derives of their own and in any order.

#[dilqr_runtime::model(integrator = midpoint, dt = s.steps[0])]
#[deny(warnings)]
pub mod frame {
    /// Declared before and after its use.
    pub struct Params {
        pub body: Body,
        pub r#type: [Inertia; COUNT],
    }
    pub struct Body {
        pub inertia: Inertia,
        pub a: [[f64; 2]; 2],
    }
    #[derive(Clone, PartialOrd)]
    pub struct Inertia {
        pub xx: f64,
    }
    const COUNT: usize = 2;
    pub struct State {
        pub points: [[f64; 2]; 1],
    }
    pub struct Control {
        #[bounds(Inertia { xx: -1.0 }, p.body.inertia)]
        pub push: Inertia,
    }
    pub struct StageParams {
        pub steps: [f64; 1],
        pub goal: State,
    }

    pub fn derivative(x: &State, u: &Control, p: &Params) -> State {
        let [[a, b]] = x.points;
        let [first, second] = p.r#type;
        let Body { inertia: Inertia { xx }, a: [[c, d], [e, f]] } = p.body;
        State { points: [[c * a + d * b + u.push.xx / xx, e * a + f * b + first.xx * second.xx]] }
    }
    pub fn running_cost(x: &State, u: &Control, _p: &Params, s: &StageParams) -> f64 {
        (x.points[0][0] - s.goal.points[0][0]).powi(2) + (x.points[0][1] - s.goal.points[0][1]).powi(2) + u.push.xx.powi(2)
    }
    pub fn terminal_cost(x: &State, _p: &Params) -> f64 {
        x.points[0][0].powi(2)
    }
}

fn main() {
    assert_eq!(frame::Params::NAMES[..3], ["body.inertia.xx", "body.a[0][0]", "body.a[0][1]"]);
    assert_eq!(frame::Params::NAMES[5..], ["type[0].xx", "type[1].xx"]);
    assert_eq!(frame::StageParams::NAMES, ["steps[0]", "goal.points[0][0]", "goal.points[0][1]"]);
    let s = frame::StageParams { steps: [0.5], goal: frame::State { points: [[1.0, 2.0]] } };
    let p = frame::Params::from([1.0, 0.0, 1.0, 0.0, 0.0, 2.0, 3.0]);
    let next = frame::dynamics(frame::State::from([0.0, 1.0]), frame::Control { push: p.body.inertia }, p, s);
    // Slopes 2 and 6; in the middle of the step the second entry is 1 + 0.25 * 6.
    assert_eq!(next.points, [[0.5 * 3.5, 4.0]]);
    assert!(frame::Inertia { xx: 1.0 } < frame::Inertia { xx: 2.0 });
}
