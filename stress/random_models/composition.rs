//! Random models that are compositions: networks, tables and functions of the user's own inside each other, inside the equations of
//! algebraic variables, inside the steps of an integrator. As trees: `text` prints them as Rust, `composition_oracle` evaluates them.

// Paths, because the build script includes this file.
#[path = "composition_text.rs"]
mod text;

use super::random::Stream;

/// The parameters: two numbers, three values of a table, the time step.
pub(crate) const PARAMS: usize = 6;
/// The knots of the tables, `KNOTS.len()` values each; the learned table has the first three.
pub(crate) const KNOTS: [f64; 4] = [-0.9, -0.1, 0.4, 1.2];
/// The slopes at both ends of a clamped table.
pub(crate) const SLOPES: [f64; 2] = [0.6, -0.4];
/// The length of a time step that is constant.
pub(crate) const STEP: f64 = 0.125;
/// The rate of the user's function `(sin(rate z_0) z_1, z_0 + rate z_1^2)`.
pub(crate) const RATE: f64 = 0.7;

pub(crate) const ACTIVATIONS: [&str; 6] = ["tanh", "sigmoid", "softplus", "elu", "silu", "sin"];
pub(crate) const TABLES: [&str; 3] = ["natural", "clamped", "linear"];
pub(crate) const INTEGRATORS: [&str; 9] = [
    "euler",
    "semi_implicit_euler",
    "midpoint",
    "rk4",
    "implicit_euler",
    "implicit_midpoint",
    "trapezoid",
    "gauss_legendre",
    "radau",
];

/// A network: its layers and the place of its activation in the list.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    pub(crate) layers: Vec<usize>,
    pub(crate) activation: usize,
}

impl Net {
    pub(crate) fn weights(&self) -> usize {
        self.layers.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum()
    }
}

/// A table: the place of its kind in the list, and its values.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) kind: usize,
    pub(crate) values: [f64; 4],
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Number(f64),
    /// An argument of the function: an entry of state, control, parameters, algebraic variables.
    Argument(Argument),
    /// A name that a statement before has bound.
    Local(usize),
    Sum(Box<Expr>, Box<Expr>),
    Product(Box<Expr>, Box<Expr>),
    Sin(Box<Expr>),
    Tanh(Box<Expr>),
    /// A table at a point.
    Table(Box<Expr>),
    /// The table whose values are parameters.
    Learned(Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    State(usize),
    Control,
    Param(usize),
    Algebraic(usize),
}

/// A statement binds one name, or as many as the function that it calls has outputs.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Let(Expr),
    /// A call of a network, with the number of its outputs.
    Net(usize, Vec<Expr>, usize),
    /// A call of the user's function.
    Own([Expr; 2]),
}

/// Statements, and one or two results.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) statements: Vec<Statement>,
    pub(crate) results: Vec<Expr>,
}

/// A model.
#[derive(Clone, Debug)]
pub(crate) struct Composition {
    pub(crate) nets: Vec<Net>,
    pub(crate) table: Table,
    pub(crate) integrator: usize,
    pub(crate) substeps: usize,
    /// The time step is a parameter.
    pub(crate) free_step: bool,
    pub(crate) algebraic: Option<Body>,
    pub(crate) derivative: Body,
    pub(crate) running_cost: Body,
    pub(crate) terminal_cost: Body,
}

