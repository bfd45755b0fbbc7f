//! syn's tree to ours: the only stage that knows syn's types.
//!
//! It decides what the *syntax* of the model language is. Everything outside it is reported on its own tokens, and
//! replaced by `Unknown`, so that one mistake gives one message and the rest of the module is still looked at.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;

use crate::syntax::ast::{
    Argument, BinaryOp, Block, Bounds, CompareOp, Const, Expr, ExprKind, Field, Function, Integration, Integrator, Let,
    Model, Pattern, Range, Statement, Struct, Type, TypeKind, Vendored,
};
use crate::syntax::errors::{Errors, Span, did_you_mean, message};

/// The arguments of the attribute.
#[derive(Default)]
pub(crate) struct Options {
    /// Where the runtime is, when it does not stand under its own name.
    pub(crate) runtime: Option<syn::Path>,
    pub(crate) integration: Option<Integration>,
    /// The arguments that make up the integration, as they stand.
    pub(crate) integration_tokens: TokenStream,
    /// Where the kernels are read from, instead of being derived.
    pub(crate) vendored: Option<Vendored>,
}

/// The arguments in `#[model(..)]`.
pub(crate) fn options(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    // Every argument is read as an assignment or another expression, so that each gets its own message.
    let parser = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
    let arguments = match syn::parse::Parser::parse2(parser, tokens) {
        Ok(arguments) => arguments,
        Err(error) => {
            errors.syn(error);
            return options;
        }
    };
    let (mut integrator, mut dt, mut substeps) = (None, None, None);
    for argument in &arguments {
        let (name, value) = match argument {
            syn::Expr::Assign(assignment) => (&*assignment.left, Some(&*assignment.right)),
            syn::Expr::Call(call) => (&*call.func, None),
            other => (other, None),
        };
        let is = |wanted: &str| matches!(name, syn::Expr::Path(path) if path.path.is_ident(wanted));
        match value {
            Some(syn::Expr::Path(path)) if is("crate") && path.qself.is_none() => {
                options.runtime = Some(path.path.clone());
            }
            Some(other) if is("crate") => errors.at(other, message::CRATE_PATH),
            None if is("crate") => errors.at(name, message::CRATE_PATH),
            Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. })) if is("vendored") => {
                options.vendored = Some(Vendored { path: path.value(), span: path.span().into() });
            }
            Some(other) if is("vendored") => errors.at(other, message::VENDORED_PATH),
            None if is("vendored") => errors.at(name, message::VENDORED_PATH),
            Some(value) if is("integrator") => integrator = parse_integrator(value, errors),
            Some(value) if is("dt") => dt = Some((name, parse_expr(value, errors))),
            Some(value) if is("substeps") => substeps = Some((name, parse_expr(value, errors))),
            None if ["integrator", "dt", "substeps"].into_iter().any(is) => errors.at(name, message::INTEGRATOR),
            _ => {
                let given = name.to_token_stream().to_string();
                errors.at(name, message::model_argument(&given, ["integrator", "dt", "substeps", "vendored", "crate"]));
            }
        }
        if ["integrator", "dt", "substeps"].into_iter().any(is) {
            options.integration_tokens.extend(argument.to_token_stream());
        }
    }
    match integrator {
        Some((integrator, span)) => {
            let (dt, substeps) = (dt.map(|(_, dt)| dt), substeps.map(|(_, substeps)| substeps));
            options.integration = Some(Integration { integrator, span, dt, substeps });
        }
        // An integrator that is not known has had its message.
        None if errors.is_empty() => {
            for (name, _) in dt.iter().chain(&substeps) {
                errors.at(name, message::STEP_WITHOUT_INTEGRATOR);
            }
        }
        None => {}
    }
    options
}

fn parse_integrator(value: &syn::Expr, errors: &mut Errors) -> Option<(Integrator, Span)> {
    let name = match value {
        syn::Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        // In quotes it is none, but it tells which one is meant.
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    };
    let known = matches!(value, syn::Expr::Path(_)).then_some(&name).and_then(Option::as_ref);
    let found = known.and_then(|name| Integrator::ALL.iter().find(|(known, _)| name == known));
    if found.is_none() {
        let known = Integrator::ALL.iter().map(|(known, _)| *known);
        errors.at(value, message::unknown_integrator(&name.unwrap_or_default(), known));
    }
    found.map(|(_, integrator)| (*integrator, Span::of(value)))
}

