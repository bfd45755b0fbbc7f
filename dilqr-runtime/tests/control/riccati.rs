//! The recursion against the optimality conditions, against a dense solve of the whole KKT system, and its rules.

use dilqr_runtime::Scalar;
use dilqr_runtime::lq::{LqProblem, LqSolution, LqStage, NoMinimum};
use dilqr_runtime::lq::{Proximal, Quadratic, StageFactor};
use dilqr_runtime::nalgebra::{DMatrix, DVector, SMatrix, SVector};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn random<const R: usize, const C: usize>(rng: &mut StdRng) -> SMatrix<f64, R, C> {
    SMatrix::from_fn(|_, _| rng.random_range(-1.0..1.0))
}

/// A convex problem: the joint Hessian of every stage is `B'B + 0.1 I`.
fn random_problem<const NX: usize, const NU: usize>(rng: &mut StdRng, horizon: usize) -> LqProblem<f64, NX, NU> {
    let stages = (0..horizon)
        .map(|_| {
            let (bx, bu): (SMatrix<f64, NX, NX>, SMatrix<f64, NX, NU>) = (random(rng), random(rng));
            let fu_only: SMatrix<f64, NU, NU> = random(rng);
            LqStage {
                fx: random(rng),
                fu: random(rng),
                offset: random(rng),
                hxx: bx.transpose() * bx + SMatrix::identity() * 0.1,
                hux: bu.transpose() * bx,
                huu: bu.transpose() * bu + fu_only.transpose() * fu_only + SMatrix::identity() * 0.1,
                gx: random(rng),
                gu: random(rng),
            }
        })
        .collect();
    let terminal: SMatrix<f64, NX, NX> = random(rng);
    LqProblem {
        initial_state: random(rng),
        stages,
        terminal_hxx: terminal.transpose() * terminal,
        terminal_gx: random(rng),
    }
}

/// The whole KKT system in `(dx_0, du_0, dlambda_0, ..)` by LU: nothing of the recursion is in it.
fn dense<const NX: usize, const NU: usize>(problem: &LqProblem<f64, NX, NU>) -> LqSolution<f64, NX, NU> {
    let horizon = problem.stages.len();
    let block = 2 * NX + NU;
    let size = horizon * block + 2 * NX;
    let (x, u, lambda) = (|t: usize| t * block, |t: usize| t * block + 2 * NX, |t: usize| t * block + NX);
    let mut matrix = DMatrix::zeros(size, size);
    let mut right = DVector::zeros(size);
    // Rows at lambda(t): dx_t = fx dx + fu du + offset. Rows at x(t), u(t): stationarity.
    for t in 0..=horizon {
        matrix.view_mut((lambda(t), x(t)), (NX, NX)).fill_with_identity();
        if t == 0 {
            right.rows_mut(lambda(0), NX).copy_from(&problem.initial_state);
        }
        matrix.view_mut((x(t), lambda(t)), (NX, NX)).copy_from(&-SMatrix::<f64, NX, NX>::identity());
        let Some(stage) = problem.stages.get(t) else {
            matrix.view_mut((x(t), x(t)), (NX, NX)).copy_from(&problem.terminal_hxx);
            right.rows_mut(x(t), NX).copy_from(&-problem.terminal_gx);
            break;
        };
        matrix.view_mut((lambda(t + 1), x(t)), (NX, NX)).copy_from(&-stage.fx);
        matrix.view_mut((lambda(t + 1), u(t)), (NX, NU)).copy_from(&-stage.fu);
        right.rows_mut(lambda(t + 1), NX).copy_from(&stage.offset);
        matrix.view_mut((x(t), x(t)), (NX, NX)).copy_from(&stage.hxx);
        matrix.view_mut((x(t), u(t)), (NX, NU)).copy_from(&stage.hux.transpose());
        matrix.view_mut((x(t), lambda(t + 1)), (NX, NX)).copy_from(&stage.fx.transpose());
        right.rows_mut(x(t), NX).copy_from(&-stage.gx);
        matrix.view_mut((u(t), x(t)), (NU, NX)).copy_from(&stage.hux);
        matrix.view_mut((u(t), u(t)), (NU, NU)).copy_from(&stage.huu);
        matrix.view_mut((u(t), lambda(t + 1)), (NU, NX)).copy_from(&stage.fu.transpose());
        right.rows_mut(u(t), NU).copy_from(&-stage.gu);
    }
    let solution = matrix.lu().solve(&right).expect("a strictly convex problem has a regular KKT matrix");
    let vectors = |first: &dyn Fn(usize) -> usize, count: usize| {
        (0..count).map(|t| SVector::from_iterator(solution.rows(first(t), NX).iter().copied())).collect()
    };
    LqSolution {
        states: vectors(&x, horizon + 1),
        controls: (0..horizon).map(|t| SVector::from_iterator(solution.rows(u(t), NU).iter().copied())).collect(),
        costates: vectors(&lambda, horizon + 1),
        gains: Vec::new(),
    }
}

