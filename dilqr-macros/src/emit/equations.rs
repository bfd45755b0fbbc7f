//! Functions that generated code makes of kernels beside the model: solutions of equations, and loops over a derivative.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::context::EmitContext;
use super::expanded::{Expanded, expanded};
use super::vector_calls;
use crate::program::fields::Field;
use crate::program::kernels::{Kernel, pattern};
use crate::syntax::names::camel_case;
use crate::syntax::vector_functions::{Equations, StepLoop, VectorFunction};

/// The kernels of equations.
struct EquationKernels {
    linearize: Kernel,
    hessian: Kernel,
    weights: Kernel,
    weight_contraction: Kernel,
}

fn kernels(of: Equations) -> EquationKernels {
    let [linearize, hessian, weights, weight_contraction] = match of {
        Equations::Step => [
            Kernel::LinearizeResidual,
            Kernel::ResidualHessian,
            Kernel::ResidualWeights,
            Kernel::ResidualWeightContraction,
        ],
        Equations::Algebraic => [
            Kernel::LinearizeAlgebraic,
            Kernel::AlgebraicHessian,
            Kernel::AlgebraicWeights,
            Kernel::AlgebraicWeightContraction,
        ],
        Equations::Slope => {
            [Kernel::LinearizeSlope, Kernel::SlopeHessian, Kernel::SlopeWeights, Kernel::SlopeWeightContraction]
        }
    };
    EquationKernels { linearize, hessian, weights, weight_contraction }
}

