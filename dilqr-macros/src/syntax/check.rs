//! Rules about the module as a whole, one function each. `elaborate` checks single expressions.

use std::collections::{HashMap, HashSet};

use super::ast::{Model, Struct, Type, TypeKind};
use super::entry_points::Sought;
use super::errors::Errors;
use super::factor;
use super::messages::message;
use super::module_kind::ModuleKind;
use super::names::{camel_case, did_you_mean, snake_case};
use super::signatures;
use crate::syntax::vector_functions::{FunctionKind, TableInputs, VectorFunction};

/// Rules that the vectors, and the items that the macro adds, depend on.
const STRUCTS: &[fn(&Model, &mut Errors)] = &[
    no_name_twice,
    module_names_a_model,
    no_reserved_name,
    no_hidden_primitive,
    functions_have_free_names,
    structs_present,
    vectors_hold_numbers,
    structs_are_finite,
];

const FUNCTIONS: &[fn(&Model, &mut Errors)] =
    &[functions_present, one_way_to_the_next_state, algebraic_variables_have_equations];

/// Rules about the functions of an implicit function's module.
const IMPLICIT_FUNCTIONS: &[fn(&Model, &mut Errors)] = &[one_definition, minima_alone_have_bounds];

pub(crate) fn model(model: &Model, errors: &mut Errors) {
    structs(model, errors);
    let functions = match model.kind {
        ModuleKind::ControlProblem => FUNCTIONS,
        ModuleKind::ImplicitFunction => IMPLICIT_FUNCTIONS,
        ModuleKind::Factor => factor::RULES,
    };
    for rule in functions.iter().chain(signatures::RULES).chain(&[arguments_differ as fn(&Model, &mut Errors)]) {
        rule(model, errors);
    }
}

/// The rules about structs and names.
pub(crate) fn structs(model: &Model, errors: &mut Errors) {
    for rule in STRUCTS {
        rule(model, errors);
    }
}

fn names(model: &Model) -> impl Iterator<Item = &proc_macro2::Ident> {
    let structs = model.structs.iter().map(|item| &item.name);
    let consts = model.consts.iter().map(|item| &item.name);
    // A table is two functions with one name.
    let is_first = |item: &&VectorFunction| item.kind != FunctionKind::Table(TableInputs::ValuesAndPoint);
    let functions = model.vector_functions.iter().filter(is_first).map(|item| &item.name);
    structs.chain(functions).chain(consts).chain(model.functions.iter().map(|item| &item.name))
}

/// Rust would allow a struct and a function of one name; a model does not.
fn no_name_twice(model: &Model, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for name in names(model) {
        if !seen.insert(name.to_string()) {
            errors.at(name, message::duplicate(&name.to_string()));
        }
    }
    for item in &model.structs {
        let mut seen = HashSet::new();
        for field in &item.fields {
            if !seen.insert(field.name.to_string()) {
                errors.at(&field.name, message::duplicate(&field.name.to_string()));
            }
        }
    }
}

/// The module's name, in camel case, is the name of a struct beside the user's.
fn module_names_a_model(model: &Model, errors: &mut Errors) {
    let own = camel_case(&model.module.to_string());
    let taken = model.kind.vectors().iter().chain(model.kind.added()).any(|name| *name == own);
    if taken || syn::parse_str::<syn::Ident>(&own).is_err() {
        errors.at(&model.module, message::module_name(&own));
    }
}

/// What the macro adds to the module cannot be there already.
fn no_reserved_name(model: &Model, errors: &mut Errors) {
    let own = camel_case(&model.module.to_string());
    for name in names(model) {
        // `module_names_a_model` reports a required struct with the name of the model.
        let required = model.kind.vectors().iter().any(|required| name == required);
        if !required && (*name == own || model.kind.added().iter().any(|added| name == added)) {
            errors.at(name, message::reserved(&name.to_string()));
        }
        if name.to_string().starts_with("__") {
            errors.at(name, message::UNDERSCORES);
        }
    }
    // Patterns with the name of a const are matched against it, and these are the arguments of `linearize`.
    let arguments = [("x", true), ("u", true), ("previous", model.uses_previous()), ("p", true)];
    let arguments = arguments.into_iter().chain([("d", model.has_design()), ("s", true)]);
    let arguments: Vec<&str> = arguments.filter(|(_, present)| *present).map(|(name, _)| name).collect();
    let tables = model.vector_functions.iter().filter(|item| !item.is_argument()).map(|item| &item.name);
    for name in model.consts.iter().map(|item| &item.name).chain(tables) {
        if arguments.iter().any(|argument| name == argument) {
            errors.at(name, message::reserved(&name.to_string()));
        }
    }
}