fn difference<const N: usize>(a: &[SVector<f64, N>], b: &[SVector<f64, N>]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).amax()).fold(0.0, f64::max)
}

fn check<const NX: usize, const NU: usize>(seed: u64, horizons: &[usize]) {
    let mut rng = StdRng::seed_from_u64(seed);
    for &horizon in horizons {
        for _ in 0..10 {
            let problem = random_problem::<NX, NU>(&mut rng, horizon);
            let solution = problem.solve().unwrap();
            // Entries of size 1 to 1e2 (fx is unstable for larger NX, the feedback stabilises it): 1e-10 leaves four
            // digits for what the sums over NX and T lose.
            let residual = problem.kkt_residual(&solution);
            assert!(residual.max() < 1e-10, "NX {NX} NU {NU} T {horizon}: {residual:?}");
            // The LU of the indefinite KKT matrix is the less precise of the two.
            let dense = dense(&problem);
            assert!(difference(&solution.states, &dense.states) < 1e-8);
            assert!(difference(&solution.controls, &dense.controls) < 1e-8);
            assert!(difference(&solution.costates, &dense.costates) < 1e-8);
            assert!(problem.kkt_residual(&dense).max() < 1e-8);
        }
    }
}

#[test]
fn random_problems() {
    check::<1, 1>(1, &[1, 2, 30]);
    check::<2, 1>(2, &[1, 7]);
    check::<4, 1>(3, &[1, 20]);
    check::<4, 2>(4, &[1, 20]);
    check::<3, 5>(5, &[1, 10]);
    check::<12, 4>(6, &[1, 5]);
    // From eight states on a stage is computed by whole columns.
    check::<7, 3>(8, &[1, 5]);
    check::<8, 1>(9, &[1, 5]);
    check::<8, 9>(10, &[1, 5]);
}

#[test]
fn the_residual_sees_every_condition() {
    let problem = random_problem::<4, 2>(&mut StdRng::seed_from_u64(7), 6);
    let solution = problem.solve().unwrap();
    for t in 0..=6 {
        let mut wrong = solution.clone();
        wrong.states[t][1] += 1e-3;
        assert!(problem.kkt_residual(&wrong).dynamics > 1e-4);
        let mut wrong = solution.clone();
        wrong.costates[t][2] += 1e-3;
        assert!(problem.kkt_residual(&wrong).states > 1e-4);
        let mut wrong = solution.clone();
        wrong.costates[t][2] = f64::NAN;
        assert!(problem.kkt_residual(&wrong).max().is_nan());
    }
    for t in 0..6 {
        let mut wrong = solution.clone();
        wrong.controls[t][0] += 1e-3;
        assert!(problem.kkt_residual(&wrong).controls > 1e-6);
    }
    let mut wrong = solution.clone();
    wrong.controls.pop();
    assert!(problem.kkt_residual(&wrong).max().is_nan());
}

/// T = 1, one state, one control: `min 1/2 h u^2 + g u + 1/2 v (a x + b u)^2` has `u = -(g + b v a x) / (h + b v b)`.
#[test]
fn horizon_one_by_hand() {
    let [a, b, h, g, v, x] = [1.5, 0.7, 2.0, 0.3, 4.0, -1.1];
    let scalar = |value: f64| SMatrix::<f64, 1, 1>::from_element(value);
    let stage = LqStage { fx: scalar(a), fu: scalar(b), huu: scalar(h), gu: scalar(g), ..LqStage::zeros() };
    let problem =
        LqProblem { initial_state: scalar(x), stages: vec![stage], terminal_hxx: scalar(v), terminal_gx: scalar(0.0) };
    let solution = problem.solve().unwrap();
    let expected = -(g + b * v * a * x) / (h + b * v * b);
    // A handful of operations on numbers of size 1.
    assert!((solution.controls[0][0] - expected).abs() < 1e-15);
    assert!((solution.gains[0][0] + b * v * a / (h + b * v * b)).abs() < 1e-15);
    assert!((solution.costates[1][0] - v * (a * x + b * expected)).abs() < 1e-14);
}

