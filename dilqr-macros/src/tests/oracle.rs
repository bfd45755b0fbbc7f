//! Random models evaluated tree by tree, in hyper-dual numbers of num-dual: nothing of the compiler is used.

use std::cell::Cell;

use num_dual::{DualNum, HyperDual};

use super::random::{Block, Expr, Let, Model, NP, NU, NX, Pattern};

/// States, control and parameters in one vector `z`.
pub(crate) const N: usize = NX + NU + NP;
/// Next state, stage cost, terminal cost.
pub(crate) const OUTPUTS: usize = NX + 2;
/// Position of the stage cost among the outputs.
pub(crate) const L: usize = NX;
/// Position of the terminal cost among the outputs.
pub(crate) const TERMINAL: usize = NX + 1;
/// Positions of state, control and parameters in `z`.
pub(crate) const X: usize = 0;
pub(crate) const U: usize = NX;
pub(crate) const P: usize = NX + NU;

/// What a model's functions and their derivatives are at a point.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub(crate) value: [f64; OUTPUTS],
    pub(crate) gradient: [[f64; N]; OUTPUTS],
    pub(crate) hessian: [[[f64; N]; N]; OUTPUTS],
    /// The largest number that came up on the way, at least 1: what rounding errors are relative to.
    pub(crate) scale: f64,
}

impl Oracle {
    pub(crate) fn new(model: &Model, z: &[f64; N]) -> Self {
        let mut oracle = Self {
            value: [0.0; OUTPUTS],
            gradient: [[0.0; N]; OUTPUTS],
            hessian: [[[0.0; N]; N]; OUTPUTS],
            scale: 1.0,
        };
        for i in 0..N {
            for j in 0..=i {
                let unit = |k: usize, of: usize| f64::from(u8::from(k == of));
                let z = std::array::from_fn(|k| HyperDual::new(z[k], unit(k, i), unit(k, j), 0.0));
                let scale = Cell::new(1.0_f64);
                let outputs = evaluate(model, &z, &|number: &HyperDual<f64>| {
                    let parts = [number.re, number.eps1, number.eps2, number.eps1eps2];
                    scale.set(parts.into_iter().fold(scale.get(), |largest, part| larger(largest, part.abs())));
                });
                for (k, output) in outputs.iter().enumerate() {
                    oracle.value[k] = output.re;
                    oracle.gradient[k][i] = output.eps1;
                    oracle.hessian[k][i][j] = output.eps1eps2;
                    oracle.hessian[k][j][i] = output.eps1eps2;
                }
                oracle.scale = larger(oracle.scale, scale.get());
            }
        }
        oracle
    }

    /// `d2 (l + lambda' f) / dz_i dz_j`
    pub(crate) fn hamiltonian(&self, lambda: &[f64; NX], i: usize, j: usize) -> f64 {
        self.hessian[L][i][j] + (0..NX).map(|k| lambda[k] * self.hessian[k][i][j]).sum::<f64>()
    }

    /// `d (l + lambda' f) / dz_i`
    pub(crate) fn hamiltonian_gradient(&self, lambda: &[f64; NX], i: usize) -> f64 {
        self.gradient[L][i] + (0..NX).map(|k| lambda[k] * self.gradient[k][i]).sum::<f64>()
    }

    /// `hxp' dx + hup' du + fp' dlambda`, the entry of `z_i`
    pub(crate) fn contraction(
        &self,
        lambda: &[f64; NX],
        dx: &[f64; NX],
        du: &[f64; NU],
        dlambda: &[f64; NX],
        i: usize,
    ) -> f64 {
        let along_x: f64 = (0..NX).map(|j| dx[j] * self.hamiltonian(lambda, X + j, i)).sum();
        let along_u: f64 = (0..NU).map(|j| du[j] * self.hamiltonian(lambda, U + j, i)).sum();
        along_x + along_u + (0..NX).map(|k| dlambda[k] * self.gradient[k][i]).sum::<f64>()
    }

