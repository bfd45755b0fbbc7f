//! Rules about the module as a whole, one function each. What concerns a single expression is `elaborate`'s.

use std::collections::{HashMap, HashSet};

use crate::syntax::ast::{CONSTRAINTS, Model, Type, TypeKind};
use crate::syntax::errors::{Errors, did_you_mean, message};

/// Rules without which the vectors, and the items that the macro adds, cannot be.
const STRUCTS: &[fn(&Model, &mut Errors)] = &[
    no_name_twice,
    module_names_a_model,
    no_reserved_name,
    no_hidden_primitive,
    structs_present,
    vectors_hold_numbers,
    structs_are_finite,
];

const FUNCTIONS: &[fn(&Model, &mut Errors)] =
    &[functions_present, one_way_to_the_next_state, signatures, constraint_signatures, arguments_differ];

pub(crate) fn model(model: &Model, errors: &mut Errors) {
    structs(model, errors);
    for rule in FUNCTIONS {
        rule(model, errors);
    }
}

/// The part of the rules that does not look at functions.
pub(crate) fn structs(model: &Model, errors: &mut Errors) {
    for rule in STRUCTS {
        rule(model, errors);
    }
}

/// `cart_pole` to `CartPole`: the name of the type that implements the model.
pub(crate) fn camel_case(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    let mut camel = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
    }
    camel
}

fn names(model: &Model) -> impl Iterator<Item = &proc_macro2::Ident> {
    let structs = model.structs.iter().map(|item| &item.name);
    let consts = model.consts.iter().map(|item| &item.name);
    structs.chain(consts).chain(model.functions.iter().map(|item| &item.name))
}

/// Rust itself would allow a struct and a function of one name; a model does not need it.
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

/// The names of the items that every expansion adds.
const ADDED: [&str; 4] = ["Solver", "Problem", "Linearization", "linearize"];

/// The module's name, in camel case, is the name of a struct beside the user's.
fn module_names_a_model(model: &Model, errors: &mut Errors) {
    let own = camel_case(&model.module.to_string());
    let taken = ["State", "Control", "Params", "StageParams"].into_iter().chain(ADDED).any(|name| name == own);
    if taken || syn::parse_str::<syn::Ident>(&own).is_err() {
        errors.at(&model.module, message::module_name(&own));
    }
}

/// What the macro adds to the module cannot be there already.
fn no_reserved_name(model: &Model, errors: &mut Errors) {
    let own = camel_case(&model.module.to_string());
    for name in names(model) {
        // A struct named like the module is told by `module_names_a_model`, where the module cannot keep its name.
        let required = ["State", "Control", "Params", "StageParams"].iter().any(|required| name == required);
        if !required && (*name == own || ADDED.iter().any(|added| name == added)) {
            errors.at(name, message::reserved(&name.to_string()));
        }
        if name.to_string().starts_with("__") {
            errors.at(name, message::UNDERSCORES);
        }
    }
    // Patterns with the name of a const are matched against it, and these are the arguments of `linearize`.
    for item in &model.consts {
        if ["x", "u", "p", "s"].iter().any(|argument| item.name == argument) {
            errors.at(&item.name, message::reserved(&item.name.to_string()));
        }
    }
}

/// The macro writes `f64` absolutely, but the user's own functions would mean another type than the language does.
fn no_hidden_primitive(model: &Model, errors: &mut Errors) {
    for item in &model.structs {
        if ["f64", "usize", "i32", "bool"].iter().any(|primitive| item.name == primitive) {
            errors.at(&item.name, message::HIDES_PRIMITIVE);
        }
    }
}

fn structs_present(model: &Model, errors: &mut Errors) {
    for (name, what, write) in [
        ("State", "state", "pub struct State { pub angle: f64 }"),
        ("Control", "control", "pub struct Control { pub torque: f64 }"),
        ("Params", "parameters", "pub struct Params { pub mass: f64 }"),
    ] {
        match model.find_struct(name) {
            None => {
                let helpers = model.structs.iter().map(|item| &item.name);
                missing(name, what, write, helpers, &model.module, errors);
            }
            Some(item) if item.fields.is_empty() && name != "Params" => {
                errors.at(&item.name, message::no_fields(name, what));
            }
            Some(_) => {}
        }
    }
}

fn functions_present(model: &Model, errors: &mut Errors) {
    let next_state = if model.integration.is_some() {
        ("derivative", "derivative", DERIVATIVE)
    } else {
        ("dynamics", "dynamics", DYNAMICS)
    };
    for (name, what, write) in
        [next_state, ("stage_cost", "stage cost", STAGE_COST), ("terminal_cost", "terminal cost", TERMINAL_COST)]
    {
        // A `derivative` without its integrator has a message of its own.
        let derivative = name == "dynamics" && model.find_function("derivative").is_some();
        if model.find_function(name).is_none() && !derivative {
            let helpers = model.functions.iter().map(|item| &item.name);
            missing(name, what, write, helpers, &model.module, errors);
        }
    }
}

const DYNAMICS: &str = "pub fn dynamics(x: State, u: Control, p: Params) -> State";
const DERIVATIVE: &str = "pub fn derivative(x: State, u: Control, p: Params) -> State";
const STAGE_COST: &str = "pub fn stage_cost(x: State, u: Control, p: Params) -> f64";
const TERMINAL_COST: &str = "pub fn terminal_cost(x: State, p: Params) -> f64";