/// The module's items.
pub(crate) fn model(module: &syn::ItemMod, integration: Option<Integration>, errors: &mut Errors) -> Model {
    let mut model = Model {
        module: module.ident.clone(),
        structs: Vec::new(),
        consts: Vec::new(),
        functions: Vec::new(),
        integration,
    };
    let Some((_, items)) = &module.content else {
        errors.at(module, message::MODULE_WITHOUT_BODY);
        return model;
    };
    for item in items {
        match item {
            syn::Item::Struct(item) => {
                model.structs.push(parse_struct(item, errors));
            }
            syn::Item::Const(item) => {
                conditional(item.to_token_stream(), errors);
                model.consts.push(parse_const(item, errors));
            }
            syn::Item::Fn(item) => {
                conditional(item.to_token_stream(), errors);
                model.functions.push(parse_function(item, errors));
            }
            other => outside_item(other, message::OTHER_ITEM, errors),
        }
    }
    model
}

/// An item that a model does not have, on its keyword.
fn outside_item(item: &syn::Item, otherwise: &str, errors: &mut Errors) {
    match item {
        syn::Item::Enum(item) => errors.at(item.enum_token, message::ENUM),
        syn::Item::Static(item) => errors.at(item.static_token, message::STATIC),
        syn::Item::Use(item) => errors.at(item.use_token, message::USE),
        syn::Item::Impl(item) => errors.at(item.impl_token, message::IMPL),
        syn::Item::Trait(item) => errors.at(item.trait_token, message::TRAIT),
        syn::Item::Type(item) => errors.at(item.type_token, message::TYPE_ALIAS),
        syn::Item::Macro(item) => errors.at(&item.mac.path, message::MACRO),
        syn::Item::Mod(item) => errors.at(item.mod_token, message::NESTED_MODULE),
        syn::Item::Struct(item) => errors.at(item.struct_token, otherwise),
        syn::Item::Const(item) => errors.at(item.const_token, otherwise),
        syn::Item::Fn(item) => errors.at(item.sig.fn_token, otherwise),
        syn::Item::ExternCrate(item) => errors.at(item.extern_token, otherwise),
        syn::Item::ForeignMod(item) => errors.at(&item.abi, otherwise),
        syn::Item::Union(item) => errors.at(item.union_token, otherwise),
        other => errors.at(other, otherwise),
    }
}

/// Reports every `#[cfg]` in an item, and says whether there is one: rustc has not looked at them yet, so both sides of a
/// condition would be compiled.
fn conditional(tokens: TokenStream, errors: &mut Errors) -> bool {
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
            errors.on(Span::from(hash.span()).to(group.span()), message::CFG);
            found = true;
        }
        if let TokenTree::Group(group) = &token {
            found |= conditional(group.stream(), errors);
        }
    }
    found
}

/// Whether `cfg` stands anywhere among the tokens, as in `cfg_attr(condition, cfg(condition))`.
fn mentions_cfg(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => name == "cfg",
        TokenTree::Group(group) => mentions_cfg(group.stream()),
        _ => false,
    })
}

fn parse_struct(item: &syn::ItemStruct, errors: &mut Errors) -> Struct {
    let mut known = !conditional(item.to_token_stream(), errors);
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, message::GENERIC_STRUCT);
        known = false;
    }
    if matches!(item.fields, syn::Fields::Unnamed(_)) {
        errors.at(&item.fields, message::NOT_NAMED_FIELDS);
        known = false;
    }
    let mut fields = Vec::new();
    for field in &item.fields {
        let mut bounds = None;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("bounds")) {
            if item.ident != "Control" {
                errors.at(attribute, message::BOUNDS_PLACE);
            } else if bounds.is_some() {
                errors.at(attribute, message::BOUNDS_TWICE);
            } else {
                bounds = parse_bounds(attribute, errors);
            }
        }
        for attribute in &field.attrs {
            if let Some(name) = misspelt_bounds(attribute) {
                errors.at(attribute.path(), message::misspelt_bounds(&name.to_string()));
            }
        }
        let mut ty = parse_type(&field.ty, errors);
        if !known {
            // Nothing is built on a struct that is not what it seems.
            ty.kind = TypeKind::Unknown;
        }
        let name = field.ident.clone().unwrap_or_else(|| item.ident.clone());
        fields.push(Field { name, ty, bounds });
    }
    Struct { name: item.ident.clone(), fields }
}

