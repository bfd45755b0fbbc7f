//! Checks the optimality conditions of a solution, stage by stage, with the author's functions and dual numbers.
//!
//! With costates `lambda`, multipliers `mu` and bound multipliers `rho` of the solution, for `c` inequalities and
//! equalities:
//!
//! ```text
//! x_{t+1} = f,   lambda_t = lx + cx' mu + fx' lambda_{t+1},   lambda_T = lx + cx' mu,   lu + cu' mu + fu' lambda_{t+1} = rho
//! ```
//!
//! Each equation is checked on its own, with numbers of the solution on both sides. Nothing is rolled out, so rounding
//! is not amplified, however unstable the plant and however long the horizon.

use dilqr_runtime::AutoDiff;
use dilqr_runtime::model::ConstraintExpansion;
use dilqr_runtime::model::{HamiltonianHessian, Stage, StageExpansion, Terminal, TerminalExpansion};
use dilqr_runtime::nalgebra::{DMatrix, SMatrix, SVector};
use dilqr_runtime::{Model, Settings, Solution};

use crate::system::System;

/// Allowed difference of kernels and dual numbers, over the sum of the absolute values of an equation's terms: some
/// tens of operations each, and a few digits of cancellation.
const ROUNDING: f64 = 1e-12;

/// The same where a model cancels more than a few digits. One unit is the change of its numbers if the last places of
/// their arguments change (the sine of 1e6 is accurate to 1e-10). Another is the last place of the Hamiltonian's terms
/// (gradients with respect to angles cancel products as large as the cost).
const NOISE: f64 = 50.0;

/// One stage (or the end, with `NU = 0`) of the Lagrangian.
struct StageDerivatives<const NX: usize, const NU: usize> {
    fx: SMatrix<f64, NX, NX>,
    fu: SMatrix<f64, NX, NU>,
    lx: SVector<f64, NX>,
    lu: SVector<f64, NU>,
    /// Derivatives of constraints, and of bounds where these are barriers.
    rows: Vec<Row<NX, NU>>,
    hxx: SMatrix<f64, NX, NX>,
    hux: SMatrix<f64, NU, NX>,
    huu: SMatrix<f64, NU, NU>,
    /// Changes of `f` and of the Lagrangian's gradient if the last places of their arguments change.
    noise: Sums<NX, NU>,
}

/// `f`, `lx + cx' mu + fx' lambda` and `lu + cu' mu + fu' lambda`.
#[derive(Clone, Copy)]
struct Sums<const NX: usize, const NU: usize> {
    f: SVector<f64, NX>,
    x: SVector<f64, NX>,
    u: SVector<f64, NU>,
}

impl<const NX: usize, const NU: usize> Sums<NX, NU> {
    /// The largest change of each entry of `sums` over the samples, and the last place of the Hamiltonian's `terms`.
    fn noise(terms: f64, sums: impl Fn(usize) -> Self) -> Self {
        let here = sums(0);
        let last = f64::EPSILON * terms;
        let mut noise = Self { f: SVector::zeros(), x: SVector::repeat(last), u: SVector::repeat(last) };
        for there in (1..=3).map(sums) {
            noise.f = noise.f.sup(&(there.f - here.f).abs());
            noise.x = noise.x.sup(&(there.x - here.x).abs());
            noise.u = noise.u.sup(&(there.u - here.u).abs());
        }
        noise
    }
}

/// `vector` with its last places changed, differently for each sample. Sample 0 changes nothing.
fn shaken<const N: usize>(vector: &SVector<f64, N>, sample: usize) -> SVector<f64, N> {
    let mut shaken = *vector;
    if sample > 0 {
        for (i, value) in shaken.iter_mut().enumerate() {
            let sign = if (sample * 5 + i * (i + sample)).is_multiple_of(3) { -1.0 } else { 1.0 };
            *value *= 1.0 + sign * 2.0 * f64::EPSILON;
        }
    }
    shaken
}

struct Row<const NX: usize, const NU: usize> {
    x: SVector<f64, NX>,
    u: SVector<f64, NU>,
    multiplier: f64,
    /// Of the barrier.
    curvature: f64,
    /// Whether the row is active.
    active: bool,
}

