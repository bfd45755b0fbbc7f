//! Functions that generated code makes of kernels beside the model: solutions of equations, and loops over a derivative.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::context::EmitContext;
use crate::syntax::vector_functions::{Equations, StepLoop, VectorFunction};

/// The solution of equations.
pub(super) fn implicit(
    context: &EmitContext<'_>,
    function: &VectorFunction,
    (of, guess): (Equations, &[f64]),
) -> TokenStream {
    let (runtime, name) = (context.runtime, &function.name);
    let private = quote!(#runtime::__private);
    let (unknowns, inputs) = context.equation_sizes(of);
    let (linearize, hessian) = match of {
        Equations::Step => (quote!(__LinearizeResidual), quote!(__ResidualHessian)),
        Equations::Algebraic => (quote!(__LinearizeAlgebraic), quote!(__AlgebraicHessian)),
        Equations::Slope => (quote!(__LinearizeSlope), quote!(__SlopeHessian)),
    };
    let function = function_of_solution(context, name, (unknowns, inputs));
    quote! {
        #[allow(dead_code)]
        pub struct #name;

        impl #private::ImplicitFunction<#unknowns, #inputs> for #name {
            const GUESS: [::core::primitive::f64; #unknowns] = [#(#guess),*];
            fn linearize<__S: #runtime::Scalar>(
                y: &[__S; #unknowns],
                z: &[__S; #inputs],
                out: &mut #private::ResidualExpansion<__S, #unknowns, #inputs>,
            ) {
                <__S as #runtime::Scalar>::run::<#linearize>((y, z, out));
            }
            fn hessian<__S: #runtime::Scalar>(
                y: &[__S; #unknowns],
                z: &[__S; #inputs],
                mu: &[__S; #unknowns],
                out: &mut #private::ResidualExpansion<__S, #unknowns, #inputs>,
            ) {
                <__S as #runtime::Scalar>::run::<#hessian>((y, z, mu, out));
            }
        }

        #function
    }
}

/// A solution as a vector function.
fn function_of_solution(context: &EmitContext<'_>, name: &Ident, (unknowns, inputs): (usize, usize)) -> TokenStream {
    let runtime = context.runtime;
    let private = quote!(#runtime::__private);
    let expansion = quote!(#private::Expansion<__S, #inputs, #unknowns, Self::Memory<__S>>);
    quote! {
        impl #runtime::VectorFunction<#inputs, #unknowns> for #name {
            fn value<__S: #runtime::Scalar>(&self, z: &[__S; #inputs]) -> [__S; #unknowns] {
                #private::implicit::value::<Self, __S, #unknowns, #inputs>(z)
            }
            fn jacobian<__S: #runtime::Scalar>(&self, z: &[__S; #inputs]) -> [[__S; #inputs]; #unknowns] {
                #private::implicit::expand_at(self, z).jacobian
            }
            fn contraction<__S: #runtime::Scalar>(
                &self, z: &[__S; #inputs], mu: &[__S; #unknowns],
            ) -> [[__S; #inputs]; #inputs] {
                #private::implicit::contract::<Self, __S, #unknowns, #inputs>(
                    &#private::implicit::expand_at(self, z), mu,
                )
            }
        }

        impl #private::Node<#inputs, #unknowns> for #name {
            type Memory<__S: #runtime::Scalar> = #private::ImplicitMemory<__S, #unknowns, #inputs>;
            fn memory<__S: #runtime::Scalar>() -> Self::Memory<__S> {
                #private::ImplicitMemory::zeros()
            }
            fn expand<__S: #runtime::Scalar>(&self, at: &mut #expansion) {
                #private::implicit::expand::<Self, __S, #unknowns, #inputs>(at);
            }
            fn contract<__S: #runtime::Scalar>(
                &self, at: &#expansion, mu: &[__S; #unknowns],
            ) -> [[__S; #inputs]; #inputs] {
                #private::implicit::contract::<Self, __S, #unknowns, #inputs>(at, mu)
            }
        }
    }
}

/// The steps of an explicit integrator.
pub(super) fn steps(context: &EmitContext<'_>, function: &VectorFunction, steps: &StepLoop) -> TokenStream {
    let (runtime, name) = (context.runtime, &function.name);
    let StepLoop { method, substeps, step, states, others } = steps;
    let (values, inputs) = (function.id.outputs(), function.id.inputs());
    let private = quote!(#runtime::__private);
    let method = Ident::new(method, Span::call_site());
    let step = match step {
        Some(step) => quote!(::core::option::Option::Some(#step)),
        None => quote!(::core::option::Option::None),
    };
    let record = quote!(&mut #private::ResidualExpansion<__S, #values, #others>);
    let sizes = quote!(Self, __S, #values, #others, #inputs, #substeps);
    let kernels = kernels_of_steps(runtime, &record, (values, *others));
    let expansion = quote!(#private::Expansion<__S, #inputs, #values, Self::Memory<__S>>);
    quote! {
        pub struct #name;

        impl #private::Steps<#values, #others> for #name {
            const STATES: ::core::primitive::usize = #states;
            const STEP: ::core::option::Option<::core::primitive::f64> = #step;
            const METHOD: #private::Method = #private::Method::#method;
            #kernels
        }

        impl #runtime::VectorFunction<#inputs, #values> for #name {
            fn value<__S: #runtime::Scalar>(&self, z: &[__S; #inputs]) -> [__S; #values] {
                #private::steps::value::<#sizes>(z)
            }
            fn jacobian<__S: #runtime::Scalar>(&self, z: &[__S; #inputs]) -> [[__S; #inputs]; #values] {
                #private::steps::expand_at::<#sizes>(z).jacobian
            }
            fn contraction<__S: #runtime::Scalar>(
                &self, z: &[__S; #inputs], mu: &[__S; #values],
            ) -> [[__S; #inputs]; #inputs] {
                #private::steps::contract::<#sizes>(&#private::steps::expand_at::<#sizes>(z), mu)
            }
        }

        impl #private::Node<#inputs, #values> for #name {
            type Memory<__S: #runtime::Scalar> = #private::StepsMemory<__S, #values, #substeps>;
            fn memory<__S: #runtime::Scalar>() -> Self::Memory<__S> {
                #private::StepsMemory::zeros()
            }
            fn expand<__S: #runtime::Scalar>(&self, at: &mut #expansion) {
                #private::steps::expand::<#sizes>(at);
            }
            fn contract<__S: #runtime::Scalar>(
                &self, at: &#expansion, mu: &[__S; #values],
            ) -> [[__S; #inputs]; #inputs] {
                #private::steps::contract::<#sizes>(at, mu)
            }
        }
    }
}

/// The kernels of the derivative as methods.
fn kernels_of_steps(runtime: &TokenStream, record: &TokenStream, (values, others): (usize, usize)) -> TokenStream {
    let first = [("value", quote!(__SlopeValue)), ("linearize", quote!(__LinearizeSlope))].map(|(method, kernel)| {
        let method = Ident::new(method, Span::call_site());
        quote! {
            fn #method<__S: #runtime::Scalar>(y: &[__S; #values], z: &[__S; #others], out: #record) {
                <__S as #runtime::Scalar>::run::<#kernel>((y, z, out));
            }
        }
    });
    quote! {
        #(#first)*
        fn hessian<__S: #runtime::Scalar>(
            y: &[__S; #values], z: &[__S; #others], mu: &[__S; #values], out: #record,
        ) {
            <__S as #runtime::Scalar>::run::<__SlopeHessian>((y, z, mu, out));
        }
    }
}