/// Generated code has `f64` by its full path, but `f64` in the user's functions would be another type than in the language.
fn no_hidden_primitive(model: &Model, errors: &mut Errors) {
    let structs = model.structs.iter().map(|item| &item.name);
    for name in structs.chain(model.vector_functions.iter().map(|item| &item.name)) {
        if ["f64", "usize", "i32", "bool"].iter().any(|primitive| name == primitive) {
            errors.at(name, message::HIDES_PRIMITIVE);
        }
    }
}

/// An item that every model has.
#[derive(Clone, Copy)]
struct Required {
    name: &'static str,
    /// The item in words.
    what: &'static str,
    /// What to write.
    write: &'static str,
}

const STATE: Required = Required { name: "State", what: "state", write: "pub struct State { pub angle: f64 }" };
const CONTROL: Required =
    Required { name: "Control", what: "control", write: "pub struct Control { pub torque: f64 }" };
const UNKNOWN: Required = Required { name: "Unknown", what: "unknown", write: "pub struct Unknown { pub y: f64 }" };
const PARAMS: Required = Required { name: "Params", what: "parameters", write: "pub struct Params { pub mass: f64 }" };
const DYNAMICS: Required =
    Required { name: "dynamics", what: "dynamics", write: "pub fn dynamics(x: State, u: Control, p: Params) -> State" };
const DERIVATIVE: Required = Required {
    name: "derivative",
    what: "derivative",
    write: "pub fn derivative(x: State, u: Control, p: Params) -> State",
};
const STAGE_COST: Required = Required {
    name: "stage_cost",
    what: "stage cost",
    write: "pub fn stage_cost(x: State, u: Control, p: Params) -> f64",
};
const RUNNING_COST: Required = Required {
    name: "running_cost",
    what: "running cost",
    write: "pub fn running_cost(x: State, u: Control, p: Params) -> f64",
};
const TERMINAL_COST: Required = Required {
    name: "terminal_cost",
    what: "terminal cost",
    write: "pub fn terminal_cost(x: State, p: Params) -> f64",
};

/// The functions that define an implicit function.
const DEFINITIONS: [(&str, &str); 4] = [
    ("objective", "`pub fn objective(y: Unknown, p: Params) -> f64`, least at the unknowns"),
    ("residuals", "`pub fn residuals(y: Unknown, p: Params) -> [f64; 3]`, whose squares are least"),
    ("equations", "`pub fn equations(y: Unknown, p: Params) -> [f64; 1]`, zero at the unknowns"),
    ("map", "or `pub fn map(y: Unknown, p: Params) -> Unknown`, with the unknowns as its fixed point"),
];

fn structs_present(model: &Model, errors: &mut Errors) {
    let all: &[Required] = match model.kind {
        ModuleKind::ControlProblem => &[STATE, CONTROL, PARAMS],
        ModuleKind::ImplicitFunction => &[UNKNOWN, PARAMS],
        // `factor::RULES` report missing blocks.
        ModuleKind::Factor => &[PARAMS],
    };
    for &required in all {
        match model.find_struct(required.name) {
            None => missing(model, &[required], model.structs.iter().map(|item| &item.name), errors),
            Some(item) if item.fields.is_empty() && required.name != "Params" => {
                let message = match model.kind {
                    ModuleKind::ControlProblem => message::no_fields(required.name, required.what),
                    ModuleKind::ImplicitFunction | ModuleKind::Factor => message::NO_UNKNOWNS.to_owned(),
                };
                errors.at(&item.name, message);
            }
            Some(_) => {}
        }
    }
    if let Some(item) = model.vector("Design").filter(|item| item.fields.is_empty()) {
        errors.at(&item.name, message::NO_DESIGN);
    }
}

