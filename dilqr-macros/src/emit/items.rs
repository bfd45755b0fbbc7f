//! Programs to tokens. Infallible: whatever arrives here has been checked.
//!
//! Generated code names everything absolutely, keeps its own names behind two underscores and its items inside
//! `const _`, so that it does not meet the user's names. rustc holds most lints back in what a macro from elsewhere has
//! written; the exceptions are allowed by name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use crate::elaborate::elaborator::{Layout, Vectors};
use crate::elaborate::graph::{NodeId, Vector};
use crate::elaborate::limits::Limits;
use crate::emit::chunk::KernelBody;
use crate::emit::describe::documentation;
use crate::emit::unused::Unused;
use crate::program::kernels::{self, Kernels, Sizes, pattern};
use crate::program::program::{Field, Program};
use crate::syntax::check::camel_case;

/// Everything the emitter needs to know.
pub(crate) struct EmitContext<'a> {
    /// The module's name.
    pub(crate) module: &'a Ident,
    /// Path of the runtime crate.
    pub(crate) runtime: &'a TokenStream,
    pub(crate) vectors: &'a Vectors,
    /// The user's functions and consts that the kernels stand for.
    pub(crate) named: Vec<&'a Ident>,
    /// Whether `dynamics` is made from `derivative`, and has to be added to the module.
    pub(crate) integrated: bool,
    pub(crate) limits: &'a Limits<NodeId>,
    /// The file that the kernels were read from, from the package's folder on.
    pub(crate) vendored: Option<&'a str>,
    pub(crate) sizes: Sizes,
    pub(crate) kernels: &'a Kernels,
    /// The fields to warn of.
    pub(crate) unused: &'a [Unused<'a>],
}

/// All items that the macro adds to the module.
pub(crate) fn items(context: &EmitContext<'_>) -> TokenStream {
    let structs = [
        ("State", Some(&context.vectors.state)),
        ("Control", Some(&context.vectors.control)),
        ("Params", Some(&context.vectors.params)),
        ("StageParams", context.vectors.stage_params.as_ref()),
    ];
    let conversions = structs
        .into_iter()
        .filter_map(|(name, layout)| layout.map(|layout| conversions(name, layout, context.runtime)));
    let public = public_items(context);
    let model = model(context);
    let warnings = context.unused.iter().map(warning);
    let runtime = context.runtime;
    quote! {
        // The user's functions have `sin` and its like from here where there is no standard library. Where there is one,
        // those of `f64` itself come first.
        #[allow(unused_imports)]
        use #runtime::Scalar as _;
        #public
        #(#conversions)*
        #model
        #(#warnings)*
    }
}

/// rustc takes errors from a macro and no warnings, but it warns of the use of what is deprecated: here a field that is
/// called like the user's and used where that one stands.
fn warning(unused: &Unused<'_>) -> TokenStream {
    let Unused { field, message, .. } = unused;
    let owner = Ident::new(unused.owner, Span::call_site());
    let mut declared = (*field).clone();
    declared.set_span(Span::call_site());
    let value = quote_spanned!(field.span()=> ());
    quote! {
        const _: () = {
            struct #owner {
                #[deprecated(note = #message)]
                #declared: (),
            }
            let _ = #owner { #field: #value };
        };
    }
}

fn name_of_model(module: &Ident) -> Ident {
    Ident::new(&camel_case(&module.to_string()), module.span())
}

