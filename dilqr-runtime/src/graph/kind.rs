//! The factors of one kind: kernels over lists of blocks and parameters.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;

use nalgebra::{SMatrix, SVector};

use crate::graph::error::FactorId;
use crate::graph::factor::Factor;
use crate::graph::kink::is_at_kink;
#[cfg(feature = "dual")]
use crate::graph::layout::Place;
use crate::graph::layout::{Layout, push};
use crate::graph::loss::{Loss, LossValue};
use crate::graph::pattern::{Pattern, Slot};
#[cfg(feature = "dual")]
use crate::graph::step_adjoint::{self, Directions};
use crate::graph::system::{Curvature, Point, System};
use crate::linalg::products::{dot, zeros};
use crate::model::records::{HamiltonianExpansion, StageExpansion};
use crate::model::stage::{ParameterGradient, Stage, Variation};

/// Factors of one kind, whatever it is.
pub(super) trait FactorKind: Any + Send + Sync {
    /// The same factors.
    fn copy(&self) -> Box<dyn FactorKind>;

    /// Changes the loss of a factor, if it is of this kind.
    fn set_loss(&mut self, factor: FactorId, loss: Loss) -> Result<(), WrongLoss>;

    /// Adds the pairs of blocks that a factor holds, the smaller one first.
    fn add_pairs(&self, layout: &Layout, pairs: &mut Vec<(usize, usize)>);

    /// The blocks of an argument, one for each factor; `None` behind the last argument.
    fn blocks_of_argument(&self, argument: usize) -> Option<Vec<usize>>;

    /// Finds the places of its second derivatives.
    fn place(&mut self, layout: &Layout, pattern: &Pattern);

