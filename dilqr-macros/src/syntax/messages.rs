//! The catalogue of messages.
//!
//! A message says what is wrong and what to write instead, in lower case and without a full stop. All messages are here, so
//! that the catalogue is read and tested in one place.

/// Errors in a model.
pub(crate) mod message {
    use crate::syntax::names::did_you_mean;

    pub(crate) const NOT_A_MODULE: &str =
        "#[model] goes on an inline module: write `#[dilqr_runtime::model] pub mod name { .. }`";
    pub(crate) const MODULE_WITHOUT_BODY: &str = "#[model] needs the module's body to compile it: write `pub mod name { .. }` with the items inside the braces instead of `mod name;`";
    pub(crate) const NOT_AN_IMPLICIT_MODULE: &str =
        "#[implicit] goes on an inline module: write `#[dilqr_runtime::implicit] pub mod name { .. }`";
    pub(crate) const NOT_A_FACTOR_MODULE: &str =
        "#[factor] goes on an inline module: write `#[dilqr_runtime::factor] pub mod name { .. }`";
    pub(crate) const NO_UNKNOWNS: &str = "`Unknown` has no fields: an implicit function has at least one unknown";
    pub(crate) const DEFINED_TWICE: &str = "an implicit function is defined once: keep one of `objective`, `equations`, `residuals` and `map`, and rename helpers";
    pub(crate) const BOUNDS_OF_A_ROOT: &str = "equations and maps determine their unknowns without bounds: remove them, or write `residuals`, whose squares are least within bounds";
    pub(crate) const RATES_OF_UNKNOWNS: &str =
        "an implicit function has no stages, and its unknowns no rates: write `#[bounds(lower, upper)]`";
    pub(crate) const BOUNDS_OF_PARAMETERS: &str =
        "only unknowns have bounds: keep parameters in range where they are learned";
    pub(crate) const CRATE_PATH: &str =
        "`crate` takes a path: write `crate = my_runtime` or `crate = my_crate::dilqr_runtime`";
    pub(crate) const VENDORED_PATH: &str =
        "`vendored` takes a file, relative to the folder of Cargo.toml: write `vendored = \"src/name.dilqr.rs\"`";
    pub(crate) const CFG: &str =
        "a model is compiled as a whole, without regard to `cfg`: put it on the module, or write two modules";
    pub(crate) const GENERIC_STRUCT: &str = "a model's struct has no generics: write the sizes and types out";
    pub(crate) const NOT_NAMED_FIELDS: &str =
        "a model's struct has named fields: write `pub struct Name { pub field: f64 }`";
    pub(crate) const ENUM: &str =
        "an enum cannot be differentiated: describe the choice with an f64 or keep the enum outside the model's module";
    pub(crate) const STATIC: &str = "a model does not read statics: write a `const`, or make it a field of Params";
    pub(crate) const USE: &str = "a model's module imports nothing: write the full path (`std::f64::consts::PI`) or define the helper function in the module";
    pub(crate) const IMPL: &str = "impl blocks go outside the model's module: write a plain helper function here";
    pub(crate) const TRAIT: &str = "traits go outside the model's module: write plain helper functions here";
    pub(crate) const TYPE_ALIAS: &str = "type aliases are not part of the model language: write the type out";
    pub(crate) const MACRO: &str = "macros are not part of the model language: write the arithmetic out";
    pub(crate) const NESTED_MODULE: &str = "a model is one module: move the nested module outside";
    pub(crate) const OTHER_ITEM: &str =
        "a model's module holds structs, consts and functions: move this item outside the module";
    pub(crate) const UNSAFE: &str = "unsafe code cannot be differentiated: write it in plain arithmetic";
    pub(crate) const ASYNC: &str = "a model's functions are plain functions: remove `async`";
    pub(crate) const CONST_FN: &str = "a model's functions are plain functions: remove `const`";
    pub(crate) const EXTERN: &str = "a model's functions are plain Rust functions: remove `extern`";
    pub(crate) const GENERIC_FUNCTION: &str =
        "a model's functions have no generics: write `f64`, the model's structs and fixed-size arrays";
    pub(crate) const SELF: &str = "a model's functions take no `self`: pass the struct as an argument";
    pub(crate) const NO_RETURN_TYPE: &str =
        "a model's function returns a value: add `-> f64`, a struct, an array or a tuple";
    pub(crate) const MUT_REFERENCE: &str =
        "a model's functions change nothing in place: take the value or `&`, and return the new value";
    pub(crate) const TYPE: &str = "the types of the model language are f64, the module's structs, [T; N], tuples of these, usize and i32 for sizes and indices, and bool";
    pub(crate) const FIELD_TYPE: &str = "state, control and parameters consist of numbers: a field is `f64`, an array of fixed size, or a struct of the module, down to `f64`";
    pub(crate) const WHILE: &str = "`while` has no fixed number of steps: write `for i in 0..N` with a constant N";
    pub(crate) const LOOP: &str = "`loop` has no fixed number of steps: write `for i in 0..N` with a constant N";
    pub(crate) const MATCH: &str = "`match` is not part of the model language: write `if` and `else if`";
    pub(crate) const CLOSURE: &str = "closures are not part of the model language: write a loop over the entries, or a helper function in the module";
    pub(crate) const RETURN: &str =
        "`return` is not part of the model language: let the function's last expression be its value";
    pub(crate) const ASSIGN: &str = "an assignment is a statement of its own: end it with `;`";
    pub(crate) const ASSIGN_TO: &str = "only a variable, or a field or an entry of one, can be assigned to";
    pub(crate) const FOR_RANGE: &str = "`for` runs over a range of constant integers: write `for i in 0..N` (also `..=` and `.rev()`) and index with `i`";
    pub(crate) const LABEL: &str = "labels are not part of the model language: every loop runs to its end";
    pub(crate) const BREAK: &str =
        "`break` and `continue` are not part of the model language: put what is skipped into an `if`";
    pub(crate) const IF_LET: &str = "`if let` is not part of the model language: compare numbers";
    pub(crate) const CAST: &str = "only constant integers are converted: `i as f64` for a loop variable or a const, never a quantity to an integer";
    pub(crate) const RANGE: &str = "ranges are allowed in `for i in 0..N` only";
    pub(crate) const REMAINDER: &str =
        "`%` is discontinuous and has no derivative there: for an angle write `angle.sin()` and `angle.cos()`";
    pub(crate) const INTEGER_CONDITION: &str =
        "an integer cannot depend on a condition over quantities: assign an f64 instead";
    pub(crate) const LET_ELSE: &str = "`let .. else` is not part of the model language: the pattern must always match";
    pub(crate) const LET_WITHOUT_VALUE: &str =
        "a variable gets its value where it is declared: write `let name = value;`";
    pub(crate) const STATEMENT: &str =
        "an expression whose value is not used does nothing in a model: bind it with `let` or remove it";
    pub(crate) const ITEM_IN_BODY: &str = "items go in the module, not in a function's body";
    pub(crate) const EMPTY_BLOCK: &str = "this block has no value: end it with an expression, without `;`";
    pub(crate) const AWAIT: &str = "async code is not part of the model language: remove `async` and `.await`";
    pub(crate) const TRY: &str = "`?` is not part of the model language: a model computes with numbers only";
    pub(crate) const SLICE: &str = "slices are not part of the model language: index the elements one by one";
    pub(crate) const LITERAL: &str = "the literals of the model language are numbers";
    pub(crate) const EXPRESSION: &str = "this expression is not part of the model language, which has arithmetic, `let`, `if`, `for` over constant ranges, assignment, blocks, fields, arrays, tuples, struct literals, calls of the module's functions and the methods of f64";
    pub(crate) const PATTERN: &str =
        "a pattern of the model language is a name, `_`, a tuple, an array or a struct of these";
    pub(crate) const CALLEE: &str = "only functions of the module are called, by their names";
    pub(crate) const OPERATOR: &str = "this operator is not part of the model language, which has `+ - * /`, unary minus, comparisons and `&& || !`; for a power write `x.powi(2)`";
    pub(crate) const TURBOFISH: &str = "the methods of the model language take no type arguments";
    pub(crate) const STRUCT_REST: &str = "write every field: `..` is not part of the model language";
    pub(crate) const CONST_CYCLE: &str = "this const is defined by itself: give it a value of its own";
    pub(crate) const F32: &str =
        "the model language computes in f64: write `f64` (kernels for f32 are generated from it)";
    pub(crate) const INTEGER_TYPE: &str = "the integers of the model language are usize and i32, for sizes, indices and exponents; write `f64` for quantities";
    pub(crate) const NETWORK: &str =
        "a network has layers and an activation: write `#[network(layers = [3, 16, 16, 1], activation = tanh)]`";
    pub(crate) const NETWORK_FIELDS: &str =
        "the macro gives a network its weights: write `pub struct Name;`, without fields";
    pub(crate) const NETWORK_LAYERS: &str = "a network has at least two layers, its inputs and its outputs: write `layers = [3, 16, 1]` for 3 inputs, 16 hidden units and 1 output";
    pub(crate) const NETWORK_TOO_LARGE: &str = "a network has at most 16 million weights, and at most 1048576 inputs times hidden units: take fewer inputs or smaller layers";
    pub(crate) const NO_ALGEBRAIC: &str =
        "algebraic variables without a field are none: add a field, or remove the struct";
    pub(crate) const NETWORK_SIZE: &str = "the size of a layer is a literal: at least 1, and at most 256 for inputs and outputs and 65536 for hidden units";
    pub(crate) const FUNCTION: &str =
        "a function of your own has a number of inputs and of outputs: write `#[function(inputs = 3, outputs = 2)]`";
    pub(crate) const FUNCTION_SIZE: &str = "the number of inputs or outputs is a literal between 1 and 64";
    pub(crate) const GUESS: &str =
        "a guess is a number, the value from which the equations of a stage are solved: write `#[guess(0.5)]`";
    pub(crate) const GUESS_PLACE: &str =
        "only algebraic variables have a guess here: give those of states and controls to the problem";
    pub(crate) const GUESS_CONSTANT: &str =
        "the guess of an algebraic variable is a constant: write a literal or a const";
    pub(crate) const ALGEBRAIC_STRUCT: &str = "equations for algebraic variables need these: write `pub struct Algebraic { pub z: f64 }`, or remove the function";
    pub(crate) const ALGEBRAIC_EQUATIONS: &str = "algebraic variables need as many equations: write `pub fn algebraic(x: State, z: Algebraic, u: Control, p: Params) -> [f64; K]`";
    pub(crate) const TABLE: &str = "a table has a literal number of points between 2 and 256: write `const LIFT: dilqr_runtime::Spline<4> = dilqr_runtime::Spline::natural([..], [..]);`";
    pub(crate) const TABLE_METHOD: &str = "a table is evaluated at a number: write `TABLE.at(x)`, or `TABLE.at_values(values, x)` with other values at its knots";
    pub(crate) const EVALUATE: &str =
        "a network or a function is evaluated at an array of its inputs: write `name.evaluate([a, b, c])`";
    pub(crate) const BOUNDS_PLACE: &str = "only states, controls and design variables have bounds: write a function of constraints for other limits, and keep parameters in range where they are learned";
    pub(crate) const RATE_BOUNDS_PLACE: &str =
        "only controls have bounds of their rate: write `stage_constraints` for a limit on other changes";
    pub(crate) const BOUNDS_REVERSED: &str = "the lower bound is above the upper one: write the lower one first";
    pub(crate) const PENALTY: &str =
        "a penalty has a linear factor, a quadratic one, or both: write `#[penalty(linear = 10.0, quadratic = 1.0)]`";
    pub(crate) const PENALTY_TWICE: &str =
        "this function has a penalty already: write one `#[penalty(..)]` with both factors";
    pub(crate) const PENALTY_PLACE: &str =
        "only soft constraints have a penalty: move it to `stage_soft_constraints` or `terminal_soft_constraints`";
    pub(crate) const NO_PENALTY: &str = "a soft constraint has a penalty: write `#[penalty(linear = 10.0)]`, with `quadratic = ..` beside or instead of it";
    pub(crate) const NEGATIVE_PENALTY: &str =
        "this factor is negative and would reward a violation: write a positive one";
    pub(crate) const ZERO_PENALTY: &str =
        "this penalty is zero, and the constraint would mean nothing: write a positive factor";
    pub(crate) const PENALTY_OF_DESIGN: &str = "a penalty does not read design variables, which would make it least where it is needed: write a const, or a field of Params or StageParams";
    pub(crate) const DESIGN_AT_A_STAGE: &str =
        "design variables are the same at all stages, and so are their bounds: write a const, or a field of Params";
    pub(crate) const NO_DESIGN: &str =
        "`Design` has no fields: remove it, or write `pub struct Design { pub total: f64 }`";
    pub(crate) const INITIAL_STATE: &str = "`initial_state` takes one value: write `initial_state = free`, or leave it out where the initial state is given";
    pub(crate) const NOTHING_TO_CHOOSE: &str = "the initial state is given, so this function changes nothing: write `#[dilqr_runtime::model(initial_state = free)]`, or let it read a `Design`";
    pub(crate) const PREVIOUS_AT_AN_END: &str =
        "only stages have a control, and one before it: read the last control in a stage, or make it part of the state";
    pub(crate) const INTEGRATOR: &str =
        "this argument takes a value: write `integrator = rk4, dt = 0.05` and, if wanted, `substeps = 4`";
    pub(crate) const STEP_WITHOUT_INTEGRATOR: &str =
        "a time step belongs to an integrator: write `integrator = rk4, dt = 0.05` and `fn derivative`";
    pub(crate) const NO_STEP: &str =
        "the integrator needs a time step: write `dt = 0.05`, a const, `p.field`, `d.field` or `s.field`";
    pub(crate) const STEP_NOT_POSITIVE: &str = "the time step is positive: write `dt = 0.05`";
    pub(crate) const RUNNING_COST: &str = "`running_cost` is integrated with `derivative`: write `#[dilqr_runtime::model(integrator = rk4, dt = 0.05)]` and `derivative`, or the cost of a whole step in `stage_cost`";
    pub(crate) const DERIVATIVE: &str =
        "`derivative` is integrated to the next state: write `#[dilqr_runtime::model(integrator = rk4, dt = 0.05)]`";
    pub(crate) const DYNAMICS_TWICE: &str =
        "the integrator makes `dynamics` from `derivative`: remove this function, or the integrator";
    pub(crate) const SUBSTEPS: &str = "the number of substeps is a constant integer between 1 and 100";
    pub(crate) const HALVES: &str = "semi-implicit Euler takes the first half of the state for positions and the second half for their velocities, so the state has an even number of entries";
    pub(crate) const LITERAL_RANGE: &str = "this number is beyond the range of f64, which ends at 1.8e308";
    pub(crate) const INFINITY: &str =
        "infinities are allowed in `#[bounds]` only, for an open side: a model computes with finite numbers";
    pub(crate) const INFINITE_BOUND: &str = "no value satisfies this bound: write `None` for an open side";
    pub(crate) const NEGATIVE_POWF: &str =
        "a negative number has no real power with a fractional exponent: write `powi` for an integer one";
    pub(crate) const INTEGER_OVERFLOW: &str =
        "this integer is beyond the range of i32: write a quantity with a decimal point (`3e9`)";
    pub(crate) const POWI_EXPONENT: &str =
        "`powi` takes a constant integer exponent: write a literal or an i32 const, or `powf` for any other exponent";
    pub(crate) const CLAMP: &str =
        "the lower bound of this `clamp` is above the upper one: write `x.clamp(lower, upper)`";
    #[cfg(feature = "symbolica")]
    pub(crate) const OVERFLOW: &str =
        "simplified, this divides by zero or has a constant beyond the range of f64: rescale its quantities";
    pub(crate) const DIVISION_BY_ZERO: &str = "division by zero: a model computes with finite numbers";
    pub(crate) const ARRAY_LENGTH: &str = "an array of the model language has between 1 and 10000 numbers";
    pub(crate) const RECURSIVE_STRUCT: &str =
        "this struct contains itself, and its size would be infinite: remove this field";
    pub(crate) const HIDES_PRIMITIVE: &str = "this struct would hide a type of the language: choose another name";
    pub(crate) const UNDERSCORES: &str =
        "names that begin with two underscores are reserved for the macro: choose another";
    pub(crate) const TOO_LONG: &str = "expression too long or too deeply nested: bind parts of it with `let`";
    pub(crate) const TOO_DEEP: &str =
        "expressions and calls too deeply nested: write the steps one after another, with `let`";
    pub(crate) const TOO_LARGE: &str =
        "model too large (over 5,000,000 elaboration steps): shorten its loops, or bind repeated values with `let`";
    pub(crate) const TOO_MANY_NUMBERS: &str =
        "this value holds more than 10000 numbers, the most that a value may hold";
    pub(crate) const STRUCT_DEPTH: &str = "structs nested more than 50 deep: write their fields here";
    #[cfg(feature = "symbolica")]
    pub(crate) const DIGITS: &str =
        "the constants of an expression here multiply to thousands of digits: bind parts of it with `let`";