/// The solution of equations.
pub(super) fn implicit(
    context: &EmitContext<'_>,
    function: &VectorFunction,
    (of, guess): (Equations, &[f64]),
) -> TokenStream {
    let (unknowns, inputs) = context.equation_sizes(of);
    let private = private(context);
    let memory = quote!(#private::ImplicitMemory<__S, #unknowns, #inputs>);
    let sizes = quote!(Self, __S, #unknowns, #inputs);
    let methods = methods(context, of, [&quote!(implicit), &quote!(implicit)], ([&sizes, &sizes], &memory));
    let own = expanded(context, function, &methods);
    let (declared, ty) = declared(context, function);
    let equations = equations(context, function, of);
    quote! {
        #declared

        #equations

        impl #private::ImplicitFunction<#unknowns, #inputs> for #ty {
            const GUESS: [::core::primitive::f64; #unknowns] = [#(#guess),*];
        }

        #own
    }
}

/// The steps of an explicit integrator.
pub(super) fn steps(context: &EmitContext<'_>, function: &VectorFunction, steps: &StepLoop) -> TokenStream {
    let StepLoop { method, substeps, step, states, others } = steps;
    let (values, inputs) = (function.id.outputs(), function.id.inputs());
    let (runtime, private) = (context.runtime, private(context));
    let method = Ident::new(method, Span::call_site());
    let step = match step {
        Some(step) => quote!(::core::option::Option::Some(#step)),
        None => quote!(::core::option::Option::None),
    };
    let memory = quote!(#private::StepsMemory<__S, #values, #substeps>);
    let sizes = quote!(Self, __S, #values, #others, #inputs, #substeps);
    // The runtime's rows of derivatives fill vector registers of four numbers.
    let rows = inputs.next_multiple_of(4);
    let derivatives = quote!(#sizes, #rows);
    let modules = [&quote!(steps), &quote!(step_weights)];
    let methods = methods(context, Equations::Slope, modules, ([&sizes, &derivatives], &memory));
    let own = expanded(context, function, &methods);
    let (declared, ty) = declared(context, function);
    let equations = equations(context, function, Equations::Slope);
    let value = run(context, Kernel::SlopeValue, &[quote!(y), quote!(z), quote!(out)]);
    let patterns = patterns(context, values, *others);
    quote! {
        #declared

        #equations

        impl #private::Steps<#values, #others> for #ty {
            const STATES: ::core::primitive::usize = #states;
            const STEP: ::core::option::Option<::core::primitive::f64> = #step;
            const METHOD: #private::Method = #private::Method::#method;
            #patterns
            fn value<__S: #runtime::Scalar>(
                &self,
                y: &[__S; #values],
                z: &[__S; #others],
                out: &mut #private::ResidualValues<__S, #values>,
            ) {
                #value
            }
        }

        #own
    }
}

/// The structural zeros of a derivative and of its second derivatives.
fn patterns(context: &EmitContext<'_>, values: usize, others: usize) -> TokenStream {
    let pattern = |name: &str, kernel: Kernel, field: Field, (rows, columns): (usize, usize)| {
        let name = Ident::new(name, Span::call_site());
        let entries = pattern(&context.kernels[kernel], field, rows, columns);
        let entries = entries.into_iter().map(|row| quote!([#(#row),*]));
        quote!(const #name: [[::core::primitive::bool; #columns]; #rows] = [#(#entries),*];)
    };
    let fy = pattern("FY", Kernel::LinearizeSlope, Field::Ry, (values, values));
    let fz = pattern("FZ", Kernel::LinearizeSlope, Field::Rz, (values, others));
    let fyy = pattern("FYY", Kernel::SlopeHessian, Field::Hyy, (values, values));
    let fzy = pattern("FZY", Kernel::SlopeHessian, Field::Hzy, (others, values));
    quote!(#fy #fz #fyy #fzy)
}

fn private(context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    quote!(#runtime::__private)
}

/// The struct of a function of equations, which holds the functions that the equations call, and its type.
fn declared(context: &EmitContext<'_>, function: &VectorFunction) -> (TokenStream, TokenStream) {
    let (name, held) = (&function.name, context.held_by(function));
    if held.is_empty() {
        return (
            quote! {
                #[allow(dead_code)]
                pub struct #name;
            },
            quote!(#name),
        );
    }
    let fields = held.iter().map(|&id| vector_calls::argument_name(id));
    let types = held.iter().map(|&id| vector_calls::function_type(id, context));
    (
        quote! {
            #[allow(dead_code)]
            pub struct #name<'__a> {
                #(#fields: &'__a #types,)*
            }
        },
        quote!(#name<'_>),
    )
}

/// Runs a kernel, with the functions that it calls, on these arguments.
fn run(context: &EmitContext<'_>, kernel: Kernel, arguments: &[TokenStream]) -> TokenStream {
    let (runtime, ty) = (context.runtime, format_ident!("__{}", camel_case(kernel.name())));
    let held = context.passed(kernel).into_iter().map(vector_calls::argument_name);
    quote!(<__S as #runtime::Scalar>::run::<#ty>((#(self.#held,)* #(#arguments,)*));)
}

/// The kernels of equations as methods.
fn equations(context: &EmitContext<'_>, function: &VectorFunction, of: Equations) -> TokenStream {
    let (runtime, private, (_, ty)) = (context.runtime, private(context), declared(context, function));
    let (unknowns, inputs) = context.equation_sizes(of);
    let EquationKernels { linearize, hessian, weights, weight_contraction } = kernels(of);
    let linearize = run(context, linearize, &[quote!(y), quote!(z), quote!(out)]);
    let hessian = run(context, hessian, &[quote!(y), quote!(z), quote!(mu), quote!(out)]);
    let (of_y, of_z) = (quote!(&[__S; #unknowns]), quote!(&[__S; #inputs]));
    let record = quote!(&mut #private::ResidualExpansion<__S, #unknowns, #inputs>);
    let add_weights = adds_weights(context, of).then(|| {
        let gradient = run(context, weights, &[quote!(y), quote!(z), quote!(mu), quote!(out)]);
        let names = ["y", "z", "mu", "dy", "dz", "dmu", "out"].map(|name| Ident::new(name, Span::call_site()));
        let contraction = run(context, weight_contraction, &names.map(|name| quote!(#name)));
        quote! {
            fn add_weight_gradient<__S: #runtime::Scalar>(&self, y: #of_y, z: #of_z, mu: #of_y, out: &mut [__S]) {
                #gradient
            }
            fn add_weight_contraction<__S: #runtime::Scalar>(
                &self,
                (y, z, mu): (#of_y, #of_z, #of_y),
                (dy, dz, dmu): (#of_y, #of_z, #of_y),
                out: &mut [__S],
            ) {
                #contraction
            }
        }
    });
    quote! {
        impl #private::Equations<#unknowns, #inputs> for #ty {
            fn linearize<__S: #runtime::Scalar>(&self, y: #of_y, z: #of_z, out: #record) {
                #linearize
            }
            fn hessian<__S: #runtime::Scalar>(&self, y: #of_y, z: #of_z, mu: #of_y, out: #record) {
                #hessian
            }
            #add_weights
        }
    }
}

/// Whether equations have a gradient in weights.
fn adds_weights(context: &EmitContext<'_>, of: Equations) -> bool {
    let EquationKernels { weights, weight_contraction, .. } = kernels(of);
    vector_calls::adds_weights(context, weights) && vector_calls::adds_weights(context, weight_contraction)
}

/// The methods of the function, by the runtime's functions of two modules: of values, and of weights. The second sizes are those of
/// functions of derivatives.
fn methods(
    context: &EmitContext<'_>,
    of: Equations,
    [values, weights]: [&TokenStream; 2],
    ([sizes, of_derivatives], memory): ([&TokenStream; 2], &TokenStream),
) -> Expanded {
    let (runtime, private) = (context.runtime, private(context));
    let (values, weights) = (quote!(#private::#values), quote!(#private::#weights));
    let (inputs, outputs) = context.function_sizes(of);
    let expansion = quote!(#private::Expansion<__S, #inputs, #outputs, Self::Memory<__S>, #outputs>);
    let of_weights = adds_weights(context, of).then(|| {
        quote! {
            fn add_weight_gradient<__S: #runtime::Scalar>(
                &self, at: &#expansion, mu: &[__S; #outputs], out: &mut [__S],
            ) {
                #weights::add_weight_gradient::<#sizes>(self, at, mu, out);
            }
            fn add_weight_contraction<__S: #runtime::Scalar>(
                &self,
                at: &#expansion,
                directions: (&[__S; #inputs], &[__S; #outputs], &[__S; #outputs]),
                out: &mut [__S],
            ) {
                #weights::add_weight_contraction::<#sizes>(self, at, directions, out);
            }
        }
    });
    Expanded {
        value: quote!(#values::value::<#sizes>(self, z)),
        memory: memory.clone(),
        zeros: quote!(<#memory>::zeros()),
        expand: quote!(#values::expand::<#of_derivatives>(self, at)),
        contract: quote!(#values::contract::<#of_derivatives>(self, at, mu, out);),
        rows: outputs,
        weights: quote!(#of_weights),
    }
}