/// The name of an attribute that is meant to be `bounds`.
pub(crate) fn misspelt_bounds(attribute: &syn::Attribute) -> Option<&Ident> {
    let name = attribute.path().get_ident()?;
    (name != "bounds" && !did_you_mean(&name.to_string(), ["bounds"]).is_empty()).then_some(name)
}

/// `#[bounds(lower, upper)]`, each side an expression or `None`.
fn parse_bounds(attribute: &syn::Attribute, errors: &mut Errors) -> Option<Bounds> {
    let parser = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
    let sides = attribute.parse_args_with(parser).ok().filter(|sides| sides.len() == 2);
    let Some(sides) = sides else {
        errors.at(attribute, message::BOUNDS);
        return None;
    };
    let mut sides = sides.iter().map(|side| match side {
        syn::Expr::Path(path) if path.path.is_ident("None") => None,
        side => Some(parse_expr(side, errors)),
    });
    let (lower, upper) = (sides.next().flatten(), sides.next().flatten());
    Some(Bounds { lower, upper, span: Span::of(attribute) })
}

fn parse_const(item: &syn::ItemConst, errors: &mut Errors) -> Const {
    Const { name: item.ident.clone(), ty: parse_type(&item.ty, errors), value: parse_expr(&item.expr, errors) }
}

fn parse_function(item: &syn::ItemFn, errors: &mut Errors) -> Function {
    let signature = &item.sig;
    if let Some(token) = &signature.constness {
        errors.at(token, message::CONST_FN);
    }
    if let Some(token) = &signature.asyncness {
        errors.at(token, message::ASYNC);
    }
    if let syn::Safety::Unsafe(token) = &signature.safety {
        errors.at(token, message::UNSAFE);
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, message::EXTERN);
    }
    // Lifetimes say nothing about values.
    for parameter in &signature.generics.params {
        if !matches!(parameter, syn::GenericParam::Lifetime(_)) {
            errors.at(parameter, message::GENERIC_FUNCTION);
        }
    }
    let mut arguments = Vec::new();
    for input in &signature.inputs {
        match input {
            syn::FnArg::Receiver(receiver) => errors.at(receiver, message::SELF),
            syn::FnArg::Typed(argument) => {
                arguments.push(Argument {
                    pattern: parse_pattern(&argument.pat, errors),
                    ty: parse_type(&argument.ty, errors),
                });
            }
        }
    }
    let result = match &signature.output {
        syn::ReturnType::Type(_, ty) => parse_type(ty, errors),
        syn::ReturnType::Default => {
            errors.at(&signature.ident, message::NO_RETURN_TYPE);
            Type { kind: TypeKind::Unknown, span: signature.ident.span().into() }
        }
    };
    let body = parse_block(&item.block, errors);
    Function { name: signature.ident.clone(), arguments, result, body }
}

fn parse_type(ty: &syn::Type, errors: &mut Errors) -> Type {
    let span = Span::of(ty);
    let kind = match ty {
        syn::Type::Reference(reference) => {
            if reference.mutability.is_some() {
                errors.at(reference, message::MUT_REFERENCE);
            }
            return Type { span, ..parse_type(&reference.elem, errors) };
        }
        syn::Type::Paren(inner) => return parse_type(&inner.elem, errors),
        syn::Type::Group(inner) => return parse_type(&inner.elem, errors),
        syn::Type::Array(array) => {
            TypeKind::Array(Box::new(parse_type(&array.elem, errors)), Box::new(parse_expr(&array.len, errors)))
        }
        syn::Type::Tuple(tuple) if !tuple.elems.is_empty() => {
            TypeKind::Tuple(tuple.elems.iter().map(|element| parse_type(element, errors)).collect())
        }
        syn::Type::Path(path) if path.qself.is_none() => match last_of_primitive(&path.path) {
            Some(name) => match name.to_string().as_str() {
                "f64" => TypeKind::Float,
                "usize" | "i32" => TypeKind::Integer,
                "bool" => TypeKind::Bool,
                "f32" => report(errors, ty, message::F32),
                "u8" | "u16" | "u32" | "u64" | "u128" | "i8" | "i16" | "i64" | "i128" | "isize" => {
                    report(errors, ty, message::INTEGER_TYPE)
                }
                "char" | "str" | "String" | "Vec" | "Self" => report(errors, ty, message::TYPE),
                _ => TypeKind::Struct(name.clone()),
            },
            None => report(errors, ty, message::TYPE),
        },
        other => report(errors, other, message::TYPE),
    };
    Type { kind, span }
}

