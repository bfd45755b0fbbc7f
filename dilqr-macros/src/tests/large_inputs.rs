//! Huge constants and deep nests: refused, or done soon; never a hang, nor the end of the stack or of the memory.

use super::totality::answers;

/// The result of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Compiled,
    Refused,
}
use Fate::{Compiled, Refused};

/// A small model with more items, and a stage cost.
fn model(items: &str, stage_cost: &str) -> String {
    format!(
        "pub mod huge {{
            pub struct State {{ pub a: f64, pub b: f64 }}
            pub struct Control {{ pub u: f64 }}
            pub struct Params {{ pub p: f64 }}
            {items}
            pub fn dynamics(x: State, u: Control, p: Params) -> State {{ State {{ a: x.a + x.b, b: u.u + p.p }} }}
            pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {{ {stage_cost} }}
            pub fn terminal_cost(x: State, p: Params) -> f64 {{ x.a }}
        }}"
    )
}

/// A model whose stage cost this is.
fn cost(stage_cost: &str) -> String {
    model("", stage_cost)
}

/// A model with a helper that takes a value of this type.
fn taken(ty: &str) -> String {
    model(&format!("fn f(q: {ty}) -> f64 {{ 0.0 }}"), "x.a")
}

/// A state of this many numbers.
fn state(length: usize) -> String {
    let text = cost("x.a").replace("pub b: f64", &format!("pub b: [f64; {}]", length - 1));
    text.replace("x.a + x.b", "x.a + x.b[0]").replace("b: u.u + p.p", &format!("b: [u.u + p.p; {}]", length - 1))
}

fn nested(open: &str, times: usize, inner: &str, close: &str) -> String {
    [&open.repeat(times), inner, &close.repeat(times)].concat()
}

/// `item(1)`, `item(2)` and so on.
fn numbered(count: usize, item: impl Fn(usize) -> String) -> String {
    (1..count).map(item).collect()
}

/// Fails where a case has another fate.
fn check(cases: Vec<(&str, Fate, String)>) {
    let fates: Vec<Fate> = cases.iter().map(|case| case.1).collect();
    let names: Vec<String> = cases.iter().map(|case| case.0.to_owned()).collect();
    let made = answers(0..cases.len() as u64, {
        let cases: Vec<(String, String)> = cases.into_iter().map(|(name, _, text)| (name.to_owned(), text)).collect();
        move |number| {
            let (name, text) = &cases[number as usize];
            println!("{name}");
            (proc_macro2::TokenStream::new(), text.parse().unwrap())
        }
    });
    for ((name, fate), answer) in names.iter().zip(fates).zip(made) {
        println!("{name}: {answer:?}");
        assert_eq!(if answer.refused { Refused } else { Compiled }, fate, "{name}: {answer:?}");
    }
}

#[test]
fn loops() {
    let slow = "fn f(n: usize) -> f64 { let mut y = 0.0; for i in 0..10000 { y = g(i); } y }
                fn g(n: usize) -> f64 { let mut y = 0.0; for i in 0..10000 { if i > n { y = 1.0; } } y }";
    check(vec![
        ("long", Refused, cost("let mut y = x.a; for i in 0..1000000000 { y += 1.0; } y")),
        ("to the last integer", Refused, cost("let mut y = x.a; for i in 0..=2147483647 { y += 1.0; } y")),
        ("over all integers", Refused, cost("let mut y = x.a; for i in -2147483647..2147483647 { y += 1.0; } y")),
        ("of nothing", Refused, cost("for i in 0..10000 { for j in 0..10000 { for k in 0..10000 {} } } x.a")),
        (
            "of constants",
            Refused,
            cost("let mut y = 1.0; for i in 0..10000 { for j in 0..10000 { y = 2.0 - y; } } x.a * y"),
        ),
        ("of calls", Refused, model(slow, "x.a * f(0)")),
        (
            "of branches",
            Refused,
            cost("let q = [x.a; 1000]; let mut y = x.a; for i in 0..10000 { if y > 0.0 { y = q[0]; } } y"),
        ),
        ("over an array", Compiled, cost("let mut q = [x.a; 1000]; for i in 0..1000 { q[i] = 2.0; } q[0] * x.b")),
    ]);
}

