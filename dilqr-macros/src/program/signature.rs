//! The parameters of the methods of `dilqr_runtime::Model`, and the arguments of the kernels' functions behind them.

use super::vectors::{Dimension, Vector};
use crate::syntax::vector_functions::Equations;

/// The type of a record, over a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordType {
    Vector(Dimension),
    Matrix(Dimension, Dimension),
    Slice,
    /// A record of the runtime: its module, its name and its sizes.
    Record(&'static str, &'static str, &'static [Dimension]),
    /// The struct of this name beside the model, over f64.
    Local(&'static str),
    /// The record of equations, with their sizes.
    Residual(Equations),
    /// The record of their values alone.
    Values(Equations),
}

macro_rules! records {
    ($($(#[$doc:meta])* $record:ident $name:literal $kind:expr;)*) => {
        /// An argument that a kernel writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Record {
            $($(#[$doc])* $record,)*
        }

        impl Record {
            /// The argument's name.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$record => $name,)*
                }
            }

            pub(crate) fn kind(self) -> RecordType {
                use Dimension::{Np, Ns, Nu, Nx, Zero};
                match self {
                    $(Self::$record => $kind,)*
                }
            }
        }
    };
}

records! {
    Next "__out" RecordType::Vector(Nx);
    Stage "__out" RecordType::Record("model", "StageExpansion", &[Nx, Nu]);
    Terminal "__out" RecordType::Record("model", "TerminalExpansion", &[Nx]);
    Hessian "__out" RecordType::Record("model", "HamiltonianHessian", &[Nx, Nu]);
    Hamiltonian "__out" RecordType::Record("model", "HamiltonianExpansion", &[Nx, Nu]);
    Terms "__out" RecordType::Record("model", "ParameterTerms", &[Nx, Nu, Np]);
    TerminalTerms "__out" RecordType::Matrix(Nx, Np);
    Gp "__gp" RecordType::Vector(Np);
    Gs "__gs" RecordType::Vector(Ns);
    Gw "__gw" RecordType::Slice;
    Linearization "__out" RecordType::Local("Linearization");
    StepResidual "__out" RecordType::Residual(Equations::Step);
    AlgebraicResidual "__out" RecordType::Residual(Equations::Algebraic);
    SlopeResidual "__out" RecordType::Residual(Equations::Slope);
    SlopeValues "__out" RecordType::Values(Equations::Slope);
    Lower "__lower" RecordType::Vector(Nu);
    Upper "__upper" RecordType::Vector(Nu);
    LowerTerms "__lower" RecordType::Matrix(Nu, Np);
    UpperTerms "__upper" RecordType::Matrix(Nu, Np);
    Constraints "__c" RecordType::Slice;
    StageConstraints "__out" RecordType::Record("model", "ConstraintExpansion", &[Nx, Nu]);
    TerminalConstraints "__out" RecordType::Record("model", "ConstraintExpansion", &[Nx, Zero]);
    StageConstraintTerms "__out" RecordType::Record("model", "ConstraintParameterTerms", &[Nx, Nu, Np]);
    TerminalConstraintTerms "__out" RecordType::Record("model", "ConstraintParameterTerms", &[Nx, Zero, Np]);
}

/// An argument of a kernel's function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    Input(Vector),
    Output(Record),
}

/// A parameter of a method of `Model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// `Stage { x, u, p, s }`
    Stage,
    /// `Terminal { x, p, s }`
    Terminal,
    /// `Variation { dx, du }`
    Variation,
    /// `ParameterGradient { p, s, w }`
    Gradient,
    /// A vector.
    Input(Vector),
    /// A record.
    Output(Record),
}

/// A struct of the runtime that holds several arguments of a kernel's function.
pub(crate) struct Group {
    /// The parameter's name.
    pub(crate) parameter: &'static str,
    /// The struct, in the runtime's module `model`.
    pub(crate) name: &'static str,
    pub(crate) sizes: &'static [Dimension],
    /// The arguments it holds, by field.
    pub(crate) fields: &'static [(&'static str, Argument)],
}

impl Parameter {
    /// The struct; `None` where the parameter is the argument itself.
    pub(crate) fn group(self) -> Option<Group> {
        use Argument::{Input, Output};
        use Dimension::{Np, Ns, Nu, Nx};
        use Vector::{Du, Dx, P, S, U, X};
        let group = |parameter, name, sizes, fields| Some(Group { parameter, name, sizes, fields });
        match self {
            Self::Stage => group(
                "__at",
                "Stage",
                &[Nx, Nu, Np, Ns],
                &[("x", Input(X)), ("u", Input(U)), ("p", Input(P)), ("s", Input(S))],
            ),
            Self::Terminal => {
                group("__at", "Terminal", &[Nx, Np, Ns], &[("x", Input(X)), ("p", Input(P)), ("s", Input(S))])
            }
            Self::Variation => group("__variation", "Variation", &[Nx, Nu], &[("dx", Input(Dx)), ("du", Input(Du))]),
            Self::Gradient => group(
                "__out",
                "ParameterGradient",
                &[Np, Ns],
                &[("p", Output(Record::Gp)), ("s", Output(Record::Gs)), ("w", Output(Record::Gw))],
            ),
            Self::Input(_) | Self::Output(_) => None,
        }
    }

    /// The arguments of the kernel's function that it stands for.
    pub(crate) fn arguments(self) -> Vec<Argument> {
        match self {
            Self::Input(vector) => vec![Argument::Input(vector)],
            Self::Output(record) => vec![Argument::Output(record)],
            grouped => grouped.group().into_iter().flat_map(|group| group.fields).map(|(_, field)| *field).collect(),
        }
    }
}