    /// `l_T,xp' dx`, the entry of `z_i`
    pub(crate) fn terminal_contraction(&self, dx: &[f64; NX], i: usize) -> f64 {
        (0..NX).map(|j| dx[j] * self.hessian[TERMINAL][X + j][i]).sum()
    }
}

/// The larger of two numbers. num-dual's functions of huge numbers may be NaN (tanh is): larger than all.
fn larger(a: f64, b: f64) -> f64 {
    if b.is_nan() { f64::INFINITY } else { a.max(b) }
}

/// Next state, stage cost and terminal cost; `observe` is called with every intermediate number.
pub(crate) fn evaluate<D>(model: &Model, z: &[D; N], observe: &dyn Fn(&D)) -> [D; OUTPUTS]
where
    D: DualNum<Primitive = f64> + Copy,
{
    let evaluator = Evaluator { model, observe };
    let mut scope = Scope::new();
    for (index, value) in model.consts.iter().enumerate() {
        let value = evaluator.expr(value, &mut scope);
        scope.push((format!("C{index}"), value));
    }
    let float = |index: usize| Value::Float(z[index]);
    let state = Value::Many(vec![float(X), Value::Many(vec![float(X + 1), float(X + 2)])]);
    let control = Value::Many(vec![float(U)]);
    let params = Value::Many(vec![float(P), Value::Many(vec![float(P + 1)])]);
    scope.extend([("x".to_owned(), state), ("u".to_owned(), control), ("p".to_owned(), params)]);
    let entered = scope.len();
    for item in &model.dynamics {
        evaluator.bind(item, &mut scope);
    }
    let [a, b, c] = &model.next;
    let next = [a, b, c].map(|entry| evaluator.float(entry, &mut scope));
    scope.truncate(entered);
    let stage_cost = evaluator.block(&model.stage_cost, &mut scope).float();
    let terminal_cost = evaluator.block(&model.terminal_cost, &mut scope).float();
    [next[0], next[1], next[2], stage_cost, terminal_cost]
}

/// A number or an array, tuple or struct of values.
#[derive(Clone)]
enum Value<D> {
    Float(D),
    Many(Vec<Value<D>>),
}

impl<D: Copy> Value<D> {
    fn float(&self) -> D {
        match self {
            Self::Float(number) => *number,
            Self::Many(_) => panic!("the generator made an aggregate where a number belongs"),
        }
    }

    fn part(&self, index: usize) -> &Self {
        match self {
            Self::Float(_) => panic!("the generator made a number where an aggregate belongs"),
            Self::Many(parts) => &parts[index],
        }
    }
}

type Scope<D> = Vec<(String, Value<D>)>;

struct Evaluator<'a, D> {
    model: &'a Model,
    observe: &'a dyn Fn(&D),
}

