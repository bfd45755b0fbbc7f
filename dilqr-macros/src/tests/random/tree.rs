//! The tree of a random model.

/// Entries of the state: `a`, `b[0]`, `b[1]`.
pub(crate) const NX: usize = 3;
/// Entries of the control: `v`.
pub(crate) const NU: usize = 1;
/// Entries of the parameters: `q`, `r[0]`.
pub(crate) const NP: usize = 2;

/// The shapes of values; all arrays have two entries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Float,
    /// A float that is known to be positive.
    Positive,
    Array,
    /// `struct Pair { left: f64, right: [f64; N] }`
    Pair,
    /// `(f64, f64)`
    Tuple,
    /// `&State`
    State,
    Control,
    Params,
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Number(f64),
    /// A constant of the standard library, by its path.
    Standard(&'static str, f64),
    /// An argument, a `let` or a const.
    Name(String),
    /// Named field, its position in the struct.
    Field(Box<Expr>, &'static str, usize),
    TupleField(Box<Expr>, usize),
    Index(Box<Expr>, usize),
    Negate(Box<Expr>),
    Binary(char, Box<Expr>, Box<Expr>),
    /// A method of `f64`, written as a method or as `f64::method(..)`.
    Method {
        name: &'static str,
        path: bool,
        arguments: Vec<Expr>,
    },
    Powi(Box<Expr>, i32),
    Call(usize, Vec<Expr>),
    Array(Vec<Expr>),
    /// `[value; N]`
    Repeat(Box<Expr>),
    /// `left`, `right`, and whether the literal names `right` first.
    Pair(Box<[Expr; 2]>, bool),
    Tuple(Vec<Expr>),
    Block(Block),
}

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Name(String),
    Ignore,
    Tuple(Vec<Pattern>),
}

#[derive(Clone, Debug)]
pub(crate) struct Let {
    pub(crate) pattern: Pattern,
    /// A type that is written out.
    pub(crate) ty: Option<Shape>,
    pub(crate) value: Expr,
}

#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) lets: Vec<Let>,
    pub(crate) value: Box<Expr>,
}

#[derive(Clone, Debug)]
pub(crate) struct Helper {
    pub(crate) arguments: Vec<(String, Shape)>,
    pub(crate) result: Shape,
    pub(crate) body: Block,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// `C0`, `C1`, ..: consts, all positive.
    pub(crate) consts: Vec<Expr>,
    /// `helper_0`, ..: each may call those before it.
    pub(crate) helpers: Vec<Helper>,
    /// The entries of the next state, behind the lets.
    pub(crate) dynamics: Vec<Let>,
    pub(crate) next: [Expr; NX],
    /// How the next state is written.
    pub(crate) shorthand: bool,
    pub(crate) stage_cost: Block,
    pub(crate) terminal_cost: Block,
}
