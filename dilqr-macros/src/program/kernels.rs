//! The kernels of a model, one row each, and the patterns of their outputs.
//!
//! A row has the method of `dilqr_runtime::Model`, its parameters, whether it returns the scalar that the program writes to
//! [`Field::L`], and which models have the kernel. `differentiate::kernel_writer` defines what a kernel
//! computes.

use std::ops::Index;

use super::fields::Field;
use super::program::Program;
use super::signature::{Argument, Parameter, Record};
use super::vectors::{Sizes, Vector};
use crate::syntax::vector_functions::Equations;

/// Which models have a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Always,
    /// Models with bounds.
    Bounded,
    /// Models with constraints of stages.
    StageConstrained,
    /// Models with constraints of the terminal state.
    TerminalConstrained,
    /// Models with a cost of the initial state.
    InitialCost,
    /// Models with constraints of the initial state.
    InitialConstrained,
    /// Models with soft constraints whose penalties are no constants.
    Penalized,
    /// Models with a time step that is no constant.
    VariableStep,
    /// Models with an implicit integrator, and models with algebraic variables: functions beside the model.
    Implicit(Equations),
    /// Of these, the ones whose functions have weights.
    Weighted(Equations),
    /// Models of comparisons with other tools.
    OnRequest,
}

macro_rules! kernels {
    ($($(#[$doc:meta])* $kernel:ident $name:literal [$($parameter:expr),*] $result:ident $presence:ident $(($of:expr))?;)*) => {
        /// A kernel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kernel {
            $($(#[$doc])* $kernel,)*
        }

        impl Kernel {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$kernel),*];

            /// The name of its method.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kernel => $name,)*
                }
            }

            /// The parameters of its method.
            pub(crate) fn parameters(self) -> &'static [Parameter] {
                use Parameter::{Gradient, Input, Output, Stage, Terminal, Variation};
                use Vector::{DLambda, DMu, Dx, Lambda, Mu, P};
                match self {
                    $(Self::$kernel => &[$($parameter),*],)*
                }
            }

            /// Whether it returns the scalar that the program writes to [`Field::L`].
            pub(crate) fn returns_cost(self) -> bool {
                match self {
                    $(Self::$kernel => returns!($result),)*
                }
            }

            pub(crate) fn presence(self) -> Presence {
                use Equations::{Algebraic, Slope, Step};
                match self {
                    $(Self::$kernel => Presence::$presence $(($of))?,)*
                }
            }
        }
    };
}

macro_rules! returns {
    (unit) => {
        false
    };
    (cost) => {
        true
    };
}