fn report(errors: &mut Errors, at: impl ToTokens, message: &str) -> TypeKind {
    errors.at(at, message);
    TypeKind::Unknown
}

/// The name of a type written as one segment, or as `self::Name` or `core::primitive::name`.
fn last_of_primitive(path: &syn::Path) -> Option<&Ident> {
    let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let plain = path.segments.iter().all(|segment| segment.arguments.is_none());
    let known = matches!(segments.as_slice(), [_] | ["self", _] | ["core" | "std", "primitive", _]);
    if known && plain { path.segments.last().map(|segment| &segment.ident) } else { None }
}

fn parse_block(block: &syn::Block, errors: &mut Errors) -> Block {
    let mut statements = Vec::new();
    let mut value = None;
    for (index, statement) in block.stmts.iter().enumerate() {
        let last = index + 1 == block.stmts.len();
        match statement {
            syn::Stmt::Local(local) => statements.extend(parse_let(local, errors).map(Statement::Let)),
            syn::Stmt::Expr(syn::Expr::Assign(assignment), _) => {
                let place = parse_expr(&assignment.left, errors);
                statements.push(Statement::Assign { place, op: None, value: parse_expr(&assignment.right, errors) });
            }
            syn::Stmt::Expr(syn::Expr::Binary(binary), _) if compound(&binary.op).is_some() => {
                let place = parse_expr(&binary.left, errors);
                let value = parse_expr(&binary.right, errors);
                statements.push(Statement::Assign { place, op: compound(&binary.op), value });
            }
            syn::Stmt::Expr(expr, None) if last => value = Some(Box::new(parse_expr(expr, errors))),
            // A semicolon of its own, which rustc has its lint for.
            syn::Stmt::Expr(syn::Expr::Verbatim(tokens), Some(_)) if tokens.is_empty() => {}
            syn::Stmt::Expr(expr, _) => {
                let parsed = parse_expr(expr, errors);
                match parsed.kind {
                    ExprKind::If { .. } | ExprKind::For { .. } | ExprKind::Block(_) => {
                        statements.push(Statement::Run(parsed));
                    }
                    // A construct outside the language has had its message already.
                    ExprKind::Unknown => value = last.then(|| Box::new(parsed)),
                    _ => errors.at(expr, message::STATEMENT),
                }
            }
            syn::Stmt::Macro(statement) => {
                errors.at(&statement.mac.path, message::MACRO);
                value = last.then(|| Box::new(Expr { kind: ExprKind::Unknown, span: Span::of(statement) }));
            }
            syn::Stmt::Item(item) => outside_item(item, message::ITEM_IN_BODY, errors),
        }
    }
    Block { statements, value, end: Span::from(block.brace_token.span.close()) }
}

/// The operation of `+=` and its like.
fn compound(op: &syn::BinOp) -> Option<BinaryOp> {
    match op {
        syn::BinOp::AddAssign(_) => Some(BinaryOp::Add),
        syn::BinOp::SubAssign(_) => Some(BinaryOp::Sub),
        syn::BinOp::MulAssign(_) => Some(BinaryOp::Mul),
        syn::BinOp::DivAssign(_) => Some(BinaryOp::Div),
        syn::BinOp::RemAssign(_) => Some(BinaryOp::Rem),
        _ => None,
    }
}

fn parse_let(local: &syn::Local, errors: &mut Errors) -> Option<Let> {
    let Some(init) = &local.init else {
        errors.at(local, message::LET_WITHOUT_VALUE);
        return None;
    };
    if let Some((token, _)) = &init.diverge {
        errors.at(token, message::LET_ELSE);
    }
    let (pattern, ty) = match &local.pat {
        syn::Pat::Type(typed) => (&*typed.pat, Some(parse_type(&typed.ty, errors))),
        pattern => (pattern, None),
    };
    Some(Let { pattern: parse_pattern(pattern, errors), ty, value: parse_expr(&init.expr, errors) })
}

