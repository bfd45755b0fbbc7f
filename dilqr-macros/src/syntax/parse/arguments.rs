//! The arguments of the attribute.

use proc_macro2::TokenStream;
use quote::ToTokens;

use super::parser::Parser;
use crate::syntax::ast::{Expr, Integration, Integrator, Vendored};
use crate::syntax::errors::{Errors, Span};
use crate::syntax::messages::message;
use crate::syntax::module_kind::ModuleKind;

/// The arguments in `#[model(..)]`.
#[derive(Default)]
pub(crate) struct Options {
    /// The path of the runtime, where its crate is renamed.
    pub(crate) runtime: Option<syn::Path>,
    pub(crate) integration: Option<Integration>,
    /// Whether a solve chooses the initial state.
    pub(crate) free_start: bool,
    /// The tokens of the arguments that the kernels depend on.
    pub(crate) kernel_tokens: TokenStream,
    /// The file to read the kernels from, instead of deriving them.
    pub(crate) vendored: Option<Vendored>,
}

/// The arguments of the integration, as far as they were read.
#[derive(Default)]
struct Step<'a> {
    integrator: Option<(Integrator, Span)>,
    dt: Option<(&'a syn::Expr, Expr)>,
    substeps: Option<(&'a syn::Expr, Expr)>,
}

const STEP: [&str; 3] = ["integrator", "dt", "substeps"];

/// The arguments of both attributes.
const GENERAL: [&str; 2] = ["vendored", "crate"];

const INITIAL_STATE: &str = "initial_state";

pub(crate) fn options(tokens: TokenStream, kind: ModuleKind, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    if kind == ModuleKind::Factor {
        // The items of a factor may also be those of an implicit function, which has other kernels.
        options.kernel_tokens.extend(quote::quote!(factor));
    }
    // Every argument is read as an assignment or another expression, so that each gets its own message.
    let parser = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
    let arguments = match syn::parse::Parser::parse2(parser, tokens) {
        Ok(arguments) => arguments,
        Err(error) => {
            errors.syn(error);
            return options;
        }
    };
    let mut step = Step::default();
    for argument in &arguments {
        let mut parser = Parser { errors };
        if kind != ModuleKind::ControlProblem && parser.reports_control(argument, kind) {
            continue;
        }
        parser.argument(argument, &mut options, &mut step);
    }
    let Step { integrator, dt, substeps } = step;
    match integrator {
        Some((integrator, span)) => {
            let (dt, substeps) = (dt.map(|(_, dt)| dt), substeps.map(|(_, substeps)| substeps));
            options.integration = Some(Integration { integrator, span, dt, substeps });
        }
        // An unknown integrator was reported.
        None if errors.is_empty() => {
            for (name, _) in dt.iter().chain(&substeps) {
                errors.at(name, message::STEP_WITHOUT_INTEGRATOR);
            }
        }
        None => {}
    }
    options
}

/// An argument taken apart; one without `=` has no value.
fn name_and_value(argument: &syn::Expr) -> (&syn::Expr, Option<&syn::Expr>) {
    match argument {
        syn::Expr::Assign(assignment) => (&assignment.left, Some(&assignment.right)),
        syn::Expr::Call(call) => (&call.func, None),
        other => (other, None),
    }
}

impl Parser<'_> {
    /// Reports an argument of a control problem in a module of another kind; true if it is one.
    fn reports_control(&mut self, argument: &syn::Expr, kind: ModuleKind) -> bool {
        let (name, _) = name_and_value(argument);
        let known = GENERAL.iter().any(|known| matches!(name, syn::Expr::Path(path) if path.path.is_ident(known)));
        if !known {
            let (given, attribute) = (name.to_token_stream().to_string(), kind.attribute());
            self.errors.at(name, message::attribute_argument(attribute, &given, GENERAL));
        }
        !known
    }

    fn argument<'a>(&mut self, argument: &'a syn::Expr, options: &mut Options, step: &mut Step<'a>) {
        let (name, value) = name_and_value(argument);
        let is = |wanted: &str| matches!(name, syn::Expr::Path(path) if path.path.is_ident(wanted));
        match value {
            Some(syn::Expr::Path(path)) if is("crate") && path.qself.is_none() => {
                options.runtime = Some(path.path.clone());
            }
            Some(other) if is("crate") => self.errors.at(other, message::CRATE_PATH),
            None if is("crate") => self.errors.at(name, message::CRATE_PATH),
            Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. })) if is("vendored") => {
                options.vendored = Some(Vendored { path: path.value(), span: path.span().into() });
            }
            Some(other) if is("vendored") => self.errors.at(other, message::VENDORED_PATH),
            None if is("vendored") => self.errors.at(name, message::VENDORED_PATH),
            Some(value) if is("integrator") => step.integrator = self.integrator(value),
            Some(value) if is("dt") => step.dt = Some((name, self.expr(value))),
            Some(value) if is("substeps") => step.substeps = Some((name, self.expr(value))),
            Some(syn::Expr::Path(path)) if is(INITIAL_STATE) && path.path.is_ident("free") => options.free_start = true,
            Some(other) if is(INITIAL_STATE) => self.errors.at(other, message::INITIAL_STATE),
            None if is(INITIAL_STATE) => self.errors.at(name, message::INITIAL_STATE),
            None if STEP.into_iter().any(is) => self.errors.at(name, message::INTEGRATOR),
            _ => {
                let given = name.to_token_stream().to_string();
                let known = STEP.into_iter().chain([INITIAL_STATE]).chain(GENERAL);
                let attribute = ModuleKind::ControlProblem.attribute();
                self.errors.at(name, message::attribute_argument(attribute, &given, known));
            }
        }
        if STEP.into_iter().chain([INITIAL_STATE]).any(is) {
            options.kernel_tokens.extend(argument.to_token_stream());
        }
    }

    fn integrator(&mut self, value: &syn::Expr) -> Option<(Integrator, Span)> {
        let name = match value {
            syn::Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
            // In quotes it is wrong, but shows which one is meant.
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        };
        let known = matches!(value, syn::Expr::Path(_)).then_some(&name).and_then(Option::as_ref);
        let found = known.and_then(|name| Integrator::ALL.iter().find(|(known, _)| name == known));
        if found.is_none() {
            let known = Integrator::ALL.iter().map(|(known, _)| *known);
            self.errors.at(value, message::unknown_integrator(&name.unwrap_or_default(), known));
        }
        found.map(|(_, integrator)| (*integrator, Span::of(value)))
    }
}