    /// A field of the parameters, or the named entries of one.
    pub(crate) fn unused(entries: &[String]) -> String {
        let (what, them) = unused_part(entries);
        format!("nothing in the model depends on {what}: remove {them}, or start the field's name with `_`")
    }
    /// A field of the state or the control, or the named entries of one.
    pub(crate) fn unseen(entries: &[String]) -> String {
        let (what, them) = unused_part(entries);
        format!(
            "no cost or constraint depends on {what}, neither directly nor through the dynamics: remove {them}, or start the field's name with `_`"
        )
    }
    /// The unused part in words, and its pronoun.
    fn unused_part(entries: &[String]) -> (String, &'static str) {
        let list = entries.join(", ");
        match entries {
            [] => ("it".to_owned(), "it"),
            [_] => (format!("its entry {list}"), "it"),
            _ => (format!("its entries {list}"), "them"),
        }
    }
    pub(crate) fn long_vector(name: &str, length: usize, longest: usize) -> String {
        format!(
            "`{name}` has {length} numbers, more than the {longest} rows of the largest dense matrix: split the system"
        )
    }
    pub(crate) fn attribute_argument<'a>(
        attribute: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> String {
        let list = known.clone().into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        format!("unknown argument of #[{attribute}], which takes {list}{}", did_you_mean(name, known))
    }
    pub(crate) fn undefined(write: &str) -> String {
        format!("nothing defines the unknowns: add {write}")
    }
    pub(crate) fn equation_count(unknowns: usize, equations: usize) -> String {
        format!(
            "as many equations as unknowns are needed: {unknowns}, found {equations}; `residuals` may have another number"
        )
    }
    pub(crate) fn function_name(name: &str) -> String {
        format!("the model would have methods or arguments called `{name}`, a name that is taken: rename the struct")
    }
    pub(crate) fn algebraic_count(unknowns: usize, equations: usize) -> String {
        format!("as many equations as algebraic variables are needed: {unknowns}, found {equations}")
    }
    pub(crate) fn activation<'a>(advice: &str, known: impl Iterator<Item = &'a str>) -> String {
        let list = known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        format!("unknown activation{advice}: the activations are {list}")
    }
    pub(crate) fn misspelt_bounds(name: &str, meant: &str) -> String {
        format!("`#[{name}]` looks like bounds: write `#[{meant}(lower, upper)]`")
    }
    /// The attribute `name` of a field.
    pub(crate) fn bounds(name: &str) -> String {
        format!("bounds have two sides: write `#[{name}(-2.0, 2.0)]`, with `None` for an open side")
    }
    pub(crate) fn bounds_twice(name: &str) -> String {
        format!("this field has bounds already: write one `#[{name}(lower, upper)]`")
    }
    /// The attribute `name` in the struct `part` of the module, which `holders` may have as fields.
    pub(crate) fn bounds_of_part(part: &str, name: &str, holders: &str) -> String {
        format!(
            "bounds stand at fields of {holders}: write `#[{name}(lower, upper)]` at the field that holds `{part}`, each side a number for all its entries or a value of that type"
        )
    }
    /// A design variable, or the named entries of one.
    pub(crate) fn unused_design(entries: &[String]) -> String {
        let (what, them) = unused_part(entries);
        format!(
            "nothing but its bounds depends on {what}, so that it has no best value: let a function take `d: Design` and read {them}, or remove {them}"
        )
    }
    /// A constant computed by the compiler.
    pub(crate) fn not_finite(value: f64) -> String {
        format!("this constant is {value}: a model computes with finite numbers")
    }
    pub(crate) fn missing_item(what: &str, write: &str) -> String {
        format!("the model has no {what}: add `{write}`")
    }
    pub(crate) fn unknown_integrator<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
        let list = known.clone().into_iter().collect::<Vec<_>>().join(", ");
        format!("the integrators are {list}{}", did_you_mean(name, known))
    }
    pub(crate) fn no_fields(name: &str, what: &str) -> String {
        format!("`{name}` has no fields: a model has at least one {what} variable")
    }
    pub(crate) fn near_miss(name: &str, meant: &str) -> String {
        format!("`{name}` looks like `{meant}`, which is missing: rename it")
    }
    pub(crate) fn duplicate(name: &str) -> String {
        format!("`{name}` is defined twice: rename or remove one")
    }
    pub(crate) fn reserved(name: &str) -> String {
        format!("`{name}` is a name that the macro adds to the module: choose another")
    }
    pub(crate) fn module_name(name: &str) -> String {
        format!("the model has the module's name in camel case, but cannot be called `{name}`: rename the module")
    }
    pub(crate) fn signature(name: &str, expected: &str) -> String {
        format!("the signature of `{name}` is `{expected}`")
    }
    pub(crate) fn unknown_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
        let meant = did_you_mean(name, known);
        let advice = if meant.is_empty() { ": define a const, or make it a field of Params" } else { &meant };
        format!("`{name}` is not an argument, a `let` or a const of this module{advice}")
    }
    /// The name of an argument, and its type.
    pub(crate) fn not_taken(name: &str, ty: &str) -> String {
        format!("this function does not take `{name}`: add the argument `{name}: {ty}`")
    }
    pub(crate) fn standard_constant(name: &str) -> String {
        format!("`{name}` is not a const of this module, which imports nothing: write `std::f64::consts::{name}`")
    }
    pub(crate) fn unknown_path(path: &str) -> String {
        format!("unknown path `{path}`: name an argument, a `let`, a const of this module or one of `std::f64::consts`")
    }
    pub(crate) fn unknown_function<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
        format!(
            "`{name}` is not a function of this module, and functions from outside cannot be differentiated: define it here{}",
            did_you_mean(name, known)
        )
    }
    pub(crate) fn unknown_method<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
        let list = known.clone().into_iter().collect::<Vec<_>>().join(" ");
        format!("`{name}` is not a method of the model language, which has {list}{}", did_you_mean(name, known))
    }
    pub(crate) fn method_with_kinks(name: &str) -> String {
        format!(
            "`{name}` is discontinuous and has no derivative there: write the pieces with `if`, or a smooth expression"
        )
    }
    pub(crate) fn unknown_field<'a>(
        kind: &str,
        field: &str,
        fields: impl IntoIterator<Item = &'a str> + Clone,
    ) -> String {
        let list = fields.clone().into_iter().collect::<Vec<_>>().join(", ");
        let list = if list.is_empty() { "none" } else { &list };
        format!("`{kind}` has no field `{field}`; its fields are: {list}{}", did_you_mean(field, fields))
    }
    pub(crate) fn missing_field(kind: &str, field: &str) -> String {
        format!("this `{kind}` lacks the field `{field}`: write every field")
    }
    pub(crate) fn unknown_type<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
        let meant = did_you_mean(name, known);
        let advice = if meant.is_empty() { ": define it here" } else { &meant };
        format!("`{name}` is not a struct of this module{advice}")
    }
    pub(crate) fn arity(name: &str, expected: usize, given: usize) -> String {
        format!("`{name}` takes {}, found {given}", arguments(expected))
    }
    pub(crate) fn method_arity(name: &str, expected: usize, given: usize) -> String {
        format!("the method `{name}` takes {}, found {given}", arguments(expected))
    }
    fn arguments(count: usize) -> String {
        format!("{count} argument{}", if count == 1 { "" } else { "s" })
    }
    pub(crate) fn mismatch(expected: &str, given: &str) -> String {
        let name = expected.trim_matches('`');
        let hint = match (expected, given) {
            ("`f64`", "an integer") => ": write it with a decimal point (`2.0`), or convert it (`i as f64`)",
            ("an integer", "`f64`") => ": write it without a decimal point",
            ("a constant integer", "`f64`") => ": write it without a decimal point, or as a usize const",
            ("`bool`", "`f64`" | "an integer") => ": compare it with another (`x > 0.0`)",
            ("`f64`", given) if given.starts_with("`[") => ": choose an entry (`q[0]`)",
            ("`f64`", given) if given.starts_with("`(") => ": choose an element (`pair.0`)",
            // A struct.
            (_, "`f64`") if name.starts_with(char::is_uppercase) => &[": write `", name, " { .. }`"].concat(),
            _ => "",
        };
        format!("expected {expected}, found {given}{hint}")
    }
    /// A value that is not a struct; a tuple has `elements`.
    pub(crate) fn no_such_field(given: &str, field: &str, elements: usize) -> String {
        let fields = match elements {
            0 => "only structs and tuples have fields".to_owned(),
            _ => format!("its elements are 0 to {}", elements - 1),
        };
        format!("{given} has no field `{field}`: {fields}")
    }
    pub(crate) fn not_an_array(given: &str) -> String {
        let advice = if given.starts_with("`(") { "write `.0` for an element" } else { "remove the index" };
        format!("only arrays have entries, but this is {given}: {advice}")
    }
    pub(crate) fn pattern(wanted: &str, given: &str) -> String {
        format!("this pattern is for {wanted}, but the value is {given}")
    }
    pub(crate) fn unequal_branches(then: &str, otherwise: &str) -> String {
        format!("the branches of this `if` have different types, {then} and {otherwise}: give both the same type")
    }
    pub(crate) fn too_many_steps(steps: i64) -> String {
        format!("this loop has {steps} steps, more than the 10000 that are unrolled: shorten it")
    }
    pub(crate) fn index(index: i64, length: usize) -> String {
        format!("index {index} is out of range: this array of {length} ends at index {}", length as i64 - 1)
    }
    pub(crate) fn recursion(name: &str) -> String {
        format!("`{name}` calls itself: a model's functions cannot be recursive, write the steps out")
    }
}

