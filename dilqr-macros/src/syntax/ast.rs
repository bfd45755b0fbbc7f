//! The model as the user wrote it: a tree with positions in the source, without syn's types. `parse` makes it.

use proc_macro2::Ident;

use crate::syntax::errors::Span;

/// A model: the items of the annotated module, in source order.
pub(crate) struct Model {
    /// The module's name.
    pub(crate) module: Ident,
    pub(crate) structs: Vec<Struct>,
    pub(crate) consts: Vec<Const>,
    pub(crate) functions: Vec<Function>,
    /// For a model with `derivative` instead of `dynamics`.
    pub(crate) integration: Option<Integration>,
}

/// `vendored = "src/name.dilqr.rs"`
pub(crate) struct Vendored {
    /// Relative to the package's folder.
    pub(crate) path: String,
    /// The position of the path.
    pub(crate) span: Span,
}

/// `integrator = .., dt = .., substeps = ..`
pub(crate) struct Integration {
    pub(crate) integrator: Integrator,
    /// The position of the integrator's name.
    pub(crate) span: Span,
    /// The time step, over consts, `p` and `s`.
    pub(crate) dt: Option<Expr>,
    pub(crate) substeps: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integrator {
    Euler,
    SemiImplicitEuler,
    Midpoint,
    Rk4,
}

impl Integrator {
    pub(crate) const ALL: [(&str, Self); 4] = [
        ("euler", Self::Euler),
        ("semi_implicit_euler", Self::SemiImplicitEuler),
        ("midpoint", Self::Midpoint),
        ("rk4", Self::Rk4),
    ];
}

impl Model {
    pub(crate) fn find_struct(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().find(|item| item.name == name)
    }
    pub(crate) fn find_function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|item| item.name == name)
    }
    /// The functions of the model that the compiler recognizes by name.
    pub(crate) fn entry_points(&self) -> Vec<&Ident> {
        let costs = ["dynamics", "derivative", "stage_cost", "running_cost", "terminal_cost"];
        let own =
            |name: &Ident| costs.iter().chain(CONSTRAINT_FUNCTIONS.iter().map(|(name, _)| name)).any(|own| name == own);
        self.functions.iter().map(|item| &item.name).filter(|name| own(name)).collect()
    }
    /// The function that a kernel computes, if it is a single one.
    #[cfg(feature = "symbolica")]
    pub(crate) fn function_of_kernel(&self, kernel: &str) -> Option<&Function> {
        match kernel {
            "dynamics" | "linearize" => self.find_function("dynamics").or_else(|| self.find_function("derivative")),
            "stage_cost" => self.find_function("stage_cost").or_else(|| self.find_function("running_cost")),
            "terminal_cost" | "expand_terminal" => self.find_function("terminal_cost"),
            _ => None,
        }
    }
    pub(crate) fn has_stage_params(&self) -> bool {
        self.find_struct("StageParams").is_some()
    }
    pub(crate) fn find_const(&self, name: &str) -> Option<&Const> {
        self.consts.iter().find(|item| item.name == name)
    }
}

/// `State`, `Control`, `Params`, or a helper struct.
pub(crate) struct Struct {
    pub(crate) name: Ident,
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) bounds: Option<Bounds>,
}

/// `#[bounds(lower, upper)]`; a side that is `None` is open.
pub(crate) struct Bounds {
    pub(crate) lower: Option<Expr>,
    pub(crate) upper: Option<Expr>,
    pub(crate) span: Span,
}

/// The functions that constrain a trajectory, and whether they take the control. Inequalities come before equalities.
pub(crate) const CONSTRAINT_FUNCTIONS: [(&str, bool); 4] = [
    ("stage_constraints", true),
    ("terminal_constraints", false),
    ("stage_equalities", true),
    ("terminal_equalities", false),
];

pub(crate) struct Const {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) value: Expr,
}

pub(crate) struct Function {
    pub(crate) name: Ident,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) result: Type,
    pub(crate) body: Block,
}

pub(crate) struct Argument {
    pub(crate) pattern: Pattern,
    pub(crate) ty: Type,
}

/// A type. References stand for their types: models read only.
pub(crate) struct Type {
    pub(crate) kind: TypeKind,
    pub(crate) span: Span,
}

pub(crate) enum TypeKind {
    Float,
    Integer,
    Bool,
    Struct(Ident),
    Array(Box<Type>, Box<Expr>),
    Tuple(Vec<Type>),
    /// An error was reported; further errors about this type are not.
    Unknown,
}

/// `{ statement; statement; value }`
pub(crate) struct Block {
    pub(crate) statements: Vec<Statement>,
    /// `None` for a block without a value.
    pub(crate) value: Option<Box<Expr>>,
    /// The closing brace.
    pub(crate) end: Span,
}

pub(crate) enum Statement {
    Let(Let),
    /// `place = value`, or `place op= value`.
    Assign {
        place: Expr,
        op: Option<BinaryOp>,
        value: Expr,
    },
    /// An `if`, a `for` or a block, for its assignments.
    Effect(Expr),
}

pub(crate) struct Let {
    pub(crate) pattern: Pattern,
    pub(crate) ty: Option<Type>,
    pub(crate) value: Expr,
}

pub(crate) enum Pattern {
    Name(Ident),
    Tuple(Vec<Pattern>, Span),
    Array(Vec<Pattern>, Span),
    /// The fields that are named; rustc checks whether all must be.
    Struct(Ident, Vec<(Ident, Pattern)>),
    Ignore,
}

impl Pattern {
    /// The names it binds, in order.
    pub(crate) fn names(&self) -> Vec<&Ident> {
        match self {
            Self::Name(name) => vec![name],
            Self::Tuple(patterns, _) | Self::Array(patterns, _) => patterns.iter().flat_map(Self::names).collect(),
            Self::Struct(_, fields) => fields.iter().flat_map(|(_, pattern)| pattern.names()).collect(),
            Self::Ignore => Vec::new(),
        }
    }
}

pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

pub(crate) enum ExprKind {
    /// A literal, or a constant of `std::f64::consts` by its value.
    Float(f64),
    Integer(i64),
    Bool(bool),
    /// An argument, a `let` or a const.
    Name(Ident),
    Negate(Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// `value as type`
    Cast(Box<Expr>, Type),
    If(Branch),
    For {
        pattern: Pattern,
        range: Range,
        body: Block,
    },
    /// A call of a function of the module.
    Call(Ident, Vec<Expr>),
    /// `receiver.method(arguments)` or `f64::method(receiver, arguments)`.
    Method(Box<Expr>, Ident, Vec<Expr>),
    Field(Box<Expr>, Ident),
    TupleField(Box<Expr>, usize),
    Index(Box<Expr>, Box<Expr>),
    Array(Vec<Expr>),
    Repeat(Box<Expr>, Box<Expr>),
    Struct(Ident, Vec<(Ident, Expr)>),
    Tuple(Vec<Expr>),
    Block(Block),
    /// An error was reported.
    Unknown,
}

/// `if condition { then } else otherwise`
pub(crate) struct Branch {
    pub(crate) condition: Box<Expr>,
    pub(crate) then: Block,
    pub(crate) otherwise: Option<Box<Expr>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    /// Of integers only.
    Rem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

/// `start..end`, `start..=end`, either with `.rev()`.
pub(crate) struct Range {
    pub(crate) start: Box<Expr>,
    pub(crate) end: Box<Expr>,
    pub(crate) inclusive: bool,
    pub(crate) reversed: bool,
}
