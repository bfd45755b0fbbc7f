//! The implementation of `dilqr_runtime::Model`: methods that delegate to kernels.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::context::EmitContext;
use super::functions::functions;
use super::signature::{argument_name, argument_type, arguments_of, parameter};
use super::{factor, implicit, lifted};
use super::{vector_calls, vector_types};
use crate::elaborate::elaborated_system::{Bounded, OpenSides, Row};
use crate::elaborate::layout::FieldLayout;
use crate::program::fields::Field;
use crate::program::kernels::{self, Kernel, pattern};
use crate::program::vectors::Sizes;
use crate::syntax::module_kind::ModuleKind;
use crate::syntax::names::camel_case;

pub(super) fn implementation(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { runtime, kernels, replaced, .. } = context;
    let model = context.implementor();
    let Sizes { nx, nu, np, ns } = context.sizes;
    let beside = [Kernel::Linearize, Kernel::Penalties];
    let run: Vec<Kernel> = kernels.iter().map(|(kernel, _)| kernel).filter(|kernel| !beside.contains(kernel)).collect();
    let kernels = run.iter().map(|&of| kernel(context, of));
    let methods = run.iter().filter(|kernel| !kernel.is_of_equations());
    let delegates = methods.map(|&method| delegate(context, method));
    let sparsity = sparsity(context);
    let limits = context.limits.any().then(|| limits(context));
    let start = start(context);
    let kinks = kernels::has_kinks(context.kernels).then(|| {
        quote!(
            const HAS_KINKS: bool = true;
        )
    });
    let linear = kernels::has_linear_dynamics(context.kernels).then(|| {
        quote!(
            const LINEAR_DYNAMICS: bool = true;
        )
    });
    let weight_count = vector_types::weight_count(context);
    let weights_mut = (!context.vectors.are_lifted()).then(|| vector_types::weights_mut(context, "weights_mut"));
    let vendored = context.vendored.map(vendored);
    let beside = beside_model(context);
    let vector_types = vector_types::implementations(context);
    quote! {
        // Folded constants of kernels, as two pi, have more digits than a reader would write.
        #[allow(deprecated, clippy::approx_constant, clippy::too_many_arguments)]
        const _: () = {
            // Cargo rebuilds the model when the request to dump it changes.
            const __DUMP: ::core::option::Option<&'static ::core::primitive::str> = ::core::option_env!("DILQR_DUMP");
            #vendored

            #[automatically_derived]
            impl #runtime::Model<#nx, #nu, #np, #ns> for #model {
                const SPARSITY: #runtime::Sparsity<#nx, #nu, #np> = #sparsity;
                #limits
                #start
                #kinks
                #linear
                #weight_count
                #weights_mut
                #(#delegates)*
            }

            #beside
            #vector_types
            #(#kernels)*

            // In a private module nothing else may use them, and rustc would warn.
            let _ = (#(#replaced,)*);
        };
    }
}

/// Reads the vendored file. As a constant that nothing reads, it would be part of the compiled crate's metadata.
fn vendored(path: &str) -> TokenStream {
    quote! {
        // Cargo rebuilds the model when its vendored kernels change.
        #[allow(dead_code)]
        fn __vendored() {
            let _ = ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path));
        }
    }
}

