//! What the expansion of a lifted model adds: the wrapper that implements `Model` for the lifted state and control, its
//! relation to the user's model, and functions on the user's structs.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::context::EmitContext;
use super::functions::functions;
use super::vector_types;
use crate::program::kernels::Kernel;
use crate::program::vectors::Sizes;

/// The wrapper and the functions.
pub(super) fn items(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { runtime, .. } = context;
    let model = context.model_type();
    let Sizes { nx, nu, np, ns } = context.vectors.own_sizes();
    let Sizes { nx: nz, nu: nw, .. } = context.sizes;
    let (nd, previous) = (context.vectors.design_len(), context.vectors.lift.previous);
    let copy = (!context.has_functions()).then(|| quote!(::core::marker::Copy,));
    let (penalties, functions) = penalties(context);
    let weights_mut = vector_types::weights_mut(context, "network_weights_mut");
    let (linearize, dynamics) = (linearize(context), context.integrated.then(|| dynamics(context)));
    quote! {
        #[derive(::core::clone::Clone, #copy ::core::fmt::Debug)]
        pub struct __Lifted(pub #model);

        #[automatically_derived]
        impl #runtime::__private::Lift<#nx, #nu, #np, #ns, #nd, #nz, #nw> for __Lifted {
            type Model = #model;
            const PREVIOUS: ::core::primitive::bool = #previous;
            fn new(__model: #model) -> Self {
                Self(__model)
            }
            fn model(&self) -> &#model {
                &self.0
            }
            fn model_mut(&mut self) -> &mut #model {
                &mut self.0
            }
            #penalties
        }

        #[automatically_derived]
        impl #runtime::Formulation<#nx, #nu, #np, #ns, #nd> for #model {
            #weights_mut
            type Engine = #runtime::__private::LiftedEngine<__Lifted, #nx, #nu, #np, #ns, #nd, #nz, #nw>;
            fn engine(self, __horizon: ::core::primitive::usize) -> Self::Engine {
                #runtime::__private::LiftedEngine::new(__Lifted(self), __horizon)
            }
        }

        #functions
        #linearize
        #dynamics
    }
}

/// The factors of penalties that are no constants, for the check of their signs at the start of a solve: a method and the
/// function behind it.
fn penalties(context: &EmitContext<'_>) -> (TokenStream, TokenStream) {
    let (runtime, Sizes { np, ns, .. }) = (context.runtime, context.sizes);
    if context.kernels.get(Kernel::Penalties).is_none() {
        return (quote!(), quote!());
    }
    let method = quote! {
        fn penalties(
            __p: &#runtime::nalgebra::SVector<::core::primitive::f64, #np>,
            __s: &#runtime::nalgebra::SVector<::core::primitive::f64, #ns>,
        ) -> [[::core::primitive::f64; 2]; 2] {
            let mut __c = [0.0; 4];
            __penalties_f64(__p, __s, &mut __c);
            [[__c[0], __c[1]], [__c[2], __c[3]]]
        }
    };
    (method, functions(context, Kernel::Penalties))
}

/// A block of the user's `Linearization` beyond those of every model.
pub(super) struct AddedBlock {
    pub(super) name: Ident,
    pub(super) documentation: &'static str,
    pub(super) columns: usize,
    /// Its first column in `fx` of the lifted model.
    first: usize,
}

/// The derivatives of the next state in its optional arguments.
pub(super) fn added_blocks(context: &EmitContext<'_>) -> Vec<AddedBlock> {
    let vectors = context.vectors;
    let optional = context.optional();
    let name = |name| Ident::new(name, Span::call_site());
    let previous = optional.previous.then(|| AddedBlock {
        name: name("fprevious"),
        documentation: "Its derivative in the control of the stage before.",
        columns: vectors.control.len(),
        first: vectors.previous().start,
    });
    let design = optional.design.then(|| AddedBlock {
        name: name("fd"),
        documentation: "Its derivative in the design variables.",
        columns: vectors.design_len(),
        first: vectors.design().start,
    });
    previous.into_iter().chain(design).collect()
}

