//! Every kernel of every model, one call: generated, by hand where there is one, and by central differences.

use core::hint::black_box;
use core::time::Duration;

use criterion::Criterion;
use dilqr_benches::by_hand;
use dilqr_benches::point::{Point, points};
use dilqr_models::{cartpole, lqr, pendulum};
use dilqr_runtime::Model;
use dilqr_runtime::NumDiff;
use dilqr_runtime::model::{
    HamiltonianExpansion, HamiltonianHessian, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal,
    TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};

/// Number of points, a power of two: a mask selects the next.
const POINTS: usize = 64;

/// Times one kernel, at another point each time.
fn time<const NX: usize, const NU: usize, const NP: usize>(
    criterion: &mut Criterion,
    [system, kernel, version]: [&str; 3],
    points: &[Point<NX, NU, NP>],
    mut call: impl FnMut(&Point<NX, NU, NP>),
) {
    let mut next = 0;
    criterion.bench_function(&format!("{system}/{kernel}/{version}"), |bencher| {
        bencher.iter(|| {
            next = (next + 1) % POINTS;
            call(black_box(&points[next]));
        });
    });
}

/// Times all kernels of a model.
fn kernels<M, const NX: usize, const NU: usize, const NP: usize>(
    criterion: &mut Criterion,
    system: &str,
    version: &str,
    model: &M,
    points: &[Point<NX, NU, NP>],
) where
    M: Model<NX, NU, NP>,
{
    let s = SVector::zeros();
    let mut gs = SVector::zeros();

    let mut next = SVector::zeros();
    time(criterion, [system, "dynamics", version], points, |z| {
        model.dynamics(Stage::new(&z.x, &z.u, &z.p, &s), black_box(&mut next));
    });
    time(criterion, [system, "stage_cost", version], points, |z| {
        black_box(model.stage_cost(Stage::new(&z.x, &z.u, &z.p, &s)));
    });
    time(criterion, [system, "step", version], points, |z| {
        black_box(model.step(Stage::new(&z.x, &z.u, &z.p, &s), black_box(&mut next)));
    });
    time(criterion, [system, "terminal_cost", version], points, |z| {
        black_box(model.terminal_cost(Terminal::new(&z.x, &z.p, &s)));
    });

    let mut stage = StageExpansion::zeros();
    time(criterion, [system, "expand_stage", version], points, |z| {
        model.expand_stage(Stage::new(&z.x, &z.u, &z.p, &s), black_box(&mut stage));
    });
    let mut terminal = TerminalExpansion::zeros();
    time(criterion, [system, "expand_terminal", version], points, |z| {
        model.expand_terminal(Terminal::new(&z.x, &z.p, &s), black_box(&mut terminal));
    });
    let mut hessian = HamiltonianHessian::zeros();
    time(criterion, [system, "hamiltonian_hessian", version], points, |z| {
        model.hamiltonian_hessian(Stage::new(&z.x, &z.u, &z.p, &s), &z.lambda, black_box(&mut hessian));
    });
    let mut hamiltonian = HamiltonianExpansion::zeros();
    time(criterion, [system, "expand_hamiltonian", version], points, |z| {
        model.expand_hamiltonian(Stage::new(&z.x, &z.u, &z.p, &s), &z.lambda, black_box(&mut hamiltonian));
    });

    let mut gp = SVector::zeros();
    time(criterion, [system, "add_hamiltonian_parameter_gradient", version], points, |z| {
        model.add_hamiltonian_parameter_gradient(
            Stage::new(&z.x, &z.u, &z.p, &s),
            &z.lambda,
            ParameterGradient::new(black_box(&mut gp), &mut gs),
        );
    });
    time(criterion, [system, "add_terminal_parameter_gradient", version], points, |z| {
        model.add_terminal_parameter_gradient(
            Terminal::new(&z.x, &z.p, &s),
            ParameterGradient::new(black_box(&mut gp), &mut gs),
        );
    });
    time(criterion, [system, "add_parameter_contraction", version], points, |z| {
        let Point { x, u, p, lambda, dx, du, dlambda } = z;
        model.add_parameter_contraction(
            Stage::new(x, u, p, &s),
            lambda,
            Variation { dx, du },
            dlambda,
            ParameterGradient::new(black_box(&mut gp), &mut gs),
        );
    });
    time(criterion, [system, "add_terminal_parameter_contraction", version], points, |z| {
        model.add_terminal_parameter_contraction(
            Terminal::new(&z.x, &z.p, &s),
            &z.dx,
            ParameterGradient::new(black_box(&mut gp), &mut gs),
        );
    });
    let mut terms = ParameterTerms::zeros();
    time(criterion, [system, "parameter_terms", version], points, |z| {
        model.parameter_terms(Stage::new(&z.x, &z.u, &z.p, &s), &z.lambda, black_box(&mut terms));
    });
    let mut lxp = SMatrix::zeros();
    time(criterion, [system, "terminal_parameter_terms", version], points, |z| {
        model.terminal_parameter_terms(Terminal::new(&z.x, &z.p, &s), black_box(&mut lxp));
    });
}

/// Times the two kernels that were written by hand.
fn kernels_by_hand<M, const NX: usize, const NU: usize, const NP: usize>(
    criterion: &mut Criterion,
    system: &str,
    model: &M,
    points: &[Point<NX, NU, NP>],
    dynamics: impl Fn(&SVector<f64, NX>, &SVector<f64, NU>, &SVector<f64, NP>, &mut SVector<f64, NX>),
    expand: impl Fn(&SVector<f64, NX>, &SVector<f64, NU>, &SVector<f64, NP>, &mut StageExpansion<f64, NX, NU>),
) where
    M: Model<NX, NU, NP>,
{
    by_hand::check(model, points, &dynamics, &expand);
    let mut next = SVector::zeros();
    time(criterion, [system, "dynamics", "by hand"], points, |z| dynamics(&z.x, &z.u, &z.p, black_box(&mut next)));
    let mut stage = StageExpansion::zeros();
    time(criterion, [system, "expand_stage", "by hand"], points, |z| expand(&z.x, &z.u, &z.p, black_box(&mut stage)));
}

fn main() {
    let mut criterion = dilqr_benches::criterion(Duration::from_millis(200));
    let c = &mut criterion;

    let (model, points_) = (pendulum::Pendulum, points(pendulum::Params::default().into(), POINTS));
    kernels(c, "pendulum", "generated", &model, &points_);
    kernels_by_hand(c, "pendulum", &model, &points_, by_hand::pendulum_dynamics, by_hand::pendulum_expand_stage);
    kernels(c, "pendulum", "differences", &NumDiff(model), &points_);

    let (model, points_) = (cartpole::Cartpole, points(cartpole::Params::default().into(), POINTS));
    kernels(c, "cartpole", "generated", &model, &points_);
    kernels_by_hand(c, "cartpole", &model, &points_, by_hand::cartpole_dynamics, by_hand::cartpole_expand_stage);
    kernels(c, "cartpole", "differences", &NumDiff(model), &points_);

    let (model, points_) = (lqr::Lqr, points(lqr::Params::default().into(), POINTS));
    kernels(c, "lqr", "generated", &model, &points_);
    kernels(c, "lqr", "differences", &NumDiff(model), &points_);

    criterion.final_summary();
}