fn functions_present(model: &Model, errors: &mut Errors) {
    let next_state = if model.integration.is_some() { DERIVATIVE } else { DYNAMICS };
    let costs = if model.integration.is_some() { vec![STAGE_COST, RUNNING_COST] } else { vec![STAGE_COST] };
    // One of each group.
    for group in [vec![next_state], costs, vec![TERMINAL_COST]] {
        // A `derivative` or a `running_cost` without an integrator is reported by another rule.
        let elsewhere: &[&str] = match group[0].name {
            "dynamics" => &["derivative"],
            "stage_cost" => &["running_cost"],
            _ => &[],
        };
        let mut names = group.iter().map(|required| required.name).chain(elsewhere.iter().copied());
        if !names.any(|name| model.find_function(name).is_some()) {
            missing(model, &group, model.functions.iter().map(|item| &item.name), errors);
        }
    }
}

/// An implicit function has one of the functions that define it.
fn one_definition(model: &Model, errors: &mut Errors) {
    let mut found = model.recognized().map(|(_, function)| function);
    if found.next().is_none() {
        let close = |name: &proc_macro2::Ident| {
            let meant =
                DEFINITIONS.into_iter().find(|(meant, _)| !did_you_mean(&name.to_string(), [*meant]).is_empty());
            meant.map(|(meant, _)| (name.clone(), meant))
        };
        match model.functions.iter().find_map(|item| close(&item.name)) {
            Some((name, meant)) => errors.at(&name, message::near_miss(&name.to_string(), meant)),
            None => {
                let write = DEFINITIONS.map(|(_, write)| write).join("; ");
                errors.at(&model.module, message::undefined(&write));
            }
        }
    }
    for function in found {
        errors.at(&function.name, message::DEFINED_TWICE);
    }
}

/// A root or a fixed point is determined without bounds.
fn minima_alone_have_bounds(model: &Model, errors: &mut Errors) {
    if !matches!(model.sought(), Some(Sought::Root | Sought::FixedPoint)) {
        return;
    }
    for field in model.control().into_iter().flat_map(|item| &item.fields) {
        if let Some(bounds) = &field.bounds {
            errors.on(bounds.span, message::BOUNDS_OF_A_ROOT);
        }
    }
}

/// Reports that all of a group is missing: on an item with a similar name, or else on the module's name.
fn missing<'a>(
    model: &Model,
    group: &[Required],
    items: impl Iterator<Item = &'a proc_macro2::Ident>,
    errors: &mut Errors,
) {
    for item in items {
        for required in group {
            if !did_you_mean(&item.to_string(), [required.name]).is_empty() {
                errors.at(item, message::near_miss(&item.to_string(), required.name));
                return;
            }
        }
    }
    let write: Vec<&str> = group.iter().map(|required| required.write).collect();
    errors.at(&model.module, message::missing_item(group[0].what, &write.join("` or `")));
}

/// `dynamics`, or `derivative` with an integrator.
fn one_way_to_the_next_state(model: &Model, errors: &mut Errors) {
    match (&model.integration, model.find_function("dynamics"), model.find_function("derivative")) {
        (Some(_), Some(dynamics), _) => errors.at(&dynamics.name, message::DYNAMICS_TWICE),
        (None, _, Some(derivative)) => errors.at(&derivative.name, message::DERIVATIVE),
        // A `derivative` without an integrator is the mistake then.
        (None, _, None) => {
            if let Some(running_cost) = model.find_function("running_cost") {
                errors.at(&running_cost.name, message::RUNNING_COST);
            }
        }
        _ => {}
    }
    if let Some(integration) = &model.integration
        && integration.dt.is_none()
    {
        errors.on(integration.span, message::NO_STEP);
    }
}

fn algebraic_variables_have_equations(model: &Model, errors: &mut Errors) {
    match (model.algebraic(), model.find_function("algebraic")) {
        (Some(item), None) => errors.at(&item.name, message::ALGEBRAIC_EQUATIONS),
        (None, Some(function)) => errors.at(&function.name, message::ALGEBRAIC_STRUCT),
        (Some(item), _) if item.fields.is_empty() => errors.at(&item.name, message::NO_ALGEBRAIC),
        _ => {}
    }
}