/// Errors of vendored kernels. They depend on files and on cargo's features.
pub(crate) mod vendoring {
    #[cfg(not(feature = "symbolica"))]
    pub(crate) const NO_SYMBOLICA: &str = "without the feature `symbolica` of dilqr-runtime a model is compiled from vendored kernels only: write `#[dilqr_runtime::model(vendored = \"src/name.dilqr.rs\")]`, or enable the feature";

    pub(crate) fn cannot_read(path: &str, error: &str, renew: &str) -> String {
        format!("cannot read the vendored kernels in `{path}` ({error}): write them with `{renew}`")
    }
    pub(crate) fn cannot_write(path: &str, error: &str) -> String {
        format!("cannot write the vendored kernels to `{path}` ({error})")
    }
    pub(crate) fn stale(path: &str, renew: &str) -> String {
        format!("the model has changed since its kernels were vendored in `{path}`: renew them with `{renew}`")
    }
    pub(crate) fn edited(path: &str, renew: &str) -> String {
        format!("the vendored kernels in `{path}` were edited: renew them with `{renew}`")
    }
    pub(crate) fn other_version(path: &str, theirs: &str, ours: &str, renew: &str) -> String {
        format!(
            "the vendored kernels in `{path}` were written by dilqr {theirs}, but this is dilqr {ours}: renew them with `{renew}`"
        )
    }
}

