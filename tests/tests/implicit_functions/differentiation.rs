//! Other ways to differentiate an implicit function, against the exact one and against differences of solves.

use dilqr_runtime::implicit::{Differentiation, ImplicitFunction, Settings, Solution, Solver};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{GradientError, SettingsError, Status};

use crate::models::contraction;

/// Two equations whose Jacobian is not symmetric.
#[dilqr_runtime::implicit]
pub mod crossing {
    pub struct Unknown {
        pub a: f64,
        pub b: f64,
    }
    pub struct Params {
        pub radius: f64,
        pub shift: f64,
    }
    pub fn equations(y: Unknown, p: Params) -> [f64; 2] {
        [y.a * y.a + y.b * y.b - p.radius * p.radius, (0.5 * y.a + p.shift).exp() - y.b]
    }
}

/// A curve whose residuals do not vanish at the best fit.
#[dilqr_runtime::implicit]
pub mod fit {
    pub struct Unknown {
        pub scale: f64,
        pub rate: f64,
    }
    pub struct Params {
        pub data: [f64; 5],
    }
    pub fn residuals(y: Unknown, p: Params) -> [f64; 5] {
        let mut r = [0.0; 5];
        for i in 0..5 {
            r[i] = y.scale * (y.rate * (i as f64) / 4.0).exp() - p.data[i];
        }
        r
    }
}

/// Rosenbrock's function, where bounds may hold both unknowns.
#[dilqr_runtime::implicit]
pub mod valley {
    pub struct Unknown {
        #[bounds(None, p.limit)]
        pub a: f64,
        #[bounds(p.floor, None)]
        pub b: f64,
    }
    pub struct Params {
        pub goal: f64,
        pub slope: f64,
        pub limit: f64,
        pub floor: f64,
    }
    pub fn objective(y: Unknown, p: Params) -> f64 {
        (y.a - p.goal).powi(2) + 5.0 * (y.b - y.a * y.a).powi(2) + p.slope * y.a
    }
}

/// A case: a solver, its solution, and the loss gradient.
struct Case<F, const NX: usize, const NY: usize, const NP: usize>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    solver: Solver<F, NX, NY, NP>,
    guess: SVector<f64, NY>,
    solution: Solution<NY, NP>,
    loss: SVector<f64, NY>,
    exact: SVector<f64, NP>,
}

impl<F, const NX: usize, const NY: usize, const NP: usize> Case<F, NX, NY, NP>
where
    F: ImplicitFunction<NX, NY, NP>,
{
    fn new(function: F, settings: Settings, (guess, params): ([f64; NY], [f64; NP])) -> Self {
        let mut solver = Solver::new(function, settings).expect("in range");
        let solution = solver.solve(guess, params).expect("finite");
        assert_eq!(solution.status, Status::Converged, "{solution:?}");
        let loss = SVector::from_fn(|i, _| 1.0 - 0.6 * i as f64);
        let exact = solver.vjp(&solution, &loss).expect("regular");
        Self { solver, guess: guess.into(), solution, loss, exact }
    }

    /// The relative error of a way.
    fn error(&mut self, way: Differentiation<NY>) -> f64 {
        let gradient = self.solver.vjp_with(&self.solution, &self.loss, way).expect("an approximation");
        (gradient - self.exact).amax() / self.exact.amax()
    }

    /// The exact gradient is that of differences: the step balances `h^2` with the solve's rounding errors over `h`.
    fn check_differences(&mut self) {
        for j in 0..NP {
            let h = 1e-5;
            let mut at = |sign: f64| {
                let mut params = self.solution.params;
                params[j] += sign * h;
                self.solver.solve(self.solution.unknown, params).expect("finite").unknown.dot(&self.loss)
            };
            let expected = (at(1.0) - at(-1.0)) / (2.0 * h);
            assert!(
                (self.exact[j] - expected).abs() <= 1e-7 * (1.0 + self.exact.amax()),
                "{j}: {expected} {}",
                self.exact
            );
        }
    }

    /// The error of the direct loss gradient is of first order in epsilon, on both sides of zero.
    fn check_direct_loss(&mut self) {
        self.check_differences();
        let mut error = |epsilon: f64| self.error(Differentiation::DirectLoss { epsilon });
        for sign in [1.0, -1.0] {
            let (coarse, fine) = (error(1e-2 * sign), error(1e-3 * sign));
            assert!(coarse < 0.5, "{coarse}");
            // A tenth of epsilon leaves a tenth of the error, and terms of second order.
            assert!(fine < 0.15 * coarse || coarse < 1e-9, "{coarse} {fine}");
            assert!(fine > 0.05 * coarse || coarse < 1e-9, "{coarse} {fine}");
        }
        // Rounding errors of the solves, over epsilon.
        assert!(error(1e-6) < 1e-4);
    }
}

