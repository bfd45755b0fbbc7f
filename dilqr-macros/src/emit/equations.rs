//! Functions that generated code makes of kernels beside the model: solutions of equations, and loops over a derivative.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::context::EmitContext;
use super::expanded::{Expanded, expanded};
use crate::syntax::vector_functions::{Equations, StepLoop, VectorFunction};

/// The kernels of first and of second derivatives.
fn derivative_kernels(of: Equations) -> (TokenStream, TokenStream) {
    match of {
        Equations::Step => (quote!(__LinearizeResidual), quote!(__ResidualHessian)),
        Equations::Algebraic => (quote!(__LinearizeAlgebraic), quote!(__AlgebraicHessian)),
        Equations::Slope => (quote!(__LinearizeSlope), quote!(__SlopeHessian)),
    }
}

/// The solution of equations.
pub(super) fn implicit(
    context: &EmitContext<'_>,
    function: &VectorFunction,
    (of, guess): (Equations, &[f64]),
) -> TokenStream {
    let (runtime, name) = (context.runtime, &function.name);
    let private = quote!(#runtime::__private);
    let (unknowns, inputs) = context.equation_sizes(of);
    let (linearize, hessian) = derivative_kernels(of);
    let sizes = quote!(Self, __S, #unknowns, #inputs);
    let expanded = expanded(
        context,
        function,
        &Expanded {
            value: quote!(#private::implicit::value::<#sizes>(z)),
            memory: quote!(#private::ImplicitMemory<__S, #unknowns, #inputs>),
            zeros: quote!(#private::ImplicitMemory::zeros()),
            expand: quote!(#private::implicit::expand::<#sizes>(at)),
            contract: quote!(out.copy_from_slice(&#private::implicit::contract::<#sizes>(at, mu));),
            rows: unknowns,
            weights: quote!(),
        },
    );
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

        #expanded
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
    let expanded = expanded(
        context,
        function,
        &Expanded {
            value: quote!(#private::steps::value::<#sizes>(z)),
            memory: quote!(#private::StepsMemory<__S, #values, #substeps>),
            zeros: quote!(#private::StepsMemory::zeros()),
            expand: quote!(#private::steps::expand::<#sizes>(at)),
            contract: quote!(out.copy_from_slice(&#private::steps::contract::<#sizes>(at, mu));),
            rows: values,
            weights: quote!(),
        },
    );
    quote! {
        pub struct #name;

        impl #private::Steps<#values, #others> for #name {
            const STATES: ::core::primitive::usize = #states;
            const STEP: ::core::option::Option<::core::primitive::f64> = #step;
            const METHOD: #private::Method = #private::Method::#method;
            #kernels
        }

        #expanded
    }
}

/// The kernels of the derivative as methods.
fn kernels_of_steps(runtime: &TokenStream, record: &TokenStream, (values, others): (usize, usize)) -> TokenStream {
    let (linearize, hessian) = derivative_kernels(Equations::Slope);
    let first = [("value", quote!(__SlopeValue)), ("linearize", linearize)].map(|(method, kernel)| {
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
            <__S as #runtime::Scalar>::run::<#hessian>((y, z, mu, out));
        }
    }
}