/// Errors in a factor.
pub(crate) mod factor {
    use crate::syntax::manifold::Manifold;

    pub(crate) const NO_RESIDUAL: &str = "nothing defines the factor: add `pub fn residual(a: Point, b: Point, p: Params) -> [f64; 2]` over the blocks that it holds, each a struct of the module";
    pub(crate) const NO_BLOCKS: &str = "a factor holds at least one block: add an argument before the parameters, as `a: Point` with `pub struct Point { pub x: f64, pub y: f64 }`";
    pub(crate) const BLOCK_TYPE: &str = "a block is a struct of the module, so that its numbers have names: write `pub struct Point { pub x: f64, pub y: f64 }` and `a: Point`";
    pub(crate) const EMPTY_BLOCK: &str = "a block has at least one number: add a field";
    pub(crate) const BOUNDS: &str =
        "blocks of a factor graph have no bounds: use a residual that grows where a block leaves its range";
    pub(crate) const MANIFOLD_PLACE: &str = "manifolds are for the blocks of a factor: remove the attribute";
    pub(crate) const MANIFOLD_TWICE: &str = "a block lies on one manifold: remove one of the attributes";
    pub(crate) const MANIFOLD_UNUSED: &str =
        "only blocks lie on manifolds, and `residual` has no argument of this struct: remove the attribute";
    pub(crate) fn unknown_manifold() -> String {
        let known = Manifold::ALL.map(|(known, _)| known).join("`, `");
        format!("the manifolds are `{known}`; a block without the attribute is a vector")
    }
    pub(crate) fn manifold_numbers(manifold: Manifold, given: usize) -> String {
        format!("a block of this manifold has {}: the struct has {given}", manifold.words())
    }
}