    /// The sum of its values.
    fn objective(&self, layout: &Layout, at: Point<'_>) -> f64;

    /// Adds value, gradient and Hessian. The exact one comes with the terms of the gradient.
    fn add(&self, layout: &Layout, at: Point<'_>, curvature: Curvature, out: &mut System);

    /// Adds the gradient in parameters of `direction' g`, where `g` is the gradient in local coordinates.
    fn contract(&self, layout: &Layout, at: Point<'_>, direction: &[f64], out: Contraction<'_>);

    /// Adds the gradient of the values in parameters, times a factor.
    fn add_param_gradient(&self, layout: &Layout, at: Point<'_>, out: Contraction<'_>);

    /// Adds the adjoints of a step to those of numbers, and of parameters and thresholds.
    #[cfg(feature = "dual")]
    fn add_step_adjoint(
        &self,
        layout: &Layout,
        at: Point<'_>,
        directions: Directions<'_>,
        out: (&mut [f64], Contraction<'_>),
    );

    /// The first factor whose value or derivatives are not finite.
    fn first_broken(&self, layout: &Layout, at: Point<'_>) -> Option<FactorId>;

    /// The first factor at a kink, with the magnitudes of all numbers.
    fn first_kink(&self, layout: &Layout, at: Point<'_>, magnitudes: &[f64]) -> Option<FactorId>;

    /// The weights of its networks.
    fn weight_count(&self) -> usize;
}

/// Why a loss was not changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WrongLoss {
    /// The factor is of another kind.
    OtherKind,
    /// The threshold is not positive. The name of the kind, and the threshold.
    Threshold(&'static str, f64),
}

/// Where gradients in parameters are added.
pub(super) struct Contraction<'a> {
    /// All parameters.
    pub(super) params: &'a mut [f64],
    /// The weights of this kind.
    pub(super) weights: &'a mut [f64],
    /// The thresholds of all factors.
    pub(super) thresholds: &'a mut [f64],
    pub(super) factor: f64,
}

/// Factors of one kind.
#[derive(Clone, Debug)]
pub(super) struct Factors<F, const N: usize, const NP: usize> {
    pub(super) function: F,
    /// The blocks of each factor, one factor after another.
    pub(super) blocks: Vec<usize>,
    /// The factors' numbers in the graph.
    pub(super) ids: Vec<usize>,
    pub(super) losses: Vec<Loss>,
    /// The places of second derivatives: of each factor the pairs `(0, 0), (1, 0), (1, 1), (2, 0), ..`.
    slots: Vec<Option<Slot>>,
}

impl<F, const N: usize, const NP: usize> Factors<F, N, NP>
where
    F: Factor<N, NP>,
{
    const ARITY: usize = F::BLOCKS.len();
    const PAIRS: usize = Self::ARITY * (Self::ARITY + 1) / 2;

    /// Whether all blocks are vectors, whose numbers are their local coordinates.
    const FLAT: bool = {
        let (mut flat, mut i) = (true, 0);
        while i < F::BLOCKS.len() {
            flat &= F::BLOCKS[i].manifold.is_flat();
            i += 1;
        }
        flat
    };

    pub(super) fn new(function: F) -> Self {
        Self { function, blocks: Vec::new(), ids: Vec::new(), losses: Vec::new(), slots: Vec::new() }
    }

    fn blocks(&self, member: usize) -> &[usize] {
        &self.blocks[member * Self::ARITY..(member + 1) * Self::ARITY]
    }

    /// The numbers of a factor's blocks and its parameters.
    fn gather(&self, layout: &Layout, at: Point<'_>, member: usize) -> (SVector<f64, N>, SVector<f64, NP>) {
        let mut y: SVector<f64, N> = zeros();
        let mut next = 0;
        for &block in self.blocks(member) {
            let values = &at.values[layout.places[block].numbers()];
            y.data.0[0][next..next + values.len()].copy_from_slice(values);
            next += values.len();
        }
        let first = layout.params[self.ids[member]];
        (y, SVector::from_column_slice(&at.params[first..first + NP]))
    }

    /// `T' v` in the local coordinates of all blocks.
    fn pull(y: &SVector<f64, N>, v: &[f64; N]) -> [f64; N] {
        if const { Self::FLAT } {
            return *v;
        }
        let mut out = [0.0; N];
        let (mut n, mut l) = (0, 0);
        for block in F::BLOCKS {
            let end = n + block.manifold.numbers();
            block.manifold.pull(&y.data.0[0][n..end], &v[n..end], &mut out[l..]);
            n = end;
            l += block.manifold.dimension();
        }
        out
    }

    /// `T' A T`
    fn pull_matrix(y: &SVector<f64, N>, a: &SMatrix<f64, N, N>) -> [[f64; N]; N] {
        if const { Self::FLAT } {
            return a.data.0;
        }
        let half = a.data.0.map(|column| Self::pull(y, &column));
        let mut out = [[0.0; N]; N];
        let dimension: usize = F::BLOCKS.iter().map(|block| block.manifold.dimension()).sum();
        for (i, out) in out.iter_mut().enumerate().take(dimension) {
            *out = Self::pull(y, &core::array::from_fn(|j| half[j][i]));
        }
        out
    }

    /// Adds the second derivatives of the retractions to a Hessian in local coordinates.
    fn add_retractions(y: &SVector<f64, N>, gradient: &[f64; N], hessian: &mut [[f64; N]; N]) {
        let (mut n, mut l) = (0, 0);
        for block in F::BLOCKS {
            let end = n + block.manifold.numbers();
            if let Some((first, factor)) = block.manifold.curvature(&y.data.0[0][n..end], &gradient[n..end]) {
                (l + first..l + first + 3).for_each(|i| hessian[i][i] += factor);
            }
            n = end;
            l += block.manifold.dimension();
        }
    }

    /// Adds a factor's gradient and Hessian to those of all local coordinates.
    fn scatter(&self, (layout, member): (&Layout, usize), g: &[f64; N], h: &[[f64; N]; N], out: &mut System) {
        let mut slots = self.slots[member * Self::PAIRS..].iter();
        let mut la = 0;
        for (a, block_a) in F::BLOCKS.iter().enumerate() {
            let (place_a, da) = (&layout.places[self.blocks(member)[a]], block_a.manifold.dimension());
            if !place_a.held {
                let sums = &mut out.gradient[place_a.local..place_a.local + da];
                sums.iter_mut().zip(&g[la..la + da]).for_each(|(sum, entry)| *sum += entry);
            }
            let mut lb = 0;
            for (b, block_b) in F::BLOCKS.iter().enumerate().take(a + 1) {
                let (place_b, db) = (&layout.places[self.blocks(member)[b]], block_b.manifold.dimension());
                if let Some(Some(slot)) = slots.next() {
                    let ((row, rows), (column, columns)) = match place_a.local >= place_b.local {
                        true => ((la, da), (lb, db)),
                        false => ((lb, db), (la, da)),
                    };
                    for c in 0..columns {
                        let sums = &mut out.hessian[slot.first + c * slot.stride..][..rows];
                        sums.iter_mut().zip(&h[column + c][row..row + rows]).for_each(|(sum, entry)| *sum += entry);
                    }
                }
                lb += db;
            }
            la += da;
        }
    }

    /// The terms of a factor's gradient, `|H| |y|`: those of a translation and of a rotation together.
    fn add_terms(
        &self,
        (layout, member): (&Layout, usize),
        y: &SVector<f64, N>,
        h: &SMatrix<f64, N, N>,
        out: &mut [f64],
    ) {
        let mut n = 0;
        for (block, &index) in F::BLOCKS.iter().zip(self.blocks(member)) {
            let (place, manifold) = (&layout.places[index], block.manifold);
            let term = |i: usize| -> f64 { (0..N).map(|j| (h[(i, j)] * y[j]).abs()).sum() };
            if !place.held {
                let sums = &mut out[place.locals()];
                let (moves, all) = (manifold.translation(), manifold.numbers());
                if manifold.is_flat() {
                    sums.iter_mut().enumerate().for_each(|(i, sum)| *sum += term(n + i));
                } else {
                    let of_translation: f64 = (n..n + moves).map(term).sum();
                    let of_rotation: f64 = (n + moves..n + all).map(term).sum();
                    let kind = |i: usize| if i < moves { of_translation } else { of_rotation };
                    sums.iter_mut().enumerate().for_each(|(i, sum)| *sum += kind(i));
                }
            }
            n += manifold.numbers();
        }
    }
}

/// A factor's derivatives in the numbers of its blocks, with its loss.
struct Expanded<const N: usize> {
    value: f64,
    gradient: SVector<f64, N>,
    hessian: SMatrix<f64, N, N>,
}

/// Memory for kernels, which do not write zeros.
struct Records<const N: usize> {
    stage: Box<StageExpansion<f64, 0, N>>,
    hamiltonian: Box<HamiltonianExpansion<f64, 0, N>>,
}

impl<const N: usize> Records<N> {
    fn zeros() -> Self {
        Self { stage: Box::new(StageExpansion::zeros()), hamiltonian: Box::new(HamiltonianExpansion::zeros()) }
    }

    /// Runs the kernels of a factor, and applies its loss.
    #[inline(always)]
    fn expand<F: Factor<N, NP>, const NP: usize>(
        &mut self,
        (function, loss): (&F, Loss),
        (y, p): (&SVector<f64, N>, &SVector<f64, NP>),
        curvature: Curvature,
    ) -> Expanded<N> {
        let (x, s) = (zeros(), zeros());
        let stage = Stage::new(&x, y, p, &s);
        let (c, gradient, mut hessian) = match curvature {
            Curvature::GaussNewton => {
                function.expand_stage(stage, &mut self.stage);
                (self.stage.l, self.stage.lu, self.stage.luu)
            }
            Curvature::Exact => {
                function.expand_hamiltonian(stage, &x, &mut self.hamiltonian);
                (function.stage_cost(stage), self.hamiltonian.lu, self.hamiltonian.huu)
            }
        };
        if loss == Loss::Squares {
            return Expanded { value: c, gradient, hessian };
        }
        let LossValue { value, first, second, .. } = loss.at(c);
        hessian *= first;
        if curvature == Curvature::Exact {
            hessian += gradient * gradient.transpose() * second;
        }
        Expanded { value, gradient: gradient * first, hessian }
    }
}

impl<F, const N: usize, const NP: usize> FactorKind for Factors<F, N, NP>
where
    F: Factor<N, NP> + Clone + Send + 'static,
{
    fn copy(&self) -> Box<dyn FactorKind> {
        Box::new(self.clone())
    }

    fn set_loss(&mut self, factor: FactorId, loss: Loss) -> Result<(), WrongLoss> {
        let member = self.ids.binary_search(&factor.0).map_err(|_| WrongLoss::OtherKind)?;
        if let Some(given) = loss.wrong_threshold() {
            return Err(WrongLoss::Threshold(F::NAME, given));
        }
        self.losses[member] = loss;
        Ok(())
    }

    fn add_pairs(&self, layout: &Layout, pairs: &mut Vec<(usize, usize)>) {
        for blocks in self.blocks.chunks_exact(Self::ARITY) {
            for (a, &block) in blocks.iter().enumerate() {
                for &other in &blocks[..=a] {
                    if !layout.places[block].held && !layout.places[other].held {
                        pairs.push((block.min(other), block.max(other)));
                    }
                }
            }
        }
    }

    fn blocks_of_argument(&self, argument: usize) -> Option<Vec<usize>> {
        let of_argument = |blocks: &[usize]| blocks[argument];
        (argument < Self::ARITY).then(|| self.blocks.chunks_exact(Self::ARITY).map(of_argument).collect())
    }

    fn place(&mut self, layout: &Layout, pattern: &Pattern) {
        self.slots.clear();
        for blocks in self.blocks.chunks_exact(Self::ARITY) {
            for (a, &block) in blocks.iter().enumerate() {
                self.slots.extend(blocks[..=a].iter().map(|&other| pattern.slot(layout, block, other)));
            }
        }
    }

    fn objective(&self, layout: &Layout, at: Point<'_>) -> f64 {
        let (x, s) = (zeros(), zeros());
        let mut sum = 0.0;
        for (member, loss) in self.losses.iter().enumerate() {
            let (y, p) = self.gather(layout, at, member);
            sum += loss.at(self.function.stage_cost(Stage::new(&x, &y, &p, &s))).value;
        }
        sum
    }

    fn add(&self, layout: &Layout, at: Point<'_>, curvature: Curvature, out: &mut System) {
        let mut records = Records::zeros();
        for (member, &loss) in self.losses.iter().enumerate() {
            let (y, p) = self.gather(layout, at, member);
            let Expanded { value, gradient, hessian } = records.expand((&self.function, loss), (&y, &p), curvature);
            out.objective += value;
            let mut local = Self::pull_matrix(&y, &hessian);
            if curvature == Curvature::Exact {
                Self::add_retractions(&y, &gradient.data.0[0], &mut local);
                self.add_terms((layout, member), &y, &hessian, &mut out.terms);
            }
            self.scatter((layout, member), &Self::pull(&y, &gradient.data.0[0]), &local, out);
        }
    }

    fn contract(&self, layout: &Layout, at: Point<'_>, direction: &[f64], out: Contraction<'_>) {
        let (x, s): (SVector<f64, 0>, SVector<f64, 0>) = (zeros(), zeros());
        let mut records = Records::zeros();
        let mut of_weights = vec![0.0; out.weights.len()];
        for (member, &loss) in self.losses.iter().enumerate() {
            let (y, p) = self.gather(layout, at, member);
            let stage = Stage::new(&x, &y, &p, &s);
            let places = self.blocks(member).iter().map(|&block| &layout.places[block]);
            let dy = push(places, &y, direction) * out.factor;
            let (mut gp, mut gs): (SVector<f64, NP>, SVector<f64, 0>) = (zeros(), zeros());
            let LossValue { first, second, first_by_threshold, .. } = loss.at(self.function.stage_cost(stage));
            // The gradient of `first c_y' dy` in the parameters, which `first` depends on, too.
            let du = dy * first;
            let gradient = ParameterGradient { p: &mut gp, s: &mut gs, w: out.weights };
            self.function.add_parameter_contraction(stage, &x, Variation::new(&x, &du), &x, gradient);
            if second != 0.0 {
                self.function.expand_stage(stage, &mut records.stage);
                let slope = dot(&records.stage.lu, &dy);
                out.thresholds[self.ids[member]] += first_by_threshold * slope;
                let factor = second * slope;
                let mut cp: SVector<f64, NP> = zeros();
                of_weights.fill(0.0);
                let gradient = ParameterGradient { p: &mut cp, s: &mut gs, w: &mut of_weights };
                self.function.add_hamiltonian_parameter_gradient(stage, &x, gradient);
                gp += cp * factor;
                out.weights.iter_mut().zip(&of_weights).for_each(|(sum, entry)| *sum += factor * entry);
            }
            self.add_params(layout, member, &gp, out.params);
        }
    }

    fn add_param_gradient(&self, layout: &Layout, at: Point<'_>, out: Contraction<'_>) {
        let (x, s): (SVector<f64, 0>, SVector<f64, 0>) = (zeros(), zeros());
        let mut of_weights = vec![0.0; out.weights.len()];
        for (member, &loss) in self.losses.iter().enumerate() {
            let (y, p) = self.gather(layout, at, member);
            let stage = Stage::new(&x, &y, &p, &s);
            let (mut gp, mut gs): (SVector<f64, NP>, SVector<f64, 0>) = (zeros(), zeros());
            of_weights.fill(0.0);
            let loss = loss.at(self.function.stage_cost(stage));
            out.thresholds[self.ids[member]] += out.factor * loss.value_by_threshold;
            let factor = out.factor * loss.first;
            let gradient = ParameterGradient { p: &mut gp, s: &mut gs, w: &mut of_weights };
            self.function.add_hamiltonian_parameter_gradient(stage, &x, gradient);
            out.weights.iter_mut().zip(&of_weights).for_each(|(sum, entry)| *sum += factor * entry);
            self.add_params(layout, member, &(gp * factor), out.params);
        }
    }

    #[cfg(feature = "dual")]
    fn add_step_adjoint(
        &self,
        layout: &Layout,
        at: Point<'_>,
        directions: Directions<'_>,
        (of_values, out): (&mut [f64], Contraction<'_>),
    ) {
        for (member, &loss) in self.losses.iter().enumerate() {
            let (y, p) = self.gather(layout, at, member);
            let places: Vec<Place> = self.blocks(member).iter().map(|&block| layout.places[block]).collect();
            let of = (&self.function, loss);
            let (dy, dp, of_threshold) = step_adjoint::of_factor(of, &places, (&y, &p), directions);
            out.thresholds[self.ids[member]] += of_threshold;
            let mut n = 0;
            for place in &places {
                let sums = &mut of_values[place.numbers()];
                sums.iter_mut().zip(dy.iter().skip(n)).for_each(|(sum, entry)| *sum += entry);
                n += place.manifold.numbers();
            }
            self.add_params(layout, member, &dp, out.params);
        }
    }

    fn first_broken(&self, layout: &Layout, at: Point<'_>) -> Option<FactorId> {
        let mut records = Records::zeros();
        let broken = |member: &usize| {
            let (y, p) = self.gather(layout, at, *member);
            [Curvature::GaussNewton, Curvature::Exact].iter().any(|&curvature| {
                let of = (&self.function, self.losses[*member]);
                let Expanded { value, gradient, hessian } = records.expand(of, (&y, &p), curvature);
                !value.is_finite() || !gradient.iter().chain(hessian.iter()).all(|entry| entry.is_finite())
            })
        };
        (0..self.ids.len()).find(broken).map(|member| FactorId(self.ids[member]))
    }

    fn first_kink(&self, layout: &Layout, at: Point<'_>, magnitudes: &[f64]) -> Option<FactorId> {
        let (x, s) = (zeros(), zeros());
        let mut records = Records::zeros();
        let is_kink = |member: &usize| {
            let (y, p) = self.gather(layout, at, *member);
            let loss = self.losses[*member];
            if loss.is_at_kink(self.function.stage_cost(Stage::new(&x, &y, &p, &s))) {
                return true;
            }
            let (sizes, _) = self.gather(layout, Point { values: magnitudes, ..at }, *member);
            let at = |y: &SVector<f64, N>| {
                let Expanded { gradient, hessian, .. } =
                    records.expand((&self.function, loss), (y, &p), Curvature::Exact);
                (gradient, hessian)
            };
            F::HAS_KINKS && is_at_kink(at, &y, &sizes)
        };
        (0..self.ids.len()).find(is_kink).map(|member| FactorId(self.ids[member]))
    }

    fn weight_count(&self) -> usize {
        self.function.weight_count()
    }
}

impl<F, const N: usize, const NP: usize> Factors<F, N, NP> {
    fn add_params(&self, layout: &Layout, member: usize, gradient: &SVector<f64, NP>, out: &mut [f64]) {
        let first = layout.params[self.ids[member]];
        out[first..first + NP].iter_mut().zip(gradient.iter()).for_each(|(sum, entry)| *sum += entry);
    }
}
