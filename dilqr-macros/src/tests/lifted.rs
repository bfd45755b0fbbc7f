//! Models with design variables, a previous control, soft constraints and further bounds: their kernels, beside those of the
//! same problem with its state and control written out.

use super::{differentiate, elaborate, elaborate_free};
use crate::differentiate::build_kernels::{Strategies, build_kernels};
use crate::differentiate::symbolica_lock::with_symbolica_lock;
use crate::environment::Environment;
use crate::expand::expand;
use crate::program::kernels::{Kernel, Kernels};
use crate::program::vectors::{Input, Vector};
use crate::store::textual_ir::{read, write};

const LIFTED: &str = "mod lifted {
    pub struct State { #[bounds(-p.a, d.top * s.r)] pub x: f64, #[bounds(None, [1.5, p.b])] pub y: [f64; 2] }
    pub struct Control {
        #[bounds(-s.r, p.a)] #[rate_bounds(-0.5, d.top)] pub u: f64,
        #[bounds(d.low, None)] pub v: f64,
    }
    pub struct Params { pub a: f64, pub b: f64 }
    pub struct Design { #[bounds(0.1, twice(p.b))] pub top: f64, pub low: f64 }
    pub struct StageParams { pub r: f64 }
    fn twice(value: f64) -> f64 { 2.0 * value }
    pub fn dynamics(x: State, u: Control, previous: Control, p: Params, d: Design, s: StageParams) -> State {
        State { x: x.x + d.top * u.u * s.r, y: [x.y[1].sin() + previous.v * p.a, u.v * d.low] }
    }
    pub fn stage_cost(x: State, u: Control, previous: Control, p: Params) -> f64 {
        x.x * x.x + p.a * (u.u - previous.u).powi(2) + u.v.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params, d: Design) -> f64 { d.top * p.b + x.y[0].powi(2) * d.low.exp() }
    pub fn initial_cost(x: State, p: Params, d: Design, s: StageParams) -> f64 { p.b * (x.x - d.low * s.r).powi(2) }
    pub fn stage_constraints(x: State, u: Control, previous: Control, p: Params, s: StageParams) -> [f64; 1] {
        [x.y[0] * u.u - previous.u * p.b * s.r]
    }
    #[penalty(linear = twice(p.a), quadratic = s.r)]
    pub fn stage_soft_constraints(x: State, u: Control, p: Params, d: Design) -> [f64; 2] {
        [x.x * u.v - d.top, x.y[1] * p.b]
    }
    #[penalty(linear = 2.0)]
    pub fn terminal_soft_constraints(x: State, p: Params) -> [f64; 1] { [x.x * x.y[0] - p.a] }
    pub fn terminal_equalities(x: State, _p: Params, d: Design) -> [f64; 1] { [x.y[0] - d.top * d.low] }
    pub fn initial_constraints(x: State, p: Params) -> [f64; 1] { [x.x * p.a - 1.0] }
    pub fn initial_equalities(x: State, _p: Params, d: Design) -> [f64; 1] { [x.y[1] - d.low] }
}";

const BY_HAND: &str = "mod by_hand {
    pub struct State { pub x: f64, pub y: [f64; 2], pub pu: f64, pub pv: f64, pub top: f64, pub low: f64, pub e: f64 }
    pub struct Control { #[bounds(None, p.a)] pub u: f64, pub v: f64, #[bounds(0.0, None)] pub e: [f64; 2] }
    pub struct Params { pub a: f64, pub b: f64 }
    pub struct StageParams { pub r: f64 }
    pub fn dynamics(x: State, u: Control, p: Params, s: StageParams) -> State {
        State {
            x: x.x + x.top * u.u * s.r, y: [x.y[1].sin() + x.pv * p.a, u.v * x.low],
            pu: u.u, pv: u.v, top: x.top, low: x.low, e: x.e,
        }
    }
    pub fn stage_cost(x: State, u: Control, p: Params, s: StageParams) -> f64 {
        let soft = 2.0 * p.a * (u.e[0] + u.e[1]) + 0.5 * s.r * (u.e[0].powi(2) + u.e[1].powi(2));
        x.x * x.x + p.a * (u.u - x.pu).powi(2) + u.v.powi(2) + soft
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 { x.top * p.b + x.y[0].powi(2) * x.low.exp() + 2.0 * x.e }
    pub fn initial_cost(x: State, p: Params, s: StageParams) -> f64 { p.b * (x.x - x.low * s.r).powi(2) }
    pub fn stage_constraints(x: State, u: Control, p: Params, s: StageParams) -> [f64; 11] {
        let rate = u.u - x.pu;
        [
            x.y[0] * u.u - x.pu * p.b * s.r,
            x.x * u.v - x.top - u.e[0], x.y[1] * p.b - u.e[1],
            x.x - x.top * s.r, -p.a - x.x, x.y[0] - 1.5, x.y[1] - p.b,
            rate - x.top, -0.5 - rate,
            -s.r - u.u, x.low - u.v,
        ]
    }
    pub fn terminal_constraints(x: State, p: Params, s: StageParams) -> [f64; 5] {
        [x.x * x.y[0] - p.a - x.e, x.x - x.top * s.r, -p.a - x.x, x.y[0] - 1.5, x.y[1] - p.b]
    }
    pub fn terminal_equalities(x: State, _p: Params) -> [f64; 1] { [x.y[0] - x.top * x.low] }
    pub fn initial_constraints(x: State, p: Params) -> [f64; 4] {
        [x.x * p.a - 1.0, x.top - 2.0 * p.b, 0.1 - x.top, -x.e]
    }
    pub fn initial_equalities(x: State, _p: Params) -> [f64; 1] { [x.y[1] - x.low] }
}";

fn kernels(source: &str) -> Kernels {
    let derive = || build_kernels(Strategies::all(&differentiate(&elaborate_free(source))));
    with_symbolica_lock(derive).unwrap()
}

/// Numbers of size 1, other ones for each entry of each vector.
fn at(Input { vector, index }: Input) -> f64 {
    (1.0 + 3.7 * f64::from(index) + 11.3 * vector as usize as f64).sin()
}

/// Every kernel writes the same entries with the same values: the limits have the order and the sides that they have by hand.
#[test]
fn kernels_are_those_of_the_problem_written_out() {
    let (lifted, by_hand) = (kernels(LIFTED), kernels(BY_HAND));
    for (kernel, program) in by_hand.iter() {
        let mut expected = program.run(at);
        let mut given = lifted[kernel].run(at);
        expected.sort_by_key(|(output, _)| *output);
        given.sort_by_key(|(output, _)| *output);
        let places = |entries: &[(_, f64)]| entries.iter().map(|(output, _)| *output).collect::<Vec<_>>();
        assert_eq!(places(&given), places(&expected), "{}", kernel.name());
        for ((output, given), (_, expected)) in given.iter().zip(&expected) {
            // Some ten operations on numbers of size 1.
            assert!((given - expected).abs() < 1e-14, "{}: {output:?} is {given}, by hand {expected}", kernel.name());
        }
    }
    let own: Vec<&str> = lifted.iter().map(|(kernel, _)| kernel.name()).filter(|name| *name != "penalties").collect();
    assert_eq!(own, by_hand.iter().map(|(kernel, _)| kernel.name()).collect::<Vec<_>>());
}

#[test]
fn kernels_of_the_initial_state() {
    use crate::program::fields::Field::{C, Constraints, Cp, Cx, Gp, Gs, Hxp, L, Lx, Lxp, Lxx};
    let kernels = kernels(BY_HAND);
    let value = |vector, index| at(Input { vector, index });
    let (x, low, top, e) = (value(Vector::X, 0), value(Vector::X, 6), value(Vector::X, 5), value(Vector::X, 7));
    let (a, b, r) = (value(Vector::P, 0), value(Vector::P, 1), value(Vector::S, 0));
    let (dx, dlow) = (value(Vector::Dx, 0), value(Vector::Dx, 6));
    let (mu, dmu) = (|index| value(Vector::Mu, index), |index| value(Vector::DMu, index));
    let off = x - low * r;
    let c = [x * a - 1.0, top - 2.0 * b, 0.1 - top, -e, value(Vector::X, 2) - low];
    let expected = [
        (Kernel::InitialCost, vec![(L, 0, 0, b * off * off)]),
        (
            Kernel::ExpandInitial,
            vec![
                (L, 0, 0, b * off * off),
                (Lx, 0, 0, 2.0 * b * off),
                (Lx, 6, 0, -2.0 * b * off * r),
                (Lxx, 0, 0, 2.0 * b),
                (Lxx, 0, 6, -2.0 * b * r),
                (Lxx, 6, 0, -2.0 * b * r),
                (Lxx, 6, 6, 2.0 * b * r * r),
            ],
        ),
        (Kernel::InitialParameterGradient, vec![(Gp, 1, 0, off * off), (Gs, 0, 0, -2.0 * b * off * low)]),
        (
            Kernel::InitialParameterContraction,
            vec![(Gp, 1, 0, 2.0 * off * (dx - r * dlow)), (Gs, 0, 0, -2.0 * b * (low * (dx - r * dlow) + off * dlow))],
        ),
        (Kernel::InitialParameterTerms, vec![(Lxp, 0, 1, 2.0 * off), (Lxp, 6, 1, -2.0 * off * r)]),
        (Kernel::InitialConstraints, (0..5).map(|i| (Constraints, i, 0, c[i as usize])).collect()),
        (
            Kernel::ExpandInitialConstraints,
            (0..5)
                .map(|i| (C, i, 0, c[i as usize]))
                .chain([(Cx, 0, 0, a), (Cx, 1, 5, 1.0), (Cx, 2, 5, -1.0), (Cx, 3, 7, -1.0)])
                .chain([(Cx, 4, 2, 1.0), (Cx, 4, 6, -1.0)])
                .collect(),
        ),
        (Kernel::InitialConstraintContraction, vec![(Gp, 0, 0, mu(0) * dx + dmu(0) * x), (Gp, 1, 0, -2.0 * dmu(1))]),
        (Kernel::InitialConstraintTerms, vec![(Cp, 0, 0, x), (Cp, 1, 1, -2.0), (Hxp, 0, 0, mu(0))]),
    ];
    for (kernel, mut expected) in expected {
        let mut given = kernels[kernel].run(at);
        given.sort_by_key(|(output, _)| *output);
        expected.sort_by_key(|&(field, row, column, _)| (field, row, column));
        let places: Vec<_> = given.iter().map(|(output, _)| (output.field, output.row, output.column)).collect();
        let wanted: Vec<_> = expected.iter().map(|&(field, row, column, _)| (field, row, column)).collect();
        assert_eq!(places, wanted, "{}", kernel.name());
        for ((output, given), (.., expected)) in given.iter().zip(&expected) {
            // A few operations on numbers of size 1.
            assert!((given - expected).abs() < 1e-14, "{}: {output:?} is {given}, not {expected}", kernel.name());
        }
    }
}

/// Linear and quadratic factor of stages, then those of the terminal state.
#[test]
fn factors_of_penalties() {
    let factors = kernels(LIFTED)[Kernel::Penalties].run(at);
    let values: Vec<f64> = factors.into_iter().map(|(_, value)| value).collect();
    let (a, r) = (at(Input::new(Vector::P, 0)), at(Input::new(Vector::S, 0)));
    assert_eq!(values, [2.0 * a, r, 2.0, 0.0]);
    let constant = LIFTED.replace("linear = twice(p.a), quadratic = s.r", "quadratic = 4.0");
    let constant = kernels(&constant);
    assert!(constant.get(Kernel::Penalties).is_none(), "the macro checks constants");
    // Without a linear factor the least cost keeps the slacks positive, so they have no bound.
    let bounds = constant[Kernel::Bounds].run(at);
    assert_eq!(bounds.len(), 1, "{bounds:?}");
}

/// The kernels survive the cache, and the names of entries that the lift adds cannot be those of fields.
#[test]
fn kernels_are_read_back() {
    let (system, kernels) = (elaborate_free(LIFTED), kernels(LIFTED));
    let text = write(&kernels, &system.vectors);
    assert!(read(&text, &system.vectors).unwrap() == kernels, "{text}");
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{error}: the text is Rust\n{text}"));
    for name in ["x.previous().u", "x.d().top", "x.slack()[0]", "u.slack()[1]", "dx.d().low", "x.y[1]"] {
        assert!(text.contains(name), "no `{name}` in\n{text}");
    }
}

fn expansion(arguments: &str, source: &str) -> String {
    expand(arguments.parse().unwrap(), source.parse().unwrap(), &Environment::default()).to_string()
}

/// The first stages at which a control, or a chosen entry of the initial state, changes soft constraints: of a state that the
/// control reaches after one step, after two, at once and never.
#[test]
fn what_no_choice_changes() {
    let source = "mod carriage {
        pub struct State { pub x: f64, pub v: f64, pub clock: f64 }
        pub struct Control { pub u: f64 }
        pub struct Params { pub limit: f64 }
        pub fn dynamics(x: State, u: Control, _p: Params) -> State {
            State { x: x.x + 0.1 * x.v, v: x.v + 0.1 * u.u, clock: x.clock + 0.1 }
        }
        pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 { x.x.powi(2) + u.u.powi(2) }
        pub fn terminal_cost(x: State, _p: Params) -> f64 { x.x.powi(2) }
        #[penalty(linear = 0.5)]
        pub fn stage_soft_constraints(x: State, u: Control, p: Params) -> [f64; 4] {
            [x.v - p.limit, x.x - p.limit, x.x + u.u - p.limit, x.clock - p.limit]
        }
    }";
    let chosen_from = |arguments: &str| {
        let code = expansion(arguments, source);
        let (_, after) = code.split_once("soft_chosen_from : & [").unwrap();
        after.split_once(']').unwrap().0.replace(' ', "")
    };
    let never = "::core::primitive::usize::MAX";
    assert_eq!(chosen_from("crate = ::dilqr_runtime"), format!("1usize,2usize,0usize,{never}"));
    assert_eq!(chosen_from("crate = ::dilqr_runtime, initial_state = free"), "0usize,0usize,0usize,0usize");
}

/// The entries of the initial state that are free, and the constraints that hold at stage 0.
#[test]
fn what_holds_at_the_start() {
    let free = expansion("crate = ::dilqr_runtime, initial_state = free", LIFTED);
    let part = |text: &str, from: &str, to: &str| {
        let (_, after) = text.split_once(from).unwrap();
        after.split_once(to).unwrap().0.replace(' ', "")
    };
    assert_eq!(part(&free, "free : [", "]"), "true,true,true,false,false,true,true,true");
    // All rows depend on the control or on a free state.
    assert_eq!(part(&free, "depends_on_control : & [", "]"), ["true"; 11].join(","));
    // With a given state its bounds begin with stage 1, even the one that reads a design variable. The functions of the
    // initial state read design variables then, or they would be refused.
    let given = LIFTED
        .replace("initial_constraints(x: State, p: Params)", "initial_constraints(x: State, p: Params, _d: Design)");
    let given = expansion("crate = ::dilqr_runtime", &given);
    assert_eq!(part(&given, "free : [", "]"), "false,false,false,false,false,true,true,true");
    let depends: Vec<bool> = (0..11).map(|row| !(3..7).contains(&row)).collect();
    let depends: Vec<String> = depends.iter().map(ToString::to_string).collect();
    assert_eq!(part(&given, "depends_on_control : & [", "]"), depends.join(","));
    // A helper of attributes alone stays used.
    assert!(given.contains("twice ,"), "{given}");
    for attribute in ["# [bounds", "# [rate_bounds", "# [penalty"] {
        assert!(!given.contains(attribute), "{attribute}");
    }
}

/// Parameters may be infinite that are sides of bounds and nothing else.
#[test]
fn parameters_of_open_sides() {
    let source = "mod open {
        pub struct State { #[bounds(-p.alone, p.read)] pub x: f64 }
        pub struct Control { #[bounds(0.5 * s.side, p.squared * p.squared)] #[rate_bounds(-p.rate, 2.0 * p.rate)] pub u: f64 }
        pub struct Params { pub alone: f64, pub read: f64, pub squared: f64, pub rate: f64, pub soft: f64, pub twice: f64 }
        pub struct Design { #[bounds(p.soft, p.twice)] pub d: f64, #[bounds(p.twice - p.twice, None)] pub e: f64 }
        pub struct StageParams { pub side: f64, pub other: f64 }
        pub fn dynamics(x: State, u: Control, p: Params) -> State { State { x: x.x * p.read + u.u } }
        pub fn stage_cost(x: State, u: Control, _p: Params, d: Design, s: StageParams) -> f64 { x.x * d.d * d.e + u.u * s.other }
        pub fn terminal_cost(x: State, _p: Params) -> f64 { x.x }
        #[penalty(linear = p.soft)]
        pub fn terminal_soft_constraints(x: State, _p: Params) -> [f64; 1] { [x.x] }
    }";
    let open = super::elaborate(source).limits.open;
    assert_eq!(open.params, [0, 3], "alone and rate");
    assert_eq!(open.stage_params, [0]);
}

/// A cost of the initial state whose parameters have the names of an arrival cost.
#[test]
fn parameters_of_an_arrival_cost() {
    let source = |params: &str| {
        format!(
            "mod smoother {{
                pub struct State {{ pub x: [f64; 2], pub bias: f64 }}
                pub struct Control {{ pub w: f64 }}
                pub struct Params {{ pub q: f64, {params} }}
                pub fn dynamics(x: State, u: Control, _p: Params) -> State {{ State {{ x: [x.x[1], x.x[0] + u.w], bias: x.bias }} }}
                pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {{ p.q * u.w * u.w + x.bias }}
                pub fn terminal_cost(x: State, _p: Params) -> f64 {{ x.x[0] }}
                pub fn initial_cost(x: State, _p: Params) -> f64 {{ x.x[0] * x.x[0] }}
            }}"
        )
    };
    let found = |params: &str| {
        let text = expansion("crate = ::dilqr_runtime, initial_state = free", &source(params)).replace(' ', "");
        let (_, after) = text.split_once("arrival:").unwrap();
        after.split_once('}').unwrap().0.to_owned()
    };
    let diagonal = found("pub mean: [f64; 2], pub r: f64, pub information: [f64; 2]");
    assert!(diagonal.contains("states:2usize,mean:1usize,information:4usize,full:false"), "{diagonal}");
    let full = found("pub information: [[f64; 2]; 2], pub mean: [f64; 2]");
    assert!(full.contains("states:2usize,mean:5usize,information:1usize,full:true"), "{full}");
    for other in [
        "pub mean: [f64; 2]",
        "pub mean: [f64; 2], pub information: f64",
        "pub mean: [f64; 4], pub information: [f64; 4]",
    ] {
        assert!(found(other).starts_with("::core::option::Option::None"), "{other}");
    }
}

/// Entries of which one is a negative multiple of the other in whatever way they are written, and entries that are not.
#[test]
fn absolute_values() {
    let pairs = |entries: &str| {
        let count = entries.split(';').count();
        let entries = entries.replace(';', ",");
        let source = format!(
            "mod m {{
                pub struct State {{ pub x: f64, pub y: f64 }}
                pub struct Control {{ pub u: f64 }}
                pub struct Params {{ pub a: f64, pub b: f64 }}
                fn wave(x: f64, a: f64) -> f64 {{ if x > 0.0 {{ a * x.sin() }} else {{ x * x }} }}
                pub fn dynamics(x: State, u: Control, _p: Params) -> State {{ State {{ x: x.x + x.y, y: x.y + u.u }} }}
                pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {{ x.x * x.x + u.u * u.u }}
                pub fn terminal_cost(x: State, _p: Params) -> f64 {{ x.x * x.x }}
                #[penalty(linear = p.a + p.b)]
                pub fn stage_soft_constraints(x: State, u: Control, p: Params) -> [f64; {count}] {{ [{entries}] }}
            }}"
        );
        elaborate(&source).limits.absolute_values[0].clone()
    };
    let opposite = [
        "u.u; -u.u",
        "-u.u; u.u",
        "u.u; -1.0 * u.u",
        "2.0 * u.u; u.u * -0.5",
        "x.x - p.a; p.a - x.x",
        "p.a * x.x + p.b * x.y - 1.0; 1.0 - x.y * p.b - x.x * p.a",
        "x.x - x.y - p.a; p.a - x.x + x.y",
        "2.0 * (x.x - p.a); 2.0 * p.a - 2.0 * x.x",
        "x.x.sin() / p.a - p.b.powi(3); p.b.powi(3) - x.x.sin() / p.a",
        "wave(x.x, p.a) - x.y; x.y - wave(x.x, p.a)",
    ];
    for entries in opposite {
        assert_eq!(pairs(entries), [(0, 1)], "{entries}");
    }
    let others = [
        "u.u; u.u",
        "u.u; -2.0 * u.u - 0.1",
        "u.u - p.a; -u.u - p.a",
        "p.a * u.u; -p.b * u.u",
        "x.x - x.y; x.x + x.y",
        "x.x - p.a; 2.0 * p.a - x.x",
        "x.x; -x.y",
        "x.x.sin(); -x.x.cos()",
        "x.x.powi(2); -x.x.powi(3)",
        "1.0; -1.0",
        "0.0 * u.u; -u.u",
        "wave(x.x, p.a); -wave(x.x, p.b)",
    ];
    for entries in others {
        assert_eq!(pairs(entries), [], "{entries}");
    }
    // An entry is in one pair.
    assert_eq!(pairs("u.u; x.x; -u.u; -u.u; -3.0 * x.x"), [(0, 2), (1, 4)]);
}