/// A pattern; `mut` in it is rustc's business.
fn parse_pattern(pattern: &syn::Pat, errors: &mut Errors) -> Pattern {
    let mut all = |patterns: &syn::punctuated::Punctuated<syn::Pat, syn::Token![,]>| {
        patterns.iter().map(|element| parse_pattern(element, errors)).collect()
    };
    match pattern {
        syn::Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Pattern::Name(name.ident.clone()),
        syn::Pat::Wild(_) => Pattern::Ignore,
        syn::Pat::Paren(inner) => parse_pattern(&inner.pat, errors),
        syn::Pat::Reference(inner) => parse_pattern(&inner.pat, errors),
        syn::Pat::Tuple(tuple) => Pattern::Tuple(all(&tuple.elems), Span::of(tuple)),
        syn::Pat::Slice(slice) => Pattern::Array(all(&slice.elems), Span::of(slice)),
        syn::Pat::Struct(pattern) => {
            let mut fields = Vec::new();
            for field in &pattern.fields {
                match &field.member {
                    syn::Member::Named(name) => fields.push((name.clone(), parse_pattern(&field.pat, errors))),
                    syn::Member::Unnamed(index) => errors.at(index, message::NOT_NAMED_FIELDS),
                }
            }
            match last_of_primitive(&pattern.path) {
                Some(name) => Pattern::Struct(name.clone(), fields),
                None => {
                    let path = segments(&pattern.path).join("::");
                    errors.at(&pattern.path, message::unknown_type(&path, []));
                    Pattern::Ignore
                }
            }
        }
        other => {
            errors.at(other, message::PATTERN);
            Pattern::Ignore
        }
    }
}

fn parse_expr(expr: &syn::Expr, errors: &mut Errors) -> Expr {
    // Spans are put together from those of the operands: collecting the tokens at every level would take quadratic time.
    let (kind, span) = match expr {
        syn::Expr::Paren(inner) => {
            return Expr { span: inner.paren_token.span.join().into(), ..parse_expr(&inner.expr, errors) };
        }
        syn::Expr::Group(inner) => return parse_expr(&inner.expr, errors),
        // A model only reads, so a reference is its value.
        syn::Expr::Reference(inner) => {
            if let Some(token) = &inner.mutability {
                errors.at(token, message::MUT_REFERENCE);
            }
            let value = parse_expr(&inner.expr, errors);
            return Expr { span: Span::of(&inner.and_token).to(value.span), ..value };
        }
        syn::Expr::Unary(unary) => {
            let value = parse_expr(&unary.expr, errors);
            let span = Span::of(&unary.op).to(value.span);
            match &unary.op {
                syn::UnOp::Neg(_) => (ExprKind::Negate(Box::new(value)), span),
                syn::UnOp::Deref(_) => (value.kind, span),
                syn::UnOp::Not(_) => (ExprKind::Not(Box::new(value)), span),
                other => (unknown(errors, other, message::OPERATOR), span),
            }
        }
        syn::Expr::Binary(binary) => parse_binary(binary, errors),
        syn::Expr::Call(call) => {
            let span = Span::of(&call.func).to(call.paren_token.span.close());
            (parse_call(call, span, errors), span)
        }
        syn::Expr::MethodCall(call) => {
            if let Some(turbofish) = &call.turbofish {
                errors.at(turbofish, message::TURBOFISH);
            }
            let receiver = Box::new(parse_expr(&call.receiver, errors));
            let span = receiver.span.to(call.paren_token.span.close());
            let arguments = call.args.iter().map(|argument| parse_expr(argument, errors)).collect();
            (ExprKind::Method(receiver, call.method.clone(), arguments), span)
        }
        syn::Expr::Field(field) => {
            let base = Box::new(parse_expr(&field.base, errors));
            let span = base.span.to(Span::of(&field.member));
            match &field.member {
                syn::Member::Named(name) => (ExprKind::Field(base, name.clone()), span),
                syn::Member::Unnamed(index) => (ExprKind::TupleField(base, index.index as usize), span),
            }
        }
        syn::Expr::Index(index) => {
            let base = Box::new(parse_expr(&index.expr, errors));
            let span = base.span.to(index.bracket_token.span.close());
            if matches!(&*index.index, syn::Expr::Range(_)) {
                (unknown(errors, &index.index, message::SLICE), span)
            } else {
                (ExprKind::Index(base, Box::new(parse_expr(&index.index, errors))), span)
            }
        }
        syn::Expr::Array(array) => {
            let elements = array.elems.iter().map(|element| parse_expr(element, errors)).collect();
            (ExprKind::Array(elements), array.bracket_token.span.join().into())
        }
        syn::Expr::Repeat(repeat) => {
            let value = Box::new(parse_expr(&repeat.expr, errors));
            let length = Box::new(parse_expr(&repeat.len, errors));
            (ExprKind::Repeat(value, length), repeat.bracket_token.span.join().into())
        }
        syn::Expr::Tuple(tuple) if !tuple.elems.is_empty() => {
            let elements = tuple.elems.iter().map(|element| parse_expr(element, errors)).collect();
            (ExprKind::Tuple(elements), tuple.paren_token.span.join().into())
        }
        syn::Expr::Struct(literal) => {
            (parse_struct_literal(literal, errors), Span::of(&literal.path).to(literal.brace_token.span.close()))
        }
        syn::Expr::Block(block) => {
            unlabelled(block.label.as_ref(), errors);
            (ExprKind::Block(parse_block(&block.block, errors)), block.block.brace_token.span.join().into())
        }
        syn::Expr::If(item) => (parse_if(item, errors), Span::of(&item.if_token)),
        syn::Expr::ForLoop(item) => {
            unlabelled(item.label.as_ref(), errors);
            (parse_for(item, errors), Span::of(&item.for_token))
        }
        syn::Expr::Cast(item) => {
            let value = Box::new(parse_expr(&item.expr, errors));
            let span = value.span.to(Span::of(&item.ty));
            (ExprKind::Cast(value, parse_type(&item.ty, errors)), span)
        }
        syn::Expr::Lit(literal) => (parse_literal(&literal.lit, errors), Span::of(literal)),
        syn::Expr::Path(path) => (parse_path(path, errors), Span::of(path)),
        other => (outside(other, errors), Span::of(other)),
    };
    Expr { kind, span }
}

