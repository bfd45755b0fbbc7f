//! Random models over the whole language, as trees. `text` prints them as Rust, `oracle` evaluates them.
//!
//! A model is made from a list of choices. The choice 0 is always the simplest, also after the end of the list. So shorter
//! lists of smaller numbers are simpler models, and proptest can shrink a failure. Every model is smooth for all real states
//! and controls and positive parameters: a function with a limited domain gets an argument inside of it.

// Paths, because tests of another package include this file.
#[path = "random/stream.rs"]
mod stream;
#[path = "random/text.rs"]
mod text;
#[path = "random/tree.rs"]
mod tree;

pub(crate) use stream::Stream;
pub(crate) use tree::{Block, Expr, Helper, Let, Model, NP, NU, NX, Pattern, Shape};

/// Expressions in a model beyond which only leaves are drawn.
const BUDGET: usize = 120;
/// Nesting of an expression.
const DEPTH: usize = 4;

impl Model {
    /// The model of a list of choices.
    pub(crate) fn new(choices: &[u16]) -> Self {
        Maker { choices: choices.iter(), scope: Vec::new(), signatures: Vec::new(), budget: BUDGET, names: 0 }.model()
    }

    /// Model number `index` of a fixed sequence.
    pub(crate) fn numbered(index: u64) -> Self {
        let mut stream = Stream(index);
        let length = 20 + stream.next() % 180;
        let choices: Vec<u16> = (0..length).map(|_| stream.next() as u16).collect();
        Self::new(&choices)
    }
}

struct Maker<'a> {
    choices: std::slice::Iter<'a, u16>,
    /// The names that can be used, innermost last.
    scope: Vec<(String, Shape)>,
    signatures: Vec<(Vec<Shape>, Shape)>,
    budget: usize,
    /// Names given so far.
    names: usize,
}

fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(expr)
}

fn binary(op: char, left: Expr, right: Expr) -> Expr {
    Expr::Binary(op, boxed(left), boxed(right))
}