/// The multipliers of the lower and the upper bound of a relaxed problem: that of the farther one from its distance, that of the
/// nearer one from their difference, which is in the solution.
fn both_multipliers(tau: f64, net: f64, below: f64, above: f64) -> [f64; 2] {
    if below < above { [net + tau / above, tau / above] } else { [tau / below, tau / below - net] }
}

fn rows<const NX: usize, const NU: usize>(
    record: &ConstraintExpansion<f64, NX, NU>,
    values: usize,
    inequalities: usize,
    given: &[f64],
    relaxation: Option<f64>,
    applies: impl Fn(usize) -> bool,
) -> Vec<Row<NX, NU>> {
    let constraints = (0..values).filter(|&i| applies(i));
    constraints
        .map(|i| {
            let inequality = i < inequalities;
            let multiplier = given[i];
            let barrier = relaxation.filter(|_| inequality);
            let curvature = barrier.map_or(0.0, |tau| multiplier * multiplier / tau);
            let active = barrier.is_none() && (!inequality || multiplier > 0.0);
            Row { x: record.cx[i], u: record.cu[i], multiplier, curvature, active }
        })
        .collect()
}

/// The conditions at one solution.
pub(crate) struct Conditions<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> {
    solution: &'a Solution<NX, NU, NP, NS>,
    tolerance: f64,
    /// The weight of the penalties under which the last step of the solve was measured.
    penalty: f64,
    stages: Vec<StageDerivatives<NX, NU>>,
    end: StageDerivatives<NX, 0>,
    model: core::marker::PhantomData<M>,
}

