//! The model as the user wrote it: a tree with positions in the source, without syn's types. `parse` makes it.

use proc_macro2::Ident;

use crate::syntax::entry_points::{EntryPoint, Sought};
use crate::syntax::errors::Span;
use crate::syntax::manifold::Manifold;
use crate::syntax::module_kind::ModuleKind;
use crate::syntax::vector_functions::VectorFunction;

/// A model: the items of the annotated module, in source order.
pub(crate) struct Model {
    /// The module's name.
    pub(crate) module: Ident,
    pub(crate) kind: ModuleKind,
    pub(crate) structs: Vec<Struct>,
    /// The structs that are networks or functions of the user's own.
    pub(crate) vector_functions: Vec<VectorFunction>,
    pub(crate) consts: Vec<Const>,
    pub(crate) functions: Vec<Function>,
    /// For a model with `derivative` instead of `dynamics`.
    pub(crate) integration: Option<Integration>,
    /// Whether a solve chooses the initial state: `initial_state = free`.
    pub(crate) free_start: bool,
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
    /// The time step, over consts, `p`, `d` and `s`.
    pub(crate) dt: Option<Expr>,
    pub(crate) substeps: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integrator {
    Euler,
    SemiImplicitEuler,
    Midpoint,
    Rk4,
    ImplicitEuler,
    ImplicitMidpoint,
    Trapezoid,
    GaussLegendre,
    Radau,
}

impl Integrator {
    pub(crate) const ALL: [(&str, Self); 9] = [
        ("euler", Self::Euler),
        ("semi_implicit_euler", Self::SemiImplicitEuler),
        ("midpoint", Self::Midpoint),
        ("rk4", Self::Rk4),
        ("implicit_euler", Self::ImplicitEuler),
        ("implicit_midpoint", Self::ImplicitMidpoint),
        ("trapezoid", Self::Trapezoid),
        ("gauss_legendre", Self::GaussLegendre),
        ("radau", Self::Radau),
    ];
}

impl Model {
    pub(crate) fn find_struct(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().find(|item| item.name == name)
    }
    pub(crate) fn find_vector_function(&self, name: &Ident) -> Option<&VectorFunction> {
        self.vector_functions.iter().find(|item| item.name == *name && item.is_argument())
    }
    /// The table of this name, as a function of a number.
    pub(crate) fn find_table(&self, name: &Ident) -> Option<&VectorFunction> {
        self.vector_functions.iter().find(|item| item.name == *name && !item.is_argument())
    }
    pub(crate) fn find_function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|item| item.name == name)
    }
    /// The functions of the model that the compiler recognizes by name.
    pub(crate) fn entry_points(&self) -> Vec<&Ident> {
        let own = |name: &Ident| self.kind.entry_points().iter().any(|own| name == own.name);
        self.functions.iter().map(|item| &item.name).filter(|name| own(name)).collect()
    }
    /// The same, in the order of the table.
    pub(crate) fn recognized(&self) -> impl Iterator<Item = (EntryPoint, &Function)> {
        self.kind.entry_points().iter().filter_map(|entry| Some((*entry, self.find_function(entry.name)?)))
    }
    /// The struct of an input vector. In a module of another kind a struct of this name is one of the user's own.
    pub(crate) fn vector(&self, name: &str) -> Option<&Struct> {
        self.find_struct(name).filter(|_| self.kind.vectors().contains(&name))
    }
    /// The struct of what a solve chooses at a stage: the control, or the unknowns.
    pub(crate) fn control(&self) -> Option<&Struct> {
        self.find_struct(self.kind.control())
    }
    /// Whether an argument of a factor's residual is a block: any struct but the parameters and vector functions.
    pub(crate) fn is_block(&self, argument: &Argument) -> bool {
        let TypeKind::Struct(name) = &argument.ty.kind else { return false };
        self.kind == ModuleKind::Factor && name != "Params" && self.find_vector_function(name).is_none()
    }
    /// What an implicit function's value is.
    pub(crate) fn sought(&self) -> Option<Sought> {
        self.recognized().find_map(|(entry, _)| entry.part.sought())
    }
    /// Whether the control of the stage before is part of the problem: a function reads it, or a rate is bounded.
    pub(crate) fn uses_previous(&self) -> bool {
        let rates = self.vector("Control").into_iter().flat_map(|item| &item.fields);
        let reads =
            |function: &Function| function.arguments.iter().filter(|argument| argument.is("Control")).count() > 1;
        rates.into_iter().any(|field| field.rate_bounds.is_some())
            || self.recognized().any(|(_, function)| reads(function))
    }
    /// The algebraic variables.
    pub(crate) fn algebraic(&self) -> Option<&Struct> {
        self.vector("Algebraic")
    }
    pub(crate) fn has_design(&self) -> bool {
        self.vector("Design").is_some()
    }
    /// The function that a kernel computes, if it is a single one.
    #[cfg(feature = "symbolica")]
    pub(crate) fn function_of_kernel(&self, kernel: &str) -> Option<&Function> {
        match kernel {
            "dynamics" | "linearize" => self.find_function("dynamics").or_else(|| self.find_function("derivative")),
            "stage_cost" => self.find_function("stage_cost").or_else(|| self.find_function("running_cost")),
            "terminal_cost" | "expand_terminal" => self.find_function("terminal_cost"),
            "initial_cost" | "expand_initial" => self.find_function("initial_cost"),
            _ => None,
        }
    }
    pub(crate) fn has_stage_params(&self) -> bool {
        self.vector("StageParams").is_some()
    }
    pub(crate) fn find_const(&self, name: &str) -> Option<&Const> {
        self.consts.iter().find(|item| item.name == name)
    }
}

/// `State`, `Control`, `Params`, or a helper struct.
pub(crate) struct Struct {
    pub(crate) name: Ident,
    /// `#[manifold(name)]` of a factor's block, with the position of the attribute.
    pub(crate) manifold: Option<(Manifold, Span)>,
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) bounds: Option<Bounds>,
    /// `#[rate_bounds(lower, upper)]`: bounds of the change from the stage before.
    pub(crate) rate_bounds: Option<Bounds>,
    /// `#[guess(value)]` of an algebraic variable: where its equation is solved from.
    pub(crate) guess: Option<Expr>,
}

/// `#[bounds(lower, upper)]`; a side that is `None` is open.
pub(crate) struct Bounds {
    pub(crate) lower: Option<Expr>,
    pub(crate) upper: Option<Expr>,
    pub(crate) span: Span,
}

/// `#[penalty(linear = .., quadratic = ..)]`; a factor that is left out is zero.
pub(crate) struct Penalty {
    pub(crate) linear: Option<Expr>,
    pub(crate) quadratic: Option<Expr>,
    pub(crate) span: Span,
}

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
    /// The factors of a soft constraint's cost.
    pub(crate) penalty: Option<Penalty>,
}

impl Function {
    /// Whether an argument is the struct `name`.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.arguments.iter().any(|argument| argument.is(name))
    }
}

pub(crate) struct Argument {
    pub(crate) pattern: Pattern,
    pub(crate) ty: Type,
}

impl Argument {
    /// Whether its type is the struct `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(&self.ty.kind, TypeKind::Struct(given) if given == name)
    }
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