/// Functions on the user's structs, and the relation of a lifted model to the user's.
fn beside_model(context: &EmitContext<'_>) -> TokenStream {
    match context.vectors.kind {
        ModuleKind::ImplicitFunction => return implicit::implementation(context),
        ModuleKind::Factor => return factor::implementation(context),
        ModuleKind::ControlProblem => {}
    }
    if context.vectors.are_lifted() {
        return lifted::items(context);
    }
    let dynamics = (context.integrated && context.has_functions()).then(|| lifted::dynamics(context));
    let linearize = linearize(context);
    quote!(#linearize #dynamics)
}

fn kernel_type(kernel: Kernel) -> Ident {
    format_ident!("__{}", camel_case(kernel.name()))
}

/// A method of the trait. It passes its arguments to the kernel's function for the scalar, one by one, so that they can be
/// passed in registers.
fn delegate(context: &EmitContext<'_>, kernel: Kernel) -> TokenStream {
    let runtime = context.runtime;
    let name = Ident::new(kernel.name(), Span::call_site());
    let scalar = quote!(__S);
    let parameters = kernel.parameters().iter().map(|&of_method| parameter(of_method, context, &scalar));
    let called = context.passed(kernel).into_iter().map(|function| {
        let field = context.function(function).field();
        let own = if context.vectors.are_lifted() { quote!(self.0) } else { quote!(self) };
        quote!(&#own.#field)
    });
    let passed = vector_calls::arguments(context, kernel);
    let own = kernel.parameters().iter().flat_map(|&of_method| arguments_of(of_method, &passed));
    let arguments = called.chain(own);
    let (kernel_type, result) = (kernel_type(kernel), result(kernel, &scalar));
    quote! {
        #[inline(always)]
        fn #name<__S: #runtime::Scalar>(&self, #(#parameters),*) #result {
            <__S as #runtime::Scalar>::run::<#kernel_type>((#(#arguments,)*))
        }
    }
}

fn result(kernel: Kernel, scalar: &TokenStream) -> TokenStream {
    if kernel.returns_cost() { quote!(-> #scalar) } else { quote!() }
}

/// The kernel's two functions and the type that chooses between them.
fn kernel(context: &EmitContext<'_>, kernel: Kernel) -> TokenStream {
    let runtime = context.runtime;
    let kernel_type = kernel_type(kernel);
    let called = context.passed(kernel);
    let arguments = vector_calls::arguments(context, kernel);
    let names = called.iter().map(|&function| vector_calls::argument_name(function));
    let names: Vec<Ident> = names.chain(arguments.iter().map(|&argument| argument_name(argument))).collect();
    let types = called.iter().map(|&function| {
        let ty = vector_calls::function_type(function, context);
        quote!(&'__a #ty)
    });
    let of_arguments = arguments.iter().map(|&argument| argument_type(argument, context, &quote!(__S), &quote!('__a)));
    let types = types.chain(of_arguments);
    let value = if kernel.returns_cost() { quote!(__S) } else { quote!(()) };
    let value_f64 = if kernel.returns_cost() { quote!(::core::primitive::f64) } else { quote!(()) };
    let generic = format_ident!("__{}_generic", kernel.name());
    let for_f64 = format_ident!("__{}_f64", kernel.name());
    let functions = functions(context, kernel);
    quote! {
        pub struct #kernel_type;
        impl #runtime::__private::Kernel for #kernel_type {
            type Arguments<'__a, __S: #runtime::Scalar> = (#(#types,)*);
            type Value<__S: #runtime::Scalar> = #value;
            #[inline(always)]
            fn generic<__S: #runtime::Scalar>((#(#names,)*): Self::Arguments<'_, __S>) -> #value {
                #generic::<__S>(#(#names),*)
            }
            #[inline(always)]
            fn f64((#(#names,)*): Self::Arguments<'_, ::core::primitive::f64>) -> #value_f64 {
                #for_f64(#(#names),*)
            }
        }
        #functions
    }
}

/// `linearize` on the user's structs, for f64 only.
fn linearize(context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    let model = context.model_type();
    let Sizes { nx, nu, np, ns } = context.sizes;
    let functions = functions(context, Kernel::Linearize);
    let called = context.called_by(Kernel::Linearize);
    let allow = (!called.is_empty()).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let ([_, parameter], vector) = (context.optional().parameters("__", true), context.stage_vector(&quote!(*__s)));
    quote! {
        impl #model {
            #[doc(hidden)]
            #allow
            pub fn __linearize(__x: &State, __u: &Control, __p: &Params #parameter, __out: &mut Linearization) {
                let __x: #runtime::nalgebra::SVector<::core::primitive::f64, #nx> = ::core::convert::From::from(*__x);
                let __u: #runtime::nalgebra::SVector<::core::primitive::f64, #nu> = ::core::convert::From::from(*__u);
                let __p: #runtime::nalgebra::SVector<::core::primitive::f64, #np> = ::core::convert::From::from(*__p);
                let __s: #runtime::nalgebra::SVector<::core::primitive::f64, #ns> = #vector;
                __linearize_f64(#called &__x, &__u, &__p, &__s, __out);
            }
        }
        #functions
    }
}

/// The constant that counts the limits.
fn limits(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { runtime, limits, .. } = context;
    let bounded = limits.bounded();
    let (stage, terminal) = (&limits.stage, &limits.terminal);
    let (stage_inequalities, stage_equalities) = (stage.inequalities, stage.equalities());
    let (terminal_inequalities, terminal_equalities) = (terminal.inequalities, terminal.equalities());
    let (initial_inequalities, initial_equalities) = (limits.initial.inequalities, limits.initial.equalities());
    let depends_on_control = depends_on_choice(context);
    let OpenSides { params: open_params, stage_params: open_stage_params } = &limits.open;
    let [stage_rows, terminal_rows, initial_rows] = [stage, terminal, &limits.initial].map(|constraints| {
        let rows = constraints.rows.iter().map(|&found| row(context, found));
        quote!(&[#(#rows),*])
    });
    let excesses = context.vectors.lift.stage_slacks;
    let soft_chosen_from = soft_chosen_from(context);
    let [absolute_values, terminal_absolute_values] = limits.absolute_values.each_ref().map(|pairs| {
        let pairs = pairs.iter().map(|(first, second)| quote!((#first, #second)));
        quote!(&[#(#pairs),*])
    });
    let control = Ident::new(context.vectors.control_name(), Span::call_site());
    let states = if context.vectors.sought.is_some() { quote!(&[]) } else { quote!(&State::NAMES) };
    let design = context.vectors.lift.design.as_ref().map_or_else(|| quote!(&[]), |_| quote!(&Design::NAMES));
    quote! {
        const LIMITS: #runtime::Limits = #runtime::Limits {
            bounded: #bounded,
            stage_inequalities: #stage_inequalities,
            stage_equalities: #stage_equalities,
            terminal_inequalities: #terminal_inequalities,
            terminal_equalities: #terminal_equalities,
            initial_inequalities: #initial_inequalities,
            initial_equalities: #initial_equalities,
            depends_on_control: &[#(#depends_on_control),*],
            open_params: &[#(#open_params),*],
            open_stage_params: &[#(#open_stage_params),*],
            stage_rows: #stage_rows,
            terminal_rows: #terminal_rows,
            initial_rows: #initial_rows,
            excesses: #excesses,
            soft_chosen_from: &[#(#soft_chosen_from),*],
            absolute_values: #absolute_values,
            terminal_absolute_values: #terminal_absolute_values,
            names: #runtime::model::Names { states: #states, controls: &#control::NAMES, design: #design },
        };
    }
}

/// What an inequality is.
fn row(context: &EmitContext<'_>, row: Row) -> TokenStream {
    let runtime = context.runtime;
    match row {
        Row::Bound { of, entry, upper, known } => {
            let kind = match of {
                Bounded::State => quote!(StateEntry),
                Bounded::Control => quote!(ControlEntry),
                Bounded::Rate => quote!(ControlRate),
                Bounded::Design => quote!(DesignEntry),
            };
            quote! {
                #runtime::model::Row::Bound {
                    variable: #runtime::model::Variable::#kind(#entry), upper: #upper, known: #known,
                }
            }
        }
        Row::SoftConstraint(index) => quote!(#runtime::model::Row::SoftConstraint(#index)),
        Row::Slack(index) => quote!(#runtime::model::Row::Excess(#index)),
    }
}

/// Whether each constraint of a stage depends on the control or on a chosen entry of the initial state.
fn depends_on_choice(context: &EmitContext<'_>) -> Vec<bool> {
    let EmitContext { limits, sizes, .. } = context;
    let depends = depends_on(context, sizes.nu, &context.vectors.free()).into_iter().enumerate();
    // The bounds of a given state begin with stage 1, even where they depend on design variables.
    depends.map(|(row, depends)| depends && !limits.state_bounds.contains(&row)).collect()
}

/// The first stage at which each soft constraint depends on a control, its excess apart, or on a chosen entry of the initial
/// state; the largest number where there is none.
fn soft_chosen_from(context: &EmitContext<'_>) -> Vec<TokenStream> {
    let EmitContext { limits, sizes, vectors, .. } = context;
    if vectors.lift.stage_slacks == 0 {
        return Vec::new();
    }
    let mut chosen = vectors.free();
    let mut from = vec![None; limits.stage.values.len()];
    // Each stage passes choices on to another entry, or to no new one for good.
    for t in 0..=sizes.nx {
        let depends = depends_on(context, sizes.nu - vectors.lift.stage_slacks, &chosen);
        for (from, _) in from.iter_mut().zip(depends).filter(|(_, depends)| *depends) {
            from.get_or_insert(t);
        }
        let next = chosen_next(context, &chosen);
        if next == chosen {
            break;
        }
        chosen = next;
    }
    let own = limits.stage.inequalities - limits.stage.rows.len();
    let rows = limits.stage.rows.iter().zip(from.into_iter().skip(own));
    let soft = rows.filter(|(row, _)| matches!(row, Row::SoftConstraint(_)));
    let never = quote!(::core::primitive::usize::MAX);
    soft.map(|(_, from)| from.map_or_else(|| never.clone(), |t| quote!(#t))).collect()
}

/// The entries of the next state that depend on a control or on a chosen entry of this one.
fn chosen_next(context: &EmitContext<'_>, chosen: &[bool]) -> Vec<bool> {
    let EmitContext { kernels, sizes, .. } = context;
    let Some(program) = kernels.get(Kernel::Linearize) else { return vec![true; sizes.nx] };
    let (fx, fu) = (pattern(program, Field::Fx, sizes.nx, sizes.nx), pattern(program, Field::Fu, sizes.nx, sizes.nu));
    fx.iter().zip(&fu).map(|(fx, fu)| fu.contains(&true) || has_chosen(fx, chosen)).collect()
}

/// Whether each constraint of a stage depends on one of the first controls, this many, or on a chosen entry of the state.
fn depends_on(context: &EmitContext<'_>, controls: usize, chosen: &[bool]) -> Vec<bool> {
    let EmitContext { limits, sizes, .. } = context;
    let Some(program) = context.kernels.get(Kernel::ExpandStageConstraints) else { return Vec::new() };
    let rows = limits.stage.values.len();
    let (cx, cu) = (pattern(program, Field::Cx, rows, sizes.nx), pattern(program, Field::Cu, rows, sizes.nu));
    (0..rows).map(|row| cu[row][..controls].contains(&true) || has_chosen(&cx[row], chosen)).collect()
}

/// Whether a row has an entry of the state that is chosen.
fn has_chosen(row: &[bool], chosen: &[bool]) -> bool {
    row.iter().zip(chosen).any(|(&entry, &chosen)| entry && chosen)
}

/// The constant that describes the initial state, where any of it is chosen.
fn start(context: &EmitContext<'_>) -> TokenStream {
    let (runtime, nx, free) = (context.runtime, context.sizes.nx, context.vectors.free());
    let cost = context.kernels.get(Kernel::InitialCost).is_some();
    if !cost && !free.contains(&true) {
        return quote!();
    }
    let arrival = arrival(context).filter(|_| cost && context.vectors.lift.free_start);
    let arrival = arrival.unwrap_or_else(|| quote!(::core::option::Option::None));
    quote! {
        const START: #runtime::model::Start<#nx> =
            #runtime::model::Start { free: [#(#free),*], cost: #cost, arrival: #arrival };
    }
}

/// Where the parameters `mean` and `information` of an arrival cost are, if they have these names and fitting shapes. The
/// runtime checks the cost itself.
fn arrival(context: &EmitContext<'_>) -> Option<TokenStream> {
    use FieldLayout::{Array, Number};
    let (runtime, layout) = (context.runtime, &context.vectors.params);
    let (mean, of_mean) = layout.find("mean")?;
    let (information, of_information) = layout.find("information")?;
    let (states, full) = match (of_mean, of_information) {
        (Number, Number) => (1, false),
        (Array(mean, n), Array(information, m)) if n == m => match (&**mean, &**information) {
            (Number, Number) => (*n, false),
            (Number, Array(row, m)) if n == m && matches!(**row, Number) => (*n, true),
            _ => return None,
        },
        _ => return None,
    };
    (states <= context.vectors.state.len()).then(|| {
        quote! {
            ::core::option::Option::Some(#runtime::model::Arrival {
                states: #states, mean: #mean, information: #information, full: #full,
            })
        }
    })
}

fn sparsity(context: &EmitContext<'_>) -> TokenStream {
    let runtime = context.runtime;
    let blocks = kernels::sparsity(context.kernels, context.sizes);
    let fields = blocks.into_iter().map(|(name, rows)| {
        let name = Ident::new(name, Span::call_site());
        let rows = rows.into_iter().map(|row| quote!([#(#row),*]));
        quote!(#name: [#(#rows),*])
    });
    quote!(#runtime::Sparsity { #(#fields),* })
}