kernels! {
    Dynamics "dynamics" [Stage, Output(Record::Next)] unit Always;
    StageCost "stage_cost" [Stage] cost Always;
    TerminalCost "terminal_cost" [Terminal] cost Always;
    Step "step" [Stage, Output(Record::Next)] cost Always;
    ExpandStage "expand_stage" [Stage, Output(Record::Stage)] unit Always;
    ExpandTerminal "expand_terminal" [Terminal, Output(Record::Terminal)] unit Always;
    ExpandHamiltonian "expand_hamiltonian" [Stage, Input(Lambda), Output(Record::Hamiltonian)] unit Always;
    HamiltonianParameterGradient "add_hamiltonian_parameter_gradient" [Stage, Input(Lambda), Gradient] unit Always;
    TerminalParameterGradient "add_terminal_parameter_gradient" [Terminal, Gradient] unit Always;
    ParameterContraction "add_parameter_contraction"
        [Stage, Input(Lambda), Variation, Input(DLambda), Gradient] unit Always;
    TerminalParameterContraction "add_terminal_parameter_contraction" [Terminal, Input(Dx), Gradient] unit Always;
    ParameterTerms "parameter_terms" [Stage, Input(Lambda), Output(Record::Terms)] unit Always;
    TerminalParameterTerms "terminal_parameter_terms" [Terminal, Output(Record::TerminalTerms)] unit Always;
    /// A function beside the model, not a method of `Model`.
    Linearize "linearize" [Stage, Output(Record::Linearization)] unit Always;
    /// The second derivatives of the Hamiltonian without first derivatives.
    HamiltonianHessian "hamiltonian_hessian" [Stage, Input(Lambda), Output(Record::Hessian)] unit OnRequest;
    Bounds "bounds" [Input(P), Output(Record::Lower), Output(Record::Upper)] unit Bounded;
    BoundsContraction "add_bounds_contraction"
        [Input(P), Input(Vector::Lower), Input(Vector::Upper), Output(Record::Gp)] unit Bounded;
    BoundsTerms "bounds_terms" [Input(P), Output(Record::LowerTerms), Output(Record::UpperTerms)] unit Bounded;
    StageConstraints "stage_constraints" [Stage, Output(Record::Constraints)] unit StageConstrained;
    ExpandStageConstraints "expand_stage_constraints"
        [Stage, Input(Mu), Output(Record::StageConstraints)] unit StageConstrained;
    StageConstraintContraction "add_stage_constraint_contraction"
        [Stage, Input(Mu), Variation, Input(DMu), Gradient] unit StageConstrained;
    StageConstraintTerms "stage_constraint_terms"
        [Stage, Input(Mu), Output(Record::StageConstraintTerms)] unit StageConstrained;
    TerminalConstraints "terminal_constraints" [Terminal, Output(Record::Constraints)] unit TerminalConstrained;
    ExpandTerminalConstraints "expand_terminal_constraints"
        [Terminal, Input(Mu), Output(Record::TerminalConstraints)] unit TerminalConstrained;
    TerminalConstraintContraction "add_terminal_constraint_contraction"
        [Terminal, Input(Mu), Input(Dx), Input(DMu), Gradient] unit TerminalConstrained;
    TerminalConstraintTerms "terminal_constraint_terms"
        [Terminal, Input(Mu), Output(Record::TerminalConstraintTerms)] unit TerminalConstrained;
    InitialCost "initial_cost" [Terminal] cost InitialCost;
    ExpandInitial "expand_initial" [Terminal, Output(Record::Terminal)] unit InitialCost;
    InitialParameterGradient "add_initial_parameter_gradient" [Terminal, Gradient] unit InitialCost;
    InitialParameterContraction "add_initial_parameter_contraction" [Terminal, Input(Dx), Gradient] unit InitialCost;
    InitialParameterTerms "initial_parameter_terms" [Terminal, Output(Record::TerminalTerms)] unit InitialCost;
    InitialConstraints "initial_constraints" [Terminal, Output(Record::Constraints)] unit InitialConstrained;
    ExpandInitialConstraints "expand_initial_constraints"
        [Terminal, Input(Mu), Output(Record::TerminalConstraints)] unit InitialConstrained;
    InitialConstraintContraction "add_initial_constraint_contraction"
        [Terminal, Input(Mu), Input(Dx), Input(DMu), Gradient] unit InitialConstrained;
    InitialConstraintTerms "initial_constraint_terms"
        [Terminal, Input(Mu), Output(Record::TerminalConstraintTerms)] unit InitialConstrained;
    /// The factors of penalties. A function beside the model, as `linearize` is.
    Penalties "penalties" [Input(P), Input(Vector::S), Output(Record::Constraints)] unit Penalized;
    /// The time step of an integrator.
    TimeStep "time_step" [Stage] cost VariableStep;
    /// The residuals of an implicit step to first order. This function and the next are beside the model.
    LinearizeResidual "linearize_residual"
        [Input(Vector::Y), Input(Vector::Z), Output(Record::StepResidual)] unit Implicit(Step);
    /// Their second derivatives, contracted with adjoints.
    ResidualHessian "residual_hessian"
        [Input(Vector::Y), Input(Vector::Z), Input(Mu), Output(Record::StepResidual)] unit Implicit(Step);
    /// The same for the equations of algebraic variables.
    LinearizeAlgebraic "linearize_algebraic"
        [Input(Vector::Y), Input(Vector::Z), Output(Record::AlgebraicResidual)] unit Implicit(Algebraic);
    AlgebraicHessian "algebraic_hessian"
        [Input(Vector::Y), Input(Vector::Z), Input(Mu), Output(Record::AlgebraicResidual)] unit Implicit(Algebraic);
    /// The derivative that a loop integrates: its value, and the same.
    SlopeValue "slope_value" [Input(Vector::Y), Input(Vector::Z), Output(Record::SlopeValues)] unit Implicit(Slope);
    LinearizeSlope "linearize_slope"
        [Input(Vector::Y), Input(Vector::Z), Output(Record::SlopeResidual)] unit Implicit(Slope);
    SlopeHessian "slope_hessian"
        [Input(Vector::Y), Input(Vector::Z), Input(Mu), Output(Record::SlopeResidual)] unit Implicit(Slope);
    /// The gradient of `mu' r` in the weights of functions that these call, and its change along directions.
    ResidualWeights "add_residual_weights" [Input(Vector::Y), Input(Vector::Z), Input(Mu), Output(Record::Gw)]
        unit Weighted(Step);
    ResidualWeightContraction "add_residual_weight_contraction"
        [Input(Vector::Y), Input(Vector::Z), Input(Mu), Input(Vector::Dy), Input(Vector::Dz), Input(DMu), Output(Record::Gw)]
        unit Weighted(Step);
    AlgebraicWeights "add_algebraic_weights" [Input(Vector::Y), Input(Vector::Z), Input(Mu), Output(Record::Gw)]
        unit Weighted(Algebraic);
    AlgebraicWeightContraction "add_algebraic_weight_contraction"
        [Input(Vector::Y), Input(Vector::Z), Input(Mu), Input(Vector::Dy), Input(Vector::Dz), Input(DMu), Output(Record::Gw)]
        unit Weighted(Algebraic);
    SlopeWeights "add_slope_weights" [Input(Vector::Y), Input(Vector::Z), Input(Mu), Output(Record::Gw)]
        unit Weighted(Slope);
    SlopeWeightContraction "add_slope_weight_contraction"
        [Input(Vector::Y), Input(Vector::Z), Input(Mu), Input(Vector::Dy), Input(Vector::Dz), Input(DMu), Output(Record::Gw)]
        unit Weighted(Slope);
}