#[test]
fn direct_loss_gradients_tend_to_the_exact_one() {
    let tight = Settings { tolerance: 1e-11, ..Settings::default() };
    Case::new(crossing::Crossing, tight, ([1.0, 1.0], [2.0, 0.1])).check_direct_loss();
    Case::new(contraction::Contraction, tight, ([1.0, 1.0], [0.7, 0.4])).check_direct_loss();
    Case::new(fit::Fit, tight, ([1.0, 0.0], [1.0, 1.6, 1.2, 2.5, 2.9])).check_direct_loss();
    // Free, at one bound and at both of them, and with barriers.
    let guess = [0.5, 0.6];
    Case::new(valley::Valley, tight, (guess, [0.8, 0.3, 4.0, -4.0])).check_direct_loss();
    Case::new(valley::Valley, tight, (guess, [2.0, 0.3, 0.9, -4.0])).check_direct_loss();
    Case::new(valley::Valley, tight, (guess, [2.0, 0.3, 0.9, 1.5])).check_direct_loss();
    let relaxed = Settings { relaxation: Some(1e-2), ..tight };
    Case::new(valley::Valley, relaxed, (guess, [2.0, 0.3, 0.9, 0.5])).check_direct_loss();
}

#[test]
fn unrolled_steps_tend_to_the_exact_gradient() {
    fn check<F, const NX: usize, const NY: usize, const NP: usize>(
        mut case: Case<F, NX, NY, NP>,
        few: usize,
        many: usize,
    ) where
        F: ImplicitFunction<NX, NY, NP>,
    {
        let guess = case.guess;
        let mut error = |iterations| case.error(Differentiation::Unrolled { guess, iterations });
        let (coarse, fine) = (error(few), error(many));
        // Rounding errors of the steps that go on at the solution.
        assert!(coarse > 1e-4 && fine < 1e-8, "{coarse} {fine}");
    }
    let settings = Settings::default();
    check(Case::new(crossing::Crossing, settings, ([1.2, 1.6], [2.0, 0.1])), 2, 8);
    check(Case::new(contraction::Contraction, settings, ([1.0, 1.0], [0.7, 0.4])), 4, 60);
    check(Case::new(fit::Fit, settings, ([1.0, 0.5], [1.0, 1.6, 1.2, 2.5, 2.9])), 2, 40);
    check(Case::new(valley::Valley, settings, ([0.5, 0.2], [0.8, 0.3, 4.0, -4.0])), 2, 12);
}

