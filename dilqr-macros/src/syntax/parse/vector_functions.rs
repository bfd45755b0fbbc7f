//! Structs that are vector functions: `#[network(..)]` and `#[function(..)]`.

use super::parser::Parser;
use crate::syntax::messages::message;
use crate::syntax::names::did_you_mean;
use crate::syntax::vector_functions::{FunctionId, FunctionKind, NetworkShape, TableInputs, VectorFunction};

const NETWORK: &str = "network";
const FUNCTION: &str = "function";

/// The attributes that make a struct a vector function.
pub(crate) const VECTOR_FUNCTIONS: [&str; 2] = [NETWORK, FUNCTION];

/// The activations by their names in the language, with the variants of `dilqr_runtime::Activation`.
const ACTIVATIONS: [(&str, &str); 6] = [
    ("tanh", "Tanh"),
    ("sigmoid", "Sigmoid"),
    ("softplus", "Softplus"),
    ("elu", "Elu"),
    ("silu", "Silu"),
    ("sin", "Sin"),
];

/// The most entries of an argument or a value, and of a layer.
const MAX_ENTRIES: usize = 256;
const MAX_UNITS: usize = 1 << 16;

/// The most inputs or outputs of a function of the user's own, which returns its derivatives on the stack.
const MAX_OWN_ENTRIES: usize = 64;

/// The most weights of a network, and the most inputs times hidden units: the derivatives of hidden units that a call keeps.
const MAX_WEIGHTS: usize = 1 << 24;
const MAX_MEMORY: usize = 1 << 20;

/// The attribute that makes a struct a vector function.
pub(crate) fn vector_function_attribute(item: &syn::ItemStruct) -> Option<&syn::Attribute> {
    item.attrs.iter().find(|attribute| VECTOR_FUNCTIONS.iter().any(|own| attribute.path().is_ident(own)))
}

/// Whether a const is a table: the last segment of its type decides.
pub(crate) fn is_table(item: &syn::ItemConst) -> bool {
    matches!(&*item.ty, syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Spline"))
}

/// `N` of `Spline<N>`: a literal, or a const of the module with a literal.
fn spline_length(ty: &syn::Type, items: &[syn::Item]) -> Option<usize> {
    let syn::Type::Path(path) = ty else { return None };
    let syn::PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    let name = match arguments.args.first()? {
        syn::GenericArgument::Const(length) => return literal(length),
        syn::GenericArgument::Type(syn::Type::Path(name)) => name.path.get_ident()?,
        _ => return None,
    };
    items.iter().find_map(|item| match item {
        syn::Item::Const(item) if item.ident == *name => literal(&item.expr),
        _ => None,
    })
}

fn literal(value: &syn::Expr) -> Option<usize> {
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(literal), .. }) => literal.base10_parse().ok(),
        syn::Expr::Group(inner) => literal(&inner.expr),
        _ => None,
    }
}