fn parse_if(item: &syn::ExprIf, errors: &mut Errors) -> ExprKind {
    let condition = Box::new(parse_expr(&item.cond, errors));
    let then = parse_block(&item.then_branch, errors);
    let otherwise = item.else_branch.as_ref().map(|(_, otherwise)| Box::new(parse_expr(otherwise, errors)));
    ExprKind::If { condition, then, otherwise }
}

/// `for pattern in range { body }`; the range may be in parentheses and reversed.
fn parse_for(item: &syn::ExprForLoop, errors: &mut Errors) -> ExprKind {
    let mut iterated = &*item.expr;
    let mut reversed = false;
    loop {
        match iterated {
            syn::Expr::Paren(inner) => iterated = &inner.expr,
            syn::Expr::Group(inner) => iterated = &inner.expr,
            syn::Expr::MethodCall(call) if call.method == "rev" && call.args.is_empty() => {
                reversed = !reversed;
                iterated = &call.receiver;
            }
            _ => break,
        }
    }
    let pattern = parse_pattern(&item.pat, errors);
    let body = parse_block(&item.body, errors);
    let syn::Expr::Range(syn::ExprRange { start: Some(start), end: Some(end), limits, .. }) = iterated else {
        return unknown(errors, &item.expr, message::FOR_RANGE);
    };
    let range = Range {
        start: Box::new(parse_expr(start, errors)),
        end: Box::new(parse_expr(end, errors)),
        inclusive: matches!(limits, syn::RangeLimits::Closed(_)),
        reversed,
    };
    ExprKind::For { pattern, range, body }
}

fn unlabelled(label: Option<&syn::Label>, errors: &mut Errors) {
    if let Some(label) = label {
        errors.at(label, message::LABEL);
    }
}

