//! The factorization about a trajectory with rows in proximal form.

use alloc::boxed::Box;

use nalgebra::{SMatrix, SVector};

use crate::kkt::active_set::ActiveSet;
use crate::kkt::active_set_linear::ActiveSetLinear;
use crate::kkt::linear::{KktSystem, LinearTerms};
use crate::kkt::proximal_rows::{PlainUnits, ProximalRows, RefinedLinear, fractions};
use crate::kkt::report::{ActiveSetReport, ActiveSetRule};
use crate::kkt::units::{motion_units, row_units, variable_units};
use crate::linalg::products::zeros;
use crate::lq::equality_constrained::{Singular, Units};
use crate::lq::riccati::Quadratic;
use crate::model::Model;
use crate::model::records::{HamiltonianExpansion, StageExpansion, TerminalExpansion};
use crate::ocp::stage_functions;
use crate::ocp::stationarity::Magnitudes;
use crate::ocp::trajectory::TrajectoryRef;
use crate::scalar::ScalarReal;
use crate::settings::Differentiation;

impl<S: ScalarReal, const NX: usize, const NU: usize> ActiveSet<S, NX, NU> {
    /// As [`factorize`](Self::factorize), with the rows in proximal form. Solves refine it to rounding where the rows are
    /// independent, however long they are active.
    ///
    /// # Errors
    /// The stage at which the recursion ends, and why.
    pub(crate) fn factorize_proximal<M, const NP: usize, const NS: usize>(
        &mut self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        (method, plain): (Differentiation, PlainUnits),
        report: &mut ActiveSetReport,
    ) -> Result<(), (usize, Singular)>
    where
        M: Model<NX, NU, NP, NS>,
    {
        let horizon = self.horizon();
        let magnitudes = Magnitudes::of(point.states, point.controls);
        let units = variable_units(&magnitudes);
        self.row_units = row_units(&units, &magnitudes, const { &M::LIMITS });
        let units = if plain.0 { Units::ONES } else { motion_units(point.states, &units) };
        let unit = self.stage_cost_unit(model, point, &units);
        self.proximal.get_or_insert_with(|| Box::new(ProximalRows::new(horizon))).begin(unit, units);
        (self.in_proximal_form, self.plain_weights) = (true, plain);
        let rule = ActiveSetRule::PositiveMultiplier;
        let result = self.factorize_stages(model, point, (method, rule), report, &magnitudes);
        report.measure_violation();
        result
    }

    /// Whether the rows of a factorization in proximal form are independent.
    pub(crate) fn has_independent_rows(&self, memory: &mut ActiveSetLinear<S, NX, NU, 1>) -> bool {
        let memory = memory.refined.get_or_insert_with(|| Box::new(RefinedLinear::new(self.horizon())));
        self.proximal.as_ref().is_some_and(|rows| rows.are_independent(&self.record, memory))
    }

    /// How many digits solves with eliminated rows lack: the residual of stationarity at a solution for some linear part,
    /// over its terms. It is large only where rows are propagated, and zero elsewhere: each row that is solved for a control
    /// makes a part of the closed loop the inverse of the plant, which may be unstable.
    pub(crate) fn solve_residual(&self, memory: &mut ActiveSetLinear<S, NX, NU, 1>) -> f64 {
        let propagates = (0..=self.horizon()).any(|t| self.propagated_rows(t).next().is_some());
        if !propagates || self.in_proximal_form {
            return 0.0;
        }
        // The magnitudes of variables at rest are rounding errors, and a linear part that is large there has no meaning.
        [&self.pivot_units, &Units::ONES]
            .map(|units| self.relative_residual(memory, units))
            .into_iter()
            .fold(f64::INFINITY, f64::min)
    }

    /// The residual of stationarity for a linear part of this size a unit, over its terms.
    fn relative_residual(&self, memory: &mut ActiveSetLinear<S, NX, NU, 1>, units: &Units<NX, NU>) -> f64 {
        let horizon = self.horizon();
        let mut refined = memory.refined.take().unwrap_or_else(|| Box::new(RefinedLinear::new(horizon)));
        let mut fractions = fractions();
        let mut entry = |unit: f64| S::from_f64(fractions.next().unwrap_or(1.0) / unit);
        refined.load(&mut |t, terms| {
            terms.gx = SVector::from_fn(|i, _| entry(units.states[i]));
            if t < horizon {
                terms.gu = SVector::from_fn(|i, _| entry(units.controls[i]));
            }
            terms.rows.resize(self.record.stages[t].rows.len(), zeros());
        });
        let RefinedLinear { given, solution, residuals, .. } = &mut *refined;
        let mut terms = |t: usize, terms: &mut LinearTerms<S, NX, NU, 1>| {
            (terms.gx, terms.gu) = (given[t].gx, given[t].gu);
            terms.rows.extend_from_slice(&given[t].rows);
        };
        let mut dlambda = zeros();
        let first = self.solve_with_rows(memory, &mut terms, &mut |t, step| {
            let part = &mut solution[t];
            (part.dx, part.du, part.dlambda) = (*step.dx, *step.du, dlambda);
            part.rows.clear();
            part.rows.extend_from_slice(step.rows);
            dlambda = *step.dlambda;
        });
        solution[0].dlambda = first;
        self.record.measure_residuals(given, solution, residuals);
        let residual = self.record.relative_residual(given, solution, residuals);
        memory.refined = Some(refined);
        residual
    }

    /// The change of the cost a stage if every variable changes by its magnitude, to second order; 1 for a cost of zero.
    fn stage_cost_unit<M, const NP: usize, const NS: usize>(
        &self,
        model: &M,
        point: TrajectoryRef<'_, S, NX, NU, NP, NS>,
        units: &Units<NX, NU>,
    ) -> f64
    where
        M: Model<NX, NU, NP, NS>,
    {
        let change =
            |slope: S, curvature: S, unit: f64| slope.to_f64().abs() * unit + curvature.to_f64().abs() * unit * unit;
        let (mut sum, mut stage, mut terminal) = (0.0, StageExpansion::zeros(), TerminalExpansion::zeros());
        for t in 0..self.horizon() {
            stage_functions::expand_stage((model, t), point.stage(t), &mut stage);
            for i in 0..NX {
                sum += change(stage.lx[i], stage.lxx[(i, i)], units.states[i]);
            }
            for i in 0..NU {
                sum += change(stage.lu[i], stage.luu[(i, i)], units.controls[i]);
            }
        }
        model.expand_terminal(point.terminal(), &mut terminal);
        for i in 0..NX {
            sum += change(terminal.lx[i], terminal.lxx[(i, i)], units.states[i]);
        }
        let unit = sum / self.horizon() as f64;
        if unit > 0.0 && unit.is_finite() { unit } else { 1.0 }
    }

    /// The quadratic part of stage `t`, whose derivatives are in the record, with weights in place of its rows.
    pub(super) fn weigh_rows(&mut self, t: usize, value: &mut SMatrix<S, NX, NX>) -> Result<(), Singular> {
        let HamiltonianExpansion { fx, fu, hxx, hux, huu, .. } = &self.hamiltonian;
        let quadratic = Quadratic { fx, fu, hxx, hux, huu };
        let stage = &mut self.stages[t];
        let Some(rows) = &mut self.proximal else { return Err(Singular::Indefinite) };
        let Some(factor) = rows.factorize_stage(t, &quadratic, stage.own_rows(), value) else {
            return Err(Singular::Indefinite);
        };
        (stage.fx, stage.fu, stage.gain, stage.curvature) = (*fx, *fu, factor.gain, factor.curvature);
        Ok(())
    }
}
