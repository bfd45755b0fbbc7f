//! Random models through all stages up to the kernels, whose interpreter must agree with dual numbers in every entry of
//! every derivative, structural zeros included.

use std::cell::Cell;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::oracle::{L, N, Oracle, P, TERMINAL, U, X};
use super::random::{Model, NP, NU, NX, Stream};
use super::{differentiate, each_strategy, elaborate};
use crate::differentiate::build_kernels::{Strategies, build_kernels, build_one};
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::program::fields::{Field, Output};
use crate::program::kernels::{Kernel, Kernels};
use crate::program::program::Program;
use crate::program::vectors::Vector;

/// Two exact derivatives by different strategies differ by the rounding of some hundred operations on numbers up to the
/// oracle's scale: 1e3 eps is typical of the worst, and this is 1e5 eps.
const TOLERANCE: f64 = 2e-11;
/// Points at which larger numbers than this come up are passed over, so that an entry of size 1 cannot hide in the
/// tolerance.
const LARGEST: f64 = 1e7;

/// The vectors that the kernels read, besides `z`.
struct Directions {
    lambda: [f64; NX],
    dx: [f64; NX],
    du: [f64; NU],
    dlambda: [f64; NX],
}

fn directions(stream: &mut Stream) -> Directions {
    let mut vector = || std::array::from_fn(|_| stream.between(-1.5, 1.5));
    let (lambda, dx, dlambda) = (vector(), vector(), vector());
    Directions { lambda, dx, dlambda, du: [stream.between(-1.5, 1.5)] }
}

/// Adds the entries of a field with the given numbers of rows and columns.
type AddBlock<'a> = &'a mut dyn FnMut(Field, usize, usize, &dyn Fn(usize, usize) -> f64);

/// Every entry that a kernel may write, with its expected value.
fn expected(kernel: &str, oracle: &Oracle, with: &Directions) -> Vec<(Output, f64)> {
    let mut entries = Vec::new();
    let mut block = |field: Field, rows: usize, columns: usize, entry: &dyn Fn(usize, usize) -> f64| {
        for row in 0..rows {
            for column in 0..columns {
                entries.push((Output { field, row: row as u32, column: column as u32 }, entry(row, column)));
            }
        }
    };
    expected_values(kernel, oracle, &mut block);
    expected_second_derivatives(kernel, oracle, with, &mut block);
    expected_parameter_derivatives(kernel, oracle, with, &mut block);
    assert!(!entries.is_empty(), "no expectation for the kernel {kernel}");
    entries
}

/// Values and first derivatives.
fn expected_values(kernel: &str, oracle: &Oracle, block: AddBlock<'_>) {
    let f = |i: usize, j: usize| oracle.gradient[i][j];
    match kernel {
        "dynamics" | "step" => block(Field::Next, NX, 1, &|i, _| oracle.value[i]),
        "expand_stage" | "linearize" => block(Field::F, NX, 1, &|i, _| oracle.value[i]),
        _ => {}
    }
    match kernel {
        "stage_cost" | "step" | "expand_stage" => block(Field::L, 1, 1, &|_, _| oracle.value[L]),
        "terminal_cost" | "expand_terminal" => block(Field::L, 1, 1, &|_, _| oracle.value[TERMINAL]),
        _ => {}
    }
    if let "expand_stage" | "expand_hamiltonian" | "linearize" = kernel {
        block(Field::Fx, NX, NX, &|i, j| f(i, X + j));
        block(Field::Fu, NX, NU, &|i, j| f(i, U + j));
    }
    if let "parameter_terms" | "linearize" = kernel {
        block(Field::Fp, NX, NP, &|i, j| f(i, P + j));
    }
    if let "expand_stage" | "expand_hamiltonian" = kernel {
        block(Field::Lx, NX, 1, &|i, _| oracle.gradient[L][X + i]);
        block(Field::Lu, NU, 1, &|i, _| oracle.gradient[L][U + i]);
    }
}

