//! Certificates of implicit solutions, against numbers by hand.

use dilqr_runtime::Status;
use dilqr_runtime::implicit::{Settings, Solver};
use dilqr_runtime::model::{Limit, Variable};

/// `(a - 2)^2 + p b^2 + a b`, with `a <= top`.
#[dilqr_runtime::implicit]
pub mod bowl {
    pub struct Unknown {
        #[bounds(None, p.top)]
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub p: f64,
        pub top: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        (y.a - 2.0).powi(2) + p.p * y.b * y.b + y.a * y.b
    }
}

/// Two lines that are nearly parallel, in units of the parameters.
#[dilqr_runtime::implicit]
pub mod lines {
    pub struct Unknown {
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub apart: f64,
        pub unit: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 2] {
        let a = y.a / p.unit;
        [a + y.b - 3.0, a + (1.0 + p.apart) * y.b - 3.0 - 2.0 * p.apart]
    }
}

#[test]
fn minima_have_the_eigenvalues_of_their_free_hessian() {
    let mut solver = Solver::new(bowl::Bowl, Settings::default()).expect("in range");
    let solution = solver.solve([0.0, 0.0], [1.0, 5.0]).expect("finite");
    assert_eq!(solution.status, Status::Converged);
    let free = solver.certificate(&solution);
    // The Hessian is [[2, 1], [1, 2]], with the eigenvalues 1 and 3, and the inverse [[2, -1], [-1, 2]] / 3.
    assert!((free.smallest_eigenvalue.expect("a minimum") - 1.0).abs() < 1e-12, "{free}");
    assert!((free.condition - 5.0 / 3.0).abs() < 1e-12, "{free}");
    assert!(free.residual < 1e-15 && free.step < 1e-9, "{free}");
    // a = 8/3
    assert!(free.active.is_empty() && (free.margin - (5.0 - 8.0 / 3.0) / (8.0 / 3.0)).abs() < 1e-9, "{free}");

    let solution = solver.solve([0.0, 0.0], [1.0, 1.0]).expect("finite");
    let held = solver.certificate(&solution);
    let limit = Limit::UpperBound { variable: Variable::Unknown(0) };
    assert_eq!(held.smallest_eigenvalue, Some(2.0));
    assert_eq!((held.condition, held.weakest), (1.0, Some(limit)));
    assert_eq!(held.active.len(), 1);
    // The slope at a = 1, b = -1/2: 2 (1 - 2) - 1/2.
    assert!((held.active[0].multiplier - 2.5).abs() < 1e-12);
    assert_eq!(held.active[0].to_string(), "the upper bound of unknown 0, multiplier 2.5e0");
    assert!(held.to_string().contains("active bounds                1"), "{held}");
    // Its terms are 2 a, b and itself.
    assert!((held.margin - 2.5 / 5.0).abs() < 1e-9, "{held}");

    // A saddle.
    let mut edited = solution;
    edited.params = [-3.0, 5.0].into();
    assert!(solver.certificate(&edited).smallest_eigenvalue.expect("of a Hessian") < 0.0);
    // No bound is active or inactive where its distance and its multiplier vanish.
    let solution = solver.solve([0.0, 0.0], [1.0, 8.0 / 3.0]).expect("finite");
    assert!(solver.certificate(&solution).margin < 1e-6);
}

#[test]
fn roots_have_a_condition_without_units() {
    let mut solver = Solver::new(lines::Lines, Settings::default()).expect("in range");
    for unit in [1.0, 1e-30, 1e30] {
        for apart in [1e-1, 1e-3, 1e-6] {
            let solution = solver.solve([0.3 * unit, 0.1], [apart, unit]).expect("finite");
            assert_eq!(solution.status, Status::Converged);
            let certificate = solver.certificate(&solution);
            // |A^-1| |A| of [[1, 1], [1, 1 + e]] is (2 + e) / e on the diagonal.
            let expected = (2.0 + apart) / apart;
            assert!((certificate.condition / expected - 1.0).abs() < 1e-6, "{certificate}");
            assert_eq!(certificate.smallest_eigenvalue, None);
            // A solve ends where a Newton step is within its tolerance, and takes that step.
            assert!(certificate.residual < 1e-12 && certificate.step < 1e-9, "{certificate}");
        }
    }
}
