//! Implicit functions solved in lanes, against the same one by one.

use dilqr_runtime::implicit::{FixedPoint, ImplicitFunction, Settings, batch};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{InputError, SolveError, Status};

use crate::models::{contraction, kepler};

/// Where a circle and a parabola meet, without elementary functions.
#[dilqr_runtime::implicit]
pub mod meeting {
    pub struct Unknown {
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub radius: f64,
        pub height: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 2] {
        [y.a * y.a + y.b * y.b - p.radius * p.radius, y.b - y.a * y.a + p.height]
    }
}

/// Rosenbrock's function.
#[dilqr_runtime::implicit]
pub mod valley {
    pub struct Unknown {
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub steepness: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        (y.a - p.goal).powi(2) + p.steepness * (y.b - y.a * y.a).powi(2)
    }
}

/// The same within a bound.
#[dilqr_runtime::implicit]
pub mod bounded {
    pub struct Unknown {
        #[bounds(None, p.most)]
        pub a: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub most: f64,
    }
    pub fn residuals(y: Unknown, p: Params) -> [f64; 1] {
        [y.a - p.goal]
    }
}

/// Solves in both ways; `loose` is the largest difference over the unknowns. Returns the number of equal bits.
fn check<F, const NX: usize, const NY: usize, const NP: usize>(
    function: &F,
    settings: &Settings,
    (guesses, params): (&[SVector<f64, NY>], &[SVector<f64, NP>]),
    loose: f64,
) -> usize
where
    F: ImplicitFunction<NX, NY, NP> + Clone,
    F::Engine: Send,
{
    let alone = batch::solve(function, settings, guesses, params);
    let lanes = batch::solve_lanes(function, settings, guesses, params);
    assert_eq!(alone.len(), lanes.len());
    let mut equal = 0;
    for (k, (alone, lanes)) in alone.iter().zip(&lanes).enumerate() {
        let (alone, lanes) = (alone.as_ref().expect("finite"), lanes.as_ref().expect("finite"));
        assert_eq!(alone.status, lanes.status, "{k}");
        assert_eq!(alone.params, lanes.params);
        assert!((alone.unknown - lanes.unknown).amax() <= loose * alone.unknown.amax(), "{k}: {alone:?} {lanes:?}");
        equal += usize::from(alone.unknown == lanes.unknown);
    }
    // A result depends on its own problem: the other way around, and one at a time.
    let reverse = |list: &[SVector<f64, NY>]| list.iter().rev().copied().collect::<Vec<_>>();
    let reversed_params: Vec<_> = params.iter().rev().copied().collect();
    let mut reversed = batch::solve_lanes(function, settings, &reverse(guesses), &reversed_params);
    reversed.reverse();
    // Numbers that were not measured are NaN, which text tells from others.
    assert!(format!("{reversed:?}") == format!("{lanes:?}"));
    let single = batch::solve_lanes(function, settings, &guesses[3..4], &params[3..4]);
    assert_eq!(format!("{:?}", single[0]), format!("{:?}", lanes[3]));
    equal
}

#[test]
fn lanes_agree_with_single_solves() {
    let settings = Settings::default();
    // Some of these need damping, so that they leave their lanes. The sine differs by 5 units in the last place at most, over the slope.
    let params: Vec<_> =
        (0..53).map(|k| SVector::from([0.11 * f64::from(k) - 3.0, [0.3, 0.9, 0.99][k as usize % 3]])).collect();
    let guesses: Vec<_> = params.iter().map(|p: &SVector<f64, 2>| SVector::from([p[0]])).collect();
    check(&kepler::Kepler, &settings, (&guesses, &params), 1e-12);

    let params: Vec<_> = (0..41).map(|k| SVector::from([1.0 + 0.1 * f64::from(k), 0.3])).collect();
    let guesses: Vec<_> = (0..41).map(|k| SVector::from([0.5 + 0.02 * f64::from(k), 1.0])).collect();
    // Sums, products and quotients are those of a single number.
    assert_eq!(check(&meeting::Meeting, &settings, (&guesses, &params), 0.0), 41);

    let params: Vec<_> = (0..29).map(|k| SVector::from([0.03 * f64::from(k), 0.4])).collect();
    let guesses = vec![SVector::from([1.0, 0.0]); 29];
    check(&contraction::Contraction, &settings, (&guesses, &params), 1e-12);
    let anderson = Settings { fixed_point: FixedPoint::Anderson { memory: 2 }, ..settings };
    assert_eq!(check(&contraction::Contraction, &anderson, (&guesses, &params), 0.0), 29);

    let params: Vec<_> = (0..30).map(|k| SVector::from([0.1 * f64::from(k) - 1.0, 30.0])).collect();
    let guesses = vec![SVector::from([-1.2, 1.0]); 30];
    check(&valley::Valley, &settings, (&guesses, &params), 1e-12);
    let params: Vec<_> = (0..10).map(|k| SVector::from([f64::from(k), 4.5])).collect();
    assert_eq!(check(&bounded::Bounded, &settings, (&[SVector::from([0.0]); 10], &params), 0.0), 10);
}

#[test]
fn a_problem_that_is_wrong_leaves_the_others_alone() {
    let settings = Settings::default();
    let params = vec![SVector::from([2.0, 0.3]); 9];
    let mut guesses = vec![SVector::from([1.0, 1.0]); 9];
    let right = batch::solve_lanes(&meeting::Meeting, &settings, &guesses, &params);
    guesses[4][1] = f64::NAN;
    // Where the Jacobian is singular.
    guesses[6] = SVector::from([0.0, 1.0]);
    let solved = batch::solve_lanes(&meeting::Meeting, &settings, &guesses, &params);
    for k in [0, 1, 2, 3, 5, 7, 8] {
        assert_eq!(format!("{:?}", solved[k]), format!("{:?}", right[k]));
        assert_eq!(solved[k].as_ref().expect("finite").status, Status::Converged);
    }
    assert!(matches!(solved[4], Err(SolveError::Input(InputError::NonFinite { .. }))));
    assert_eq!(solved[6].as_ref().expect("finite").status, Status::RegularizationLimit);
    let few = Settings { max_iterations: 1, ..settings };
    let stopped = batch::solve_lanes(&meeting::Meeting, &few, &guesses[..1], &params[..1]);
    assert_eq!(stopped[0].as_ref().expect("finite").status, Status::IterationLimit);

    let short = batch::solve_lanes(&meeting::Meeting, &settings, &guesses, &params[1..]);
    assert!(short.iter().all(|entry| matches!(entry, Err(SolveError::Input(InputError::WrongLength { .. })))));
    assert!(batch::solve_lanes(&meeting::Meeting, &settings, &[], &[]).is_empty());
    let wrong = Settings { tolerance: -1.0, ..settings };
    let refused = batch::solve_lanes(&meeting::Meeting, &wrong, &guesses, &params);
    assert!(refused.iter().all(|entry| matches!(entry, Err(SolveError::Settings(_)))));
}