#[test]
fn arrays_and_structs() {
    let doubled = |count: usize| {
        let structs = numbered(count + 1, |i| format!("pub struct S{i} {{ pub a: S{0}, pub b: S{0} }} ", i - 1));
        model(&format!("pub struct S0 {{ pub a: f64 }} {structs} fn f(s: S{count}) -> f64 {{ 1.0 }}"), "x.a")
    };
    let chain = |count: usize| {
        let structs = numbered(count, |i| format!("pub struct S{i} {{ pub a: S{} }} ", i - 1));
        model(&format!("{structs} pub struct S0 {{ pub a: f64 }}"), "x.a")
    };
    let ring = numbered(300, |i| format!("pub struct S{i} {{ pub a: S{} }} ", i % 299 + 1));
    let growing =
        "let q = [x.a; 100]; let r = [q; 100]; let s = (r, r, r, r); let t = (s, s, s, s); let v = (t, t, t, t);
                   let w = (v, v, v, v); let y = (w, w, w, w); let z = (y, y, y, y); x.a";
    check(vec![
        ("array", Refused, taken("[f64; 1000000000]")),
        ("arrays of arrays", Refused, taken("[[[f64; 10000]; 10000]; 10000]")),
        ("tuples of arrays", Refused, taken("([f64; 9999], [f64; 9999])")),
        ("repeated arrays", Refused, cost("let q = [[[0.0; 10000]; 10000]; 10000]; x.a")),
        ("growing arrays", Refused, cost(growing)),
        ("doubled structs", Refused, doubled(20)),
        ("doubled structs beyond all", Refused, doubled(49)),
        ("structs in a chain", Compiled, chain(40)),
        ("structs in a long chain", Refused, chain(500)),
        ("structs in a ring", Refused, model(&ring, "x.a")),
        ("a state of itself", Refused, cost("x.a").replace("pub b: f64", "pub b: [State; 2]")),
        ("states", Compiled, state(300)),
        ("many states", Refused, state(501)),
        ("states beyond all", Refused, state(1_000_000_000)),
        (
            "constraints",
            Refused,
            model("pub fn stage_constraints(x: State, u: Control, p: Params) -> [f64; 501] { [x.a; 501] }", "x.a"),
        ),
    ]);
}

#[test]
fn powers_and_constants() {
    check(vec![
        ("power", Compiled, cost("x.a.powi(2000000000)")),
        ("negative power", Compiled, cost("x.a.powi(-2000000000)")),
        ("power of a product", Compiled, cost("(2.0 * x.a).powi(2000000000)")),
        ("power of three factors", Compiled, cost("(0.1 * x.a * p.p).powi(1000000)")),
        ("power of a sum", Compiled, cost("(x.a + 0.1).powi(1000000)")),
        ("powers of powers", Compiled, cost("((1.1 * x.a).powi(10000).powi(10000).powi(10000) + 1.0).powi(10000)")),
        (
            "powers of powers by name",
            Compiled,
            cost("let y = (1.1 * x.a).powi(10000); let z = y.powi(10000); z.powi(10000)"),
        ),
        ("power of one", Compiled, cost("x.a * (1.0_f64).powi(2000000000)")),
        ("powers of what cancels", Refused, cost("(1.1 + x.a - x.a).powi(2000000000)")),
        ("power beyond f64", Refused, cost("(1.1 * x.a).powf(1e300)")),
        ("many digits", Refused, cost(&format!("x.a {}", " * 1e300 * 1e-300".repeat(200)))),
    ]);
}

