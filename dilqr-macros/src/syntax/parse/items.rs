//! The items of the module.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;

use super::parser::Parser;
use super::vector_functions::{is_table, vector_function_attribute};
use crate::syntax::ast::{
    Argument, Bounds, Const, Expr, Field, Function, Integration, Model, Penalty, Struct, Type, TypeKind,
};
use crate::syntax::errors::{Errors, Span};
use crate::syntax::factor::add_blocks;
use crate::syntax::manifold::Manifold;
use crate::syntax::messages::{factor, message};
use crate::syntax::module_kind::ModuleKind;
use crate::syntax::names::did_you_mean;

/// Parses the items of a control problem's module.
pub(crate) fn model(module: &syn::ItemMod, integration: Option<Integration>, errors: &mut Errors) -> Model {
    Model { integration, ..items(module, ModuleKind::ControlProblem, errors) }
}

/// Parses the items of a module of this kind.
pub(crate) fn items(module: &syn::ItemMod, kind: ModuleKind, errors: &mut Errors) -> Model {
    let mut model = Model {
        module: module.ident.clone(),
        kind,
        structs: Vec::new(),
        vector_functions: Vec::new(),
        consts: Vec::new(),
        functions: Vec::new(),
        integration: None,
        free_start: false,
    };
    let Some((_, items)) = &module.content else {
        errors.at(module, message::MODULE_WITHOUT_BODY);
        return model;
    };
    let mut parser = Parser { errors };
    for item in items {
        match item {
            syn::Item::Struct(item) => match vector_function_attribute(item) {
                Some(attribute) => {
                    parser.report_cfg(item.to_token_stream());
                    let function = parser.vector_function(item, attribute, &model.vector_functions);
                    model.vector_functions.extend(function);
                }
                None => model.structs.push(parser.structure(item, kind)),
            },
            syn::Item::Const(item) if is_table(item) => {
                parser.report_cfg(item.to_token_stream());
                let tables = parser.table(item, items, &model.vector_functions);
                model.vector_functions.extend(tables);
            }
            syn::Item::Const(item) => {
                parser.report_cfg(item.to_token_stream());
                model.consts.push(parser.constant(item));
            }
            syn::Item::Fn(item) => {
                parser.report_cfg(item.to_token_stream());
                model.functions.push(parser.function(item));
            }
            other => parser.outside_item(other, message::OTHER_ITEM),
        }
    }
    if kind == ModuleKind::Factor {
        add_blocks(&mut model);
    }
    model
}