impl<D> Evaluator<'_, D>
where
    D: DualNum<Primitive = f64> + Copy,
{
    fn block(&self, block: &Block, scope: &mut Scope<D>) -> Value<D> {
        let outer = scope.len();
        for item in &block.lets {
            self.bind(item, scope);
        }
        let value = self.expr(&block.value, scope);
        scope.truncate(outer);
        value
    }

    fn bind(&self, item: &Let, scope: &mut Scope<D>) {
        fn names<D: Clone>(pattern: &Pattern, value: &Value<D>, scope: &mut Scope<D>) {
            match (pattern, value) {
                (Pattern::Name(name), value) => scope.push((name.clone(), value.clone())),
                (Pattern::Tuple(patterns), Value::Many(parts)) => {
                    patterns.iter().zip(parts).for_each(|(pattern, part)| names(pattern, part, scope));
                }
                _ => {}
            }
        }
        let value = self.expr(&item.value, scope);
        names(&item.pattern, &value, scope);
    }

    fn float(&self, expr: &Expr, scope: &mut Scope<D>) -> D {
        self.expr(expr, scope).float()
    }

    fn expr(&self, expr: &Expr, scope: &mut Scope<D>) -> Value<D> {
        let number = match expr {
            Expr::Number(value) | Expr::Standard(_, value) => D::from(*value),
            Expr::Name(name) => {
                return scope.iter().rev().find(|(known, _)| known == name).map_or_else(
                    || panic!("the generator used the name {name}, which is not in scope"),
                    |(_, value)| value.clone(),
                );
            }
            Expr::Field(base, _, index) | Expr::TupleField(base, index) | Expr::Index(base, index) => {
                return self.expr(base, scope).part(*index).clone();
            }
            Expr::Negate(operand) => -self.float(operand, scope),
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.float(left, scope), self.float(right, scope));
                match op {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    _ => left / right,
                }
            }
            Expr::Method { name: "sin_cos", arguments, .. } => {
                let angle = self.float(&arguments[0], scope);
                return Value::Many(vec![Value::Float(angle.sin()), Value::Float(angle.cos())]);
            }
            Expr::Method { name: "powf", arguments, .. } => {
                let (base, exponent) = (self.float(&arguments[0], scope), self.float(&arguments[1], scope));
                // Bases are positive.
                (base.ln() * exponent).exp()
            }
            Expr::Method { name, arguments, .. } => {
                let arguments: Vec<D> = arguments.iter().map(|argument| self.float(argument, scope)).collect();
                method(name, &arguments)
            }
            Expr::Powi(base, exponent) => {
                // By its definition: num-dual's own divides by the base.
                let base = self.float(base, scope);
                let power = (0..exponent.abs()).fold(D::from(1.0), |power, _| power * base);
                if *exponent < 0 { power.recip() } else { power }
            }
            Expr::Call(index, arguments) => {
                let helper = &self.model.helpers[*index];
                let values: Vec<Value<D>> = arguments.iter().map(|argument| self.expr(argument, scope)).collect();
                let consts = scope.iter().take(self.model.consts.len()).cloned();
                let named = helper.arguments.iter().map(|(name, _)| name.clone()).zip(values);
                return self.block(&helper.body, &mut consts.chain(named).collect());
            }
            Expr::Array(elements) | Expr::Tuple(elements) => {
                return Value::Many(elements.iter().map(|element| self.expr(element, scope)).collect());
            }
            Expr::Repeat(value) => return Value::Many(vec![self.expr(value, scope); 2]),
            Expr::Pair(fields, _) => {
                return Value::Many(fields.iter().map(|field| self.expr(field, scope)).collect());
            }
            Expr::Block(block) => return self.block(block, scope),
        };
        (self.observe)(&number);
        Value::Float(number)
    }
}

fn method<D>(name: &str, arguments: &[D]) -> D
where
    D: DualNum<Primitive = f64> + Copy,
{
    let x = arguments[0];
    match name {
        "sin" => x.sin(),
        "cos" => x.cos(),
        "tan" => x.tan(),
        "asin" => x.asin(),
        "acos" => x.acos(),
        "atan" => x.atan(),
        // By its definition, since num-dual's own divides by zero on the axis: the generator makes one side positive.
        "atan2" if arguments[1] > 0.0 => (x / arguments[1]).atan(),
        "atan2" => D::from(std::f64::consts::FRAC_PI_2) - (arguments[1] / x).atan(),
        "sinh" => x.sinh(),
        "cosh" => x.cosh(),
        "tanh" => x.tanh(),
        "exp" => x.exp(),
        "ln" => x.ln(),
        "sqrt" => x.sqrt(),
        "cbrt" => x.cbrt(),
        "recip" => x.recip(),
        "hypot" => (x * x + arguments[1] * arguments[1]).sqrt(),
        "mul_add" => x * arguments[1] + arguments[2],
        _ => panic!("the generator used the method {name}, which has no evaluation here"),
    }
}