/// Constructs of Rust that the language leaves out, each with what to write instead.
fn outside(expr: &syn::Expr, errors: &mut Errors) -> ExprKind {
    match expr {
        syn::Expr::Break(item) => unknown(errors, item.break_token, message::BREAK),
        syn::Expr::Continue(item) => unknown(errors, item.continue_token, message::BREAK),
        syn::Expr::Let(item) => unknown(errors, item.let_token, message::IF_LET),
        syn::Expr::While(item) => unknown(errors, item.while_token, message::WHILE),
        syn::Expr::Loop(item) => unknown(errors, item.loop_token, message::LOOP),
        syn::Expr::Match(item) => unknown(errors, item.match_token, message::MATCH),
        syn::Expr::Closure(item) => {
            errors.on(Span::of(&item.inputs_begin).to(Span::of(&item.inputs_end)), message::CLOSURE);
            ExprKind::Unknown
        }
        syn::Expr::Return(item) => unknown(errors, item.return_token, message::RETURN),
        syn::Expr::Assign(item) => unknown(errors, item.eq_token, message::ASSIGN),
        syn::Expr::Macro(item) => unknown(errors, &item.mac.path, message::MACRO),
        syn::Expr::Unsafe(item) => unknown(errors, item.unsafe_token, message::UNSAFE),
        syn::Expr::Async(item) => unknown(errors, item.async_token, message::AWAIT),
        syn::Expr::Await(item) => unknown(errors, item.await_token, message::AWAIT),
        syn::Expr::Try(item) => unknown(errors, item.question_token, message::TRY),
        syn::Expr::Range(item) => unknown(errors, item, message::RANGE),
        other => unknown(errors, other, message::EXPRESSION),
    }
}

fn unknown(errors: &mut Errors, at: impl ToTokens, message: &str) -> ExprKind {
    errors.at(at, message);
    ExprKind::Unknown
}

fn parse_literal(literal: &syn::Lit, errors: &mut Errors) -> ExprKind {
    match literal {
        syn::Lit::Float(number) => match number.suffix() {
            "" | "f64" => match number.base10_parse::<f64>() {
                Ok(value) if value.is_finite() => ExprKind::Float(value),
                _ => unknown(errors, number, message::LITERAL_RANGE),
            },
            _ => unknown(errors, number, message::F32),
        },
        syn::Lit::Int(number) => match number.suffix() {
            "" | "usize" | "i32" => match number.base10_parse::<i64>() {
                Ok(value) if value <= i64::from(i32::MAX) => ExprKind::Integer(value),
                _ => unknown(errors, number, message::INTEGER_OVERFLOW),
            },
            "f64" => number
                .base10_digits()
                .parse()
                .map_or_else(|_| unknown(errors, number, message::LITERAL_RANGE), ExprKind::Float),
            "f32" => unknown(errors, number, message::F32),
            _ => unknown(errors, number, message::INTEGER_TYPE),
        },
        syn::Lit::Bool(literal) => ExprKind::Bool(literal.value),
        other => unknown(errors, other, message::LITERAL),
    }
}