impl Parser<'_> {
    /// Reports an item that a model does not have, on its keyword.
    pub(super) fn outside_item(&mut self, item: &syn::Item, otherwise: &str) {
        match item {
            syn::Item::Enum(item) => self.errors.at(item.enum_token, message::ENUM),
            syn::Item::Static(item) => self.errors.at(item.static_token, message::STATIC),
            syn::Item::Use(item) => self.errors.at(item.use_token, message::USE),
            syn::Item::Impl(item) => self.errors.at(item.impl_token, message::IMPL),
            syn::Item::Trait(item) => self.errors.at(item.trait_token, message::TRAIT),
            syn::Item::Type(item) => self.errors.at(item.type_token, message::TYPE_ALIAS),
            syn::Item::Macro(item) => self.errors.at(&item.mac.path, message::MACRO),
            syn::Item::Mod(item) => self.errors.at(item.mod_token, message::NESTED_MODULE),
            syn::Item::Struct(item) => self.errors.at(item.struct_token, otherwise),
            syn::Item::Const(item) => self.errors.at(item.const_token, otherwise),
            syn::Item::Fn(item) => self.errors.at(item.sig.fn_token, otherwise),
            syn::Item::ExternCrate(item) => self.errors.at(item.extern_token, otherwise),
            syn::Item::ForeignMod(item) => self.errors.at(&item.abi, otherwise),
            syn::Item::Union(item) => self.errors.at(item.union_token, otherwise),
            other => self.errors.at(other, otherwise),
        }
    }

    /// Reports every `#[cfg]` in an item; true if there is one. rustc has not evaluated them yet, so both sides of a condition
    /// would be compiled.
    fn report_cfg(&mut self, tokens: TokenStream) -> bool {
        let mut found = false;
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let next = tokens.peek();
            if let (TokenTree::Punct(hash), Some(TokenTree::Group(group))) = (&token, next)
                && hash.as_char() == '#'
                && group.delimiter() == Delimiter::Bracket
                && let Some(TokenTree::Ident(name)) = group.stream().into_iter().next()
                && (name == "cfg" || (name == "cfg_attr" && mentions_cfg(group.stream())))
            {
                self.errors.on(Span::from(hash.span()).to(group.span()), message::CFG);
                found = true;
            }
            if let TokenTree::Group(group) = &token {
                found |= self.report_cfg(group.stream());
            }
        }
        found
    }

    fn structure(&mut self, item: &syn::ItemStruct, kind: ModuleKind) -> Struct {
        let mut known = !self.report_cfg(item.to_token_stream());
        if !item.generics.params.is_empty() {
            self.errors.at(&item.generics, message::GENERIC_STRUCT);
            known = false;
        }
        if matches!(item.fields, syn::Fields::Unnamed(_)) {
            self.errors.at(&item.fields, message::NOT_NAMED_FIELDS);
            known = false;
        }
        let mut fields = Vec::new();
        for field in &item.fields {
            let bounds = self.bounds_of(field, "bounds", may_have_bounds(&item.ident, kind));
            let rate_bounds = self.bounds_of(field, "rate_bounds", may_have_rate_bounds(&item.ident, kind));
            for attribute in &field.attrs {
                if let Some((name, meant)) = misspelt_bounds(attribute) {
                    self.errors.at(attribute.path(), message::misspelt_bounds(&name.to_string(), meant));
                }
            }
            let mut ty = self.ty(&field.ty);
            if !known {
                // Further rules do not look at a struct with an error.
                ty.kind = TypeKind::Unknown;
            }
            let name = field.ident.clone().unwrap_or_else(|| item.ident.clone());
            let algebraic = kind == ModuleKind::ControlProblem && item.ident == "Algebraic";
            let guess = self.guess(field, algebraic);
            fields.push(Field { name, ty, bounds, rate_bounds, guess });
        }
        Struct { name: item.ident.clone(), manifold: self.manifold(item, kind), fields }
    }

    /// `#[manifold(name)]` of a factor's block.
    fn manifold(&mut self, item: &syn::ItemStruct, kind: ModuleKind) -> Option<(Manifold, Span)> {
        let mut manifold = None;
        for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident(MANIFOLD)) {
            let name = attribute.parse_args::<Ident>().ok().map(|name| name.to_string());
            let known = Manifold::ALL.iter().find(|(known, _)| name.as_deref() == Some(known));
            match known {
                _ if kind != ModuleKind::Factor => self.errors.at(attribute, factor::MANIFOLD_PLACE),
                _ if manifold.is_some() => self.errors.at(attribute, factor::MANIFOLD_TWICE),
                Some((_, known)) => manifold = Some((*known, Span::of(attribute))),
                None => self.errors.at(attribute, factor::unknown_manifold()),
            }
        }
        manifold
    }

    /// The attribute `name` of a field, which may be refused there.
    fn bounds_of(&mut self, field: &syn::Field, name: &str, allowed: Result<(), String>) -> Option<Bounds> {
        let mut bounds = None;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident(name)) {
            match &allowed {
                Err(message) => self.errors.at(attribute, message),
                Ok(()) if bounds.is_some() => self.errors.at(attribute, message::bounds_twice(name)),
                Ok(()) => bounds = self.bounds(attribute, name),
            }
        }
        bounds
    }

    /// `#[guess(value)]` of an algebraic variable.
    fn guess(&mut self, field: &syn::Field, algebraic: bool) -> Option<Expr> {
        let attribute = field.attrs.iter().find(|attribute| attribute.path().is_ident(GUESS))?;
        match attribute.parse_args::<syn::Expr>() {
            Ok(value) if algebraic => Some(self.expr(&value)),
            Ok(_) => {
                self.errors.at(attribute, message::GUESS_PLACE);
                None
            }
            Err(_) => {
                self.errors.at(attribute, message::GUESS);
                None
            }
        }
    }

    /// `#[bounds(lower, upper)]`, each side an expression or `None`.
    fn bounds(&mut self, attribute: &syn::Attribute, name: &str) -> Option<Bounds> {
        let parser = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        let sides = attribute.parse_args_with(parser).ok().filter(|sides| sides.len() == 2);
        let Some(sides) = sides else {
            self.errors.at(attribute, message::bounds(name));
            return None;
        };
        let mut sides = sides.iter().map(|side| match side {
            syn::Expr::Path(path) if path.path.is_ident("None") => None,
            side => Some(self.expr(side)),
        });
        let (lower, upper) = (sides.next().flatten(), sides.next().flatten());
        Some(Bounds { lower, upper, span: Span::of(attribute) })
    }

    /// `#[penalty(linear = .., quadratic = ..)]` of a function.
    fn penalty(&mut self, item: &syn::ItemFn) -> Option<Penalty> {
        let mut penalty = None;
        for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident(PENALTY)) {
            if penalty.is_some() {
                self.errors.at(attribute, message::PENALTY_TWICE);
                continue;
            }
            penalty = self.factors(attribute);
            if penalty.is_none() {
                self.errors.at(attribute, message::PENALTY);
            }
        }
        penalty
    }

    /// The factors of a penalty, at least one and each at most once.
    fn factors(&mut self, attribute: &syn::Attribute) -> Option<Penalty> {
        let parser = syn::punctuated::Punctuated::<syn::ExprAssign, syn::Token![,]>::parse_terminated;
        let factors = attribute.parse_args_with(parser).ok()?;
        let mut penalty = Penalty { linear: None, quadratic: None, span: Span::of(attribute) };
        for factor in &factors {
            let syn::Expr::Path(name) = &*factor.left else { return None };
            let place = match name.path.get_ident()?.to_string().as_str() {
                "linear" => &mut penalty.linear,
                "quadratic" => &mut penalty.quadratic,
                _ => return None,
            };
            if place.is_some() {
                return None;
            }
            *place = Some(self.expr(&factor.right));
        }
        (!factors.is_empty()).then_some(penalty)
    }

    fn constant(&mut self, item: &syn::ItemConst) -> Const {
        Const { name: item.ident.clone(), ty: self.ty(&item.ty), value: self.expr(&item.expr) }
    }

    fn function(&mut self, item: &syn::ItemFn) -> Function {
        let signature = &item.sig;
        if let Some(token) = &signature.constness {
            self.errors.at(token, message::CONST_FN);
        }
        if let Some(token) = &signature.asyncness {
            self.errors.at(token, message::ASYNC);
        }
        if let syn::Safety::Unsafe(token) = &signature.safety {
            self.errors.at(token, message::UNSAFE);
        }
        if let Some(abi) = &signature.abi {
            self.errors.at(abi, message::EXTERN);
        }
        // Lifetimes do not matter for values.
        for parameter in &signature.generics.params {
            if !matches!(parameter, syn::GenericParam::Lifetime(_)) {
                self.errors.at(parameter, message::GENERIC_FUNCTION);
            }
        }
        let mut arguments = Vec::new();
        for input in &signature.inputs {
            match input {
                syn::FnArg::Receiver(receiver) => self.errors.at(receiver, message::SELF),
                syn::FnArg::Typed(argument) => {
                    arguments.push(Argument { pattern: self.pattern(&argument.pat), ty: self.ty(&argument.ty) });
                }
            }
        }
        let result = match &signature.output {
            syn::ReturnType::Type(_, ty) => self.ty(ty),
            syn::ReturnType::Default => {
                self.errors.at(&signature.ident, message::NO_RETURN_TYPE);
                Type { kind: TypeKind::Unknown, span: signature.ident.span().into() }
            }
        };
        let body = self.block(&item.block);
        let penalty = self.penalty(item);
        Function { name: signature.ident.clone(), arguments, result, body, penalty }
    }
}

