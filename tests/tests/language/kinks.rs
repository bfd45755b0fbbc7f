//! Which compiled models have kinks, and solves that end at one.

use dilqr_runtime::{Cause, Method, Model, Settings, Status};

/// A model `x+ = x + u` with the given functions.
macro_rules! point {
    ($name:ident, |$x:ident, $u:ident, $p:ident| $dynamics:expr, $stage:expr, $terminal:expr $(, $constraint:expr)?) => {
        #[dilqr_runtime::model]
        pub mod $name {
            pub struct State {
                pub x: f64,
            }
            pub struct Control {
                pub u: f64,
            }
            pub struct Params {
                pub a: f64,
            }
            pub fn dynamics($x: State, $u: Control, $p: Params) -> State {
                let _ = $p.a;
                State { x: $dynamics }
            }
            pub fn stage_cost($x: State, $u: Control, $p: Params) -> f64 {
                0.1 * $u.u * $u.u * $p.a + $stage
            }
            pub fn terminal_cost($x: State, $p: Params) -> f64 {
                $p.a * $terminal
            }
            $(
                pub fn stage_constraints($x: State, $u: Control, $p: Params) -> [f64; 1] {
                    let _ = $u.u * $p.a;
                    [$constraint]
                }
            )?
        }
    };
}

point!(distance, |x, u, p| x.x + u.u, (x.x - u.u).abs(), 0.1 * (x.x - 2.5) * (x.x - 2.5));
point!(saturated, |x, u, p| (x.x + u.u).clamp(-1.0, 1.0), (x.x - 2.0) * (x.x - 2.0), (x.x - 2.0) * (x.x - 2.0));
point!(signed, |x, u, p| x.x + u.u, x.x * x.x, x.x * x.x.signum());
point!(branched, |x, u, p| if x.x > 0.0 { x.x + u.u } else { x.x + 2.0 * u.u }, x.x * x.x, x.x * x.x);
point!(limited, |x, u, p| x.x + u.u, x.x * x.x, x.x * x.x, x.x.max(u.u) - 5.0);
// Branches on parameters and constants are the same along a trajectory.
point!(parameter, |x, u, p| x.x + u.u, x.x * x.x * p.a.abs(), if p.a > 1.0 { x.x * x.x } else { 2.0 * x.x * x.x });
point!(constant, |x, u, p| x.x + u.u, if 1.0 < 2.0 { x.x * x.x } else { x.x.abs() }, x.x * x.x);
point!(smooth, |x, u, p| x.x + u.u.sin(), x.x * x.x, (x.x * x.x + 1.0).sqrt(), x.x - 5.0);

#[test]
fn models_with_branches_declare_them() {
    const { assert!(distance::Distance::HAS_KINKS) };
    const { assert!(saturated::Saturated::HAS_KINKS) };
    const { assert!(signed::Signed::HAS_KINKS) };
    const { assert!(branched::Branched::HAS_KINKS) };
    const { assert!(limited::Limited::HAS_KINKS) };
    const { assert!(!parameter::Parameter::HAS_KINKS) };
    const { assert!(!constant::Constant::HAS_KINKS) };
    const { assert!(!smooth::Smooth::HAS_KINKS) };
}

#[test]
fn solves_end_at_kinks() {
    // The interior-point method may go to and fro across a kink until the limit of iterations.
    let found_no_step = [Status::LineSearchFailed];
    let either = [Status::LineSearchFailed, Status::IterationLimit];
    // Where it does, it has not come as near.
    for (method, ends, near) in [(Method::Auto, &found_no_step[..], 1e-9), (Method::InteriorPoint, &either, 1e-2)] {
        let settings = Settings { method, ..Settings::default() };

        let mut solver = distance::Solver::new(distance::Distance, 1, settings).unwrap();
        let solution = solver.solve(&distance::Problem::new([1.0], [1.0], 1)).unwrap();
        assert!(ends.contains(&solution.status), "{method}: {}", solution.status);
        assert_eq!(solution.cause, Some(Cause::Kink { stage: 0 }), "{method}");
        assert!((solution.controls[0][0] - 1.0).abs() < near, "{method}: {}", solution.controls[0]);

        let mut solver = saturated::Solver::new(saturated::Saturated, 1, settings).unwrap();
        let solution = solver.solve(&saturated::Problem::new([-0.5], [0.1], 1)).unwrap();
        assert!(ends.contains(&solution.status), "{method}: {}", solution.status);
        assert_eq!(solution.cause, Some(Cause::Kink { stage: 0 }), "{method}");
        assert!((solution.controls[0][0] - 1.5).abs() < near, "{method}: {}", solution.controls[0]);
    }
}