impl<'a, M, const NX: usize, const NU: usize, const NP: usize, const NS: usize> Conditions<'a, M, NX, NU, NP, NS>
where
    M: System<NX, NU, NP, NS>,
{
    /// Where the active rows are `degenerate` no Newton step ends the solve, but a step of the augmented Lagrangian.
    pub(crate) fn of(model: M, solution: &'a Solution<NX, NU, NP, NS>, settings: &Settings, degenerate: bool) -> Self {
        let Solution { states, controls, params: p, stage_params, multipliers, relaxation, .. } = solution;
        let nets = &solution.bound_multipliers;
        let (model, limits) = (AutoDiff(model), &M::LIMITS);
        let relaxation = relaxation.filter(|_| limits.limited());
        let horizon = controls.len();
        let interval = M::interval(p);
        let zero = vec![0.0; limits.stage().max(limits.terminal())];
        let stage = |t: usize| {
            let (x, u, s) = (&states[t], &controls[t], &stage_params[t]);
            let mut first = StageExpansion::zeros();
            model.expand_stage(Stage { x, u, p, s }, &mut first);
            let mut second = HamiltonianHessian::zeros();
            model.hamiltonian_hessian(Stage { x, u, p, s }, &solution.costates[t + 1], &mut second);
            let mut record = ConstraintExpansion::zeros(limits.stage());
            let given = multipliers.stage.get(t * limits.stage()..).map_or(&*zero, |rest| &rest[..limits.stage()]);
            let values = M::limits(x, u, p, s);
            let applies = |i: usize| t > 0 || limits.depends_on_control.get(i).copied().unwrap_or(true);
            model.expand_stage_constraints(Stage { x, u, p, s }, given, &mut record);
            let mut rows = rows(&record, values.len(), limits.stage_inequalities, given, relaxation, applies);
            if let Some(tau) = relaxation.filter(|_| limits.bounded) {
                for i in (0..NU).filter(|&i| interval.0[i] < interval.1[i]) {
                    let (below, above) = (u[i] - interval.0[i], interval.1[i] - u[i]);
                    // The multipliers themselves are in the solution's list.
                    for multiplier in both_multipliers(tau, nets[t][i], below, above) {
                        let u = SVector::from_fn(|j, _| if i == j { 1.0 } else { 0.0 });
                        let curvature = multiplier * multiplier / tau;
                        rows.push(Row { x: SVector::zeros(), u, multiplier: 0.0, curvature, active: false });
                    }
                }
            }
            let (hxx, hux, huu) = (second.hxx + record.hxx, second.hux + record.hux, second.huu + record.huu);
            let terms = first.l.abs() + solution.costates[t + 1].abs().dot(&first.f.abs());
            let noise = Sums::noise(terms, |sample| {
                let (x, u, p) = (shaken(x, sample), shaken(u, sample), shaken(p, sample));
                let mut first = StageExpansion::zeros();
                model.expand_stage(Stage::new(&x, &u, &p, s), &mut first);
                let lambda = &solution.costates[t + 1];
                let mut sums = Sums {
                    f: first.f,
                    x: first.lx + first.fx.transpose() * lambda,
                    u: first.lu + first.fu.transpose() * lambda,
                };
                if limits.stage() > 0 {
                    let mut record = ConstraintExpansion::zeros(limits.stage());
                    model.expand_stage_constraints(Stage::new(&x, &u, &p, s), given, &mut record);
                    for i in (0..limits.stage()).filter(|&i| applies(i)) {
                        sums.x += record.cx[i] * given[i];
                        sums.u += record.cu[i] * given[i];
                    }
                }
                sums
            });
            StageDerivatives { noise, fx: first.fx, fu: first.fu, lx: first.lx, lu: first.lu, rows, hxx, hux, huu }
        };
        let stages = (0..horizon).map(stage).collect();

        let (x, s) = (&states[horizon], &stage_params[horizon]);
        let mut last = TerminalExpansion::zeros();
        model.expand_terminal(Terminal { x, p, s }, &mut last);
        let values = M::end_limits(x, p, s);
        let given = &multipliers.terminal;
        let mut record = ConstraintExpansion::zeros(limits.terminal());
        model.expand_terminal_constraints(Terminal { x, p, s }, given, &mut record);
        let rows = rows(&record, values.len(), limits.terminal_inequalities, given, relaxation, |_| true);
        let noise = Sums::noise(last.l.abs(), |sample| {
            let (x, p) = (shaken(x, sample), shaken(p, sample));
            let mut last = TerminalExpansion::zeros();
            model.expand_terminal(Terminal::new(&x, &p, s), &mut last);
            let mut sum = last.lx;
            if limits.terminal() > 0 {
                let mut record = ConstraintExpansion::<_, NX, 0>::zeros(limits.terminal());
                model.expand_terminal_constraints(Terminal::new(&x, &p, s), given, &mut record);
                for i in 0..limits.terminal() {
                    sum += record.cx[i] * given[i];
                }
            }
            Sums { f: SVector::zeros(), x: sum, u: SVector::zeros() }
        });
        let end = StageDerivatives {
            fx: SMatrix::zeros(),
            fu: SMatrix::zeros(),
            lx: last.lx,
            lu: SVector::zeros(),
            rows,
            hxx: last.lxx + record.hxx,
            hux: SMatrix::zeros(),
            huu: SMatrix::zeros(),
            noise,
        };
        let penalty = if degenerate { settings.penalty.maximum } else { 0.0 };
        Self { solution, tolerance: settings.tolerance, penalty, stages, end, model: core::marker::PhantomData }
    }

    /// The first-order conditions; the error names the first that fails.
    pub(crate) fn first_order(&self) -> Result<(), String> {
        self.finite()?;
        self.dynamics()?;
        self.feasible()?;
        self.multipliers()?;
        self.costates()?;
        self.stationary()?;
        self.cost()
    }

    fn finite(&self) -> Result<(), String> {
        let s = self.solution;
        let numbers = s.states.iter().chain(&s.costates).flat_map(|x| x.iter());
        let controls = s.controls.iter().chain(&s.bound_multipliers).flat_map(|u| u.iter());
        let rest = s.gains.iter().flat_map(|k| k.iter()).chain(&s.multipliers.stage).chain(&s.multipliers.terminal);
        let statistics = [&s.cost, &s.stats.stationarity, &s.stats.violation];
        match numbers.chain(controls).chain(rest).chain(statistics).all(|value| value.is_finite()) {
            true => Ok(()),
            false => Err("a number is not finite".into()),
        }
    }

    fn dynamics(&self) -> Result<(), String> {
        let Solution { states, controls, params, stage_params, x0, .. } = self.solution;
        if states[0] != *x0 {
            return Err("the first state is not the given one".into());
        }
        for (t, (u, stage)) in controls.iter().zip(&self.stages).enumerate() {
            let next = M::next(&states[t], u, params, &stage_params[t]);
            for i in 0..NX {
                let error = (next[i] - states[t + 1][i]).abs();
                let allowed = ROUNDING * next[i].abs().max(1.0) + NOISE * stage.noise.f[i];
                if !(error <= allowed) {
                    return Err(format!("dynamics of stage {t}, entry {i}: off by {error:e}, allowed {allowed:e}"));
                }
            }
        }
        Ok(())
    }

    fn feasible(&self) -> Result<(), String> {
        let Solution { states, controls, params, stage_params, .. } = self.solution;
        let (lower, upper) = M::interval(params);
        let limits = &M::LIMITS;
        let horizon = controls.len();
        // The largest magnitudes along the trajectory.
        let of_states = states.iter().fold(SVector::<f64, NX>::zeros(), |most, x| most.sup(&x.abs()));
        let of_controls = controls.iter().fold(SVector::<f64, NU>::zeros(), |most, u| most.sup(&u.abs()));
        let applied = |t: usize| {
            let applies = move |i: &usize| t > 0 || limits.depends_on_control.get(*i).copied().unwrap_or(true);
            (0..limits.stage()).filter(applies)
        };
        let mut sizes = vec![0.0; limits.stage()];
        for (t, stage) in self.stages.iter().enumerate() {
            for (row, i) in stage.rows.iter().zip(applied(t)) {
                sizes[i] = f64::max(sizes[i], row.x.abs().dot(&of_states) + row.u.abs().dot(&of_controls));
            }
        }
        for (t, u) in controls.iter().enumerate() {
            if (0..NU).any(|i| u[i] < lower[i] || u[i] > upper[i]) {
                return Err(format!("the control of stage {t} is out of bounds: {u}"));
            }
            let values = M::limits(&states[t], u, params, &stage_params[t]);
            let given = &self.solution.multipliers.stage[t * limits.stage()..][..limits.stage()];
            for i in applied(t) {
                self.constraint((t, i), i < limits.stage_inequalities, values[i], given[i], sizes[i])?;
            }
        }
        let x = &states[horizon];
        let values = M::end_limits(x, params, &stage_params[horizon]);
        for (i, row) in self.end.rows.iter().enumerate() {
            let given = self.solution.multipliers.terminal[i];
            let size = row.x.abs().dot(&of_states);
            self.constraint((horizon, i), i < limits.terminal_inequalities, values[i], given, size)?;
        }
        Ok(())
    }

    /// Feasibility, sign and complementarity of constraint `i` of stage `t`.
    fn constraint(&self, (t, i): (usize, usize), inequality: bool, c: f64, mu: f64, size: f64) -> Result<(), String> {
        if let Some(tau) = self.solution.relaxation.filter(|_| inequality) {
            let error = (c + tau / mu).abs();
            return match mu > 0.0 && error <= 1e-9 * tau / mu + ROUNDING * (1.0 + size) {
                true => Ok(()),
                false => Err(format!("barrier {i} of stage {t} at {c:e} has the multiplier {mu:e}")),
            };
        }
        let violation = if !inequality || mu > 0.0 { c.abs() } else { c };
        // The tolerance is relative to the magnitude of the row.
        if !(violation <= self.tolerance * size.max(1.0) + ROUNDING * (1.0 + size)) {
            return Err(format!("constraint {i} of stage {t} is {c:e}, its multiplier {mu:e}"));
        }
        if inequality && mu < 0.0 {
            return Err(format!("inequality {i} of stage {t} has the multiplier {mu:e}"));
        }
        Ok(())
    }

    /// Multipliers are zero where no limit can be active.
    fn multipliers(&self) -> Result<(), String> {
        let Solution { multipliers, controls, bound_multipliers, params, .. } = self.solution;
        let limits = &M::LIMITS;
        for i in 0..limits.stage() {
            if !limits.depends_on_control.get(i).copied().unwrap_or(true) && multipliers.stage[i] != 0.0 {
                return Err(format!("constraint {i} on the given state has a multiplier"));
            }
        }
        let (lower, upper) = M::interval(params);
        for (t, (u, rho)) in controls.iter().zip(bound_multipliers).enumerate() {
            for i in 0..NU {
                if let Some(tau) = self.solution.relaxation {
                    let (below, above) = (u[i] - lower[i], upper[i] - u[i]);
                    let [pull, push] = both_multipliers(tau, rho[i], below, above);
                    for (distance, mu) in [(below, pull), (above, push)] {
                        let allowed = 1e-9 * tau + ROUNDING * (1.0 + u[i].abs()) * mu;
                        if distance.is_finite() && lower[i] < upper[i] && !((distance * mu - tau).abs() <= allowed) {
                            return Err(format!("barrier of control {i} at stage {t}: {distance:e} {mu:e}"));
                        }
                    }
                    continue;
                }
                let held = rho[i] > 0.0 && u[i] == lower[i] || rho[i] < 0.0 && u[i] == upper[i];
                if rho[i] != 0.0 && !held && lower[i] < upper[i] {
                    return Err(format!("control {i} of stage {t} is {} with a bound multiplier of {}", u[i], rho[i]));
                }
            }
        }
        Ok(())
    }

    /// `lu + cu' mu + fu' lambda - rho` of stage `t`, and its rounding error.
    fn slope(&self, t: usize) -> (SVector<f64, NU>, SVector<f64, NU>) {
        let stage = &self.stages[t];
        let mut sum = stage.lu + stage.fu.transpose() * self.solution.costates[t + 1];
        for row in &stage.rows {
            sum += row.u * row.multiplier;
        }
        if let Some(rho) = self.solution.bound_multipliers.get(t) {
            sum -= rho;
        }
        (sum, self.terms_of_slope(t) * ROUNDING + stage.noise.u * NOISE)
    }

    /// `|lu| + |cu|' |mu| + |fu|' |lambda|` of stage `t`.
    fn terms_of_slope(&self, t: usize) -> SVector<f64, NU> {
        let stage = &self.stages[t];
        let terms = stage.lu.abs() + stage.fu.abs().transpose() * self.solution.costates[t + 1].abs();
        stage.rows.iter().fold(terms, |terms, row| terms + row.u.abs() * row.multiplier.abs())
    }

    fn costates(&self) -> Result<(), String> {
        let Solution { costates, gains, bound_multipliers, .. } = self.solution;
        let horizon = self.stages.len();
        for t in 0..=horizon {
            let (mut sum, mut size) = match self.stages.get(t) {
                Some(StageDerivatives { lx, fx, .. }) => {
                    let lambda = &costates[t + 1];
                    (lx + fx.transpose() * lambda, lx.abs() + fx.abs().transpose() * lambda.abs())
                }
                None => (self.end.lx, self.end.lx.abs()),
            };
            let mut add = |x: &SVector<f64, NX>, mu: f64| {
                sum += x * mu;
                size += x.abs() * mu.abs();
            };
            let mut left = SVector::zeros();
            match self.stages.get(t) {
                Some(stage) => {
                    stage.rows.iter().for_each(|row| add(&row.x, row.multiplier));
                    // The costates are closed-loop ones: they carry the residual of stationarity back through the
                    // feedback.
                    let (slope, rounding) = self.slope(t);
                    let relaxed = self.solution.relaxation.is_some();
                    let free = |i: usize| relaxed || bound_multipliers.get(t).is_none_or(|rho| rho[i] == 0.0);
                    for i in (0..NU).filter(|&i| free(i)) {
                        left += gains[t].row(i).transpose().abs() * (slope[i].abs() + rounding[i]);
                    }
                }
                None => self.end.rows.iter().for_each(|row| add(&row.x, row.multiplier)),
            }
            let noise = self.stages.get(t).map_or(self.end.noise.x, |stage| stage.noise.x);
            for j in 0..NX {
                let error = (costates[t][j] - sum[j]).abs();
                // Products of subnormal numbers are rounded to multiples of 5e-324.
                let underflow = 10.0 * f64::MIN_POSITIVE * f64::EPSILON;
                let allowed =
                    1.1 * left[j] + ROUNDING * (size[j] + costates[t][j].abs()) + NOISE * noise[j] + underflow;
                if !(error <= allowed) {
                    return Err(format!("costate {t}, entry {j}: off by {error:e}, allowed {allowed:e}"));
                }
            }
        }
        Ok(())
    }

    fn stationary(&self) -> Result<(), String> {
        let relaxed = self.solution.relaxation.is_some();
        let gradient = |stage: &StageDerivatives<NX, NU>| {
            // A barrier is a part of the cost.
            let barriers = stage.rows.iter().filter(|_| relaxed).map(|row| row.u * row.multiplier);
            (stage.lu + barriers.sum::<SVector<f64, NU>>()).amax()
        };
        let scale = self.stages.iter().map(gradient).fold(1.0, f64::max);
        let steps = self.slopes_of_steps();
        let (lower, upper) = M::interval(&self.solution.params);
        let largest = self.solution.controls.iter().fold(SVector::<f64, NU>::zeros(), |most, u| most.sup(&u.abs()));
        let terms = self.largest_terms();
        for t in 0..self.stages.len() {
            let (slope, rounding) = self.slope(t);
            // A control whose interval is narrower than the tolerance is right anywhere in it.
            for i in (0..NU).filter(|&i| relaxed || !(upper[i] - lower[i] <= self.tolerance * largest[i])) {
                let allowed = self.tolerance * (scale + steps[t][i] + terms[i]) + rounding[i];
                if !(slope[i].abs() <= allowed) {
                    return Err(format!("stationarity of stage {t}, control {i}: {:e}, allowed {allowed:e}", slope[i]));
                }
            }
        }
        Ok(())
    }

    /// The largest sum of the terms of `Qu` over the stages, for problems with constraints; zero for others. There a step of
    /// the multipliers leaves a residual that is small beside these terms, however small the step of the trajectory.
    fn largest_terms(&self) -> SVector<f64, NU> {
        let stages = if M::LIMITS.stage() + M::LIMITS.terminal() > 0 { self.stages.len() } else { 0 };
        (0..stages).fold(SVector::zeros(), |largest: SVector<f64, NU>, t| largest.sup(&self.terms_of_slope(t)))
    }

    /// A bound on `Quu k` for steps as large as the trajectory. A solve has converged when its step is at most the tolerance
    /// times that size. `Quu` belongs to the feedback of the solution, so nothing is factorized.
    fn slopes_of_steps(&self) -> Vec<SVector<f64, NU>> {
        let Solution { states, controls, gains, .. } = self.solution;
        let largest_state = states.iter().fold(SVector::<f64, NX>::zeros(), |most, x| most.sup(&x.abs()));
        let largest_control = controls.iter().fold(SVector::<f64, NU>::zeros(), |most, u| most.sup(&u.abs()));
        let curvature = |curvature: f64, active: bool| curvature + if active { self.penalty } else { 0.0 };
        let mut value = self.end.hxx;
        for row in &self.end.rows {
            value += row.x * row.x.transpose() * curvature(row.curvature, row.active);
        }
        let mut slopes = vec![SVector::zeros(); gains.len()];
        for (t, (stage, gain)) in self.stages.iter().zip(gains).enumerate().rev() {
            let StageDerivatives { fx, fu, hxx, hux, huu, rows, .. } = stage;
            let closed_loop = fx + fu * gain;
            let quu = huu.abs() + fu.abs().transpose() * value.abs() * fu.abs();
            let step = largest_control + gain.abs() * largest_state;
            slopes[t] = quu * step;
            let mixed = gain.transpose() * hux;
            value = hxx
                + mixed
                + mixed.transpose()
                + gain.transpose() * huu * gain
                + closed_loop.transpose() * value * closed_loop;
            for row in rows {
                let change = row.x + gain.transpose() * row.u;
                value += change * change.transpose() * curvature(row.curvature, row.active);
                slopes[t] += row.u.abs() * curvature(row.curvature, row.active) * row.u.abs().dot(&step);
            }
        }
        slopes
    }

    fn cost(&self) -> Result<(), String> {
        let Solution { states, controls, params, stage_params, cost, .. } = self.solution;
        let horizon = controls.len();
        let mut terms: Vec<f64> =
            (0..horizon).map(|t| M::cost(&states[t], &controls[t], params, &stage_params[t])).collect();
        terms.push(M::end(&states[horizon], params, &stage_params[horizon]));
        let (sum, size) = (terms.iter().sum::<f64>(), terms.iter().map(|term| term.abs()).sum::<f64>());
        match (sum - cost).abs() <= ROUNDING * (1.0 + size) {
            true => Ok(()),
            false => Err(format!("the cost is {cost}, expected {sum}")),
        }
    }

    /// A measure of how positive definite the Lagrangian's Hessian is in the directions that the active limits leave free.
    /// It is the smallest eigenvalue of any stage's `Quu`, over the largest of the terms of that `Quu`, by a Riccati
    /// recursion.
    ///
    /// Active constraints add `weight c c'`. For a large weight the sum is positive definite exactly if the Hessian is so on
    /// their null space (Finsler, Debreu 1952). The result is the largest over some weights.
    pub(crate) fn curvature(&self) -> f64 {
        let held = |t: usize, i: usize| {
            let (lower, upper) = M::interval(&self.solution.params);
            let relaxed = self.solution.relaxation.is_some();
            lower[i] >= upper[i] || !relaxed && self.solution.bound_multipliers.get(t).is_some_and(|rho| rho[i] != 0.0)
        };
        let active = self.end.rows.iter().any(|row| row.active)
            || self.stages.iter().any(|stage| stage.rows.iter().any(|row| row.active));
        let weights: &[f64] = if active { &[1e2, 1e4, 1e6, 1e8, 1e10, 1e12, 1.0] } else { &[0.0] };
        let mut best = f64::NEG_INFINITY;
        for &weight in weights {
            best = f64::max(best, self.recursion(weight, &held));
            if best > 0.0 {
                break;
            }
        }
        best
    }

    fn recursion(&self, weight: f64, held: &impl Fn(usize, usize) -> bool) -> f64 {
        let weigh = |row: (f64, bool)| row.0 + if row.1 { weight } else { 0.0 };
        let mut value = self.end.hxx;
        for row in &self.end.rows {
            value += row.x * row.x.transpose() * weigh((row.curvature, row.active));
        }
        let mut smallest = f64::INFINITY;
        for (t, stage) in self.stages.iter().enumerate().rev() {
            let StageDerivatives { fx, fu, hxx, hux, huu, rows, .. } = stage;
            let value_fu = value * fu;
            let mut quu = huu + fu.transpose() * value_fu;
            let mut qux = hux + value_fu.transpose() * fx;
            let mut qxx = hxx + fx.transpose() * value * fx;
            let mut size = huu.amax() + (fu.abs().transpose() * value.abs() * fu.abs()).amax();
            for row in rows {
                let weight = weigh((row.curvature, row.active));
                quu += row.u * row.u.transpose() * weight;
                qux += row.u * row.x.transpose() * weight;
                qxx += row.x * row.x.transpose() * weight;
                size += row.u.amax().powi(2) * weight;
            }
            let free: Vec<usize> = (0..NU).filter(|&i| !held(t, i)).collect();
            if !free.is_empty() {
                let block = DMatrix::from_fn(free.len(), free.len(), |i, j| quu[(free[i], free[j])]);
                let pull = DMatrix::from_fn(free.len(), NX, |i, j| qux[(free[i], j)]);
                let eigenvalue = block.clone().symmetric_eigenvalues().min();
                smallest = smallest.min(eigenvalue / size);
                let Some(factor) = block.cholesky() else { return smallest.min(0.0) };
                let correction = pull.transpose() * factor.solve(&pull);
                qxx -= SMatrix::from_fn(|i, j| correction[(i, j)]);
            }
            value = (qxx + qxx.transpose()) * 0.5;
        }
        smallest
    }
}