#[test]
fn a_problem_without_minimum_names_the_stage() {
    let mut rng = StdRng::seed_from_u64(8);
    let mut problem = random_problem::<3, 2>(&mut rng, 5);
    problem.stages[2].huu -= SMatrix::identity() * 100.0;
    assert_eq!(problem.solve(), Err(NoMinimum { stage: 2 }));
    // Singular: the second control does nothing and costs nothing.
    let mut problem = random_problem::<3, 2>(&mut rng, 5);
    problem.stages[4].fu.set_column(1, &SVector::zeros());
    problem.stages[4].hux.set_row(1, &SMatrix::zeros());
    problem.stages[4].huu = SMatrix::from_diagonal(&[1.0, 0.0].into());
    assert_eq!(problem.solve(), Err(NoMinimum { stage: 4 }));
    // Singular only up to rounding: two controls that act as one.
    let mut problem = random_problem::<3, 2>(&mut rng, 5);
    let column = problem.stages[3].fu.column(0).into_owned();
    problem.stages[3].fu.set_column(1, &column);
    problem.stages[3].huu = SMatrix::repeat(0.3);
    assert_eq!(problem.solve(), Err(NoMinimum { stage: 3 }));
    problem.stages[3].huu = SMatrix::repeat(f64::NAN);
    assert_eq!(problem.solve(), Err(NoMinimum { stage: 3 }));
}

/// The proximal term is part of the problem: a stage with `mu` equals a stage with `mu I` added to its Hessians. With a
/// stage Hessian whose least eigenvalue is above `-mu`, the recursion exists over any horizon, however unstable.
#[test]
fn regularization_is_a_proximal_term() {
    let mut rng = StdRng::seed_from_u64(9);
    let mut stage = random_problem::<4, 2>(&mut rng, 1).stages[0];
    let mu = 0.37;
    let mut value: SMatrix<f64, 4, 4> = SMatrix::identity();
    let mut expected = value;
    let mut factor = StageFactor::zeros();
    let mut other = StageFactor::zeros();
    factor.quadratic(&quadratic(&stage), &Proximal::uniform(mu), &mut value).unwrap();
    stage.hxx += SMatrix::identity() * mu;
    stage.huu += SMatrix::identity() * mu;
    other.quadratic(&quadratic(&stage), &Proximal::none(), &mut expected).unwrap();
    assert_eq!((value, factor.gain), (expected, other.gain));
    assert_eq!(value, value.transpose());

    // Open-loop growth 3 a stage over 2000 stages is 1e954; hxx = -1.
    let unstable = LqStage {
        fx: SMatrix::<f64, 1, 1>::from_element(3.0),
        fu: SMatrix::<f64, 1, 1>::from_element(1e-2),
        hxx: SMatrix::from_element(-1.0),
        ..LqStage::zeros()
    };
    let mut value = SMatrix::from_element(1.0);
    let mut factor = StageFactor::zeros();
    for _ in 0..2000 {
        factor.quadratic(&quadratic(&unstable), &Proximal::uniform(1.001), &mut value).unwrap();
        assert!(value[0].is_finite());
    }
}

fn quadratic<S: Scalar, const NX: usize, const NU: usize>(stage: &LqStage<S, NX, NU>) -> Quadratic<'_, S, NX, NU> {
    let LqStage { fx, fu, hxx, hux, huu, .. } = stage;
    Quadratic { fx, fu, hxx, hux, huu }
}

/// The recursion runs on any scalar: in single precision it gives the digits single precision has.
#[test]
fn single_precision() {
    let problem = random_problem::<4, 2>(&mut StdRng::seed_from_u64(10), 10);
    let single = LqProblem {
        initial_state: problem.initial_state.cast::<f32>(),
        stages: problem
            .stages
            .iter()
            .map(|stage| LqStage {
                fx: stage.fx.cast(),
                fu: stage.fu.cast(),
                offset: stage.offset.cast(),
                hxx: stage.hxx.cast(),
                hux: stage.hux.cast(),
                huu: stage.huu.cast(),
                gx: stage.gx.cast(),
                gu: stage.gu.cast(),
            })
            .collect(),
        terminal_hxx: problem.terminal_hxx.cast(),
        terminal_gx: problem.terminal_gx.cast(),
    };
    let (double, single) = (problem.solve().unwrap(), single.solve().unwrap());
    for (a, b) in double.controls.iter().zip(&single.controls) {
        // f32 carries 7 digits; the condition of these problems takes about two.
        assert!((a - b.cast::<f64>()).amax() < 1e-4 * (1.0 + a.amax()));
    }
}
