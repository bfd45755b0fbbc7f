//! What the emitter reads.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::dead_inputs::Unused;
use crate::elaborate::elaborated_system::{Limits, Vectors};
use crate::elaborate::graph::NodeId;
use crate::program::kernels::{Kernel, Kernels};
use crate::program::vectors::Sizes;
use crate::syntax::names::camel_case;
use crate::syntax::vector_functions::{Equations, FunctionId, FunctionKind, VectorFunction};

pub(crate) struct EmitContext<'a> {
    /// The module's name.
    pub(crate) module: &'a Ident,
    /// Path of the runtime crate.
    pub(crate) runtime: &'a TokenStream,
    pub(crate) vectors: &'a Vectors,
    /// The user's functions and consts that the kernels replace.
    pub(crate) replaced: Vec<&'a Ident>,
    /// Whether `dynamics` is made from `derivative` and added to the module.
    pub(crate) integrated: bool,
    pub(crate) limits: &'a Limits<NodeId>,
    /// The file that the kernels were read from, relative to the package's folder.
    pub(crate) vendored: Option<&'a str>,
    pub(crate) sizes: Sizes,
    pub(crate) kernels: &'a Kernels,
    /// Whether calls of vector functions have their memory on the stack.
    pub(crate) memory_on_stack: bool,
    /// The fields to warn of.
    pub(crate) unused: &'a [Unused<'a>],
}

