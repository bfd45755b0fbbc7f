//! The model's type and the types of its vector functions.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::context::EmitContext;
use super::equations;
use super::expanded::{Expanded, expanded};
use super::vector_calls;
use crate::syntax::vector_functions::{FunctionKind, NetworkShape, TableInputs, VectorFunction};

/// The model's type: a unit struct, or one that holds the vector functions.
pub(super) fn model(context: &EmitContext<'_>, documentation: &str) -> TokenStream {
    let model = context.model_type();
    if !context.has_functions() {
        return quote! {
            #[doc = #documentation]
            #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq, ::core::cmp::Eq)]
            pub struct #model;
        };
    }
    let functions = context.held_functions();
    let (fields, types): (Vec<Ident>, Vec<&Ident>) = functions.iter().map(|item| (item.field(), &item.name)).unzip();
    let mutable = fields.iter().map(|field| format_ident!("{field}_mut"));
    let creation = format!("The model `{}` with its functions.", context.module);
    let reading = types.iter().map(|ty| format!("The model's [`{ty}`]."));
    let changing = types.iter().map(|ty| format!("The model's [`{ty}`], to be changed."));
    quote! {
        #[doc = #documentation]
        #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
        pub struct #model {
            #(#fields: #types,)*
        }

        impl #model {
            #[doc = #creation]
            #[must_use]
            pub fn new(#(#fields: #types),*) -> Self {
                Self { #(#fields),* }
            }

            #(
                #[doc = #reading]
                #[must_use]
                pub fn #fields(&self) -> &#types {
                    &self.#fields
                }

                #[doc = #changing]
                pub fn #mutable(&mut self) -> &mut #types {
                    &mut self.#fields
                }
            )*
        }
    }
}

/// The method of `Model` that counts the weights, where there are any.
pub(super) fn weight_count(context: &EmitContext<'_>) -> Option<TokenStream> {
    let networks = context.vectors.functions.iter().filter_map(|function| match &function.kind {
        FunctionKind::Network(shape) => Some(shape.weights()),
        _ => None,
    });
    let count: usize = networks.sum();
    (count > 0).then(|| {
        quote! {
            fn weight_count(&self) -> ::core::primitive::usize {
                #count
            }
        }
    })
}

/// The method `name`, which lists the weights of the networks, where there are any.
pub(super) fn weights_mut(context: &EmitContext<'_>, name: &str) -> Option<TokenStream> {
    let held = context.held_functions();
    let networks = held.iter().filter(|function| matches!(function.kind, FunctionKind::Network(_)));
    let fields: Vec<Ident> = networks.map(|function| function.field()).collect();
    let (runtime, name) = (context.runtime, format_ident!("{name}"));
    (!fields.is_empty()).then(|| {
        quote! {
            fn #name(&mut self) -> #runtime::__private::Vec<&mut [::core::primitive::f64]> {
                #runtime::__private::Vec::from([#(self.#fields.weights_mut()),*])
            }
        }
    })
}