/// The model has a method for each function that it holds, and functions on the user's structs have an argument.
fn functions_have_free_names(model: &Model, errors: &mut Errors) {
    let mut taken: HashSet<String> =
        ["new", "x", "y", "z", "u", "previous", "p", "d", "s"].iter().map(|&name| name.to_owned()).collect();
    for function in model.vector_functions.iter().filter(|function| function.is_argument()) {
        let name = snake_case(&function.name.to_string());
        let fresh = taken.insert(name.clone()) & taken.insert(format!("{name}_mut"));
        let is_const =
            model.find_const(&name).is_some() || model.vector_functions.iter().any(|item| item.name == *name);
        if !fresh || is_const || syn::parse_str::<syn::Ident>(&name).is_err() {
            errors.at(&function.name, message::function_name(&name));
        }
    }
}

fn arguments_differ(model: &Model, errors: &mut Errors) {
    for function in &model.functions {
        let mut seen = HashSet::new();
        for name in function.arguments.iter().flat_map(|argument| argument.pattern.names()) {
            if !seen.insert(name.to_string()) {
                errors.at(name, message::duplicate(&name.to_string()));
            }
        }
    }
}

/// State, control and parameters are vectors: their fields are numbers, and arrays and structs of them.
fn vectors_hold_numbers(model: &Model, errors: &mut Errors) {
    let vectors = model.kind.vectors().iter().rev();
    let mut waiting: Vec<&Struct> = vectors.filter_map(|name| model.find_struct(name)).collect();
    let mut seen = HashSet::new();
    while let Some(item) = waiting.pop() {
        // A struct that several fields hold is reported once.
        if !seen.insert(item.name.to_string()) {
            continue;
        }
        for field in &item.fields {
            let mut ty = &field.ty;
            while let TypeKind::Array(element, _) = &ty.kind {
                ty = element;
            }
            match &ty.kind {
                TypeKind::Float | TypeKind::Unknown => {}
                TypeKind::Struct(name) if model.find_vector_function(name).is_some() => {
                    errors.on(ty.span, message::FIELD_TYPE);
                }
                // `elaborate` reports an unknown struct.
                TypeKind::Struct(name) => waiting.extend(model.find_struct(&name.to_string())),
                _ => errors.on(ty.span, message::FIELD_TYPE),
            }
        }
    }
}

/// Structs hold finitely many numbers, and their nesting is bounded, since later stages are recursive.
fn structs_are_finite(model: &Model, errors: &mut Errors) {
    let mut index = HashMap::new();
    for (position, item) in model.structs.iter().enumerate().rev() {
        index.insert(item.name.to_string(), position);
    }
    let held = |ty: &Type| -> Vec<usize> {
        let mut names = Vec::new();
        struct_names(ty, &mut names);
        names.iter().filter_map(|name| index.get(&name.to_string()).copied()).collect()
    };
    let holds: Vec<Vec<usize>> =
        model.structs.iter().map(|item| item.fields.iter().flat_map(|field| held(&field.ty)).collect()).collect();
    // Each round adds the structs whose parts are all finite.
    let mut finite = vec![false; holds.len()];
    for _ in 0..STRUCT_DEPTH {
        let next: Vec<bool> = holds.iter().map(|parts| parts.iter().all(|&part| finite[part])).collect();
        finite = next;
    }
    let reaches = |from: usize, wanted: usize| {
        let (mut seen, mut waiting) = (HashSet::new(), vec![from]);
        while let Some(position) = waiting.pop() {
            if position == wanted {
                return true;
            }
            if seen.insert(position) {
                waiting.extend(holds[position].iter().filter(|&&part| !finite[part]));
            }
        }
        false
    };
    let mut cyclic = false;
    for (position, item) in model.structs.iter().enumerate().filter(|(position, _)| !finite[*position]) {
        for field in &item.fields {
            if held(&field.ty).into_iter().any(|part| reaches(part, position)) {
                errors.on(field.ty.span, message::RECURSIVE_STRUCT);
                cyclic = true;
            }
        }
    }
    if let (false, Some(deep)) = (cyclic, finite.iter().position(|finite| !finite)) {
        errors.at(&model.structs[deep].name, message::STRUCT_DEPTH);
    }
}

/// The deepest nesting of structs.
const STRUCT_DEPTH: usize = 50;

fn struct_names<'a>(ty: &'a Type, names: &mut Vec<&'a proc_macro2::Ident>) {
    match &ty.kind {
        TypeKind::Struct(name) => names.push(name),
        TypeKind::Array(element, _) => struct_names(element, names),
        TypeKind::Tuple(elements) => elements.iter().for_each(|element| struct_names(element, names)),
        _ => {}
    }
}
