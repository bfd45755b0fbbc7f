//! Functions of vectors that a model keeps as functions: networks, and functions of the user's own.

use proc_macro2::Ident;

use super::names::snake_case;

/// A function of a model, by its index among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FunctionId {
    pub(crate) index: u16,
    /// The length of its argument.
    pub(crate) inputs: u16,
    /// The length of its value.
    pub(crate) outputs: u16,
    /// The first of its weights among those of all networks, and their number. A function of equations has those of all
    /// networks up to the last that the equations call.
    pub(crate) first_weight: u32,
    pub(crate) weights: u32,
    /// Whether its derivatives jump.
    pub(crate) has_kinks: bool,
}

/// A vector function of a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VectorFunction {
    pub(crate) id: FunctionId,
    /// The struct.
    pub(crate) name: Ident,
    pub(crate) kind: FunctionKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FunctionKind {
    Network(NetworkShape),
    /// Of the user's own.
    Own,
    /// A const of the type `Spline`.
    Table(TableInputs),
    /// The solution of equations, from these values of its unknowns.
    Implicit(Equations, Vec<f64>),
    /// The steps of an explicit integrator, by a loop over the derivative.
    Steps(StepLoop),
}

/// A loop over the steps of an explicit integrator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepLoop {
    /// The const of `dilqr_runtime`'s `Method`.
    pub(crate) method: &'static str,
    pub(crate) substeps: usize,
    /// The length of a substep; `None` where it is the last input.
    pub(crate) step: Option<f64>,
    pub(crate) states: usize,
    /// What the derivative reads beside the state.
    pub(crate) others: usize,
}

/// The equations of a model that define functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Equations {
    /// Of a step of the integrator.
    Step,
    /// Of the algebraic variables.
    Algebraic,
    /// No equations: the derivative that is integrated, with the same kernels.
    Slope,
}

impl Equations {
    /// The type of the solution in generated code.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Step => "__ImplicitStep",
            Self::Algebraic => "__AlgebraicSolution",
            Self::Slope => "__Steps",
        }
    }
}

/// What a table is a function of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableInputs {
    /// Of one number.
    Point,
    /// Of its values and of one number.
    ValuesAndPoint,
}

/// The layers of a network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NetworkShape {
    /// The inputs, the units of each hidden layer, the outputs.
    pub(crate) sizes: Vec<usize>,
    /// The variant of `dilqr_runtime::Activation`.
    pub(crate) activation: &'static str,
}

impl NetworkShape {
    /// The number of weights.
    pub(crate) fn weights(&self) -> usize {
        self.sizes.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum()
    }

    /// The number of hidden units.
    pub(crate) fn hidden(&self) -> usize {
        self.sizes[1..self.sizes.len() - 1].iter().sum()
    }
}

impl VectorFunction {
    /// The field of the model's type that holds it.
    pub(crate) fn field(&self) -> Ident {
        Ident::new(&snake_case(&self.name.to_string()), self.name.span())
    }

    /// The equations that it solves, or the derivative that it integrates.
    pub(crate) fn equations(&self) -> Option<Equations> {
        match self.kind {
            FunctionKind::Implicit(of, _) => Some(of),
            FunctionKind::Steps(_) => Some(Equations::Slope),
            FunctionKind::Network(_) | FunctionKind::Own | FunctionKind::Table(_) => None,
        }
    }

    /// Whether it is an argument of the model's functions, and not a const.
    pub(crate) fn is_argument(&self) -> bool {
        !matches!(self.kind, FunctionKind::Table(_) | FunctionKind::Implicit(..) | FunctionKind::Steps(_))
    }
}

/// The place of a number in the result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Of the value.
    Value(usize),
    /// Of the Jacobian: row and column.
    Jacobian(usize, usize),
    /// Of a contraction: row and column.
    Contraction(usize, usize),
}

impl FunctionId {
    pub(crate) fn inputs(self) -> usize {
        usize::from(self.inputs)
    }

    pub(crate) fn outputs(self) -> usize {
        usize::from(self.outputs)
    }

    /// Its weights among those of all functions.
    pub(crate) fn weight_range(self) -> std::ops::Range<usize> {
        let start = self.first_weight as usize;
        start..start + self.weights as usize
    }
}