fn last_segment(function: &syn::Expr) -> Option<String> {
    match function {
        syn::Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

type Arguments = syn::punctuated::Punctuated<syn::ExprAssign, syn::Token![,]>;

impl Parser<'_> {
    /// A vector function, unless something is wrong with it.
    pub(super) fn vector_function(
        &mut self,
        item: &syn::ItemStruct,
        attribute: &syn::Attribute,
        before: &[VectorFunction],
    ) -> Option<VectorFunction> {
        let first_weight = before.iter().map(|function| function.id.weights).sum();
        let network = attribute.path().is_ident(NETWORK);
        let general = if network { message::NETWORK } else { message::FUNCTION };
        if network && !matches!(item.fields, syn::Fields::Unit) {
            self.errors.at(&item.fields, message::NETWORK_FIELDS);
            return None;
        }
        if !item.generics.params.is_empty() {
            self.errors.at(&item.generics, message::GENERIC_STRUCT);
            return None;
        }
        let Ok(arguments) = attribute.parse_args_with(Arguments::parse_terminated) else {
            self.errors.at(attribute, general);
            return None;
        };
        let value = |name: &str| {
            let is = |argument: &&syn::ExprAssign| matches!(&*argument.left, syn::Expr::Path(path) if path.path.is_ident(name));
            arguments.iter().find(is).map(|argument| &*argument.right)
        };
        let names = if network { ["layers", "activation"] } else { ["inputs", "outputs"] };
        let [Some(first), Some(second)] = names.map(value) else {
            self.errors.at(attribute, general);
            return None;
        };
        if arguments.len() != names.len() {
            self.errors.at(attribute, general);
            return None;
        }
        let (inputs, outputs, kind) = if network {
            let sizes = self.layers(first)?;
            let activation = self.activation(second)?;
            (sizes[0], sizes[sizes.len() - 1], FunctionKind::Network(NetworkShape { sizes, activation }))
        } else {
            let count = |parser: &mut Self, value| parser.count(value, MAX_OWN_ENTRIES, message::FUNCTION_SIZE);
            let (inputs, outputs) = (count(self, first), count(self, second));
            (inputs?, outputs?, FunctionKind::Own)
        };
        let weights = match &kind {
            FunctionKind::Network(shape) => {
                let (weights, memory) = (shape.weights(), inputs * shape.hidden());
                if weights > MAX_WEIGHTS || memory > MAX_MEMORY {
                    self.errors.at(attribute, message::NETWORK_TOO_LARGE);
                    return None;
                }
                weights as u32
            }
            FunctionKind::Own | FunctionKind::Table(_) | FunctionKind::Implicit(..) | FunctionKind::Steps(_) => 0,
        };
        let (inputs, outputs) = (inputs as u16, outputs as u16);
        let index = before.len() as u16;
        let id = FunctionId { index, inputs, outputs, first_weight, weights, has_kinks: false };
        Some(VectorFunction { id, name: item.ident.clone(), kind })
    }

    /// A const of the type `Spline<N>`: a function of a number, and one of its values and a number.
    pub(super) fn table(
        &mut self,
        item: &syn::ItemConst,
        items: &[syn::Item],
        before: &[VectorFunction],
    ) -> Vec<VectorFunction> {
        let Some(count) = spline_length(&item.ty, items).filter(|count| (2..=MAX_ENTRIES).contains(count)) else {
            self.errors.at(&item.ty, message::TABLE);
            return Vec::new();
        };
        let constructor = match &*item.expr {
            syn::Expr::Call(call) => last_segment(&call.func).unwrap_or_default(),
            _ => String::new(),
        };
        // Anything but these may be a broken line.
        let has_kinks = !["natural", "clamped"].contains(&constructor.as_str());
        let first_weight = before.iter().map(|function| function.id.weights).sum();
        let of = |offset: usize, inputs: usize, kind: TableInputs| {
            let (index, inputs) = ((before.len() + offset) as u16, inputs as u16);
            let id = FunctionId { index, inputs, outputs: 1, first_weight, weights: 0, has_kinks };
            VectorFunction { id, name: item.ident.clone(), kind: FunctionKind::Table(kind) }
        };
        vec![of(0, 1, TableInputs::Point), of(1, count + 1, TableInputs::ValuesAndPoint)]
    }

    /// `[3, 16, 16, 1]`
    fn layers(&mut self, value: &syn::Expr) -> Option<Vec<usize>> {
        let syn::Expr::Array(array) = value else {
            self.errors.at(value, message::NETWORK);
            return None;
        };
        if array.elems.len() < 2 {
            self.errors.at(value, message::NETWORK_LAYERS);
            return None;
        }
        let last = array.elems.len() - 1;
        let sizes = array.elems.iter().enumerate().map(|(index, size)| {
            let most = if index == 0 || index == last { MAX_ENTRIES } else { MAX_UNITS };
            self.count(size, most, message::NETWORK_SIZE)
        });
        let sizes: Vec<Option<usize>> = sizes.collect();
        sizes.into_iter().collect()
    }

    /// A literal between 1 and `most`.
    fn count(&mut self, value: &syn::Expr, most: usize, otherwise: &str) -> Option<usize> {
        let count = literal(value).filter(|count| (1..=most).contains(count));
        if count.is_none() {
            self.errors.at(value, otherwise);
        }
        count
    }

    fn activation(&mut self, value: &syn::Expr) -> Option<&'static str> {
        let name = match value {
            syn::Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
            _ => None,
        };
        let name = name.unwrap_or_default();
        let found = ACTIVATIONS.iter().find(|(known, _)| name == *known);
        if found.is_none() {
            let known = ACTIVATIONS.iter().map(|(known, _)| *known);
            self.errors.at(value, message::activation(&did_you_mean(&name, known.clone()), known));
        }
        found.map(|(_, variant)| *variant)
    }
}
