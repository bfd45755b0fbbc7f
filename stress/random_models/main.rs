//! Random models, compiled as one crate. Every kernel and the user's functions are compared with dual numbers through
//! the tree that the model was printed from. `compositions` does so for models with networks, tables, functions of the user's own,
//! algebraic variables and all integrators.
#![allow(dead_code, unused_variables, unused_parens, unused_braces, clippy::all, reason = "models are machine-made")]
#![allow(clippy::panic, reason = "a test reports by panicking")]

mod composition;
mod composition_oracle;
#[allow(unreachable_pub, clippy::unwrap_used, reason = "models are machine-made")]
mod compositions;
#[path = "../../dilqr-macros/src/tests/oracle.rs"]
mod oracle;
#[path = "../../dilqr-macros/src/tests/random.rs"]
mod random;

use dilqr_runtime::AutoDiff;
use dilqr_runtime::Model;
use dilqr_runtime::model::{
    HamiltonianExpansion, HamiltonianHessian, ParameterGradient, ParameterTerms, Stage, StageExpansion, Terminal,
    TerminalExpansion, Variation,
};
use dilqr_runtime::nalgebra::{SMatrix, SVector};
use oracle::{L, N, Oracle, P, TERMINAL, U, X};
use random::{NP, NU, NX, Stream};

include!(concat!(env!("OUT_DIR"), "/random_models.rs"));

/// Two exact derivatives differ by the rounding of some hundred operations on numbers up to the scale of the oracle.
/// The worst differ by 1e3 eps; this is 1e5 eps.
const TOLERANCE: f64 = 2e-11;
/// Points with larger intermediate values are skipped, since there the tolerance would hide entries of size 1.
const LARGEST: f64 = 1e7;

type State = SVector<f64, NX>;
type Control = SVector<f64, NU>;
type Params = SVector<f64, NP>;

/// A point, and the directions that kernels read there.
struct Point {
    z: [f64; N],
    x: State,
    u: Control,
    p: Params,
    lambda: State,
    dx: State,
    du: Control,
    dlambda: State,
}

fn point(stream: &mut Stream) -> Point {
    let mut state = || State::from_fn(|_, _| stream.between(-1.5, 1.5));
    let (x, lambda, dx, dlambda) = (state(), state(), state(), state());
    let (u, du) = (Control::new(stream.between(-1.5, 1.5)), Control::new(stream.between(-1.5, 1.5)));
    let p = Params::from_fn(|_, _| stream.between(0.5, 2.0));
    Point { z: [x[0], x[1], x[2], u[0], p[0], p[1]], x, u, p, lambda, dx, du, dlambda }
}

/// All results of a model at a point.
struct Computed {
    next: State,
    costs: [f64; 2],
    step: (State, f64),
    stage: StageExpansion<f64, NX, NU>,
    terminal: TerminalExpansion<f64, NX>,
    hessian: HamiltonianHessian<f64, NX, NU>,
    fused: HamiltonianExpansion<f64, NX, NU>,
    terms: ParameterTerms<f64, NX, NU, NP>,
    lxp: SMatrix<f64, NX, NP>,
    gradients: [Params; 4],
}