#[test]
fn long_texts() {
    let chain = |count: usize| {
        let functions = numbered(count, |i| format!("fn f{i}(x: f64) -> f64 {{ f{}(x) + 1.0 }} ", i - 1));
        model(&format!("fn f0(x: f64) -> f64 {{ x }} {functions}"), &format!("f{}(x.a)", count - 1))
    };
    let consts = |count: usize| {
        let consts: Vec<String> = (1..count).rev().map(|i| format!("const C{i}: f64 = C{} + 1.0; ", i - 1)).collect();
        model(&format!("{} const C0: f64 = 1.0;", consts.concat()), &format!("x.a * C{}", count - 1))
    };
    let doubled = numbered(40, |i| format!("fn f{i}(n: usize) -> f64 {{ f{0}(n + 1) + f{0}(n + 2) }}", i - 1));
    check(vec![
        ("statements", Compiled, cost(&format!("{} x.a", "let y = x.a.sin();".repeat(2000)))),
        ("functions", Compiled, model(&numbered(5000, |i| format!("fn f{i}(x: State) -> f64 {{ x.a }} ")), "x.a")),
        (
            "consts",
            Compiled,
            model(
                &format!(
                    "const C0: f64 = 1.0; {}",
                    numbered(5000, |i| format!("const C{i}: f64 = C{} + 1.0; ", i - 1))
                ),
                "x.a * C4999",
            ),
        ),
        ("consts in reverse", Compiled, consts(300)),
        ("many consts in reverse", Refused, consts(5000)),
        ("calls in a chain", Compiled, chain(150)),
        ("calls in a long chain", Refused, chain(5000)),
        ("doubled calls", Compiled, model(&format!("fn f0(n: usize) -> f64 {{ 1.0 }} {doubled}"), "x.a * f39(0)")),
        ("sums by name", Compiled, cost(&format!("let y = x.a; {} y", "let y = y + x.b;".repeat(2000)))),
        ("sum", Compiled, cost(&format!("x.a {}", " + x.b".repeat(600)))),
        ("long sum", Refused, cost(&format!("x.a {}", " + x.b".repeat(30000)))),
        ("alternatives", Compiled, cost(&format!("{} {{ x.b }}", "if x.a > 0.0 { x.a } else ".repeat(100)))),
        ("a long name", Compiled, cost(&format!("let {0} = x.a; {0}", "y".repeat(1_000_000)))),
        (
            "parameters",
            Compiled,
            cost("x.a").replace("pub p: f64", &numbered(300, |i| format!("pub p{i}: f64, "))).replace("p.p", "p.p1"),
        ),
        (
            "many parameters",
            Refused,
            cost("x.a").replace("pub p: f64", &numbered(3000, |i| format!("pub p{i}: f64, "))).replace("p.p", "p.p1"),
        ),
        ("attributes", Compiled, model(&format!("{} const A: f64 = 1.0;", "#[allow(dead_code)] ".repeat(5000)), "x.a")),
    ]);
}

/// A text with a nest of the given depth.
type Text = Box<dyn Fn(usize) -> String>;

