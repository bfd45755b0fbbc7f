//! The public items beside the user's own: the model's type, its solver and problem, `linearize`, and `dynamics` where an
//! integrator makes it.

use proc_macro2::TokenStream;
use quote::quote;

use super::context::EmitContext;
use super::documentation::documentation;
use super::lifted::{self, AddedBlock};
use super::vector_types;
use crate::program::kernels::Kernel;
use crate::program::vectors::Sizes;

pub(super) fn items(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { module, runtime, .. } = context;
    let model = context.model_type();
    let Sizes { nx, nu, np, ns } = context.vectors.own_sizes();
    let design = context.vectors.are_lifted().then(|| {
        let nd = context.vectors.design_len();
        quote!(, #nd)
    });
    let documentation = documentation(context);
    let solver = format!("The solver of `{module}`.");
    let problem = format!("A problem of `{module}`: initial state, parameters, horizon, first guess.");
    let declaration = vector_types::model(context, &documentation);
    let linearization = linearization(context);
    let dynamics = context.integrated.then(|| dynamics(context));
    quote! {
        #declaration

        #[doc = #solver]
        pub type Solver = #runtime::Ilqr<#model, #nx, #nu, #np, #ns #design>;

        #[doc = #problem]
        pub type Problem = #runtime::Problem<#nx, #nu, #np, #ns #design>;

        #linearization

        #dynamics
    }
}

/// The record of `linearize`, and the function.
fn linearization(context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    let model = context.model_type();
    let Sizes { nx, nu, np, .. } = context.vectors.own_sizes();
    let optional = context.optional();
    let ([after_u, after_p], [u_arguments, p_arguments]) = (optional.parameters("", true), optional.arguments());
    let added: Vec<AddedBlock> = lifted::added_blocks(context);
    let allow = lifted::allow_arguments(context);
    let fields = added.iter().map(|AddedBlock { name, documentation, columns, .. }| {
        quote! {
            #[doc = #documentation]
            pub #name: #runtime::nalgebra::SMatrix<::core::primitive::f64, #nx, #columns>,
        }
    });
    let function = linearize(context);
    let zeros = added.iter().map(|AddedBlock { name, .. }| quote!(#name: #runtime::nalgebra::SMatrix::zeros(),));
    quote! {
        /// The dynamics to first order at a point; see [`linearize`].
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug, ::core::cmp::PartialEq)]
        pub struct Linearization {
            /// Next state.
            pub f: #runtime::nalgebra::SVector<::core::primitive::f64, #nx>,
            /// Its derivative in the state; a row for each entry of `f`.
            pub fx: #runtime::nalgebra::SMatrix<::core::primitive::f64, #nx, #nx>,
            /// Its derivative in the control.
            pub fu: #runtime::nalgebra::SMatrix<::core::primitive::f64, #nx, #nu>,
            /// Its derivative in the parameters.
            pub fp: #runtime::nalgebra::SMatrix<::core::primitive::f64, #nx, #np>,
            #(#fields)*
        }

        impl Linearization {
            /// All zeros: the record that [`update`](Self::update) begins with.
            #[must_use]
            pub fn zeros() -> Self {
                Self {
                    f: #runtime::nalgebra::SMatrix::zeros(),
                    fx: #runtime::nalgebra::SMatrix::zeros(),
                    fu: #runtime::nalgebra::SMatrix::zeros(),
                    fp: #runtime::nalgebra::SMatrix::zeros(),
                    #(#zeros)*
                }
            }

            /// Writes the result of [`linearize`], without the entries that are zero at every point (see `SPARSITY` of the
            /// model). For loops over one record.
            #allow
            pub fn update(&mut self, x: &State, u: &Control #after_u, p: &Params #after_p) {
                #model::__linearize(x, u #u_arguments, p #p_arguments, self);
            }
        }

        #function
    }
}

/// The function `linearize`.
fn linearize(context: &EmitContext<'_>) -> TokenStream {
    let optional = context.optional();
    let ([after_u, after_p], [u_arguments, p_arguments]) = (optional.parameters("", true), optional.arguments());
    let operations = context.kernels[Kernel::Linearize].count().total();
    let summary = format!("Next state and its derivatives at a point ({operations} operations).");
    let allow = lifted::allow_arguments(context);
    quote! {
        #[doc = #summary]
        #[must_use]
        #allow
        pub fn linearize(x: &State, u: &Control #after_u, p: &Params #after_p) -> Linearization {
            let mut __linearization = Linearization::zeros();
            __linearization.update(x, u #u_arguments, p #p_arguments);
            __linearization
        }
    }
}

/// `dynamics` of a model that gives `derivative`.
fn dynamics(context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    let model = context.model_type();
    let Sizes { nx, nu, np, ns } = context.sizes;
    let optional = context.optional();
    let ([after_u, after_p], [u_arguments, p_arguments]) = (optional.parameters("", false), optional.arguments());
    if context.vectors.are_lifted() || context.has_functions() {
        let allow = lifted::allow_arguments(context);
        return quote! {
            /// The state one time step later: `derivative`, integrated.
            #[must_use]
            #allow
            pub fn dynamics(x: State, u: Control #after_u, p: Params #after_p) -> State {
                #model::__dynamics(x, u #u_arguments, p #p_arguments)
            }
        };
    }
    let vector = context.stage_vector(&quote!(s));
    quote! {
        /// The state one time step later: `derivative`, integrated.
        #[must_use]
        pub fn dynamics(x: State, u: Control #after_u, p: Params #after_p) -> State {
            let (x, u, p, s) = (
                ::core::convert::From::from(x),
                ::core::convert::From::from(u),
                ::core::convert::From::from(p),
                #vector,
            );
            let mut next = #runtime::nalgebra::SVector::zeros();
            <#model as #runtime::Model<#nx, #nu, #np, #ns>>::dynamics::<::core::primitive::f64>(
                &#model,
                #runtime::model::Stage { x: &x, u: &u, p: &p, s: &s },
                &mut next,
            );
            ::core::convert::From::from(next)
        }
    }
}