impl Composition {
    /// Composition number `index` of a fixed sequence: integrators in turn, every second composition with algebraic variables, and
    /// explicit ones in turn with few substeps and with so many that they are loops.
    pub(crate) fn numbered(index: u64) -> Self {
        let turn = index as usize;
        let mut maker = Maker { stream: Stream(1000 + index), nets: Vec::new(), names: 0 };
        let nets = (0..=maker.below(2)).map(|_| maker.net()).collect();
        maker.nets = nets;
        let kind = maker.below(3);
        let table = Table { kind, values: [0; 4].map(|_| maker.stream.between(-1.0, 1.0)) };
        let state = vec![Argument::State(0), Argument::State(1)];
        let stage = [state.clone(), vec![Argument::Control, Argument::Param(0), Argument::Param(1)]].concat();
        let with_algebraic = [stage.clone(), vec![Argument::Algebraic(0), Argument::Algebraic(1)]].concat();
        let is_algebraic = turn % 2 == 1;
        let algebraic = is_algebraic.then(|| maker.body(&with_algebraic, 2));
        let of_stage = if is_algebraic { &with_algebraic } else { &stage };
        let derivative = maker.body(of_stage, 2);
        let running_cost = maker.body(of_stage, 1);
        let terminal_cost = maker.body(&[state, vec![Argument::Param(0)]].concat(), 1);
        let integrator = turn % INTEGRATORS.len();
        let loops = turn % 4 != 2;
        let substeps = match INTEGRATORS[integrator] {
            // From 1,600 nodes of the graph on steps are loops; one evaluation of these derivatives has 45 at least.
            "euler" if loops => 40,
            "midpoint" if loops => 24,
            "rk4" if loops => 12,
            _ => 1 + maker.below(2),
        };
        let free_step = maker.below(2) == 1;
        let Maker { nets, .. } = maker;
        Self { nets, table, integrator, substeps, free_step, algebraic, derivative, running_cost, terminal_cost }
    }

    pub(crate) fn integrator(&self) -> &'static str {
        INTEGRATORS[self.integrator]
    }

    /// The weights of all networks.
    pub(crate) fn weights(&self) -> usize {
        self.nets.iter().map(Net::weights).sum()
    }
}

struct Maker {
    stream: Stream,
    nets: Vec<Net>,
    /// Names that the body has bound so far.
    names: usize,
}

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        (self.stream.next() % n as u64) as usize
    }

    /// One to three inputs, none to two hidden layers, one or two outputs.
    fn net(&mut self) -> Net {
        let mut layers = vec![1 + self.below(3)];
        for _ in 0..[1, 1, 2, 0][self.below(4)] {
            layers.push(1 + self.below(4));
        }
        layers.push(1 + self.below(2));
        Net { layers, activation: self.below(ACTIVATIONS.len()) }
    }

    /// Three statements, of which one at least calls a network.
    fn body(&mut self, arguments: &[Argument], results: usize) -> Body {
        self.names = 0;
        let mut statements = Vec::new();
        let sure = self.below(3);
        for position in 0..3 {
            let choice = if position == sure { 0 } else { self.below(4) };
            let (statement, bound) = match choice {
                0 | 1 => {
                    let net = self.below(self.nets.len());
                    let layers = self.nets[net].layers.clone();
                    let inputs = (0..layers[0]).map(|_| self.expr(arguments, 2)).collect();
                    let outputs = layers.last().copied().unwrap_or(1);
                    (Statement::Net(net, inputs, outputs), outputs)
                }
                2 => (Statement::Own([self.expr(arguments, 2), self.expr(arguments, 2)]), 2),
                _ => (Statement::Let(self.expr(arguments, 2)), 1),
            };
            statements.push(statement);
            self.names += bound;
        }
        // The last name is part of the first result, so that what leads to it counts.
        let last = Expr::Local(self.names - 1);
        let results = (0..results)
            .map(|index| {
                let drawn = self.expr(arguments, 2);
                if index == 0 { Expr::Sum(Box::new(last.clone()), Box::new(drawn)) } else { drawn }
            })
            .collect();
        Body { statements, results }
    }

    /// An expression over the arguments and the names so far.
    fn expr(&mut self, arguments: &[Argument], depth: usize) -> Expr {
        let choice = if depth == 0 { self.below(4) } else { self.below(10) };
        let mut part = || Box::new(self.expr(arguments, depth.saturating_sub(1)));
        match choice {
            4 => Expr::Sum(part(), part()),
            5 => Expr::Product(part(), part()),
            6 => Expr::Sin(part()),
            7 => Expr::Tanh(part()),
            8 => Expr::Table(part()),
            9 => Expr::Learned(part()),
            3 => Expr::Number([0.5, 1.25, -0.75, 0.3][self.below(4)]),
            // Names twice as often as arguments, where there are any.
            1 | 2 if self.names > 0 => Expr::Local(self.below(self.names)),
            _ => Expr::Argument(arguments[self.below(arguments.len())]),
        }
    }
}
