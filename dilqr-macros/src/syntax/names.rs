//! Names: suggestions for misspelt ones, the model's type, and the constants of the standard library.

/// `"; did you mean `x`?"` for the candidate nearest to `name`, if one is near enough to be meant.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map_or_else(String::new, |candidate| format!("; did you mean `{candidate}`?"))
}

/// The candidate nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|&(distance, candidate)| {
            distance <= 1 + candidate.len().min(name.len()) / 4 && distance < candidate.len().max(name.len())
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance (insertions, deletions, substitutions, exchanged neighbors), ignoring case.
fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(&a.to_lowercase(), &b.to_lowercase())
}

/// `cart_pole` to `CartPole`: the name of the type that implements the model. (The crate heck would rename `cartPOLE`, too, and
/// these are eight lines.)
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

/// `DragForce` to `drag_force`: the name under which a model holds a vector function.
pub(crate) fn snake_case(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    let mut snake = String::new();
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = letter.is_lowercase() || letter.is_numeric();
        snake.extend(letter.to_lowercase());
    }
    snake
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

#[cfg(test)]
mod tests {
    use super::{camel_case, did_you_mean, distance};

    #[test]
    fn edit_distance() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("State", "state"), 0);
        assert_eq!(distance("angle", ""), 5);
        assert_eq!(distance("angel", "angle"), 1);
        assert_eq!(distance("f46", "f64"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("sitting", "kitten"), 3);
        assert_eq!(distance("größe", "grösse"), 2);
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        assert_eq!(did_you_mean("sine", ["cos", "sin", "sinh"]), "; did you mean `sin`?");
        assert_eq!(did_you_mean("gravty", ["GRAVITY", "mass"]), "; did you mean `GRAVITY`?");
        assert_eq!(did_you_mean("angel", ["rate", "angle"]), "; did you mean `angle`?");
        assert_eq!(did_you_mean("f46", ["State", "f64"]), "; did you mean `f64`?");
    }

    #[test]
    fn a_name_far_from_all_is_left_alone() {
        assert_eq!(did_you_mean("torque", ["mass", "length"]), "");
        assert_eq!(did_you_mean("torque", []), "");
        // Names of one letter are all near one another.
        assert_eq!(did_you_mean("x", ["y"]), "");
    }

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
