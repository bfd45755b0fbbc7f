//! The compiler's output for known models, as text: reviews show its changes.
//!
//! `DILQR_BLESS=1 cargo test -p dilqr-macros` writes the text anew.

use std::fmt::Write as _;
use std::path::Path;

use proc_macro2::TokenStream;

use super::{derive, differentiate, elaborate_file, emitted, parse_and_elaborate};
use crate::differentiate::build_kernels::{Built, Strategies, build_all};
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::emit::documentation::pictures;
use crate::environment::Environment;
use crate::expand;
use crate::program::kernels::{Kernels, sparsity};

/// The shipped models, but for the arm, whose kernels take twice as long as all of these together.
pub(super) const MODELS: [(&str, &str); 22] = [
    ("pendulum", include_str!("../../../models/src/pendulum.rs")),
    ("cartpole", include_str!("../../../models/src/cartpole.rs")),
    ("lqr", include_str!("../../../models/src/lqr.rs")),
    ("van_der_pol", include_str!("../../../models/src/van_der_pol.rs")),
    ("mass_spring_damper", include_str!("../../../models/src/mass_spring_damper.rs")),
    ("unicycle", include_str!("../../../models/src/unicycle.rs")),
    ("planar_quadrotor", include_str!("../../../models/src/planar_quadrotor.rs")),
    ("two_link_arm", include_str!("../../../models/src/two_link_arm.rs")),
    ("acrobot", include_str!("../../../models/src/acrobot.rs")),
    ("pendulum_cos_sin", include_str!("../../../models/src/pendulum_cos_sin.rs")),
    ("cartpole_cos_sin", include_str!("../../../models/src/cartpole_cos_sin.rs")),
    ("quadrotor_euler", include_str!("../../../models/src/quadrotor_euler.rs")),
    ("quadrotor", include_str!("../../../models/src/quadrotor.rs")),
    ("quadrotor_pole", include_str!("../../../models/src/quadrotor_pole.rs")),
    ("rocket", include_str!("../../../models/src/rocket.rs")),
    ("waypoint", include_str!("../../../models/src/waypoint.rs")),
    ("race_car", include_str!("../../../models/src/race_car.rs")),
    ("race_track", include_str!("../../../models/src/race_track.rs")),
    ("goddard", include_str!("../../../models/src/goddard.rs")),
    ("cannonball", include_str!("../../../models/src/cannonball.rs")),
    ("bioreactor", include_str!("../../../models/src/bioreactor.rs")),
    ("cartpole_estimator", include_str!("../../../models/src/cartpole_estimator.rs")),
];

const SPRING: &str = include_str!("golden/spring.in.rs");

/// Compares `text` with the file `name`, or writes it there.
pub(super) fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/golden").join(name);
    if std::env::var_os("DILQR_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    // A checkout may have changed the ends of lines.
    let golden = golden.replace("\r\n", "\n");
    if let Some((number, (new, old))) =
        text.lines().chain([""]).zip(golden.lines().chain([""])).enumerate().find(|(_, (new, old))| new != old)
    {
        let bless = "if the change is meant: DILQR_BLESS=1 cargo test -p dilqr-macros";
        panic!("{name}, line {}:\n  now: {new}\n  was: {old}\n{bless}", number + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "{name}");
}

/// Common subexpressions, zeros and the choice of strategies show in the counts. After them: the strategy that built the
/// kernel, as far as it makes a difference. Beside them: the size of the emitted code.
#[test]
fn operation_counts_and_emitted_code() {
    let mut counts = String::from("model kernel total | add | mul | div | neg | call | select | strategy\n");
    let mut emitted = String::from("model | functions | statements | const instantiations | tokens\n");
    for (name, file) in MODELS {
        let (rows, row) = with_symbolica_lock(|| {
            let (model, system) = parse_and_elaborate(file, name);
            let built = build_all(Strategies::all(&differentiate(&system)));
            let mut rows = String::new();
            for (kernel, built) in &built {
                let _ = writeln!(rows, "{name} {} {} |{}", kernel.name(), built.program.count(), strategy(built));
            }
            let mut built = built.into_iter().peekable();
            let kernels = Kernels::new(|kernel| Some(built.next_if(|(of, _)| *of == kernel)?.1.program));
            let items = expand::emit(&model, &system, &kernels, None, &quote::quote!(::dilqr_runtime));
            (rows, emitted::row(items))
        })
        .unwrap();
        counts.push_str(&rows);
        let _ = writeln!(emitted, "{name} | {row}");
    }
    check("operation_counts.txt", &counts);
    check("emitted_code.txt", &emitted);
}

fn strategy(Built { granularity, jacobian, hessian, .. }: &Built) -> String {
    let granularity = granularity.map(|granularity| format!(" {granularity:?}"));
    let jacobian = jacobian.map(|jacobian| format!(" {jacobian:?}"));
    let hessian = hessian.map(|hessian| format!(" {hessian:?}"));
    [granularity, jacobian, hessian].into_iter().flatten().collect()
}

fn expansion(source: &str) -> TokenStream {
    // The runtime by name, so that no manifest is looked at.
    expand::expand(quote::quote!(crate = ::dilqr_runtime), source.parse().unwrap(), &Environment::default())
}

#[test]
fn generated_code() {
    let file: syn::File = syn::parse2(expansion(SPRING)).unwrap();
    check("spring.rs", &prettyplease::unparse(&file));
}

/// The counts in the documentation are those of the code beneath it.
#[test]
fn counts_in_the_documentation() {
    let text = expansion(SPRING).to_string();
    let kernels = super::compile(SPRING);
    for (kernel, program) in kernels.iter() {
        let row = format!("| `{}` | {} |", kernel.name(), program.count());
        assert!(text.contains(&row), "{row} is not in the documentation");
    }
}

/// The quadrotor in the plane, whose pattern is clear from its equations.
#[test]
fn pictures_of_sparsity() {
    let (name, file) = MODELS[6];
    assert_eq!(name, "planar_quadrotor");
    let text = with_symbolica_lock(|| {
        let system = elaborate_file(file, name);
        pictures(&sparsity(&derive(&system), system.vectors.sizes()))
    });
    let text = text.unwrap();
    check("planar_quadrotor_sparsity.txt", &text);
    // Sides beyond the width of a picture are counted.
    let wide = pictures(&[("fx", vec![vec![true, false]; 2]), ("fp", vec![vec![true; 17]; 2])]);
    assert!(wide.contains("```text\nfx\nx.\nx.\n```"), "{wide}");
    assert!(wide.ends_with("`fp`: 34 of 34."), "{wide}");
}

/// The same model gives the same text, independent of earlier expansions in the process.
#[test]
fn expansion_is_deterministic() {
    let source = super::random::Model::numbered(3).source("first");
    let first = expansion(&source).to_string();
    for index in 4..8 {
        let other = expansion(&super::random::Model::numbered(index).source("other")).to_string();
        assert_ne!(other, first);
    }
    assert_eq!(expansion(&source).to_string(), first);
}
