//! The model as the user wrote it: a spanned tree of our own, without syn types.
//!
//! `parse` makes it; everything later reads it.

use proc_macro2::Ident;

use crate::errors::Span;

/// A whole model: the items of the annotated module, in source order.
pub(crate) struct Model {
    /// The module's name.
    pub(crate) module: Ident,
    pub(crate) structs: Vec<Struct>,
    pub(crate) consts: Vec<Const>,
    pub(crate) functions: Vec<Function>,
}

impl Model {
    pub(crate) fn find_struct(&self, name: &str) -> Option<&Struct> {
        self.structs.iter().find(|item| item.name == name)
    }
    pub(crate) fn find_function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|item| item.name == name)
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
}

pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
}

/// A type; references are transparent, since a model only reads.
pub(crate) struct Type {
    pub(crate) kind: TypeKind,
    pub(crate) span: Span,
}

pub(crate) enum TypeKind {
    Float,
    Integer,
    Struct(Ident),
    Array(Box<Type>, Box<Expr>),
    Tuple(Vec<Type>),
    /// Written wrongly and already reported; silences what would follow from it.
    Unknown,
}

/// `{ let ..; let ..; value }`
pub(crate) struct Block {
    pub(crate) lets: Vec<Let>,
    pub(crate) value: Box<Expr>,
}

pub(crate) struct Let {
    pub(crate) pattern: Pattern,
    pub(crate) ty: Option<Type>,
    pub(crate) value: Expr,
}

pub(crate) enum Pattern {
    Name(Ident),
    Tuple(Vec<Pattern>, Span),
    Ignore,
}

pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

pub(crate) enum ExprKind {
    /// A literal, or a constant of `std::f64::consts` by its value.
    Float(f64),
    Integer(i64),
    /// An argument, a `let` or a const.
    Name(Ident),
    Negate(Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
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
    /// Outside the language and already reported.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
}