/// Second derivatives in state and control.
fn expected_second_derivatives(kernel: &str, oracle: &Oracle, with: &Directions, block: AddBlock<'_>) {
    let h = |i: usize, j: usize| oracle.hamiltonian(&with.lambda, i, j);
    match kernel {
        "expand_stage" => {
            block(Field::Lxx, NX, NX, &|i, j| oracle.hessian[L][X + i][X + j]);
            block(Field::Lux, NU, NX, &|i, j| oracle.hessian[L][U + i][X + j]);
            block(Field::Luu, NU, NU, &|i, j| oracle.hessian[L][U + i][U + j]);
        }
        "expand_terminal" => {
            block(Field::Lx, NX, 1, &|i, _| oracle.gradient[TERMINAL][X + i]);
            block(Field::Lxx, NX, NX, &|i, j| oracle.hessian[TERMINAL][X + i][X + j]);
        }
        "hamiltonian_hessian" | "expand_hamiltonian" => {
            block(Field::Hxx, NX, NX, &|i, j| h(X + i, X + j));
            block(Field::Hux, NU, NX, &|i, j| h(U + i, X + j));
            block(Field::Huu, NU, NU, &|i, j| h(U + i, U + j));
        }
        _ => {}
    }
}

/// Derivatives in the parameters.
fn expected_parameter_derivatives(kernel: &str, oracle: &Oracle, with: &Directions, block: AddBlock<'_>) {
    let Directions { lambda, dx, du, dlambda } = with;
    let h = |i: usize, j: usize| oracle.hamiltonian(lambda, i, j);
    match kernel {
        "parameter_terms" => {
            block(Field::Hxp, NX, NP, &|i, j| h(X + i, P + j));
            block(Field::Hup, NU, NP, &|i, j| h(U + i, P + j));
        }
        "terminal_parameter_terms" => {
            block(Field::Lxp, NX, NP, &|i, j| oracle.hessian[TERMINAL][X + i][P + j]);
        }
        "add_hamiltonian_parameter_gradient" => {
            block(Field::Gp, NP, 1, &|i, _| oracle.hamiltonian_gradient(lambda, P + i));
        }
        "add_terminal_parameter_gradient" => block(Field::Gp, NP, 1, &|i, _| oracle.gradient[TERMINAL][P + i]),
        "add_parameter_contraction" => {
            block(Field::Gp, NP, 1, &|i, _| oracle.contraction(lambda, dx, du, dlambda, P + i));
        }
        "add_terminal_parameter_contraction" => {
            block(Field::Gp, NP, 1, &|i, _| oracle.terminal_contraction(dx, P + i));
        }
        _ => {}
    }
}

/// The first entry of a kernel that is wrong.
fn mistake(name: &str, kernel: &Program, oracle: &Oracle, z: &[f64; N], with: &Directions) -> Option<String> {
    let computed = kernel.run(|input| {
        let index = input.index as usize;
        match input.vector {
            Vector::X => z[X + index],
            Vector::U => z[U + index],
            Vector::P => z[P + index],
            Vector::Lambda => with.lambda[index],
            Vector::Dx => with.dx[index],
            Vector::Du => with.du[index],
            Vector::DLambda => with.dlambda[index],
            // These models have neither stage parameters nor limits, and explicit steps.
            Vector::Y | Vector::Z | Vector::Dy | Vector::Dz => f64::NAN,
            Vector::S | Vector::Mu | Vector::DMu | Vector::Lower | Vector::Upper => f64::NAN,
        }
    });
    let expected = expected(name, oracle, with);
    if let Some((output, _)) = computed.iter().find(|(output, _)| !expected.iter().any(|(known, _)| known == output)) {
        return Some(format!("{name} writes {output:?}"));
    }
    expected.into_iter().find_map(|(output, expected)| {
        // What is not written is zero.
        let written: Vec<f64> =
            computed.iter().filter(|(known, _)| *known == output).map(|(_, value)| *value).collect();
        let value = written.iter().sum::<f64>();
        let right = written.len() <= 1 && (value - expected).abs() <= TOLERANCE * oracle.scale;
        (!right).then(|| format!("{name} {output:?}: {written:?}, dual numbers give {expected}, at {z:?}"))
    })
}

/// Points at which a model is looked at: two in general position, and one where state and control are zero.
fn points(stream: &mut Stream) -> [[f64; N]; 3] {
    let mut point = |width: f64| {
        std::array::from_fn(|i| if i < P { stream.between(-width, width) } else { stream.between(0.5, 2.0) })
    };
    [point(1.5), point(1.5), point(0.0)]
}

