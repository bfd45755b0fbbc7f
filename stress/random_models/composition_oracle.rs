//! Compositions evaluated tree by tree, in any numbers of num-dual: nothing of the compiler and of the runtime is used.
//!
//! Equations are solved for their values by Newton's method, with a Jacobian by differences. Further steps with that Jacobian solve
//! them for derivatives: its error is below 1e-7, and each step takes that factor from the error of the next order.

use num_dual::{DualNum, DualStruct};

use super::composition::{
    ACTIVATIONS, Argument, Body, Composition, Expr, KNOTS, PARAMS, RATE, SLOPES, STEP, Statement, TABLES,
};

/// Numbers that derivatives are taken with.
pub(crate) trait Number: DualNum<Primitive = f64> + Copy {}
impl<D: DualNum<Primitive = f64> + Copy> Number for D {}

/// Steps of Newton's method for values, and further steps for derivatives of first and second order.
const VALUE_STEPS: usize = 7;
const DERIVATIVE_STEPS: usize = 3;

/// State, control, parameters and weights.
pub(crate) struct Data<'a, D> {
    pub(crate) x: [D; 2],
    pub(crate) u: D,
    pub(crate) p: [D; PARAMS],
    pub(crate) weights: &'a [D],
}

impl<D: Number> Data<'_, D> {
    /// The values without derivatives.
    fn with_values<T>(&self, run: impl FnOnce(&Data<'_, f64>) -> T) -> T {
        let weights: Vec<f64> = self.weights.iter().map(DualStruct::re).collect();
        run(&Data { x: self.x.map(|x| x.re()), u: self.u.re(), p: self.p.map(|p| p.re()), weights: &weights })
    }
}

/// The next state and the cost of the stage.
pub(crate) fn stage<D: Number>(composition: &Composition, data: &Data<'_, D>) -> [D; 3] {
    let dt = if composition.free_step { data.p[PARAMS - 1] } else { D::from(STEP) };
    let h = dt * (1.0 / composition.substeps as f64);
    let mut y = [data.x[0], data.x[1], D::from(0.0)];
    data.with_values(|values| {
        for _ in 0..composition.substeps {
            y = Stepper { composition, data, values }.step(y, h);
        }
    });
    y
}

pub(crate) fn terminal_cost<D: Number>(composition: &Composition, data: &Data<'_, D>) -> D {
    let evaluator = Evaluator { composition, data, x: data.x, z: [D::from(0.0); 2] };
    let [a, b] = data.x;
    a * a + b * b + evaluator.body(&composition.terminal_cost)[0].sin() * 0.1
}

/// Stages with their coefficients.
struct Tableau<'a> {
    a: &'a [&'a [f64]],
    b: &'a [f64],
}

/// A composition at a point, and at its values.
struct Stepper<'a, D> {
    composition: &'a Composition,
    data: &'a Data<'a, D>,
    values: &'a Data<'a, f64>,
}

