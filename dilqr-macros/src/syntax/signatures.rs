//! Rules about the functions that the compiler recognizes: their arguments, their results, and what belongs to them.

use super::ast::{Function, Model, Type, TypeKind};
use super::entry_points::{EntryPoint, Part, Point};
use super::errors::Errors;
use super::messages::message;
use super::module_kind::ModuleKind;
use super::names::snake_case;

pub(super) const RULES: &[fn(&Model, &mut Errors)] =
    &[signatures, soft_constraints_have_penalties, initial_functions_have_a_choice];

/// An argument of a recognized function.
struct Wanted {
    /// The name and the struct.
    name: String,
    of: String,
    reference: bool,
    optional: bool,
}

/// The arguments that a function may take, in order. Those that the model lacks are left out.
fn wanted(model: &Model, entry: &EntryPoint) -> Vec<Wanted> {
    let control = entry.takes_control();
    let wanted = |name: &str, of: &str, optional| Wanted {
        name: name.to_owned(),
        of: of.to_owned(),
        reference: false,
        optional,
    };
    let of_control_problem = model.kind == ModuleKind::ControlProblem;
    let blocks = model.control().filter(|_| model.kind == ModuleKind::Factor).into_iter().flat_map(|item| &item.fields);
    let blocks = blocks.filter_map(|field| match &field.ty.kind {
        TypeKind::Struct(of) => Some(wanted(&field.name.to_string(), &of.to_string(), false)),
        _ => None,
    });
    let all = [
        (of_control_problem, wanted("x", "State", false)),
        (model.kind == ModuleKind::ImplicitFunction, wanted("y", "Unknown", false)),
        (control && model.algebraic().is_some(), wanted("z", "Algebraic", entry.part != Part::Algebraic)),
        (control && of_control_problem, wanted("u", "Control", false)),
        (control && model.uses_previous(), wanted("previous", "Control", true)),
        (true, wanted("p", "Params", false)),
        (model.has_design(), wanted("d", "Design", true)),
        (model.has_stage_params(), wanted("s", "StageParams", true)),
    ];
    let vectors = all.into_iter().filter(|(present, _)| *present).map(|(_, wanted)| wanted);
    let functions = model.vector_functions.iter().filter(|function| function.is_argument()).map(|function| {
        let of = function.name.to_string();
        Wanted { name: snake_case(&of), of, reference: true, optional: true }
    });
    blocks.chain(vectors).chain(functions).collect()
}

/// The arguments are those of a stage or of an end of the trajectory.
fn signatures(model: &Model, errors: &mut Errors) {
    for (entry, function) in model.recognized() {
        signature(model, &entry, function, errors);
    }
}

fn signature(model: &Model, entry: &EntryPoint, function: &Function, errors: &mut Errors) {
    if model.kind == ModuleKind::Factor && !errors.is_empty() {
        // The blocks are read off the arguments, and have errors.
        return;
    }
    let wanted = wanted(model, entry);
    let expected = message::signature(entry.name, &expected(entry, &wanted));
    let required = wanted.iter().filter(|argument| !argument.optional).count();
    if !(required..=wanted.len()).contains(&function.arguments.len()) {
        if !reports_previous(entry, function, errors) {
            errors.at(&function.name, &expected);
        }
        return;
    }
    let mut wanted = wanted.iter().peekable();
    for argument in &function.arguments {
        // An optional argument is recognized by its type.
        while wanted.next_if(|wanted| wanted.optional && !is(&argument.ty, &wanted.of)).is_some() {}
        let fits = wanted.next().is_some_and(|wanted| {
            // A missing struct was reported.
            let missing = !wanted.reference && model.find_struct(&wanted.of).is_none();
            missing || is(&argument.ty, &wanted.of)
        });
        if !fits {
            errors.on(argument.ty.span, &expected);
        }
    }
    if !fits_result(model, entry, &function.result) {
        errors.on(function.result.span, &expected);
    }
}

/// Reports a control among the arguments of a function that has none.
fn reports_previous(entry: &EntryPoint, function: &Function, errors: &mut Errors) -> bool {
    let control = function.arguments.iter().find(|argument| argument.is("Control"));
    match control {
        Some(control) if entry.point != Point::Stage => {
            errors.on(control.ty.span, message::PREVIOUS_AT_AN_END);
            true
        }
        _ => false,
    }
}

/// The signature in Rust, with optional arguments in brackets.
fn expected(entry: &EntryPoint, wanted: &[Wanted]) -> String {
    let mut arguments = String::new();
    for Wanted { name, of, reference, optional } in wanted {
        let comma = if arguments.is_empty() { "" } else { ", " };
        let (open, close) = if *optional { ("[", "]") } else { ("", "") };
        let ampersand = if *reference { "&" } else { "" };
        arguments.push_str(&format!("{open}{comma}{name}: {ampersand}{of}{close}"));
    }
    format!("pub fn {}({arguments}) -> {}", entry.name, entry.result())
}

fn fits_result(model: &Model, entry: &EntryPoint, ty: &Type) -> bool {
    match entry.part {
        Part::Next => model.find_struct("State").is_none() || is(ty, "State"),
        Part::Cost | Part::RunningCost => is(ty, "f64"),
        Part::Map => model.find_struct("Unknown").is_none() || is(ty, "Unknown"),
        Part::Inequalities
        | Part::SoftInequalities
        | Part::Equalities
        | Part::Algebraic
        | Part::Equations
        | Part::Residuals => match &ty.kind {
            TypeKind::Array(element, _) => matches!(element.kind, TypeKind::Float | TypeKind::Unknown),
            TypeKind::Unknown => true,
            _ => false,
        },
    }
}

fn is(ty: &Type, wanted: &str) -> bool {
    match &ty.kind {
        TypeKind::Float => wanted == "f64",
        TypeKind::Struct(name) => name == wanted,
        TypeKind::Unknown => true,
        _ => false,
    }
}

fn soft_constraints_have_penalties(model: &Model, errors: &mut Errors) {
    let soft_parts = || model.kind.entry_points().iter().filter(|entry| entry.part == Part::SoftInequalities);
    for function in &model.functions {
        let soft = soft_parts().any(|entry| function.name == entry.name);
        match &function.penalty {
            None if soft => errors.at(&function.name, message::NO_PENALTY),
            Some(penalty) if !soft => errors.on(penalty.span, message::PENALTY_PLACE),
            _ => {}
        }
    }
}

/// A function of a given initial state is a constant, unless it reads design variables.
fn initial_functions_have_a_choice(model: &Model, errors: &mut Errors) {
    for (entry, function) in model.recognized() {
        if entry.point == Point::Initial && !model.free_start && !function.takes("Design") {
            errors.at(&function.name, message::NOTHING_TO_CHOOSE);
        }
    }
}