/// Functions on the user's structs have as many arguments as the user's own, and a record.
pub(super) fn allow_arguments(context: &EmitContext<'_>) -> Option<TokenStream> {
    let many = context.vectors.are_lifted() || context.has_functions();
    many.then(|| quote!(#[allow(clippy::too_many_arguments)]))
}

/// The record of the lifted model, and `linearize` on the user's structs.
fn linearize(context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    let model = context.model_type();
    let Sizes { nx, nu, np, .. } = context.vectors.own_sizes();
    let Sizes { nx: nz, nu: nw, .. } = context.sizes;
    let functions = functions(context, Kernel::Linearize);
    let called = context.called_by(Kernel::Linearize);
    let [after_u, after_p] = context.optional().parameters("__", true);
    let vectors = arguments(context, true);
    let added = added_blocks(context).into_iter().map(|AddedBlock { name, columns, first, .. }| {
        quote!(__out.#name = __lifted.fx.fixed_view::<#nx, #columns>(0, #first).into_owned();)
    });
    quote! {
        struct __Linearization {
            f: #runtime::nalgebra::SVector<::core::primitive::f64, #nz>,
            fx: #runtime::nalgebra::SMatrix<::core::primitive::f64, #nz, #nz>,
            fu: #runtime::nalgebra::SMatrix<::core::primitive::f64, #nz, #nw>,
            fp: #runtime::nalgebra::SMatrix<::core::primitive::f64, #nz, #np>,
        }
        impl #model {
            #[doc(hidden)]
            pub fn __linearize(
                __x: &State, __u: &Control #after_u, __p: &Params #after_p, __out: &mut Linearization,
            ) {
                #vectors
                let mut __lifted = __Linearization {
                    f: #runtime::nalgebra::SMatrix::zeros(),
                    fx: #runtime::nalgebra::SMatrix::zeros(),
                    fu: #runtime::nalgebra::SMatrix::zeros(),
                    fp: #runtime::nalgebra::SMatrix::zeros(),
                };
                __linearize_f64(#called &__z, &__w, &__p, &__s, &mut __lifted);
                __out.f = __lifted.f.fixed_rows::<#nx>(0).into_owned();
                __out.fx = __lifted.fx.fixed_view::<#nx, #nx>(0, 0).into_owned();
                __out.fu = __lifted.fu.fixed_view::<#nx, #nu>(0, 0).into_owned();
                __out.fp = __lifted.fp.fixed_rows::<#nx>(0).into_owned();
                #(#added)*
            }
        }
        #functions
    }
}

/// `dynamics` on the user's structs.
pub(super) fn dynamics(context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    let called = context.called_by(Kernel::Dynamics);
    let model = context.model_type();
    let (nx, nz) = (context.vectors.state.len(), context.sizes.nx);
    let [after_u, after_p] = context.optional().parameters("__", false);
    let vectors = arguments(context, false);
    quote! {
        impl #model {
            #[doc(hidden)]
            pub fn __dynamics(__x: State, __u: Control #after_u, __p: Params #after_p) -> State {
                #vectors
                let mut __next: #runtime::nalgebra::SVector<::core::primitive::f64, #nz> =
                    #runtime::nalgebra::SVector::zeros();
                __dynamics_f64(#called &__z, &__w, &__p, &__s, &mut __next);
                let __next: #runtime::nalgebra::SVector<::core::primitive::f64, #nx> =
                    __next.fixed_rows::<#nx>(0).into_owned();
                ::core::convert::From::from(__next)
            }
        }
    }
}

/// The vectors `__z`, `__w`, `__p`, `__s` of the kernels, from the user's structs. Arguments that the next state does not take,
/// and slacks, are zero.
fn arguments(context: &EmitContext<'_>, references: bool) -> TokenStream {
    let (runtime, vectors, optional) = (context.runtime, context.vectors, context.optional());
    let Sizes { nx, nu, np, ns } = context.vectors.own_sizes();
    let Sizes { nx: nz, nu: nw, .. } = context.sizes;
    let value = |name: &str| {
        let name = Ident::new(name, Span::call_site());
        if references { quote!(*#name) } else { quote!(#name) }
    };
    let vector = |name: &str, length: usize| {
        let value = value(name);
        quote! {
            <#runtime::nalgebra::SVector<::core::primitive::f64, #length> as ::core::convert::From<_>>::from(#value)
        }
    };
    let rows = |to: TokenStream, first: usize, name: &str, length: usize| {
        let from = vector(name, length);
        quote!(#to.fixed_rows_mut::<#length>(#first).copy_from(&#from);)
    };
    let (x, u) = (rows(quote!(__z), 0, "__x", nx), rows(quote!(__w), 0, "__u", nu));
    let previous = optional.previous.then(|| rows(quote!(__z), vectors.previous().start, "__previous", nu));
    let design = optional.design.then(|| rows(quote!(__z), vectors.design().start, "__d", vectors.design_len()));
    let (p, s) = (vector("__p", np), context.stage_vector(&value("__s")));
    quote! {
        let mut __z: #runtime::nalgebra::SVector<::core::primitive::f64, #nz> = #runtime::nalgebra::SVector::zeros();
        let mut __w: #runtime::nalgebra::SVector<::core::primitive::f64, #nw> = #runtime::nalgebra::SVector::zeros();
        #x
        #u
        #previous
        #design
        let __p = #p;
        let __s: #runtime::nalgebra::SVector<::core::primitive::f64, #ns> = #s;
    }
}
