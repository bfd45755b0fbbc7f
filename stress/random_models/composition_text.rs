//! Compositions as Rust.

use std::fmt::Write as _;

use super::{ACTIVATIONS, Argument, Body, Composition, Expr, KNOTS, RATE, SLOPES, STEP, Statement, TABLES};

impl Composition {
    /// The module of the model, with its attribute.
    pub(crate) fn source(&self, name: &str) -> String {
        let mut text = String::new();
        let step = if self.free_step { "p.step".to_owned() } else { format!("{STEP:?}") };
        let _ = writeln!(
            text,
            "#[dilqr_runtime::model(integrator = {}, dt = {step}, substeps = {})]\n#[allow(deprecated)]\npub mod {name} {{",
            self.integrator(),
            self.substeps
        );
        text.push_str(
            "pub struct State { pub a: f64, pub b: f64 }\npub struct Control { pub v: f64 }\n\
             pub struct Params { pub q: [f64; 2], pub table: [f64; 3], pub step: f64 }\n",
        );
        if self.algebraic.is_some() {
            text.push_str("pub struct Algebraic { pub y: f64, #[guess(0.1)] pub w: f64 }\n");
        }
        let (kind, values) = (TABLES[self.table.kind], self.table.values);
        let slopes = if kind == "clamped" { format!(", {SLOPES:?}") } else { String::new() };
        let _ = writeln!(
            text,
            "const TABLE: dilqr_runtime::Spline<4> = dilqr_runtime::Spline::{kind}({KNOTS:?}, {values:?}{slopes});\n\
             const LEARNED: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::natural({:?}, [0.0; 3]);",
            &KNOTS[..3]
        );
        for (index, net) in self.nets.iter().enumerate() {
            let (layers, activation) = (&net.layers, ACTIVATIONS[net.activation]);
            let _ =
                writeln!(text, "#[network(layers = {layers:?}, activation = {activation})]\npub struct Net{index};");
        }
        text.push_str("#[function(inputs = 2, outputs = 2)]\npub struct Own { pub rate: f64 }\n");
        let functions: String = (0..self.nets.len()).map(|index| format!(", net{index}: &Net{index}")).collect();
        let functions = format!("{functions}, own: &Own");
        let z = if self.algebraic.is_some() { "z: Algebraic, " } else { "" };
        // The parts that bound the numbers are the same in all models; the oracle has them, too.
        if let Some(body) = &self.algebraic {
            let _ = writeln!(
                text,
                "pub fn algebraic(x: State, {z}u: Control, p: Params{functions}) -> [f64; 2] {{\n{}\
                 [z.y - 0.3 * ({}).sin(), z.w + 0.2 * z.y - 0.3 * ({}).tanh()]\n}}",
                statements(body),
                expr(&body.results[0]),
                expr(&body.results[1])
            );
        }
        let body = &self.derivative;
        let _ = writeln!(
            text,
            "pub fn derivative(x: State, {z}u: Control, p: Params{functions}) -> State {{\n{}\
             State {{ a: x.b + 0.4 * ({}).tanh(), b: u.v - p.q[0] * x.a + 0.4 * ({}).sin() }}\n}}",
            statements(body),
            expr(&body.results[0]),
            expr(&body.results[1])
        );
        let body = &self.running_cost;
        let _ = writeln!(
            text,
            "pub fn running_cost(x: State, {z}u: Control, p: Params{functions}) -> f64 {{\n{}\
             x.a * x.a + 0.5 * x.b * x.b + 0.5 * u.v * u.v + 0.1 * ({}).sin()\n}}",
            statements(body),
            expr(&body.results[0])
        );
        let body = &self.terminal_cost;
        let _ = writeln!(
            text,
            "pub fn terminal_cost(x: State, p: Params{functions}) -> f64 {{\n{}\
             x.a * x.a + x.b * x.b + 0.1 * ({}).sin()\n}}\n}}",
            statements(body),
            expr(&body.results[0])
        );
        text
    }

    /// The implementation of the user's function, beside the module.
    pub(crate) fn own_function(name: &str) -> String {
        format!(
            "impl dilqr_runtime::VectorFunction<2, 2> for {name}::Own {{\n\
             fn value<S: dilqr_runtime::Scalar>(&self, z: &[S; 2]) -> [S; 2] {{ crate::compositions::own_value(self.rate, z) }}\n\
             fn jacobian<S: dilqr_runtime::Scalar>(&self, z: &[S; 2]) -> [[S; 2]; 2] {{\n\
             crate::compositions::own_jacobian(self.rate, z) }}\n\
             fn contraction<S: dilqr_runtime::Scalar>(&self, z: &[S; 2], mu: &[S; 2]) -> [[S; 2]; 2] {{\n\
             crate::compositions::own_contraction(self.rate, z, mu) }}\n}}\n"
        )
    }

    /// An expression that makes the model of module `name` from the list `weights`.
    pub(crate) fn constructor(&self, name: &str, model: &str) -> String {
        let mut text = format!("{name}::{model}::new(");
        let mut start = 0;
        for (index, net) in self.nets.iter().enumerate() {
            let end = start + net.weights();
            let _ = write!(text, "{name}::Net{index}::from_weights(&weights[{start}..{end}]).unwrap(), ");
            start = end;
        }
        let _ = write!(text, "{name}::Own {{ rate: {RATE:?} }})");
        text
    }
}

/// The statements, each with the names that it binds.
fn statements(body: &Body) -> String {
    let (mut text, mut names) = (String::new(), 0);
    let mut bind = |count: usize| {
        names += count;
        (names - count..names).map(|name| format!("l{name}")).collect::<Vec<_>>().join(", ")
    };
    for statement in &body.statements {
        let _ = match statement {
            Statement::Let(value) => writeln!(text, "let {} = {};", bind(1), expr(value)),
            Statement::Net(net, inputs, outputs) => {
                let names = bind(*outputs);
                let inputs = inputs.iter().map(expr).collect::<Vec<_>>().join(", ");
                writeln!(text, "let [{names}] = net{net}.evaluate([{inputs}]);")
            }
            Statement::Own([a, b]) => writeln!(text, "let [{}] = own.evaluate([{}, {}]);", bind(2), expr(a), expr(b)),
        };
    }
    text
}

fn expr(value: &Expr) -> String {
    match value {
        Expr::Number(number) => format!("{number:?}"),
        Expr::Argument(Argument::State(index)) => format!("x.{}", ["a", "b"][*index]),
        Expr::Argument(Argument::Control) => "u.v".to_owned(),
        Expr::Argument(Argument::Param(index)) => format!("p.q[{index}]"),
        Expr::Argument(Argument::Algebraic(index)) => format!("z.{}", ["y", "w"][*index]),
        Expr::Local(name) => format!("l{name}"),
        Expr::Sum(a, b) => format!("({} + {})", expr(a), expr(b)),
        Expr::Product(a, b) => format!("({} * {})", expr(a), expr(b)),
        Expr::Sin(a) => format!("({}).sin()", expr(a)),
        Expr::Tanh(a) => format!("({}).tanh()", expr(a)),
        Expr::Table(a) => format!("TABLE.at({})", expr(a)),
        Expr::Learned(a) => format!("LEARNED.at_values(p.table, {})", expr(a)),
    }
}