impl<'a, D: Number> Stepper<'a, D> {
    fn at_values(&self) -> Stepper<'a, f64> {
        Stepper { composition: self.composition, data: self.values, values: self.values }
    }

    /// One substep of state and integral of the cost.
    fn step(&self, y: [D; 3], h: D) -> [D; 3] {
        let slope = |x: [D; 3]| self.slopes([x[0], x[1]]);
        let moved = |k: &[D; 3], by: f64| -> [D; 3] { std::array::from_fn(|i| y[i] + k[i] * h * by) };
        let root = 3.0_f64.sqrt() / 6.0;
        let (a, b): (&[&[f64]], &[f64]) = match self.composition.integrator() {
            "euler" => return moved(&slope(y), 1.0),
            "semi_implicit_euler" => {
                let first = slope(y);
                let faster = [y[0], y[1] + first[1] * h, y[2]];
                return [y[0] + slope(faster)[0] * h, faster[1], y[2] + first[2] * h];
            }
            "midpoint" => return moved(&slope(moved(&slope(y), 0.5)), 1.0),
            "rk4" => {
                let k1 = slope(y);
                let k2 = slope(moved(&k1, 0.5));
                let k3 = slope(moved(&k2, 0.5));
                let k4 = slope(moved(&k3, 1.0));
                return std::array::from_fn(|i| y[i] + (k1[i] + k2[i] * 2.0 + k3[i] * 2.0 + k4[i]) * h / 6.0);
            }
            "implicit_euler" => (&[&[1.0]], &[1.0]),
            "implicit_midpoint" => (&[&[0.5]], &[1.0]),
            "trapezoid" => (&[&[0.0, 0.0], &[0.5, 0.5]], &[0.5, 0.5]),
            "gauss_legendre" => (&[&[0.25, 0.25 - root], &[0.25 + root, 0.25]], &[0.5, 0.5]),
            "radau" => (&[&[5.0 / 12.0, -1.0 / 12.0], &[0.75, 0.25]], &[0.75, 0.25]),
            other => panic!("the integrator {other} has no evaluation here"),
        };
        self.implicit_step(&Tableau { a, b }, y, h)
    }

    fn implicit_step(&self, tableau: &Tableau<'_>, y: [D; 3], h: D) -> [D; 3] {
        let real = (y.map(|y| y.re()), h.re());
        let values = self.at_values();
        let k = solve(
            &vec![0.0; 2 * tableau.b.len()],
            |k| values.residuals_of_step(tableau, real, k),
            |k| self.residuals_of_step(tableau, (y, h), k),
        );
        (0..tableau.b.len()).fold(y, |sum, stage| {
            let given = self.slopes(point(tableau, (y, h), &k, stage));
            std::array::from_fn(|i| sum[i] + given[i] * h * tableau.b[stage])
        })
    }

    /// The slopes of all stages less the derivatives there.
    fn residuals_of_step(&self, tableau: &Tableau<'_>, at: ([D; 3], D), k: &[D]) -> Vec<D> {
        let of_stage = |stage: usize| {
            let given = self.slopes(point(tableau, at, k, stage));
            [k[2 * stage] - given[0], k[2 * stage + 1] - given[1]]
        };
        (0..tableau.b.len()).flat_map(of_stage).collect()
    }

    /// The derivative of the state and the running cost.
    fn slopes(&self, x: [D; 2]) -> [D; 3] {
        let Self { composition, data, .. } = *self;
        let mut z = [D::from(0.0), D::from(0.1)];
        if let Some(body) = &composition.algebraic {
            let values = self.at_values();
            let real = x.map(|x| x.re());
            let solution =
                solve(&[0.0, 0.1], |z| values.residuals_at(body, real, z), |z| self.residuals_at(body, x, z));
            z = [solution[0], solution[1]];
        }
        let evaluator = Evaluator { composition, data, x, z };
        let (derivative, cost) = (evaluator.body(&composition.derivative), evaluator.body(&composition.running_cost));
        let ([a, b], v) = (x, data.u);
        [
            b + derivative[0].tanh() * 0.4,
            v - data.p[0] * a + derivative[1].sin() * 0.4,
            a * a + b * b * 0.5 + v * v * 0.5 + cost[0].sin() * 0.1,
        ]
    }

    /// The equations of the algebraic variables.
    fn residuals_at(&self, body: &Body, x: [D; 2], z: &[D]) -> Vec<D> {
        let evaluator = Evaluator { composition: self.composition, data: self.data, x, z: [z[0], z[1]] };
        let results = evaluator.body(body);
        vec![z[0] - results[0].sin() * 0.3, z[1] + z[0] * 0.2 - results[1].tanh() * 0.3]
    }
}

/// The point of a stage.
fn point<D: Number>(tableau: &Tableau<'_>, (y, h): ([D; 3], D), k: &[D], stage: usize) -> [D; 2] {
    let slopes = |i: usize| {
        tableau.a[stage].iter().enumerate().fold(D::from(0.0), |sum, (other, a)| sum + k[2 * other + i] * *a)
    };
    std::array::from_fn(|i| y[i] + slopes(i) * h)
}

