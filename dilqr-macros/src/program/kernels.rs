//! The kernels of a model: what differentiation ends with, and what context reads, whether they were just derived, found in
//! the cache or vendored.

use crate::program::program::{Field, Program};

/// Sizes of the model's vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) nx: usize,
    pub(crate) nu: usize,
    pub(crate) np: usize,
    pub(crate) ns: usize,
}

/// Declares [`Kernels`], and what needs all of them under their names in the generated documentation.
macro_rules! kernels {
    (always { $($field:ident $name:literal)* } optional { $($optional:ident $optional_name:literal)* }) => {
        /// The kernels of `dilqr_runtime::Model`, and `linearize`.
        #[derive(Debug, Default, PartialEq)]
        pub(crate) struct Kernels {
            $(pub(crate) $field: Program,)*
                // What follows is there where the model has bounds, or constraints of that kind.
            $(pub(crate) $optional: Option<Program>,)*
        }

        impl Kernels {
            /// Each kernel with its name.
            pub(crate) fn named(&self) -> Vec<(&'static str, &Program)> {
                let mut named = vec![$(($name, &self.$field)),*];
                $(named.extend(self.$optional.as_ref().map(|program| ($optional_name, program)));)*
                named
            }

            /// The kernels that have these names; `None` where one is missing that every model has.
            pub(crate) fn from_names(mut program: impl FnMut(&'static str) -> Option<Program>) -> Option<Self> {
                Some(Self { $($field: program($name)?,)* $($optional: program($optional_name),)* })
            }
        }
    };
}

kernels! {
    always {
        dynamics "dynamics"
        stage_cost "stage_cost"
        terminal_cost "terminal_cost"
        step "step"
        expand_stage "expand_stage"
        expand_terminal "expand_terminal"
        expand_hamiltonian "expand_hamiltonian"
        hamiltonian_parameter_gradient "add_hamiltonian_parameter_gradient"
        terminal_parameter_gradient "add_terminal_parameter_gradient"
        parameter_contraction "add_parameter_contraction"
        terminal_parameter_contraction "add_terminal_parameter_contraction"
        parameter_terms "parameter_terms"
        terminal_parameter_terms "terminal_parameter_terms"
        linearize "linearize"
    }
    optional {
        hamiltonian_hessian "hamiltonian_hessian"
        bounds "bounds"
        bounds_contraction "add_bounds_contraction"
        bounds_terms "bounds_terms"
        stage_constraints "stage_constraints"
        expand_stage_constraints "expand_stage_constraints"
        stage_constraint_contraction "add_stage_constraint_contraction"
        stage_constraint_terms "stage_constraint_terms"
        terminal_constraints "terminal_constraints"
        expand_terminal_constraints "expand_terminal_constraints"
        terminal_constraint_contraction "add_terminal_constraint_contraction"
        terminal_constraint_terms "terminal_constraint_terms"
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

/// Which entries of the model's derivatives can be other than zero, under the names that `dilqr_runtime::Sparsity` has.
pub(crate) fn sparsity(kernels: &Kernels, Sizes { nx, nu, np, .. }: Sizes) -> [(&'static str, Vec<Vec<bool>>); 8] {
    let Kernels { linearize, expand_hamiltonian: hessian, parameter_terms: terms, .. } = kernels;
    [
        ("fx", pattern(linearize, Field::Fx, nx, nx)),
        ("fu", pattern(linearize, Field::Fu, nx, nu)),
        ("fp", pattern(linearize, Field::Fp, nx, np)),
        ("hxx", pattern(hessian, Field::Hxx, nx, nx)),
        ("hux", pattern(hessian, Field::Hux, nu, nx)),
        ("huu", pattern(hessian, Field::Huu, nu, nu)),
        ("hxp", pattern(terms, Field::Hxp, nx, np)),
        ("hup", pattern(terms, Field::Hup, nu, np)),
    ]
}
