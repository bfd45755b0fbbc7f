//! What the emitter reads.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::dead_inputs::Unused;
use crate::elaborate::elaborated_system::{Limits, Vectors};
use crate::elaborate::graph::NodeId;
use crate::program::kernels::Kernels;
use crate::program::vectors::Sizes;
use crate::syntax::names::camel_case;

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
    /// The fields to warn of.
    pub(crate) unused: &'a [Unused<'a>],
}

impl EmitContext<'_> {
    /// The struct that implements the model.
    pub(super) fn model_type(&self) -> Ident {
        Ident::new(&camel_case(&self.module.to_string()), self.module.span())
    }

    /// The parameter `s` of functions on the user's structs, with its comma; nothing without stage parameters.
    pub(super) fn stage_parameter(&self, name: &str, reference: bool) -> TokenStream {
        let name = Ident::new(name, Span::call_site());
        match (&self.vectors.stage_params, reference) {
            (None, _) => quote!(),
            (Some(_), true) => quote!(, #name: &StageParams),
            (Some(_), false) => quote!(, #name: StageParams),
        }
    }

    /// The argument for that parameter, with its comma.
    pub(super) fn stage_argument(&self) -> TokenStream {
        self.vectors.stage_params.as_ref().map_or_else(TokenStream::new, |_| quote!(, s))
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