/// Whether fields of this struct may have bounds, or what to write instead.
fn may_have_bounds(name: &Ident, kind: ModuleKind) -> Result<(), String> {
    use ModuleKind::{ControlProblem, Factor, ImplicitFunction};
    match (kind, name.to_string().as_str()) {
        (ControlProblem, "State" | "Control" | "Design") | (ImplicitFunction, "Unknown") => Ok(()),
        (Factor, _) => Err(factor::BOUNDS.to_owned()),
        (ControlProblem, "Params" | "StageParams") => Err(message::BOUNDS_PLACE.to_owned()),
        (ImplicitFunction, "Params") => Err(message::BOUNDS_OF_PARAMETERS.to_owned()),
        (ImplicitFunction, part) => Err(message::bounds_of_part(part, "bounds", "`Unknown`")),
        (ControlProblem, part) => Err(message::bounds_of_part(part, "bounds", "`State`, `Control` or `Design`")),
    }
}

/// Whether fields of this struct may have bounds of their rate, or what to write instead.
fn may_have_rate_bounds(name: &Ident, kind: ModuleKind) -> Result<(), String> {
    match kind {
        ModuleKind::ImplicitFunction => return Err(message::RATES_OF_UNKNOWNS.to_owned()),
        ModuleKind::Factor => return Err(factor::BOUNDS.to_owned()),
        ModuleKind::ControlProblem => {}
    }
    match name.to_string().as_str() {
        "Control" => Ok(()),
        "State" | "Design" | "Params" | "StageParams" => Err(message::RATE_BOUNDS_PLACE.to_owned()),
        part => Err(message::bounds_of_part(part, "rate_bounds", "`Control`")),
    }
}

/// Whether `cfg` is among the tokens, as in `cfg_attr(condition, cfg(condition))`.
fn mentions_cfg(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => name == "cfg",
        TokenTree::Group(group) => mentions_cfg(group.stream()),
        _ => false,
    })
}

/// The attributes of fields.
pub(crate) const FIELD_ATTRIBUTES: [&str; 2] = ["bounds", "rate_bounds"];

/// The attribute of algebraic variables.
pub(crate) const GUESS: &str = "guess";

/// The attribute of a factor's blocks.
pub(crate) const MANIFOLD: &str = "manifold";

/// The attribute of soft constraints.
pub(crate) const PENALTY: &str = "penalty";

/// The name of an attribute that looks like a misspelt one of a field, and the name that is meant.
pub(crate) fn misspelt_bounds(attribute: &syn::Attribute) -> Option<(&Ident, &'static str)> {
    let name = attribute.path().get_ident()?;
    let meant = FIELD_ATTRIBUTES.into_iter().find(|meant| !did_you_mean(&name.to_string(), [*meant]).is_empty())?;
    FIELD_ATTRIBUTES.iter().all(|known| name != known).then_some((name, meant))
}