fn public_items(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { module, runtime, sizes, kernels, .. } = context;
    let model = name_of_model(module);
    let Sizes { nx, nu, np, ns } = sizes;
    let documentation = documentation(context);
    let solver = format!("The solver of `{module}`.");
    let problem = format!("A problem of `{module}`: initial state, parameters, horizon, first guess.");
    let stage_argument = context.vectors.stage_params.as_ref().map(|_| quote!(, s: &StageParams));
    let stage_value = context.vectors.stage_params.as_ref().map(|_| quote!(, s));
    let dynamics = context.integrated.then(|| {
        let stage_argument = context.vectors.stage_params.as_ref().map(|_| quote!(, s: StageParams));
        let stage_value = match context.vectors.stage_params {
            Some(_) => quote!(::core::convert::From::from(s)),
            None => quote!(#runtime::nalgebra::SVector::<::core::primitive::f64, 0>::zeros()),
        };
        quote! {
            /// The state one time step later: `derivative`, integrated.
            #[must_use]
            pub fn dynamics(x: State, u: Control, p: Params #stage_argument) -> State {
                let (x, u, p, s) = (
                    ::core::convert::From::from(x),
                    ::core::convert::From::from(u),
                    ::core::convert::From::from(p),
                    #stage_value,
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
    });
    let linearize = kernels.linearize.count().total();
    let linearize = format!("Next state and its derivatives at a point ({linearize} operations).");
    quote! {
        #[doc = #documentation]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq, ::core::cmp::Eq)]
        pub struct #model;

        #[doc = #solver]
        pub type Solver = #runtime::Ilqr<#model, #nx, #nu, #np, #ns>;

        #[doc = #problem]
        pub type Problem = #runtime::Problem<#nx, #nu, #np, #ns>;

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
                }
            }

            /// Becomes what [`linearize`] returns, without the zeros: what is zero at every point (`SPARSITY` of the model
            /// says where) is not written. For loops over one record.
            pub fn update(&mut self, x: &State, u: &Control, p: &Params #stage_argument) {
                #model::__linearize(x, u, p #stage_value, self);
            }
        }

        #[doc = #linearize]
        #[must_use]
        pub fn linearize(x: &State, u: &Control, p: &Params #stage_argument) -> Linearization {
            let mut __linearization = Linearization::zeros();
            __linearization.update(x, u, p #stage_value);
            __linearization
        }

        #dynamics
    }
}

/// Conversions between a struct and the vector of its numbers.
fn conversions(name: &str, layout: &Layout, runtime: &TokenStream) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    let n = layout.len();
    let names = layout.names();
    let mut to_struct = Vec::new();
    let mut to_array = Vec::new();
    let mut next = 0_usize;
    for (field, length) in &layout.fields {
        match length {
            None => {
                to_struct.push(quote!(#field: __v[#next]));
                to_array.push(quote!(__v.#field));
                next += 1;
            }
            Some(length) => {
                let entries = (next..next + length).map(|index| quote!(__v[#index]));
                to_struct.push(quote!(#field: [#(#entries),*]));
                to_array.extend((0..*length).map(|index| quote!(__v.#field[#index])));
                next += length;
            }
        }
    }
    let summary = format!("Names of the {n} entries, in the order of the vector.");
    quote! {
        impl #name {
            #[doc = #summary]
            pub const NAMES: [&'static ::core::primitive::str; #n] = [#(#names),*];
        }
        #[automatically_derived]
        impl ::core::convert::From<[::core::primitive::f64; #n]> for #name {
            #[inline]
            fn from(__v: [::core::primitive::f64; #n]) -> Self {
                Self { #(#to_struct),* }
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<#name> for [::core::primitive::f64; #n] {
            #[inline]
            fn from(__v: #name) -> Self {
                [#(#to_array),*]
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<#runtime::nalgebra::SVector<::core::primitive::f64, #n>> for #name {
            #[inline]
            fn from(__v: #runtime::nalgebra::SVector<::core::primitive::f64, #n>) -> Self {
                let __v: [::core::primitive::f64; #n] = ::core::convert::Into::into(__v);
                ::core::convert::From::from(__v)
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<#name> for #runtime::nalgebra::SVector<::core::primitive::f64, #n> {
            #[inline]
            fn from(__v: #name) -> Self {
                let __v: [::core::primitive::f64; #n] = ::core::convert::From::from(__v);
                ::core::convert::From::from(__v)
            }
        }
    }
}

/// One argument of a kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Argument {
    X,
    U,
    P,
    S,
    Lambda,
    Dx,
    Du,
    DLambda,
    Mu,
    DMu,
    LowerWeights,
    UpperWeights,
    /// `&mut` from here on.
    Next,
    Stage,
    Terminal,
    Hessian,
    Hamiltonian,
    Terms,
    Lxp,
    Gp,
    Gs,
    Linearization,
    Lower,
    Upper,
    LowerTerms,
    UpperTerms,
    Constraints,
    StageConstraints,
    TerminalConstraints,
    StageConstraintTerms,
    TerminalConstraintTerms,
}

impl Argument {
    pub(crate) fn name(self) -> Ident {
        let name = match self {
            Self::X => "__x",
            Self::U => "__u",
            Self::P => "__p",
            Self::S => "__s",
            Self::Lambda => "__lambda",
            Self::Dx => "__dx",
            Self::Du => "__du",
            Self::DLambda => "__dlambda",
            Self::Mu => "__mu",
            Self::DMu => "__dmu",
            Self::LowerWeights | Self::Lower | Self::LowerTerms => "__lower",
            Self::UpperWeights | Self::Upper | Self::UpperTerms => "__upper",
            Self::Constraints => "__c",
            Self::Gp => "__gp",
            Self::Gs => "__gs",
            _ => "__out",
        };
        Ident::new(name, Span::call_site())
    }

    fn is_input(self) -> bool {
        use Argument::*;
        let inputs = [X, U, P, S, Lambda, Dx, Du, DLambda, Mu, DMu, LowerWeights, UpperWeights];
        inputs.contains(&self)
    }

    fn ty(self, context: &EmitContext<'_>, scalar: &TokenStream) -> TokenStream {
        let runtime = context.runtime;
        let Sizes { nx, nu, np, ns } = context.sizes;
        let vector = |n: usize| quote!(#runtime::nalgebra::SVector<#scalar, #n>);
        let matrix = |rows: usize, columns: usize| quote!(#runtime::nalgebra::SMatrix<#scalar, #rows, #columns>);
        match self {
            Self::X | Self::Lambda | Self::Dx | Self::DLambda | Self::Next => vector(nx),
            Self::U | Self::Du | Self::LowerWeights | Self::UpperWeights | Self::Lower | Self::Upper => vector(nu),
            Self::P | Self::Gp => vector(np),
            Self::S | Self::Gs => vector(ns),
            Self::Stage => quote!(#runtime::model::StageExpansion<#scalar, #nx, #nu>),
            Self::Terminal => quote!(#runtime::model::TerminalExpansion<#scalar, #nx>),
            Self::Hessian => quote!(#runtime::model::HamiltonianHessian<#scalar, #nx, #nu>),
            Self::Hamiltonian => quote!(#runtime::model::HamiltonianExpansion<#scalar, #nx, #nu>),
            Self::Terms => quote!(#runtime::model::ParameterTerms<#scalar, #nx, #nu, #np>),
            Self::Lxp => matrix(nx, np),
            Self::LowerTerms | Self::UpperTerms => matrix(nu, np),
            Self::Linearization => quote!(Linearization),
            Self::Mu | Self::DMu | Self::Constraints => quote!([#scalar]),
            Self::StageConstraints => quote!(#runtime::model::ConstraintExpansion<#scalar, #nx, #nu>),
            Self::TerminalConstraints => quote!(#runtime::model::ConstraintExpansion<#scalar, #nx, 0>),
            Self::StageConstraintTerms => quote!(#runtime::model::ConstraintParameterTerms<#scalar, #nx, #nu, #np>),
            Self::TerminalConstraintTerms => quote!(#runtime::model::ConstraintParameterTerms<#scalar, #nx, 0, #np>),
        }
    }

    fn reference(self, context: &EmitContext<'_>, scalar: &TokenStream, lifetime: &TokenStream) -> TokenStream {
        let ty = self.ty(context, scalar);
        if self.is_input() { quote!(&#lifetime #ty) } else { quote!(&#lifetime mut #ty) }
    }

    pub(crate) fn of(vector: Vector) -> Self {
        match vector {
            Vector::X => Self::X,
            Vector::U => Self::U,
            Vector::P => Self::P,
            Vector::S => Self::S,
            Vector::Lambda => Self::Lambda,
            Vector::Dx => Self::Dx,
            Vector::Du => Self::Du,
            Vector::DLambda => Self::DLambda,
            Vector::Mu => Self::Mu,
            Vector::DMu => Self::DMu,
            Vector::Lower => Self::LowerWeights,
            Vector::Upper => Self::UpperWeights,
        }
    }
}

/// A parameter of a method of `Model`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parameter {
    /// `Stage { x, u, p, s }`
    Stage,
    /// `Terminal { x, p, s }`
    Terminal,
    /// `Variation { dx, du }`
    Variation,
    /// `ParameterGradient { p, s }`
    Gradient,
    /// The argument of the kernel itself.
    Plain(Argument),
}

impl Parameter {
    fn name(self) -> Ident {
        match self {
            Self::Stage | Self::Terminal => Ident::new("__at", Span::call_site()),
            Self::Variation => Ident::new("__variation", Span::call_site()),
            Self::Gradient => Ident::new("__out", Span::call_site()),
            Self::Plain(argument) => argument.name(),
        }
    }

    fn ty(self, context: &EmitContext<'_>, scalar: &TokenStream) -> TokenStream {
        let runtime = context.runtime;
        let Sizes { nx, nu, np, ns } = context.sizes;
        match self {
            Self::Stage => quote!(#runtime::model::Stage<'_, #scalar, #nx, #nu, #np, #ns>),
            Self::Terminal => quote!(#runtime::model::Terminal<'_, #scalar, #nx, #np, #ns>),
            Self::Variation => quote!(#runtime::model::Variation<'_, #scalar, #nx, #nu>),
            Self::Gradient => quote!(#runtime::model::ParameterGradient<'_, #scalar, #np, #ns>),
            Self::Plain(argument) => argument.reference(context, scalar, &quote!()),
        }
    }

    /// The kernel's arguments that it holds, with its fields.
    fn arguments(self) -> Vec<(Argument, TokenStream)> {
        use Argument::{Du, Dx, Gp, Gs, P, S, U, X};
        match self {
            Self::Stage => vec![(X, quote!(.x)), (U, quote!(.u)), (P, quote!(.p)), (S, quote!(.s))],
            Self::Terminal => vec![(X, quote!(.x)), (P, quote!(.p)), (S, quote!(.s))],
            Self::Variation => vec![(Dx, quote!(.dx)), (Du, quote!(.du))],
            Self::Gradient => vec![(Gp, quote!(.p)), (Gs, quote!(.s))],
            Self::Plain(argument) => vec![(argument, quote!())],
        }
    }
}

/// A method of `Model` with the program that is its body.
struct Method<'a> {
    name: &'static str,
    parameters: &'static [Parameter],
    /// Whether it returns the scalar that it writes to [`Field::L`].
    returns: bool,
    program: &'a Program,
}

impl Method<'_> {
    /// The arguments of its kernel, one vector or record each.
    fn arguments(&self) -> Vec<Argument> {
        self.parameters.iter().flat_map(|parameter| parameter.arguments()).map(|(argument, _)| argument).collect()
    }
}

fn methods(kernels: &Kernels) -> Vec<Method<'_>> {
    use Argument::{
        Constraints, DLambda, DMu, Dx, Gp, Hamiltonian, Hessian, Lambda, Lower, LowerTerms, LowerWeights, Lxp, Mu,
        Next, P, StageConstraintTerms, StageConstraints, TerminalConstraintTerms, TerminalConstraints, Terms, Upper,
        UpperTerms, UpperWeights,
    };
    use Parameter::{Gradient, Plain, Stage, Terminal, Variation};
    const STAGE: Parameter = Plain(Argument::Stage);
    const TERMINAL: Parameter = Plain(Argument::Terminal);
    let method = |name, parameters, returns, program| Method { name, parameters, returns, program };
    let mut methods = vec![
        method("dynamics", &[Stage, Plain(Next)], false, &kernels.dynamics),
        method("stage_cost", &[Stage], true, &kernels.stage_cost),
        method("terminal_cost", &[Terminal], true, &kernels.terminal_cost),
        method("step", &[Stage, Plain(Next)], true, &kernels.step),
        method("expand_stage", &[Stage, STAGE], false, &kernels.expand_stage),
        method("expand_terminal", &[Terminal, TERMINAL], false, &kernels.expand_terminal),
        method("expand_hamiltonian", &[Stage, Plain(Lambda), Plain(Hamiltonian)], false, &kernels.expand_hamiltonian),
        method(
            "add_hamiltonian_parameter_gradient",
            &[Stage, Plain(Lambda), Gradient],
            false,
            &kernels.hamiltonian_parameter_gradient,
        ),
        method("add_terminal_parameter_gradient", &[Terminal, Gradient], false, &kernels.terminal_parameter_gradient),
        method(
            "add_parameter_contraction",
            &[Stage, Plain(Lambda), Variation, Plain(DLambda), Gradient],
            false,
            &kernels.parameter_contraction,
        ),
        method(
            "add_terminal_parameter_contraction",
            &[Terminal, Plain(Dx), Gradient],
            false,
            &kernels.terminal_parameter_contraction,
        ),
        method("parameter_terms", &[Stage, Plain(Lambda), Plain(Terms)], false, &kernels.parameter_terms),
        method("terminal_parameter_terms", &[Terminal, Plain(Lxp)], false, &kernels.terminal_parameter_terms),
    ];
    let optional: [(_, &'static [Parameter], _); 12] = [
        ("hamiltonian_hessian", &[Stage, Plain(Lambda), Plain(Hessian)], &kernels.hamiltonian_hessian),
        ("bounds", &[Plain(P), Plain(Lower), Plain(Upper)], &kernels.bounds),
        (
            "add_bounds_contraction",
            &[Plain(P), Plain(LowerWeights), Plain(UpperWeights), Plain(Gp)],
            &kernels.bounds_contraction,
        ),
        ("bounds_terms", &[Plain(P), Plain(LowerTerms), Plain(UpperTerms)], &kernels.bounds_terms),
        ("stage_constraints", &[Stage, Plain(Constraints)], &kernels.stage_constraints),
        ("expand_stage_constraints", &[Stage, Plain(Mu), Plain(StageConstraints)], &kernels.expand_stage_constraints),
        (
            "add_stage_constraint_contraction",
            &[Stage, Plain(Mu), Variation, Plain(DMu), Gradient],
            &kernels.stage_constraint_contraction,
        ),
        ("stage_constraint_terms", &[Stage, Plain(Mu), Plain(StageConstraintTerms)], &kernels.stage_constraint_terms),
        ("terminal_constraints", &[Terminal, Plain(Constraints)], &kernels.terminal_constraints),
        (
            "expand_terminal_constraints",
            &[Terminal, Plain(Mu), Plain(TerminalConstraints)],
            &kernels.expand_terminal_constraints,
        ),
        (
            "add_terminal_constraint_contraction",
            &[Terminal, Plain(Mu), Plain(Dx), Plain(DMu), Gradient],
            &kernels.terminal_constraint_contraction,
        ),
        (
            "terminal_constraint_terms",
            &[Terminal, Plain(Mu), Plain(TerminalConstraintTerms)],
            &kernels.terminal_constraint_terms,
        ),
    ];
    methods.extend(
        optional
            .into_iter()
            .filter_map(|(name, parameters, program)| Some(method(name, parameters, false, program.as_ref()?))),
    );
    methods
}

fn model(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { module, runtime, sizes, kernels, .. } = context;
    let model = name_of_model(module);
    let Sizes { nx, nu, np, ns } = sizes;
    let methods = methods(kernels);
    let bodies = methods.iter().map(|method| kernel(context, method));
    let delegates = methods.iter().map(|method| delegate(context, method));
    let sparsity = sparsity(context);
    let limits = context.limits.any().then(|| limits(context));
    // A constant that nothing reads would be chunk of the compiled crate's metadata, with all of the file.
    let vendored = context.vendored.map(|path| {
        quote! {
            // Cargo rebuilds the model when its vendored kernels change.
            #[allow(dead_code)]
            fn __vendored() {
                let _ = ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path));
            }
        }
    });
    let linearize = linearize(context);
    let named = &context.named;
    quote! {
        #[allow(deprecated, clippy::too_many_arguments)]
        const _: () = {
            // Cargo rebuilds the model when the request to dump it changes.
            const __DUMP: ::core::option::Option<&'static ::core::primitive::str> = ::core::option_env!("DILQR_DUMP");
            #vendored

            #[automatically_derived]
            impl #runtime::Model<#nx, #nu, #np, #ns> for #model {
                const SPARSITY: #runtime::Sparsity<#nx, #nu, #np> = #sparsity;
                #limits
                #(#delegates)*
            }

            #linearize
            #(#bodies)*

            // In a private module nothing else may name them, and rustc would call them unused.
            let _ = (#(#named,)*);
        };
    }
}

fn kernel_type(method: &Method<'_>) -> Ident {
    format_ident!("__{}", camel_case(method.name))
}

/// The trait's method: hands its arguments to the kernel for the scalar at hand, one by one, so that they can be passed
/// in registers.
fn delegate(context: &EmitContext<'_>, method: &Method<'_>) -> TokenStream {
    let runtime = context.runtime;
    let name = Ident::new(method.name, Span::call_site());
    let scalar = quote!(__S);
    let parameters = method.parameters.iter().map(|parameter| {
        let (name, ty) = (parameter.name(), parameter.ty(context, &scalar));
        quote!(#name: #ty)
    });
    let arguments = method.parameters.iter().flat_map(|parameter| {
        let name = parameter.name();
        parameter.arguments().into_iter().map(move |(_, field)| quote!(#name #field))
    });
    let kernel = kernel_type(method);
    let result = if method.returns { quote!(-> __S) } else { quote!() };
    quote! {
        #[inline(always)]
        fn #name<__S: #runtime::Scalar>(&self, #(#parameters),*) #result {
            <__S as #runtime::Scalar>::run::<#kernel>((#(#arguments,)*))
        }
    }
}

/// The kernel's two functions and the type that chooses between them.
fn kernel(context: &EmitContext<'_>, method: &Method<'_>) -> TokenStream {
    let runtime = context.runtime;
    let kernel = kernel_type(method);
    let arguments = method.arguments();
    let names: Vec<Ident> = arguments.iter().map(|argument| argument.name()).collect();
    let scalar = quote!(__S);
    let lifetime = quote!('__a);
    let types: Vec<TokenStream> =
        arguments.iter().map(|argument| argument.reference(context, &scalar, &lifetime)).collect();
    let value = if method.returns { quote!(__S) } else { quote!(()) };
    let value_f64 = if method.returns { quote!(::core::primitive::f64) } else { quote!(()) };
    let generic = format_ident!("__{}_generic", method.name);
    let for_f64 = format_ident!("__{}_f64", method.name);
    let functions = functions(context, method.name, &arguments, method.returns, method.program, true);
    quote! {
        pub struct #kernel;
        impl #runtime::__private::Kernel for #kernel {
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

/// `linearize` on the user's structs, f64 only.
fn linearize(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { module, runtime, .. } = context;
    let model = name_of_model(module);
    let Sizes { nx, nu, np, ns } = context.sizes;
    use Argument::{Linearization, P, S, U, X};
    let arguments = [X, U, P, S, Linearization];
    let functions = functions(context, "linearize", &arguments, false, &context.kernels.linearize, false);
    let stage_argument = context.vectors.stage_params.as_ref().map(|_| quote!(, __s: &StageParams));
    let stage_value = match context.vectors.stage_params {
        Some(_) => quote!(::core::convert::From::from(*__s)),
        None => quote!(#runtime::nalgebra::SVector::<::core::primitive::f64, #ns>::zeros()),
    };
    quote! {
        impl #model {
            #[doc(hidden)]
            pub fn __linearize(__x: &State, __u: &Control, __p: &Params #stage_argument, __out: &mut Linearization) {
                let __x: #runtime::nalgebra::SVector<::core::primitive::f64, #nx> = ::core::convert::From::from(*__x);
                let __u: #runtime::nalgebra::SVector<::core::primitive::f64, #nu> = ::core::convert::From::from(*__u);
                let __p: #runtime::nalgebra::SVector<::core::primitive::f64, #np> = ::core::convert::From::from(*__p);
                let __s: #runtime::nalgebra::SVector<::core::primitive::f64, #ns> = #stage_value;
                __linearize_f64(&__x, &__u, &__p, &__s, __out);
            }
        }
        #functions
    }
}

/// The functions that run a program: one, or several that share a scratch array where it is long.
fn functions(
    context: &EmitContext<'_>,
    name: &str,
    arguments: &[Argument],
    returns: bool,
    program: &Program,
    generic: bool,
) -> TokenStream {
    let runtime = context.runtime;
    let names: Vec<Ident> = arguments.iter().map(|argument| argument.name()).collect();
    let body = KernelBody::new(program, returns);
    let slots = body.slots;
    let emit = |for_f64: bool| {
        let scalar = if for_f64 { quote!(::core::primitive::f64) } else { quote!(__S) };
        let types: Vec<TokenStream> =
            arguments.iter().map(|argument| argument.reference(context, &scalar, &quote!())).collect();
        let suffix = if for_f64 { "f64" } else { "generic" };
        let function = format_ident!("__{name}_{suffix}");
        let generics = if for_f64 { quote!() } else { quote!(<__S: #runtime::Scalar>) };
        // Both versions have the same text but for constants; here the scalar is just another name for f64.
        let alias = if for_f64 {
            quote!(
                type __S = ::core::primitive::f64;
            )
        } else {
            quote!()
        };
        let turbofish = if for_f64 { quote!() } else { quote!(::<__S>) };
        let result = if returns { quote!(-> #scalar) } else { quote!() };
        let chunks: Vec<TokenStream> = body.chunks.iter().map(|chunk| chunk.tokens(runtime, for_f64)).collect();
        if let [only] = chunks.as_slice() {
            return quote! {
                fn #function #generics (#(#names: #types),*) #result {
                    #alias
                    #only
                }
            };
        }
        let calls: Vec<Ident> = (0..chunks.len()).map(|index| format_ident!("__{name}_{suffix}_{index}")).collect();
        let (last_call, first_calls) = match calls.split_last() {
            Some((last, first)) => (last.clone(), first.to_vec()),
            None => (function.clone(), Vec::new()),
        };
        let reborrows: Vec<TokenStream> = arguments
            .iter()
            .map(|argument| {
                let name = argument.name();
                if argument.is_input() { quote!(#name) } else { quote!(&mut *#name) }
            })
            .collect();
        let last_index = chunks.len() - 1;
        let first_calls = first_calls.iter().map(|call| quote!(#call #turbofish (#(#reborrows,)* &mut __w);));
        let last_call = quote!(#last_call #turbofish (#(#reborrows,)* &mut __w));
        let functions = calls.iter().zip(&chunks).enumerate().map(|(index, (call, chunk))| {
            let result = if index == last_index { result.clone() } else { quote!() };
            quote! {
                #[inline(never)]
                fn #call #generics (#(#names: #types,)* __w: &mut [#scalar; #slots]) #result {
                    #alias
                    #chunk
                }
            }
        });
        quote! {
            fn #function #generics (#(#names: #types),*) #result {
                #alias
                let mut __w = [<__S as #runtime::Scalar>::from_f64(0.0); #slots];
                #(#first_calls)*
                #last_call
            }
            #(#functions)*
        }
    };
    let for_f64 = emit(true);
    let for_any = if generic { emit(false) } else { quote!() };
    quote!(#for_f64 #for_any)
}

/// The constant that counts the limits.
fn limits(context: &EmitContext<'_>) -> TokenStream {
    let EmitContext { runtime, limits, kernels, .. } = context;
    let bounded = limits.bounded();
    let (stage, terminal) = (&limits.stage, &limits.terminal);
    let (stage_inequalities, stage_equalities) = (stage.inequalities, stage.equalities());
    let (terminal_inequalities, terminal_equalities) = (terminal.inequalities, terminal.equalities());
    let cu = kernels.expand_stage_constraints.as_ref();
    let cu = cu.map(|program| pattern(program, Field::Cu, stage.values.len(), context.sizes.nu));
    let depends_on_control = cu.unwrap_or_default().into_iter().map(|row| row.contains(&true));
    quote! {
        const LIMITS: #runtime::Limits = #runtime::Limits {
            bounded: #bounded,
            stage_inequalities: #stage_inequalities,
            stage_equalities: #stage_equalities,
            terminal_inequalities: #terminal_inequalities,
            terminal_equalities: #terminal_equalities,
            depends_on_control: &[#(#depends_on_control),*],
        };
    }
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