/// The fields of a network's struct, which the user declares without any.
pub(crate) fn network_fields(function: &VectorFunction, runtime: &TokenStream) -> Option<syn::Fields> {
    let FunctionKind::Network(_) = &function.kind else { return None };
    let (inputs, outputs) = (function.id.inputs(), function.id.outputs());
    let fields: syn::FieldsNamed = syn::parse_quote!({ __network: #runtime::__private::Network<#inputs, #outputs> });
    Some(syn::Fields::Named(fields))
}

/// The methods and traits of the vector functions.
pub(super) fn implementations(context: &EmitContext<'_>) -> TokenStream {
    let functions = context.vectors.functions.iter().map(|function| match &function.kind {
        FunctionKind::Network(shape) => network(context, function, shape),
        FunctionKind::Own => own(context, function),
        FunctionKind::Table(TableInputs::Point) => quote!(),
        FunctionKind::Implicit(of, guess) => equations::implicit(context, function, (*of, guess)),
        FunctionKind::Steps(steps) => equations::steps(context, function, steps),
        FunctionKind::Table(TableInputs::ValuesAndPoint) => values_and_point(context, function),
    });
    quote!(#(#functions)*)
}

/// A table as a function of its values and a number.
fn values_and_point(context: &EmitContext<'_>, function: &VectorFunction) -> TokenStream {
    let (runtime, table, inputs) = (context.runtime, &function.name, function.id.inputs());
    let name = vector_calls::values_of_table(table);
    if !context.kernels.iter().any(|(_, program)| program.vector_functions().contains(&function.id)) {
        return quote!();
    }
    quote! {
        #[allow(non_camel_case_types)]
        pub struct #name;

        impl #runtime::VectorFunction<#inputs, 1> for #name {
            fn value<__S: #runtime::Scalar>(&self, z: &[__S; #inputs]) -> [__S; 1] {
                #table.__value_of(z)
            }
            fn jacobian<__S: #runtime::Scalar>(&self, z: &[__S; #inputs]) -> [[__S; #inputs]; 1] {
                #table.__jacobian_of(z)
            }
            fn contraction<__S: #runtime::Scalar>(
                &self, z: &[__S; #inputs], mu: &[__S; 1],
            ) -> [[__S; #inputs]; #inputs] {
                let mut out = [[<__S as #runtime::Scalar>::from_f64(0.0); #inputs]; #inputs];
                #table.__contract(z, mu, &mut out);
                out
            }
        }

        impl #runtime::__private::Node<#inputs, 1, 1> for #name {
            type Memory<__S: #runtime::Scalar> = ();
            fn memory<__S: #runtime::Scalar>() {}
            fn contract<__S: #runtime::Scalar>(
                &self,
                at: &#runtime::__private::Expansion<__S, #inputs, 1, (), 1>,
                mu: &[__S; 1],
                out: &mut [[__S; #inputs]],
            ) {
                #table.__contract(&at.z, mu, out);
            }
        }
    }
}

/// A function of the user's own: its derivatives are those of its `VectorFunction`.
fn own(context: &EmitContext<'_>, function: &VectorFunction) -> TokenStream {
    let (runtime, name) = (context.runtime, &function.name);
    let (inputs, outputs, rows) = (function.id.inputs(), function.id.outputs(), context.stack_rows(function));
    quote! {
        impl #name {
            /// The value at a point.
            #[must_use]
            pub fn evaluate(&self, z: [::core::primitive::f64; #inputs]) -> [::core::primitive::f64; #outputs] {
                #runtime::VectorFunction::value(self, &z)
            }
        }

        impl #runtime::__private::Node<#inputs, #outputs, #rows> for #name {
            type Memory<__S: #runtime::Scalar> = ();
            fn memory<__S: #runtime::Scalar>() {}
        }
    }
}

fn network(context: &EmitContext<'_>, function: &VectorFunction, shape: &NetworkShape) -> TokenStream {
    let runtime = context.runtime;
    let (inputs, outputs, rows) = (function.id.inputs(), function.id.outputs(), context.stack_rows(function));
    let hidden = shape.hidden();
    let on_stack = if context.memory_on_stack { hidden } else { 0 };
    let methods = network_methods(context, function, shape);
    let private = quote!(#runtime::__private);
    let expansion = quote!(#private::Expansion<__S, #inputs, #outputs, Self::Memory<__S>, #rows>);
    let weights = quote! {
        fn add_weight_gradient<__S: #runtime::Scalar>(
            &self, at: &#expansion, mu: &[__S; #outputs], out: &mut [__S],
        ) {
            self.__network.add_weight_gradient(at, mu, out);
        }
        fn add_weight_contraction<__S: #runtime::Scalar>(
            &self,
            at: &#expansion,
            directions: (&[__S; #inputs], &[__S; #outputs], &[__S; #outputs]),
            out: &mut [__S],
        ) {
            self.__network.add_weight_contraction(at, directions, out);
        }
    };
    let expanded = expanded(
        context,
        function,
        &Expanded {
            value: quote!(self.__network.value::<__S, #on_stack>(z)),
            memory: quote!(#private::NetworkMemory<__S, #inputs, #on_stack>),
            zeros: quote!(#private::NetworkMemory::zeros(#hidden)),
            expand: quote!(self.__network.expand(at)),
            contract: quote!(self.__network.contract(at, mu, out)),
            rows,
            weights,
        },
    );
    quote! {
        #methods

        #expanded
    }
}

/// What users call on a network.
fn network_methods(context: &EmitContext<'_>, function: &VectorFunction, shape: &NetworkShape) -> TokenStream {
    let (runtime, name) = (context.runtime, &function.name);
    let (inputs, outputs) = (function.id.inputs(), function.id.outputs());
    let (sizes, count) = (&shape.sizes, shape.weights());
    let activation = Ident::new(shape.activation, function.name.span());
    let network = quote!(#runtime::__private::Network);
    let parts = quote!(&[#(#sizes),*], #runtime::Activation::#activation);
    let (scaling, initializers) = (scaling(context, function), initializers(context, function, &parts));
    let on_stack = if context.memory_on_stack { shape.hidden() } else { 0 };
    quote! {
        impl #name {
            /// The number of weights.
            pub const LEN: ::core::primitive::usize = #count;

            /// A network from its weights: the matrix of the first layer row by row, its biases, the matrix of the second, ..
            ///
            /// # Errors
            /// For another number of weights than [`LEN`](Self::LEN), and for one that is not finite.
            pub fn from_weights(
                weights: &[::core::primitive::f64],
            ) -> ::core::result::Result<Self, #runtime::InputError> {
                ::core::result::Result::Ok(Self { __network: #network::from_weights(#parts, weights)? })
            }

            /// The weights, in the order of [`from_weights`](Self::from_weights).
            #[must_use]
            pub fn weights(&self) -> &[::core::primitive::f64] {
                self.__network.weights()
            }

            /// The weights, to be changed.
            pub fn weights_mut(&mut self) -> &mut [::core::primitive::f64] {
                self.__network.weights_mut()
            }

            /// The value at a point.
            #[must_use]
            pub fn evaluate(&self, z: [::core::primitive::f64; #inputs]) -> [::core::primitive::f64; #outputs] {
                self.__network.value::<::core::primitive::f64, #on_stack>(&z)
            }
        }

        #initializers

        #scaling

        #runtime::__network_file! { #name, #parts }
    }
}

/// The methods of a network that draw its weights.
fn initializers(context: &EmitContext<'_>, function: &VectorFunction, parts: &TokenStream) -> TokenStream {
    let (runtime, name) = (context.runtime, &function.name);
    let outputs = function.id.outputs();
    let network = quote!(#runtime::__private::Network);
    quote! {
        impl #name {
            /// Random weights, uniform within `sqrt(6 / (inputs + outputs))` of each layer, and biases of zero. A seed gives the
            /// same weights everywhere.
            #[must_use]
            pub fn xavier(seed: ::core::primitive::u64) -> Self {
                Self::initialized(#runtime::Initializer::XavierUniform, seed)
            }

            /// Random weights. A seed gives the same weights everywhere.
            #[must_use]
            pub fn initialized(initializer: #runtime::Initializer, seed: ::core::primitive::u64) -> Self {
                Self { __network: #network::initialized(#parts, initializer, seed) }
            }

            /// The network whose last layer gives these values at every point: its biases are these, and its matrix is zero. So a
            /// model starts its training without the network's part. The scaling of outputs applies to the values.
            ///
            /// # Errors
            /// For values that are not finite.
            pub fn with_constant_output(
                self, values: [::core::primitive::f64; #outputs],
            ) -> ::core::result::Result<Self, #runtime::InputError> {
                ::core::result::Result::Ok(Self { __network: self.__network.with_constant_output(values)? })
            }
        }
    }
}

/// The methods of a network that set its scaling.
fn scaling(context: &EmitContext<'_>, function: &VectorFunction) -> TokenStream {
    let (runtime, name) = (context.runtime, &function.name);
    let (inputs, outputs) = (function.id.inputs(), function.id.outputs());
    let result = quote!(::core::result::Result<Self, #runtime::InputError>);
    quote! {
        impl #name {
            /// The network with normalized inputs: the first layer gets `(z - mean) / scale`. The weights stay.
            ///
            /// # Errors
            /// For means that are not finite and scales that are not positive.
            pub fn with_input_scaling(
                self, mean: [::core::primitive::f64; #inputs], scale: [::core::primitive::f64; #inputs],
            ) -> #result {
                ::core::result::Result::Ok(Self { __network: self.__network.with_input_scaling(mean, scale)? })
            }

            /// The network with outputs `mean + scale a`, where `a` is the value of the last layer. The weights stay.
            ///
            /// # Errors
            /// For means that are not finite and scales that are not positive.
            pub fn with_output_scaling(
                self, mean: [::core::primitive::f64; #outputs], scale: [::core::primitive::f64; #outputs],
            ) -> #result {
                ::core::result::Result::Ok(Self { __network: self.__network.with_output_scaling(mean, scale)? })
            }
        }
    }
}
