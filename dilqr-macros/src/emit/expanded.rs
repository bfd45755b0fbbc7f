//! The traits of vector functions that keep work of their expansions: networks, solutions of equations, loops over steps.

use proc_macro2::TokenStream;
use quote::quote;

use super::context::EmitContext;
use crate::syntax::vector_functions::VectorFunction;

/// The code of a vector function that keeps work of its expansions. `z` is a point, `at` an expansion, `mu` the adjoints of the
/// value, and `__S` the scalar.
pub(super) struct Expanded {
    pub(super) value: TokenStream,
    /// The type of the memory, as a path.
    pub(super) memory: TokenStream,
    /// Memory of zeros.
    pub(super) zeros: TokenStream,
    pub(super) expand: TokenStream,
    /// It writes `out`, the rows of the contraction.
    pub(super) contract: TokenStream,
    /// The rows of Jacobians on the stack.
    pub(super) rows: usize,
    /// The methods of its weights.
    pub(super) weights: TokenStream,
}

/// The traits of such a function.
pub(super) fn expanded(context: &EmitContext<'_>, function: &VectorFunction, code: &Expanded) -> TokenStream {
    let (runtime, name) = (context.runtime, &function.name);
    let lifetime = (!context.held_by(function).is_empty()).then(|| quote!(<'_>));
    let (inputs, outputs) = (function.id.inputs(), function.id.outputs());
    let Expanded { value, memory, zeros, expand, contract, rows, weights } = code;
    let node = quote!(#runtime::__private::Node);
    let expansion = quote!(#runtime::__private::Expansion<__S, #inputs, #outputs, Self::Memory<__S>, #rows>);
    quote! {
        impl #runtime::VectorFunction<#inputs, #outputs> for #name #lifetime {
            fn value<__S: #runtime::Scalar>(&self, z: &[__S; #inputs]) -> [__S; #outputs] {
                #value
            }
            fn jacobian<__S: #runtime::Scalar>(&self, z: &[__S; #inputs]) -> [[__S; #inputs]; #outputs] {
                #node::expand_at(self, z).jacobian.to_array()
            }
            fn contraction<__S: #runtime::Scalar>(
                &self, z: &[__S; #inputs], mu: &[__S; #outputs],
            ) -> [[__S; #inputs]; #inputs] {
                let mut out = [[<__S as #runtime::Scalar>::from_f64(0.0); #inputs]; #inputs];
                #node::contract(self, &#node::expand_at(self, z), mu, &mut out);
                out
            }
        }

        impl #node<#inputs, #outputs, #rows> for #name #lifetime {
            type Memory<__S: #runtime::Scalar> = #memory;
            fn memory<__S: #runtime::Scalar>() -> Self::Memory<__S> {
                #zeros
            }
            fn expand<__S: #runtime::Scalar>(&self, at: &mut #expansion) {
                #expand
            }
            fn contract<__S: #runtime::Scalar>(
                &self, at: &#expansion, mu: &[__S; #outputs], out: &mut [[__S; #inputs]],
            ) {
                #contract
            }
            #weights
        }
    }
}