/// Says that an item is missing: on an item whose name looks like it, or else on the module's name.
fn missing<'a>(
    name: &str,
    what: &str,
    write: &str,
    helpers: impl Iterator<Item = &'a proc_macro2::Ident>,
    module: &proc_macro2::Ident,
    errors: &mut Errors,
) {
    for helper in helpers {
        if !did_you_mean(&helper.to_string(), [name]).is_empty() {
            errors.at(helper, message::near_miss(&helper.to_string(), name));
            return;
        }
    }
    errors.at(module, message::missing_item(what, write));
}

/// `dynamics`, or `derivative` with an integrator.
fn one_way_to_the_next_state(model: &Model, errors: &mut Errors) {
    match (&model.integration, model.find_function("dynamics"), model.find_function("derivative")) {
        (Some(_), Some(dynamics), _) => errors.at(&dynamics.name, message::DYNAMICS_TWICE),
        (None, _, Some(derivative)) => errors.at(&derivative.name, message::DERIVATIVE),
        _ => {}
    }
    if let Some(integration) = &model.integration
        && integration.dt.is_none()
    {
        errors.on(integration.span, message::NO_STEP);
    }
}

fn signatures(model: &Model, errors: &mut Errors) {
    for (name, write) in [("dynamics", DYNAMICS), ("derivative", DERIVATIVE)] {
        let result = |ty: &Type| model.find_struct("State").is_none() || is(ty, "State");
        signature(model, name, true, result, write, errors);
    }
    signature(model, "stage_cost", true, |ty| is(ty, "f64"), STAGE_COST, errors);
    signature(model, "terminal_cost", false, |ty| is(ty, "f64"), TERMINAL_COST, errors);
}

fn constraint_signatures(model: &Model, errors: &mut Errors) {
    let numbers = |ty: &Type| match &ty.kind {
        TypeKind::Array(element, _) => matches!(element.kind, TypeKind::Float | TypeKind::Unknown),
        TypeKind::Unknown => true,
        _ => false,
    };
    for (name, depends_on_control) in CONSTRAINTS {
        let control = if depends_on_control { ", u: Control" } else { "" };
        let write = format!("pub fn {name}(x: State{control}, p: Params) -> [f64; K]");
        signature(model, name, depends_on_control, numbers, &write, errors);
    }
}

/// The arguments are those of the stage or of the terminal state; the parameters of the stage may follow in a model that
/// has some.
fn signature(
    model: &Model,
    name: &str,
    depends_on_control: bool,
    result: impl Fn(&Type) -> bool,
    write: &str,
    errors: &mut Errors,
) {
    let Some(function) = model.find_function(name) else { return };
    let stage = if model.has_stage_params() { "[, s: StageParams]) ->" } else { ") ->" };
    let expected = message::signature(name, &write.replacen(") ->", stage, 1));
    let mut wanted = vec!["State", "Control", "Params", "StageParams"];
    wanted.retain(|&name| {
        (name != "Control" || depends_on_control) && (name != "StageParams" || model.has_stage_params())
    });
    let given = function.arguments.len();
    if given != wanted.len() && !(model.has_stage_params() && given + 1 == wanted.len()) {
        errors.at(&function.name, &expected);
        return;
    }
    for (argument, wanted) in function.arguments.iter().zip(wanted) {
        // A struct that is missing, perhaps misspelt, has had its message.
        if model.find_struct(wanted).is_some() && !is(&argument.ty, wanted) {
            errors.on(argument.ty.span, &expected);
        }
    }
    if !result(&function.result) {
        errors.on(function.result.span, &expected);
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

/// State, control and parameters are vectors: their fields are numbers and arrays of numbers.
fn vectors_hold_numbers(model: &Model, errors: &mut Errors) {
    for item in &model.structs {
        let vector = ["State", "Control", "Params", "StageParams"].iter().any(|name| item.name == name);
        for field in &item.fields {
            let ok = match &field.ty.kind {
                TypeKind::Float | TypeKind::Unknown => true,
                TypeKind::Array(element, _) => !vector || matches!(element.kind, TypeKind::Float | TypeKind::Unknown),
                _ => !vector,
            };
            if !ok {
                errors.on(field.ty.span, message::FIELD_TYPE);
            }
        }
    }
}

/// Structs are taken apart into numbers, which must come to an end, and soon: what takes them apart is recursive.
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
    // In each round, those whose parts are all known to be finite.
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

/// How deeply structs may hold structs.
const STRUCT_DEPTH: usize = 50;

fn struct_names<'a>(ty: &'a Type, names: &mut Vec<&'a proc_macro2::Ident>) {
    match &ty.kind {
        TypeKind::Struct(name) => names.push(name),
        TypeKind::Array(element, _) => struct_names(element, names),
        TypeKind::Tuple(elements) => elements.iter().for_each(|element| struct_names(element, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::camel_case;

    #[test]
    fn names_of_models() {
        assert_eq!(camel_case("pendulum"), "Pendulum");
        assert_eq!(camel_case("cart_pole"), "CartPole");
        assert_eq!(camel_case("_cart__pole_"), "CartPole");
        assert_eq!(camel_case("a_2d_model"), "A2dModel");
        assert_eq!(camel_case("cartPole"), "CartPole");
        assert_eq!(camel_case("r#type"), "Type");
        assert_eq!(camel_case("größe_ß"), "GrößeSS");
        assert_eq!(camel_case("_"), "");
    }
}