impl Kernel {
    /// Whether it is a function of equations, and no method of `Model`.
    pub(crate) fn is_of_equations(self) -> bool {
        matches!(self.presence(), Presence::Implicit(_) | Presence::Weighted(_))
    }

    /// The arguments of its function, one vector or record each.
    pub(crate) fn arguments(self) -> Vec<Argument> {
        self.parameters().iter().flat_map(|parameter| parameter.arguments()).collect()
    }
}

/// The programs of a model's kernels.
#[derive(Debug, PartialEq)]
pub(crate) struct Kernels {
    programs: Vec<Option<Program>>,
}

impl Default for Kernels {
    /// Kernels that compute nothing, of a model without limits.
    fn default() -> Self {
        Self::new(|kernel| (kernel.presence() == Presence::Always).then(Program::default))
    }
}

impl Kernels {
    /// The kernels for which there is a program.
    pub(crate) fn new(program: impl FnMut(Kernel) -> Option<Program>) -> Self {
        Self { programs: Kernel::ALL.iter().copied().map(program).collect() }
    }

    pub(crate) fn get(&self, kernel: Kernel) -> Option<&Program> {
        self.programs[kernel as usize].as_ref()
    }

    #[cfg(feature = "symbolica")]
    pub(crate) fn set(&mut self, kernel: Kernel, program: Program) {
        self.programs[kernel as usize] = Some(program);
    }

    /// The kernels of equations that the model has.
    pub(crate) fn of_equations(&self, of: Equations) -> impl Iterator<Item = (Kernel, &Program)> {
        self.iter()
            .filter(move |(kernel, _)| [Presence::Implicit(of), Presence::Weighted(of)].contains(&kernel.presence()))
    }

    /// The kernels that the model has.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kernel, &Program)> {
        Kernel::ALL.iter().filter_map(|&kernel| Some((kernel, self.get(kernel)?)))
    }

    /// Whether the model has every kernel that all models have.
    pub(crate) fn is_complete(&self) -> bool {
        let mut required = Kernel::ALL.iter().filter(|kernel| kernel.presence() == Presence::Always);
        required.all(|&kernel| self.get(kernel).is_some())
    }
}

impl Index<Kernel> for Kernels {
    type Output = Program;

    /// The program; empty where the model lacks the kernel.
    fn index(&self, kernel: Kernel) -> &Program {
        static EMPTY: Program = Program { ops: Vec::new(), outputs: Vec::new() };
        self.get(kernel).unwrap_or(&EMPTY)
    }
}

/// Which outputs of a kernel can be other than zero.
pub(crate) fn pattern(program: &Program, field: Field, rows: usize, columns: usize) -> Vec<Vec<bool>> {
    let mut pattern = vec![vec![false; columns]; rows];
    for (output, _) in &program.outputs {
        if output.field == field {
            pattern[output.row as usize][output.column as usize] = true;
        }
    }
    pattern
}

/// Whether the dynamics, a cost or a constraint has branches that depend on state or control.
pub(crate) fn has_kinks(kernels: &Kernels) -> bool {
    let costs = [Kernel::Step, Kernel::TerminalCost, Kernel::InitialCost];
    let constraints = [Kernel::StageConstraints, Kernel::TerminalConstraints, Kernel::InitialConstraints];
    let mut values = costs.iter().chain(&constraints);
    values.any(|&kernel| kernels[kernel].has_kinks(|input| matches!(input.vector, Vector::X | Vector::U)))
}

/// Whether the derivatives of the dynamics depend on neither state nor control.
pub(crate) fn has_linear_dynamics(kernels: &Kernels) -> bool {
    let jacobians = kernels[Kernel::Linearize].inputs(|output| matches!(output.field, Field::Fx | Field::Fu));
    !jacobians.iter().any(|input| matches!(input.vector, Vector::X | Vector::U))
}

/// Which entries of the model's derivatives can be other than zero, under the names that `dilqr_runtime::Sparsity` has.
pub(crate) fn sparsity(kernels: &Kernels, Sizes { nx, nu, np, .. }: Sizes) -> [(&'static str, Vec<Vec<bool>>); 8] {
    let block =
        |kernel: Kernel, field: Field, rows, columns| (field.name(), pattern(&kernels[kernel], field, rows, columns));
    [
        block(Kernel::Linearize, Field::Fx, nx, nx),
        block(Kernel::Linearize, Field::Fu, nx, nu),
        block(Kernel::Linearize, Field::Fp, nx, np),
        block(Kernel::ExpandHamiltonian, Field::Hxx, nx, nx),
        block(Kernel::ExpandHamiltonian, Field::Hux, nu, nx),
        block(Kernel::ExpandHamiltonian, Field::Huu, nu, nu),
        block(Kernel::ParameterTerms, Field::Hxp, nx, np),
        block(Kernel::ParameterTerms, Field::Hup, nu, np),
    ]
}
