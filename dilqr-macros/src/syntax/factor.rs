//! Factors: the struct of their blocks, and the rules about them.

use proc_macro2::Ident;

use super::ast::{Field, Model, Pattern, Struct, Type, TypeKind};
use super::errors::Errors;
use super::messages::{factor, message};
use super::module_kind::BLOCKS;
use super::names::nearest;

/// The function that defines a factor.
const RESIDUAL: &str = "residual";

/// Adds the struct of the blocks, one field for each: the arguments of the residual before the parameters.
pub(super) fn add_blocks(model: &mut Model) {
    let Some(residual) = model.find_function(RESIDUAL) else { return };
    let mut fields: Vec<Field> = Vec::new();
    for (index, argument) in residual.arguments.iter().enumerate().filter(|(_, argument)| model.is_block(argument)) {
        let TypeKind::Struct(of) = &argument.ty.kind else { continue };
        let name = match &argument.pattern {
            Pattern::Name(name) => name.clone(),
            // A pattern has no name.
            _ => Ident::new(&format!("block{index}"), of.span()),
        };
        // Equal names are reported as those of arguments.
        if fields.iter().all(|field| field.name != name) {
            let ty = Type { kind: TypeKind::Struct(of.clone()), span: argument.ty.span };
            fields.push(Field { name, ty, bounds: None, rate_bounds: None, guess: None });
        }
    }
    let name = Ident::new(BLOCKS, residual.name.span());
    model.structs.push(Struct { name, manifold: None, fields });
}

/// Rules about the functions of a factor's module.
pub(super) const RULES: &[fn(&Model, &mut Errors)] = &[residual_holds_blocks, blocks_alone_lie_on_manifolds];

fn residual_holds_blocks(model: &Model, errors: &mut Errors) {
    let Some(residual) = model.find_function(RESIDUAL) else {
        let near = |name: &Ident| nearest(&name.to_string(), [RESIDUAL]).is_some();
        match model.functions.iter().find(|function| near(&function.name)) {
            Some(function) => errors.at(&function.name, message::near_miss(&function.name.to_string(), RESIDUAL)),
            None => errors.at(&model.module, factor::NO_RESIDUAL),
        }
        return;
    };
    for argument in &residual.arguments {
        if !matches!(argument.ty.kind, TypeKind::Struct(_) | TypeKind::Unknown) {
            errors.on(argument.ty.span, factor::BLOCK_TYPE);
        }
    }
    let mut blocks = residual.arguments.iter().filter(|argument| model.is_block(argument)).peekable();
    if blocks.peek().is_none() && errors.is_empty() {
        errors.at(&residual.name, factor::NO_BLOCKS);
    }
    for argument in blocks {
        let TypeKind::Struct(name) = &argument.ty.kind else { continue };
        if let Some(item) = model.find_struct(&name.to_string()).filter(|item| item.fields.is_empty()) {
            errors.at(&item.name, factor::EMPTY_BLOCK);
        }
    }
}

fn blocks_alone_lie_on_manifolds(model: &Model, errors: &mut Errors) {
    let Some(residual) = model.find_function(RESIDUAL) else { return };
    for item in &model.structs {
        let is_block = residual.arguments.iter().any(|argument| argument.is(&item.name.to_string()));
        if let Some((_, span)) = item.manifold.filter(|_| !is_block) {
            errors.on(span, factor::MANIFOLD_UNUSED);
        }
    }
}