/// The solution of equations that are given for values and with derivatives.
fn solve<D: Number>(
    guess: &[f64],
    of_values: impl Fn(&[f64]) -> Vec<f64>,
    residuals: impl Fn(&[D]) -> Vec<D>,
) -> Vec<D> {
    const WIDTH: f64 = 1e-5;
    let n = guess.len();
    let jacobian = |y: &[f64]| {
        let column = |j: usize| {
            let at = |by: f64| of_values(&(0..n).map(|i| if i == j { y[i] + by } else { y[i] }).collect::<Vec<f64>>());
            let (above, below) = (at(WIDTH), at(-WIDTH));
            above.iter().zip(&below).map(|(a, b)| (a - b) / (2.0 * WIDTH)).collect::<Vec<f64>>()
        };
        let columns: Vec<Vec<f64>> = (0..n).map(column).collect();
        (0..n).map(|i| columns.iter().map(|column| column[i]).collect()).collect::<Vec<Vec<f64>>>()
    };
    let mut values = guess.to_vec();
    for _ in 0..VALUE_STEPS {
        let step = eliminate(jacobian(&values), of_values(&values));
        values.iter_mut().zip(step).for_each(|(value, step)| *value -= step);
    }
    let matrix: Vec<Vec<D>> = jacobian(&values).iter().map(|row| row.iter().copied().map(D::from).collect()).collect();
    let mut y: Vec<D> = values.into_iter().map(D::from).collect();
    for _ in 0..DERIVATIVE_STEPS {
        let step = eliminate(matrix.clone(), residuals(&y));
        y.iter_mut().zip(step).for_each(|(y, step)| *y -= step);
    }
    y
}

/// The solution of a linear system, by elimination with pivots.
fn eliminate<D: Number>(mut matrix: Vec<Vec<D>>, mut right: Vec<D>) -> Vec<D> {
    let n = right.len();
    for column in 0..n {
        let size = |row: &usize| matrix[*row][column].re().abs();
        let pivot = (column..n).max_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..n {
            let factor = matrix[row][column] / matrix[column][column];
            for other in column..n {
                let entry = matrix[column][other];
                matrix[row][other] -= factor * entry;
            }
            let entry = right[column];
            right[row] -= factor * entry;
        }
    }
    for row in (0..n).rev() {
        let sum = (row + 1..n).fold(right[row], |sum, column| sum - matrix[row][column] * right[column]);
        right[row] = sum / matrix[row][row];
    }
    right
}

struct Evaluator<'a, D> {
    composition: &'a Composition,
    data: &'a Data<'a, D>,
    x: [D; 2],
    z: [D; 2],
}

impl<D: Number> Evaluator<'_, D> {
    fn body(&self, body: &Body) -> Vec<D> {
        let mut names: Vec<D> = Vec::new();
        for statement in &body.statements {
            match statement {
                Statement::Let(value) => names.push(self.expr(value, &names)),
                Statement::Net(net, inputs, _) => {
                    let inputs = inputs.iter().map(|input| self.expr(input, &names)).collect();
                    names.extend(self.net(*net, inputs));
                }
                Statement::Own([a, b]) => {
                    let [a, b] = [self.expr(a, &names), self.expr(b, &names)];
                    names.extend([(a * RATE).sin() * b, a + b * b * RATE]);
                }
            }
        }
        body.results.iter().map(|result| self.expr(result, &names)).collect()
    }

    fn expr(&self, value: &Expr, names: &[D]) -> D {
        match value {
            Expr::Number(number) => D::from(*number),
            Expr::Argument(Argument::State(index)) => self.x[*index],
            Expr::Argument(Argument::Control) => self.data.u,
            Expr::Argument(Argument::Param(index)) => self.data.p[*index],
            Expr::Argument(Argument::Algebraic(index)) => self.z[*index],
            Expr::Local(name) => names[*name],
            Expr::Sum(a, b) => self.expr(a, names) + self.expr(b, names),
            Expr::Product(a, b) => self.expr(a, names) * self.expr(b, names),
            Expr::Sin(a) => self.expr(a, names).sin(),
            Expr::Tanh(a) => self.expr(a, names).tanh(),
            Expr::Table(a) => {
                let table = &self.composition.table;
                spline(TABLES[table.kind], &KNOTS, &table.values.map(D::from), self.expr(a, names))
            }
            Expr::Learned(a) => spline("natural", &KNOTS[..3], &self.data.p[2..5], self.expr(a, names)),
        }
    }

    fn net(&self, index: usize, mut values: Vec<D>) -> Vec<D> {
        let nets = &self.composition.nets;
        let mut start: usize = nets[..index].iter().map(|net| net.weights()).sum();
        let net = &nets[index];
        for (layer, pair) in net.layers.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let (matrix, biases) = self.data.weights[start..].split_at(inputs * outputs);
            start += (inputs + 1) * outputs;
            let unit = |row: usize| {
                let sum = (0..inputs).fold(biases[row], |sum, j| sum + matrix[row * inputs + j] * values[j]);
                if layer + 2 == net.layers.len() { sum } else { activation(ACTIVATIONS[net.activation], sum) }
            };
            values = (0..outputs).map(unit).collect();
        }
        values
    }
}