/// As far as the budget for nests goes, the stack goes as well.
#[test]
fn nests() {
    let kinds: Vec<(&str, Text)> = vec![
        ("parentheses", Box::new(|n| cost(&nested("(", n, "x.a", ")")))),
        ("brackets", Box::new(|n| cost(&format!("let _q = {}; x.a", nested("[", n, "x.a", "]"))))),
        ("repeated", Box::new(|n| cost(&format!("let _q = {}; x.a", nested("[", n, "x.a", "; 1]"))))),
        ("tuples", Box::new(|n| cost(&format!("let _q = {}; x.a", nested("(", n, "x.a", ", x.b)"))))),
        ("braces", Box::new(|n| cost(&nested("{", n, "x.a", "}")))),
        ("lets", Box::new(|n| cost(&nested("{ let y = ", n, "x.a", "; y }")))),
        ("loops", Box::new(|n| cost(&format!("{} x.a", nested("for i in 0..1 { ", n, "", "}"))))),
        ("branches", Box::new(|n| cost(&format!("{} x.a", nested("if x.a > 0.0 { ", n, "", "}"))))),
        ("unsafe blocks", Box::new(|n| cost(&nested("unsafe { ", n, "x.a", "}")))),
        ("functions", Box::new(|n| cost(&nested("fn f() -> f64 { ", n, "x.a", "}")))),
        ("modules", Box::new(|n| nested("mod m { ", n, "", "}"))),
        ("arguments", Box::new(|n| model("fn f(x: f64) -> f64 { x }", &nested("f(", n, "x.a", ")")))),
        ("arguments of methods", Box::new(|n| cost(&nested("x.a.max(", n, "x.a", ")")))),
        ("Horner's rule", Box::new(|n| cost(&nested("x.a * (1.0 + ", n, "x.a", ")")))),
        ("array types", Box::new(|n| taken(&nested("[", n, "f64", "; 1]")))),
        ("tuple types", Box::new(|n| taken(&nested("(", n, "f64", ", f64)")))),
        ("references", Box::new(|n| taken(&nested("& ", n, "f64", "")))),
        ("mutable references", Box::new(|n| taken(&nested("&mut ", n, "f64", "")))),
        ("references for a lifetime", Box::new(|n| taken(&nested("&'a ", n, "f64", "")))),
        ("generics", Box::new(|n| taken(&nested("A<", n, "f64", ">")))),
        ("function types", Box::new(|n| taken(&nested("fn() -> ", n, "f64", "")))),
        ("patterns", Box::new(|n| cost(&format!("let {} = x.a; x.a", nested("(", n, "y", ", z)"))))),
        ("bound patterns", Box::new(|n| cost(&format!("let {} z = x.b; x.a", "y @ ".repeat(n))))),
        ("signs", Box::new(|n| cost(&nested("- ", n, "x.a", "")))),
        ("negations", Box::new(|n| cost(&format!("if {} {{ x.a }} else {{ x.b }}", nested("!", n, "true", ""))))),
        ("borrows", Box::new(|n| cost(&nested("&", n, "x.a", "")))),
        ("casts", Box::new(|n| cost(&format!("x.a {}", " as f64".repeat(n))))),
        ("sums", Box::new(|n| cost(&format!("y {}", " + y".repeat(n))))),
        ("alternatives", Box::new(|n| cost(&format!("if {} true {{ x.a }} else {{ x.b }}", "true || ".repeat(n))))),
        ("methods", Box::new(|n| cost(&format!("y{}", ".sin()".repeat(n))))),
        ("fields", Box::new(|n| cost(&format!("y{}", ".a".repeat(n))))),
        ("indices", Box::new(|n| cost(&format!("y{}", "[0]".repeat(n))))),
        ("calls", Box::new(|n| cost(&format!("y{}", "(0)".repeat(n))))),
        ("choices", Box::new(|n| cost(&format!("{} {{ x.b }}", "if y { x.a } else ".repeat(n))))),
        ("assignments", Box::new(|n| cost(&format!("{} x.b; x.a", "x.a = ".repeat(n))))),
        ("closures", Box::new(|n| cost(&format!("{} x.b", "|y| ".repeat(n))))),
        ("returns", Box::new(|n| cost(&format!("{} x.b", "return ".repeat(n))))),
        ("paths", Box::new(|n| cost(&format!("y{}", "::y".repeat(n))))),
        ("attributes", Box::new(|n| model(&format!("#[a{}] const A: f64 = 1.0;", nested("(", n, "", ")")), "x.a"))),
        (
            "bounds",
            Box::new(|n| {
                cost("x.a").replace("pub u: f64", &format!("#[bounds({}, 1.0)] pub u: f64", nested("(", n, "0.0", ")")))
            }),
        ),
    ];
    let mut cases = Vec::new();
    for (_, make) in &kinds {
        cases.extend([40, 60, 80, 100, 130, 250, 600, 660, 800, 2000, 20_000].map(make));
    }
    let count = cases.len() as u64;
    let answers =
        answers(0..count, move |number| (proc_macro2::TokenStream::new(), cases[number as usize].parse().unwrap()));
    for (number, (name, _)) in kinds.iter().enumerate() {
        let each = answers.len() / kinds.len();
        // The deepest of each kind are errors.
        assert!(answers[number * each + each - 1].refused, "{name}");
    }
}