fn agree(model: &Model, kernels: &Kernels, compared: &Cell<usize>) -> Result<(), TestCaseError> {
    let mut stream = Stream(5);
    for z in points(&mut stream) {
        let with = directions(&mut stream);
        let oracle = Oracle::new(model, &z);
        if oracle.scale > LARGEST {
            continue;
        }
        compared.set(compared.get() + 1);
        for (kernel, program) in kernels.iter() {
            if let Some(mistake) = mistake(kernel.name(), program, &oracle, &z, &with) {
                return Err(TestCaseError::fail(format!("{mistake}\n{}", model.source("random"))));
            }
        }
    }
    Ok(())
}

/// The kernels of a model, with that of comparisons.
fn all_kernels(strategies: Strategies<'_>) -> Kernels {
    let mut kernels = build_kernels(strategies);
    kernels.set(Kernel::HamiltonianHessian, build_one(strategies, Kernel::HamiltonianHessian).program);
    kernels
}

/// Random models of `length` choices, the same in every run.
fn run(seed: u8, cases: u32, length: usize) {
    // One session for all: what Symbolica needs at a start it needs once.
    let outcome = with_symbolica_lock(|| {
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let mut runner = TestRunner::new_with_rng(config, random);
        let choices = (proptest::collection::vec(proptest::num::u16::ANY, 0..length), 0..16_usize);
        let compared = Cell::new(0);
        let result = runner.run(&choices, |(choices, way)| {
            let model = Model::new(&choices);
            let system = elaborate(&model.source("random"));
            let tapes = differentiate(&system);
            agree(&model, &all_kernels(Strategies::all(&tapes)), &compared)?;
            // The shortest kernels do not show whether the others are right.
            let strategies = each_strategy(&tapes);
            agree(&model, &all_kernels(strategies[way % strategies.len()]), &compared)
        });
        let failure = match result {
            Ok(()) => None,
            Err(TestError::Fail(reason, (choices, way))) => {
                // The panic of a stage does not show the model.
                let model = Model::new(&choices).source("random");
                Some(format!("{reason}\nfor the choices {choices:?} and {way}:\n{model}"))
            }
            Err(TestError::Abort(reason)) => Some(reason.to_string()),
        };
        (failure, compared.get())
    });
    let (failure, compared) = outcome.unwrap_or_else(|error| panic!("{error}"));
    if let Some(failure) = failure {
        panic!("{failure}");
    }
    println!("{compared} points compared");
    // Few points are passed over.
    assert!(compared * 10 >= 8 * 2 * 3 * cases as usize, "{compared} points compared in {cases} cases");
}

/// The generator reaches the whole language.
#[test]
fn random_models_use_everything() {
    let text: String = (0..300).map(|index| Model::numbered(index).source("random")).collect();
    let methods =
        "sin cos tan asin acos atan atan2 sinh cosh tanh exp ln sqrt cbrt powi powf recip hypot mul_add sin_cos";
    for method in methods.split(' ') {
        assert!(text.contains(&format!(".{method}(")), "{method} as a method");
        // An integer power is drawn as a method only.
        assert!(method == "powi" || text.contains(&format!("f64::{method}(")), "{method} as a function");
    }
    let constructs = [
        "= -",
        "(-",
        " + ",
        " - ",
        " * ",
        " / ",
        ": f64 = ",
        ": (f64, f64) = ",
        ": Pair = ",
        ": [f64; N] = ",
        "let (v",
        "let ((v",
        "let (_, v",
        ", _) = ",
        "Pair { left: ",
        "Pair { right: ",
        "; N]",
        "[0]",
        "[N - 1]",
        ".0",
        ".1",
        ".left",
        ".right[",
        "helper_0(&x",
        "({ let ",
        "State { b, a }",
        "std::f64::consts::",
        "core::f64::consts::",
        "C0",
        ": &State",
        ": Params)",
    ];
    for construct in constructs {
        assert!(text.contains(construct), "`{construct}`");
    }
}

#[test]
fn small_random_models() {
    run(1, 300, 60);
}

#[test]
fn large_random_models() {
    run(2, 300, 800);
}