fn compute<M: Model<NX, NU, NP>>(model: &M, point: &Point) -> Computed {
    let Point { x, u, p, lambda, dx, du, dlambda, .. } = point;
    let s = SVector::<f64, 0>::zeros();
    let mut gs = s;
    let mut computed = Computed {
        next: State::zeros(),
        costs: [model.stage_cost(Stage::new(x, u, p, &s)), model.terminal_cost(Terminal::new(x, p, &s))],
        step: (State::zeros(), 0.0),
        stage: StageExpansion::zeros(),
        terminal: TerminalExpansion::zeros(),
        hessian: HamiltonianHessian::zeros(),
        fused: HamiltonianExpansion::zeros(),
        terms: ParameterTerms::zeros(),
        lxp: SMatrix::zeros(),
        gradients: [Params::zeros(); 4],
    };
    model.dynamics(Stage::new(x, u, p, &s), &mut computed.next);
    computed.step.1 = model.step(Stage::new(x, u, p, &s), &mut computed.step.0);
    model.expand_stage(Stage::new(x, u, p, &s), &mut computed.stage);
    model.expand_terminal(Terminal::new(x, p, &s), &mut computed.terminal);
    model.hamiltonian_hessian(Stage::new(x, u, p, &s), lambda, &mut computed.hessian);
    model.expand_hamiltonian(Stage::new(x, u, p, &s), lambda, &mut computed.fused);
    model.parameter_terms(Stage::new(x, u, p, &s), lambda, &mut computed.terms);
    model.terminal_parameter_terms(Terminal::new(x, p, &s), &mut computed.lxp);
    let [hp, lp, contraction, terminal] = &mut computed.gradients;
    model.add_hamiltonian_parameter_gradient(Stage::new(x, u, p, &s), lambda, ParameterGradient::new(hp, &mut gs));
    model.add_terminal_parameter_gradient(Terminal::new(x, p, &s), ParameterGradient::new(lp, &mut gs));
    model.add_parameter_contraction(
        Stage::new(x, u, p, &s),
        lambda,
        Variation { dx, du },
        dlambda,
        ParameterGradient::new(contraction, &mut gs),
    );
    model.add_terminal_parameter_contraction(Terminal::new(x, p, &s), dx, ParameterGradient::new(terminal, &mut gs));
    computed
}

/// Compares blocks of derivatives with the oracle.
struct Comparison<'a> {
    case: u64,
    scale: f64,
    point: &'a Point,
}

impl Comparison<'_> {
    fn block<const R: usize, const C: usize>(
        &self,
        name: &str,
        given: &SMatrix<f64, R, C>,
        expected: impl Fn(usize, usize) -> f64,
    ) {
        for i in 0..R {
            for j in 0..C {
                let (given, expected) = (given[(i, j)], expected(i, j));
                assert!(
                    (given - expected).abs() <= TOLERANCE * self.scale,
                    "{name}[({i}, {j})]: {given}, dual numbers give {expected}, at {:?} of\n{}",
                    self.point.z,
                    random::Model::numbered(self.case).source("case")
                );
            }
        }
    }

    fn number(&self, name: &str, given: f64, expected: f64) {
        self.block(name, &SMatrix::<f64, 1, 1>::new(given), |_, _| expected);
    }

    fn all(&self, computed: &Computed, oracle: &Oracle) {
        let Point { lambda, dx, du, dlambda, .. } = *self.point;
        let (lambda, dx, du, dlambda) = (lambda.into(), dx.into(), du.into(), dlambda.into());
        let h = |i: usize, j: usize| oracle.hamiltonian(&lambda, i, j);
        let Computed { next, costs, step, stage, terminal, hessian, fused, terms, lxp, gradients } = computed;
        for (name, next) in [("dynamics", next), ("step", &step.0), ("f", &stage.f)] {
            self.block(name, next, |i, _| oracle.value[i]);
        }
        for (name, cost) in [("stage_cost", costs[0]), ("step's cost", step.1), ("l", stage.l)] {
            self.number(name, cost, oracle.value[L]);
        }
        for (name, cost) in [("terminal_cost", costs[1]), ("terminal l", terminal.l)] {
            self.number(name, cost, oracle.value[TERMINAL]);
        }
        for (fx, fu, lx, lu) in [(stage.fx, stage.fu, stage.lx, stage.lu), (fused.fx, fused.fu, fused.lx, fused.lu)] {
            self.block("fx", &fx, |i, j| oracle.gradient[i][X + j]);
            self.block("fu", &fu, |i, j| oracle.gradient[i][U + j]);
            self.block("lx", &lx, |i, _| oracle.gradient[L][X + i]);
            self.block("lu", &lu, |i, _| oracle.gradient[L][U + i]);
        }
        self.block("lxx", &stage.lxx, |i, j| oracle.hessian[L][X + i][X + j]);
        self.block("lux", &stage.lux, |i, j| oracle.hessian[L][U + i][X + j]);
        self.block("luu", &stage.luu, |i, j| oracle.hessian[L][U + i][U + j]);
        self.block("terminal lx", &terminal.lx, |i, _| oracle.gradient[TERMINAL][X + i]);
        self.block("terminal lxx", &terminal.lxx, |i, j| oracle.hessian[TERMINAL][X + i][X + j]);
        for (hxx, hux, huu) in [(hessian.hxx, hessian.hux, hessian.huu), (fused.hxx, fused.hux, fused.huu)] {
            self.block("hxx", &hxx, |i, j| h(X + i, X + j));
            self.block("hux", &hux, |i, j| h(U + i, X + j));
            self.block("huu", &huu, |i, j| h(U + i, U + j));
        }
        self.block("fp", &terms.fp, |i, j| oracle.gradient[i][P + j]);
        self.block("hxp", &terms.hxp, |i, j| h(X + i, P + j));
        self.block("hup", &terms.hup, |i, j| h(U + i, P + j));
        self.block("terminal lxp", lxp, |i, j| oracle.hessian[TERMINAL][X + i][P + j]);
        let [hp, lp, contraction, terminal] = gradients;
        self.block("hp", hp, |i, _| oracle.hamiltonian_gradient(&lambda, P + i));
        self.block("terminal lp", lp, |i, _| oracle.gradient[TERMINAL][P + i]);
        self.block("contraction", contraction, |i, _| oracle.contraction(&lambda, &dx, &du, &dlambda, P + i));
        self.block("terminal contraction", terminal, |i, _| oracle.terminal_contraction(&dx, P + i));
    }
}