#[test]
fn truncated_steps_leave_out_the_rest_of_a_series() {
    let settings = Settings { tolerance: 1e-12, ..Settings::default() };
    // Of Newton's steps nothing remains.
    let mut roots = Case::new(crossing::Crossing, settings, ([1.0, 1.0], [2.0, 0.1]));
    assert!(roots.error(Differentiation::Truncated { iterations: 1 }) < 1e-9);
    let mut minima = Case::new(valley::Valley, settings, ([0.5, 0.6], [0.8, 0.3, 4.0, -4.0]));
    assert!(minima.error(Differentiation::Truncated { iterations: 1 }) < 1e-9);
    // Without a step there is no derivative.
    let none = roots.solver.vjp_with(&roots.solution, &roots.loss, Differentiation::Truncated { iterations: 0 });
    assert_eq!(none, Ok(SVector::zeros()));

    // Of the map's: the first terms of the Neumann series, `sum_k F_y^k F_p`.
    let mut maps = Case::new(contraction::Contraction, settings, ([1.0, 1.0], [0.7, 0.4]));
    let (w, shift, a) = (maps.solution.params[0], maps.solution.params[1], maps.solution.unknown[0]);
    let slope = -(w * a).sin();
    let fy = dilqr_runtime::nalgebra::Matrix2::new(slope * w, 0.0, shift, 0.6);
    let fp = dilqr_runtime::nalgebra::Matrix2::new(slope * a, 0.0, 0.0, a);
    let (mut sum, mut term) = (fp, fp);
    let mut last = f64::INFINITY;
    for iterations in [1, 2, 3, 10] {
        let way = Differentiation::Truncated { iterations };
        let gradient = maps.solver.vjp_with(&maps.solution, &maps.loss, way).expect("contracts");
        let so_far = if iterations == 10 { 7 } else { usize::from(iterations > 1) };
        for _ in 0..so_far {
            term = fy * term;
            sum += term;
        }
        assert!((gradient - sum.transpose() * maps.loss).amax() < 1e-10, "{iterations}");
        let error = maps.error(way);
        assert!(error < last);
        last = error;
    }
    assert!(last > 1e-4, "{last}");
    assert!(maps.error(Differentiation::Truncated { iterations: 60 }) < 1e-10);

    // Of Gauss and Newton's: each leaves out the part of the Hessian with second derivatives of residuals.
    let mut fits = Case::new(fit::Fit, settings, ([1.0, 0.0], [1.0, 1.6, 1.2, 2.5, 2.9]));
    let errors = [1, 2, 30].map(|iterations| fits.error(Differentiation::Truncated { iterations }));
    assert!(errors[0] > 1e-3 && errors[1] < errors[0] && errors[2] < 1e-9, "{errors:?}");
}

#[test]
fn bad_input_and_steps_that_do_not_contract_are_refused() {
    let mut case = Case::new(crossing::Crossing, Settings::default(), ([1.0, 1.0], [2.0, 0.1]));
    let Case { solver, solution, loss, exact, .. } = &mut case;
    assert_eq!(solver.vjp_with(solution, loss, Differentiation::Implicit), Ok(*exact));
    for epsilon in [0.0, f64::NAN, f64::INFINITY] {
        let refused = solver.vjp_with(solution, loss, Differentiation::DirectLoss { epsilon });
        let out_of_range = |error: &SettingsError| matches!(error, SettingsError::OutOfRange { name: "epsilon", .. });
        assert!(matches!(refused, Err(GradientError::Settings(ref error)) if out_of_range(error)), "{refused:?}");
    }
    let guess = SVector::from([f64::NAN, 1.0]);
    let refused = solver.vjp_with(solution, loss, Differentiation::Unrolled { guess, iterations: 3 });
    assert!(matches!(refused, Err(GradientError::Input(_))), "{refused:?}");
    // What is no solution has no gradient of any kind.
    let mut edited = solution.clone();
    edited.unknown[0] += 1e-3;
    for way in [Differentiation::Truncated { iterations: 1 }, Differentiation::DirectLoss { epsilon: 1e-3 }] {
        let refused = solver.vjp_with(&edited, loss, way);
        assert!(matches!(refused, Err(GradientError::NotConverged { .. })), "{refused:?}");
    }
    // The steps of this map lead away from its fixed point, which Newton's method finds.
    let mut case = Case::new(contraction::Contraction, Settings::default(), ([0.6, 0.0], [1.6, 0.4]));
    let way = Differentiation::Unrolled { guess: SVector::from([0.5, 0.0]), iterations: 40 };
    let refused = case.solver.vjp_with(&case.solution, &case.loss, way);
    assert!(matches!(refused, Err(GradientError::NotContracting { .. })), "{refused:?}");
}