fn activation<D: Number>(name: &str, a: D) -> D {
    let one = D::from(1.0);
    match name {
        "tanh" => a.tanh(),
        "sigmoid" => one / (one + (-a).exp()),
        "softplus" => (one + a.exp()).ln(),
        "elu" if a > 0.0 => a,
        "elu" => a.exp() - 1.0,
        "silu" => a / (one + (-a).exp()),
        "sin" => a.sin(),
        other => panic!("the activation {other} has no evaluation here"),
    }
}

/// A table by its defining equations: values at knots, equal slopes of neighbors, and two conditions at the ends.
fn spline<D: Number>(kind: &str, knots: &[f64], values: &[D], x: D) -> D {
    let n = knots.len();
    let k = (1..n - 1).filter(|&k| x >= knots[k]).count();
    let rise = |k: usize| (values[k + 1] - values[k]) / (knots[k + 1] - knots[k]);
    if kind == "linear" {
        return values[k] + (x - knots[k]) * rise(k);
    }
    // Unknowns are the slopes `s` at the knots: Hermite polynomials.
    let (mut matrix, mut right) = (vec![vec![D::from(0.0); n]; n], vec![D::from(0.0); n]);
    for i in 0..n {
        if kind == "clamped" && (i == 0 || i == n - 1) {
            matrix[i][i] = D::from(1.0);
            right[i] = D::from(SLOPES[usize::from(i > 0)]);
            continue;
        }
        // The second derivative at the end of an interval is (2 s_before + 4 s) / h - 6 rise / h, at its start minus the mirror.
        if i > 0 {
            let h = knots[i] - knots[i - 1];
            matrix[i][i - 1] += 2.0 / h;
            matrix[i][i] += 4.0 / h;
            right[i] += rise(i - 1) * (6.0 / h);
        }
        if i + 1 < n {
            let h = knots[i + 1] - knots[i];
            matrix[i][i] += 4.0 / h;
            matrix[i][i + 1] += 2.0 / h;
            right[i] += rise(i) * (6.0 / h);
        }
    }
    let slopes = eliminate(matrix, right);
    if x < knots[0] {
        return values[0] + (x - knots[0]) * slopes[0];
    }
    if x > knots[n - 1] {
        return values[n - 1] + (x - knots[n - 1]) * slopes[n - 1];
    }
    let h = knots[k + 1] - knots[k];
    let t = (x - knots[k]) / h;
    let (square, cube) = (t * t, t * t * t);
    let one = D::from(1.0);
    values[k] * (one - square * 3.0 + cube * 2.0)
        + values[k + 1] * (square * 3.0 - cube * 2.0)
        + slopes[k] * (t - square * 2.0 + cube) * h
        + slopes[k + 1] * (cube - square) * h
}