/// Whether the point could be compared.
fn agrees(
    case: u64,
    computed: &Computed,
    generic: &HamiltonianHessian<f64, NX, NU>,
    own: [f64; NX + 2],
    point: &Point,
) -> bool {
    let oracle = Oracle::new(&random::Model::numbered(case), &point.z);
    if oracle.scale > LARGEST {
        return false;
    }
    let comparison = Comparison { case, scale: oracle.scale, point };
    // First the user's functions: if these differ, the printed tree is wrong.
    comparison.block("the user's own functions", &SVector::from(own), |i, _| oracle.value[i]);
    comparison.all(computed, &oracle);
    // The generic value kernels, by the runtime's dual numbers.
    let lambda = point.lambda.into();
    comparison.block("hxx by the generic kernels", &generic.hxx, |i, j| oracle.hamiltonian(&lambda, X + i, X + j));
    true
}

#[test]
fn every_kernel_of_every_model() {
    let mut stream = Stream(9);
    let (mut points, mut compared) = (0, 0);
    macro_rules! check {
        ($index:expr, $model:path, $module:ident) => {
            for _ in 0..2 {
                let point = point(&mut stream);
                let Point { x, u, p, lambda, .. } = point;
                let next: [f64; NX] = $module::dynamics(x.into(), u.into(), p.into()).into();
                let costs =
                    [$module::stage_cost(x.into(), u.into(), p.into()), $module::terminal_cost(x.into(), p.into())];
                let own = [next[0], next[1], next[2], costs[0], costs[1]];
                let mut generic = HamiltonianHessian::zeros();
                AutoDiff($model).hamiltonian_hessian(Stage::new(&x, &u, &p, &SVector::zeros()), &lambda, &mut generic);
                points += 1;
                compared += usize::from(agrees($index, &compute(&$model, &point), &generic, own, &point));
            }
        };
    }
    for_each_model!(check);
    println!("{compared} of {points} points compared");
    // At most a tenth of the points may be skipped.
    assert!(10 * compared >= 9 * points, "{compared} of {points} points compared");
}