impl Maker<'_> {
    /// The next choice, below `n`.
    fn below(&mut self, n: usize) -> usize {
        self.choices.next().map_or(0, |&choice| usize::from(choice) % n)
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    fn model(mut self) -> Model {
        let consts = (0..self.below(4)).map(|index| self.constant(index)).collect::<Vec<_>>();
        let outer = self.scope.clone();
        let mut helpers = Vec::new();
        for _ in 0..self.below(4) {
            self.scope.clone_from(&outer);
            helpers.push(self.helper());
        }
        let enter = |maker: &mut Self, arguments: &[(&str, Shape)]| {
            maker.scope.clone_from(&outer);
            maker.scope.extend(arguments.iter().map(|(name, shape)| ((*name).to_owned(), *shape)));
            maker.budget = BUDGET;
        };
        enter(&mut self, &[("x", Shape::State), ("u", Shape::Control), ("p", Shape::Params)]);
        let dynamics = self.lets(5);
        let next = [0; NX].map(|_| self.real(DEPTH));
        let shorthand = self.flag();
        enter(&mut self, &[("x", Shape::State), ("u", Shape::Control), ("p", Shape::Params)]);
        let stage_cost = self.block(3, Shape::Float);
        enter(&mut self, &[("x", Shape::State), ("p", Shape::Params)]);
        let terminal_cost = self.block(2, Shape::Float);
        Model { consts, helpers, dynamics, next, shorthand, stage_cost, terminal_cost }
    }

    fn constant(&mut self, index: usize) -> Expr {
        let value = match self.below(4) {
            0 => self.number(),
            1 => Expr::Standard("std::f64::consts::FRAC_PI_3", std::f64::consts::FRAC_PI_3),
            2 => binary('/', self.number(), Expr::Standard("core::f64::consts::E", std::f64::consts::E)),
            _ => {
                let known = self.leaf(Shape::Positive);
                binary('+', binary('*', known, self.number()), self.number())
            }
        };
        self.scope.push((format!("C{index}"), Shape::Positive));
        value
    }

    fn helper(&mut self) -> Helper {
        let kinds = [Shape::Float, Shape::Positive, Shape::Array, Shape::Pair, Shape::State, Shape::Params];
        let arguments: Vec<(String, Shape)> =
            (0..=self.below(3)).map(|_| (self.name(), kinds[self.below(kinds.len())])).collect();
        self.scope.extend(arguments.iter().cloned());
        let result = [Shape::Float, Shape::Positive, Shape::Tuple, Shape::Array, Shape::Pair][self.below(5)];
        self.budget = BUDGET / 3;
        let body = self.block(3, result);
        self.signatures.push((arguments.iter().map(|(_, shape)| *shape).collect(), result));
        Helper { arguments, result, body }
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn block(&mut self, most: usize, shape: Shape) -> Block {
        let lets = self.lets(most);
        let value = boxed(self.value(shape, DEPTH));
        Block { lets, value }
    }

    fn lets(&mut self, most: usize) -> Vec<Let> {
        (0..self.below(most + 1)).map(|_| self.binding()).collect()
    }

    fn binding(&mut self) -> Let {
        let shape = [Shape::Float, Shape::Positive, Shape::Array, Shape::Tuple, Shape::Pair][self.below(5)];
        let value = self.value(shape, DEPTH);
        if shape == Shape::Tuple && self.below(4) > 0 {
            // One tuple in another, made before the names are.
            let nested = if self.below(3) == 2 { Some(self.real(1)) } else { None };
            let ignored = self.below(6);
            let mut patterns = Vec::new();
            for position in 0..2 {
                if position + 4 == ignored {
                    patterns.push(Pattern::Ignore);
                } else {
                    let name = self.name();
                    self.scope.push((name.clone(), Shape::Float));
                    patterns.push(Pattern::Name(name));
                }
            }
            let (pattern, value) = match nested {
                Some(beside) => {
                    let outer = self.name();
                    self.scope.push((outer.clone(), Shape::Float));
                    let pattern = vec![Pattern::Tuple(patterns), Pattern::Name(outer)];
                    (Pattern::Tuple(pattern), Expr::Tuple(vec![value, beside]))
                }
                None => (Pattern::Tuple(patterns), value),
            };
            return Let { pattern, ty: None, value };
        }
        // Now and then a name is taken again.
        let old: Vec<String> =
            self.scope.iter().filter(|(name, _)| name.starts_with('v')).map(|(name, _)| name.clone()).collect();
        let name = match self.below(4) {
            3 if !old.is_empty() => old[self.below(old.len())].clone(),
            _ => self.name(),
        };
        let ty = self.flag().then_some(shape);
        self.scope.push((name.clone(), shape));
        Let { pattern: Pattern::Name(name), ty, value }
    }

    fn value(&mut self, shape: Shape, depth: usize) -> Expr {
        match shape {
            Shape::Float => self.real(depth),
            Shape::Positive => self.positive(depth),
            Shape::State => Expr::Name("x".to_owned()),
            Shape::Control => Expr::Name("u".to_owned()),
            Shape::Params => Expr::Name("p".to_owned()),
            Shape::Array => match self.below(4) {
                0 => self.aggregate(shape).unwrap_or(Expr::Repeat(boxed(Expr::Number(0.5)))),
                1 => Expr::Repeat(boxed(self.real(depth.saturating_sub(1)))),
                2 => self.call(shape, depth).unwrap_or_else(|| self.array(depth)),
                _ => self.array(depth),
            },
            Shape::Tuple => match self.below(4) {
                0 => self.aggregate(shape).unwrap_or_else(|| Expr::Tuple(vec![self.real(0), self.real(0)])),
                1 => self.method("sin_cos", vec![Shape::Float], depth.saturating_sub(1)),
                2 => self.call(shape, depth).unwrap_or_else(|| self.tuple(depth)),
                _ => self.tuple(depth),
            },
            Shape::Pair => match self.below(3) {
                0 => self.aggregate(shape).unwrap_or_else(|| self.pair(1)),
                1 => self.call(shape, depth).unwrap_or_else(|| self.pair(depth)),
                _ => self.pair(depth),
            },
        }
    }

    fn array(&mut self, depth: usize) -> Expr {
        let depth = depth.saturating_sub(1);
        Expr::Array(vec![self.real(depth), self.real(depth)])
    }

    fn tuple(&mut self, depth: usize) -> Expr {
        let depth = depth.saturating_sub(1);
        Expr::Tuple(vec![self.real(depth), self.real(depth)])
    }

    fn pair(&mut self, depth: usize) -> Expr {
        let depth = depth.saturating_sub(1);
        let fields = Box::new([self.real(depth), self.value(Shape::Array, depth)]);
        Expr::Pair(fields, self.flag())
    }

    /// A name with an aggregate of this shape, or a field that is one.
    fn aggregate(&mut self, shape: Shape) -> Option<Expr> {
        let mut found = Vec::new();
        for (name, known) in self.visible() {
            let name = Expr::Name(name);
            match known {
                Shape::Pair if shape == Shape::Array => found.push(Expr::Field(boxed(name), "right", 1)),
                Shape::State if shape == Shape::Array => found.push(Expr::Field(boxed(name), "b", 1)),
                _ if known == shape => found.push(name),
                _ => {}
            }
        }
        if found.is_empty() { None } else { Some(found.swap_remove(self.below(found.len()))) }
    }

    /// The scope without what is shadowed.
    fn visible(&self) -> Vec<(String, Shape)> {
        let shadowed =
            |position: usize, name: &String| self.scope[position + 1..].iter().any(|(later, _)| later == name);
        let names = self.scope.iter().enumerate().filter(|(position, (name, _))| !shadowed(*position, name));
        names.map(|(_, known)| known.clone()).collect()
    }

    /// A literal, positive and exact in few digits.
    fn number(&mut self) -> Expr {
        Expr::Number([1.0, 0.5, 2.0, 1.25, 0.75, 0.3, 1.7, 0.1][self.below(8)])
    }

    /// A float that is there already.
    fn leaf(&mut self, shape: Shape) -> Expr {
        let mut found = Vec::new();
        for (name, known) in self.visible() {
            let name = Expr::Name(name);
            let field = |field, position| Expr::Field(boxed(name.clone()), field, position);
            match known {
                Shape::Params => found.extend([field("q", 0), Expr::Index(boxed(field("r", 1)), 0)]),
                Shape::Positive => found.push(name),
                _ if shape == Shape::Positive => {}
                Shape::Float => found.push(name),
                Shape::Array => found.extend([0, 1].map(|index| Expr::Index(boxed(name.clone()), index))),
                Shape::Tuple => found.extend([0, 1].map(|index| Expr::TupleField(boxed(name.clone()), index))),
                Shape::Pair => found.extend([field("left", 0), Expr::Index(boxed(field("right", 1)), 1)]),
                Shape::State => found.extend([
                    field("a", 0),
                    Expr::Index(boxed(field("b", 1)), 0),
                    Expr::Index(boxed(field("b", 1)), 1),
                ]),
                Shape::Control => found.push(field("v", 0)),
            }
        }
        // One time in five a number.
        if found.is_empty() || self.below(5) == 4 {
            return self.number();
        }
        found.swap_remove(self.below(found.len()))
    }

    fn method(&mut self, name: &'static str, arguments: Vec<Shape>, depth: usize) -> Expr {
        let path = self.flag();
        let arguments = arguments.into_iter().map(|shape| self.value(shape, depth)).collect();
        Expr::Method { name, path, arguments }
    }

    /// A call of a helper with this result.
    fn call(&mut self, shape: Shape, depth: usize) -> Option<Expr> {
        let visible = self.visible();
        let sees = |wanted: Shape, name: &str| visible.iter().any(|(known, shape)| known == name && *shape == wanted);
        let fits = |(arguments, result): &&(Vec<Shape>, Shape)| {
            let given = arguments.iter().all(|argument| match argument {
                Shape::State => sees(Shape::State, "x"),
                Shape::Params => sees(Shape::Params, "p"),
                _ => true,
            });
            given && *result == shape
        };
        let known: Vec<usize> = (0..self.signatures.len()).filter(|&index| fits(&&self.signatures[index])).collect();
        if known.is_empty() || self.budget == 0 {
            return None;
        }
        let index = known[self.below(known.len())];
        let shapes = self.signatures[index].0.clone();
        let depth = depth.saturating_sub(1);
        Some(Expr::Call(index, shapes.into_iter().map(|shape| self.value(shape, depth)).collect()))
    }

    fn charge(&mut self, depth: usize) -> Option<usize> {
        self.budget = self.budget.saturating_sub(1);
        if depth == 0 || self.budget == 0 { None } else { Some(depth - 1) }
    }

    /// Any real number.
    fn real(&mut self, depth: usize) -> Expr {
        use Shape::{Float, Positive};
        let Some(depth) = self.charge(depth) else { return self.leaf(Float) };
        match self.below(19) {
            0 => self.leaf(Float),
            1 => binary('+', self.real(depth), self.real(depth)),
            2 => binary('-', self.real(depth), self.real(depth)),
            3 => binary('*', self.real(depth), self.real(depth)),
            4 => binary('/', self.real(depth), self.positive(depth)),
            5 => Expr::Negate(boxed(self.real(depth))),
            6 => {
                let name = ["sin", "cos", "atan", "tanh"][self.below(4)];
                self.method(name, vec![Float], depth)
            }
            7 => Expr::Powi(boxed(self.real(depth)), [2, 1, 0, 3, 4][self.below(5)]),
            8 => self.positive(depth + 1),
            9 => self.method("mul_add", vec![Float, Float, Float], depth),
            10 => self.component(depth),
            11 => self.call(Float, depth).unwrap_or_else(|| self.leaf(Float)),
            12 => {
                let outer = self.scope.len();
                let block = Block { lets: self.lets(2), value: boxed(self.real(depth)) };
                self.scope.truncate(outer);
                Expr::Block(block)
            }
            13 => {
                let name = ["asin", "acos", "tan", "sinh"][self.below(4)];
                let path = self.flag();
                Expr::Method { name, path, arguments: vec![self.bounded(depth)] }
            }
            14 => self.method("ln", vec![Positive], depth),
            15 => {
                // The negative half of the cube root.
                let path = self.flag();
                Expr::Method { name: "cbrt", path, arguments: vec![Expr::Negate(boxed(self.positive(depth)))] }
            }
            16 => self.method("atan2", vec![Float, Positive], depth),
            17 => self.method("atan2", vec![Positive, Float], depth),
            _ => binary('+', self.leaf(Float), self.real(depth)),
        }
    }

    /// A part of an aggregate.
    fn component(&mut self, depth: usize) -> Expr {
        let index = self.below(2);
        match self.below(4) {
            0 => Expr::Index(boxed(self.value(Shape::Array, depth)), index),
            1 => Expr::TupleField(boxed(self.value(Shape::Tuple, depth)), index),
            2 => Expr::Field(boxed(self.value(Shape::Pair, depth)), "left", 0),
            _ => Expr::Index(boxed(Expr::Field(boxed(self.value(Shape::Pair, depth)), "right", 1)), index),
        }
    }

    /// A number that is positive, and away from zero unless many are divided by one another.
    fn positive(&mut self, depth: usize) -> Expr {
        use Shape::{Float, Positive};
        let Some(depth) = self.charge(depth) else { return self.leaf(Positive) };
        match self.below(16) {
            0 => self.leaf(Positive),
            1 => binary('+', self.positive(depth), self.positive(depth)),
            2 => binary('*', self.positive(depth), self.positive(depth)),
            3 => binary('/', self.positive(depth), self.positive(depth)),
            4 => self.method("sqrt", vec![Positive], depth),
            5 => {
                let exponent = [0.5, 2.0, -1.0, 1.5, -0.5, 0.3, -2.5, 1.0, 0.0, 3.0][self.below(10)];
                let (path, base) = (self.flag(), self.positive(depth));
                let number = Expr::Number(f64::abs(exponent));
                let exponent = if exponent < 0.0 { Expr::Negate(boxed(number)) } else { number };
                Expr::Method { name: "powf", path, arguments: vec![base, exponent] }
            }
            6 => {
                let (path, base, exponent) = (self.flag(), self.positive(depth), self.bounded(depth));
                Expr::Method { name: "powf", path, arguments: vec![base, exponent] }
            }
            7 => {
                let name = ["exp", "cosh"][self.below(2)];
                let path = self.flag();
                Expr::Method { name, path, arguments: vec![self.bounded(depth)] }
            }
            8 => {
                let e = self.real(depth);
                binary('+', self.number(), Expr::Powi(boxed(e), 2))
            }
            9 => self.method("hypot", vec![Float, Positive], depth),
            10 => self.method("recip", vec![Positive], depth),
            11 => self.method("mul_add", vec![Positive, Positive, Positive], depth),
            12 => self.method("cbrt", vec![Positive], depth),
            13 => Expr::Powi(boxed(self.positive(depth)), [2, -1, 0, 1, 3, -2, -3, 4][self.below(8)]),
            14 => self.call(Positive, depth).unwrap_or_else(|| self.leaf(Positive)),
            _ => binary('+', Expr::Number(2.0), self.method("sin", vec![Float], depth)),
        }
    }

    /// A number within 0.9 of zero.
    fn bounded(&mut self, depth: usize) -> Expr {
        let Some(depth) = self.charge(depth) else { return Expr::Number([0.5, 0.25, 0.7][self.below(3)]) };
        match self.below(5) {
            0 => Expr::Number([0.5, 0.25, 0.7][self.below(3)]),
            1 => binary('*', Expr::Number(0.8), self.method("sin", vec![Shape::Float], depth)),
            2 => binary('*', self.method("tanh", vec![Shape::Float], depth), Expr::Number(0.7)),
            3 => Expr::Negate(boxed(self.bounded(depth))),
            _ => binary('*', self.bounded(depth), self.bounded(depth)),
        }
    }
}