impl EmitContext<'_> {
    /// The vector functions that a kernel on the user's structs gets, with their commas. They have names of two underscores.
    pub(super) fn called_by(&self, kernel: Kernel) -> TokenStream {
        let called = self.passed(kernel).into_iter();
        let names = called.map(|id| {
            let field = self.function(id).field();
            format_ident!("__{field}")
        });
        quote!(#(#names,)*)
    }

    /// The struct that implements the model.
    pub(super) fn model_type(&self) -> Ident {
        Ident::new(&camel_case(&self.module.to_string()), self.module.span())
    }

    /// Whether the model holds vector functions.
    pub(super) fn has_functions(&self) -> bool {
        self.vectors.functions.iter().any(VectorFunction::is_argument)
    }

    /// The vector functions that a kernel gets as arguments: of those that it calls, itself or in equations, the ones that the
    /// model holds.
    pub(super) fn passed(&self, kernel: Kernel) -> Vec<FunctionId> {
        let called = self.kernels[kernel].vector_functions().into_iter().map(|id| self.function(id));
        sorted(
            called.flat_map(|function| if function.is_argument() { vec![function.id] } else { self.held_by(function) }),
        )
    }

    /// The vector functions of the model that a function of equations holds.
    pub(super) fn held_by(&self, function: &VectorFunction) -> Vec<FunctionId> {
        let Some(of) = function.equations() else { return Vec::new() };
        // Equations call functions of other equations only.
        sorted(self.kernels.of_equations(of).flat_map(|(kernel, _)| self.passed(kernel)))
    }

    /// The vector functions that the model holds.
    pub(super) fn held_functions(&self) -> Vec<&VectorFunction> {
        self.vectors.functions.iter().filter(|function| function.is_argument()).collect()
    }

    pub(super) fn function(&self, id: FunctionId) -> &VectorFunction {
        &self.vectors.functions[usize::from(id.index)]
    }

    /// The rows of a function's Jacobian that are on the stack: all, or none.
    pub(super) fn stack_rows(&self, function: &VectorFunction) -> usize {
        if self.memory_on_stack || !function.is_argument() { function.id.outputs() } else { 0 }
    }

    /// The rows of a function's second derivatives that are on the stack: all, or none.
    pub(super) fn stack_rows_of_contractions(&self, function: &VectorFunction) -> usize {
        let may_be_large = function.is_argument() || matches!(function.kind, FunctionKind::Table(_));
        if self.memory_on_stack || !may_be_large { function.id.inputs() } else { 0 }
    }

    /// The numbers of unknowns and of inputs of equations.
    pub(super) fn equation_sizes(&self, of: Equations) -> (usize, usize) {
        let sizes = self.vectors.functions.iter().find_map(|function| match &function.kind {
            FunctionKind::Implicit(own, _) if *own == of => Some((function.id.outputs(), function.id.inputs())),
            FunctionKind::Steps(steps) if of == Equations::Slope => Some((function.id.outputs(), steps.others)),
            _ => None,
        });
        sizes.unwrap_or_default()
    }

    /// The numbers of inputs and of values of a function of equations.
    pub(super) fn function_sizes(&self, of: Equations) -> (usize, usize) {
        let function = self.vectors.functions.iter().find(|function| function.equations() == Some(of));
        function.map(|function| (function.id.inputs(), function.id.outputs())).unwrap_or_default()
    }

    /// The number of points of a table: the function of values and a number follows that of a number.
    pub(super) fn points_of_table(&self, table: &VectorFunction) -> usize {
        self.vectors.functions[usize::from(table.id.index) + 1].id.inputs() - 1
    }

    /// The type that implements `Model`: that struct, or a wrapper where state and control are lifted.
    pub(super) fn implementor(&self) -> Ident {
        if self.vectors.are_lifted() { Ident::new("__Lifted", Span::call_site()) } else { self.model_type() }
    }

    /// The optional arguments of functions of the next state on the user's structs.
    pub(super) fn optional(&self) -> Optional {
        let [previous, design] = self.vectors.lift.next_takes;
        let called = [Kernel::Dynamics, Kernel::Linearize].map(|kernel| self.passed(kernel));
        let is_taken =
            |id: FunctionId| called.iter().chain([&self.vectors.next_functions]).flatten().any(|own| *own == id);
        let functions = self.held_functions().into_iter().filter(|function| is_taken(function.id));
        let functions = functions.map(|function| (function.field(), function.name.clone())).collect();
        Optional { previous, design, stage: self.vectors.stage_params.is_some(), functions }
    }

    /// The vector of the stage parameters, from the struct `value`.
    pub(super) fn stage_vector(&self, value: &TokenStream) -> TokenStream {
        let (runtime, ns) = (self.runtime, self.sizes.ns);
        match self.vectors.stage_params {
            Some(_) => quote!(::core::convert::From::from(#value)),
            None => quote!(#runtime::nalgebra::SVector::<::core::primitive::f64, #ns>::zeros()),
        }
    }
}

/// Without repetitions.
fn sorted(functions: impl Iterator<Item = FunctionId>) -> Vec<FunctionId> {
    let mut functions: Vec<FunctionId> = functions.collect();
    functions.sort();
    functions.dedup();
    functions
}

/// Optional arguments of functions on the user's structs, with their commas: `previous` follows `u`; `d`, `s` and the vector
/// functions follow `p`.
pub(super) struct Optional {
    pub(super) previous: bool,
    pub(super) design: bool,
    stage: bool,
    /// Names and types.
    functions: Vec<(Ident, Ident)>,
}

impl Optional {
    /// The parameters after `u` and those after `p`.
    pub(super) fn parameters(&self, prefix: &str, reference: bool) -> [TokenStream; 2] {
        let ampersand = if reference { quote!(&) } else { quote!() };
        self.both(prefix, &|name, ty| quote!(, #name: #ampersand #ty), &|name, ty| quote!(, #name: &#ty))
    }

    /// The arguments for these.
    pub(super) fn arguments(&self) -> [TokenStream; 2] {
        self.both("", &|name, _| quote!(, #name), &|name, _| quote!(, #name))
    }

    fn both(
        &self,
        prefix: &str,
        tokens: &dyn Fn(Ident, Ident) -> TokenStream,
        of_function: &dyn Fn(Ident, &Ident) -> TokenStream,
    ) -> [TokenStream; 2] {
        let one = |present: bool, name: &str, ty: &str| {
            let name = Ident::new(&format!("{prefix}{name}"), Span::call_site());
            if present { tokens(name, Ident::new(ty, Span::call_site())) } else { quote!() }
        };
        let (design, stage) = (one(self.design, "d", "Design"), one(self.stage, "s", "StageParams"));
        let functions = self.functions.iter().map(|(name, ty)| of_function(format_ident!("{prefix}{name}"), ty));
        [one(self.previous, "previous", "Control"), quote!(#design #stage #(#functions)*)]
    }
}