fn parse_binary(binary: &syn::ExprBinary, errors: &mut Errors) -> (ExprKind, Span) {
    use syn::BinOp as Op;
    // Both sides are looked at whatever the operator is: their mistakes are the user's next ones.
    let left = Box::new(parse_expr(&binary.left, errors));
    let right = Box::new(parse_expr(&binary.right, errors));
    let span = left.span.to(right.span);
    let kind = match &binary.op {
        Op::Add(_) => ExprKind::Binary(BinaryOp::Add, left, right),
        Op::Sub(_) => ExprKind::Binary(BinaryOp::Sub, left, right),
        Op::Mul(_) => ExprKind::Binary(BinaryOp::Mul, left, right),
        Op::Div(_) => ExprKind::Binary(BinaryOp::Div, left, right),
        Op::Rem(_) => ExprKind::Binary(BinaryOp::Rem, left, right),
        Op::Lt(_) => ExprKind::Compare(CompareOp::Less, left, right),
        Op::Le(_) => ExprKind::Compare(CompareOp::LessEqual, left, right),
        Op::Gt(_) => ExprKind::Compare(CompareOp::Greater, left, right),
        Op::Ge(_) => ExprKind::Compare(CompareOp::GreaterEqual, left, right),
        Op::Eq(_) => ExprKind::Compare(CompareOp::Equal, left, right),
        Op::Ne(_) => ExprKind::Compare(CompareOp::NotEqual, left, right),
        Op::And(_) => ExprKind::And(left, right),
        Op::Or(_) => ExprKind::Or(left, right),
        op if compound(op).is_some() => unknown(errors, binary.op, message::ASSIGN),
        _ => unknown(errors, binary.op, message::OPERATOR),
    };
    (kind, span)
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// A path as an expression: a name of the module or the function, or a constant of the standard library.
fn parse_path(expr: &syn::ExprPath, errors: &mut Errors) -> ExprKind {
    let names = segments(&expr.path);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names.as_slice() {
        [_] | ["self", _] if expr.qself.is_none() => match expr.path.segments.last() {
            Some(segment) => ExprKind::Name(segment.ident.clone()),
            None => ExprKind::Unknown,
        },
        ["std" | "core", "f64", "consts", name] => match standard_constant(name) {
            Some(value) => ExprKind::Float(value),
            None => unknown(errors, &expr.path, &message::unknown_path(&names.join("::"))),
        },
        // Elaboration allows them in bounds, where they say that a side is open.
        ["f64", "INFINITY"]
        | ["std" | "core", "f64", "INFINITY"]
        | ["std" | "core", "primitive", "f64", "INFINITY"] => ExprKind::Float(f64::INFINITY),
        ["f64", "NEG_INFINITY"]
        | ["std" | "core", "f64", "NEG_INFINITY"]
        | ["std" | "core", "primitive", "f64", "NEG_INFINITY"] => ExprKind::Float(f64::NEG_INFINITY),
        _ => unknown(errors, &expr.path, &message::unknown_path(&names.join("::"))),
    }
}

/// `std::f64::consts::*`.
pub(crate) fn standard_constant(name: &str) -> Option<f64> {
    use std::f64::consts::*;
    Some(match name {
        "PI" => PI,
        "TAU" => TAU,
        "E" => E,
        "FRAC_PI_2" => FRAC_PI_2,
        "FRAC_PI_3" => FRAC_PI_3,
        "FRAC_PI_4" => FRAC_PI_4,
        "FRAC_PI_6" => FRAC_PI_6,
        "FRAC_PI_8" => FRAC_PI_8,
        "FRAC_1_PI" => FRAC_1_PI,
        "FRAC_2_PI" => FRAC_2_PI,
        "FRAC_2_SQRT_PI" => FRAC_2_SQRT_PI,
        "FRAC_1_SQRT_2" => FRAC_1_SQRT_2,
        "SQRT_2" => SQRT_2,
        "LN_2" => LN_2,
        "LN_10" => LN_10,
        "LOG2_10" => LOG2_10,
        "LOG2_E" => LOG2_E,
        "LOG10_2" => LOG10_2,
        "LOG10_E" => LOG10_E,
        "EULER_GAMMA" => EULER_GAMMA,
        "GOLDEN_RATIO" => GOLDEN_RATIO,
        _ => return None,
    })
}

/// `helper(..)`, `self::helper(..)` or `f64::sin(x)`.
fn parse_call(call: &syn::ExprCall, span: Span, errors: &mut Errors) -> ExprKind {
    let mut arguments: Vec<Expr> = call.args.iter().map(|argument| parse_expr(argument, errors)).collect();
    let syn::Expr::Path(function) = &*call.func else {
        return unknown(errors, &call.func, message::CALLEE);
    };
    let Some(name) = function.path.segments.last().map(|segment| segment.ident.clone()) else {
        return ExprKind::Unknown;
    };
    let names = segments(&function.path);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names.as_slice() {
        [_] | ["self", _] if function.qself.is_none() => ExprKind::Call(name, arguments),
        ["f64", _] | ["std" | "core", "primitive", "f64", _] if !arguments.is_empty() => {
            let receiver = Box::new(arguments.remove(0));
            ExprKind::Method(receiver, name, arguments)
        }
        ["f64", _] | ["std" | "core", "primitive", "f64", _] => {
            errors.on(span, message::arity(&names.join("::"), 1, 0));
            ExprKind::Unknown
        }
        _ => unknown(errors, function, &message::unknown_function(&names.join("::"), [])),
    }
}

fn parse_struct_literal(literal: &syn::ExprStruct, errors: &mut Errors) -> ExprKind {
    if let Some(token) = &literal.dot2_token {
        errors.at(token, message::STRUCT_REST);
    }
    let names = segments(&literal.path);
    let name = match (names.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), literal.path.segments.last()) {
        ([_] | ["self", _], Some(segment)) => segment.ident.clone(),
        _ => return unknown(errors, &literal.path, &message::unknown_type(&names.join("::"), [])),
    };
    let mut fields = Vec::new();
    for field in &literal.fields {
        let value = parse_expr(&field.expr, errors);
        match &field.member {
            syn::Member::Named(name) => fields.push((name.clone(), value)),
            syn::Member::Unnamed(index) => errors.at(index, message::NOT_NAMED_FIELDS),
        }
    }
    ExprKind::Struct(name, fields)
}
