//! Graphs: blocks, factors and their data.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

use nalgebra::SVector;

use crate::graph::error::{BlockId, FactorId, GraphError, GraphInput};
use crate::graph::factor::{Factor, Manifold};
use crate::graph::kind::{FactorKind, Factors, WrongLoss};
use crate::graph::layout::{Layout, Place};
use crate::graph::loss::Loss;
use crate::graph::objective;
use crate::graph::system::Point;

/// A factor graph: blocks of unknowns, and factors over them. The objective is the sum of all factors.
///
/// Values of blocks are where a solve starts. The page of the [module](crate::graph) has an example.
#[derive(Default)]
pub struct Graph {
    pub(super) layout: Layout,
    /// The values of all blocks.
    pub(super) values: Vec<f64>,
    /// The parameters of all factors.
    pub(super) params: Vec<f64>,
    pub(super) kinds: Vec<Box<dyn FactorKind>>,
    /// Whether a factor holds each block.
    used: Vec<bool>,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (blocks, factors) = (self.layout.places.len(), self.layout.factors());
        f.debug_struct("Graph").field("blocks", &blocks).field("factors", &factors).finish_non_exhaustive()
    }
}

impl Clone for Graph {
    fn clone(&self) -> Self {
        Self {
            layout: self.layout.clone(),
            values: self.values.clone(),
            params: self.params.clone(),
            kinds: self.kinds.iter().map(|kind| kind.copy()).collect(),
            used: self.used.clone(),
        }
    }
}

impl Graph {
    /// A graph without blocks and factors.
    #[must_use]
    pub fn new() -> Self {
        Self { layout: Layout { params: vec![0], ..Layout::default() }, ..Self::default() }
    }

    /// Adds a block with this value.
    ///
    /// # Errors
    /// For a value of the wrong length, numbers that are not finite, and a quaternion whose length is not 1.
    pub fn add_block(&mut self, manifold: Manifold, value: impl AsRef<[f64]>) -> Result<BlockId, GraphError> {
        let block = BlockId(self.layout.places.len());
        let mut value = value.as_ref().to_vec();
        check_block(manifold, block, &mut value)?;
        let (number, local) = (self.layout.numbers, self.layout.dimension);
        self.layout.places.push(Place { manifold, number, local, held: false, class: 0 });
        self.layout.numbers += manifold.numbers();
        self.layout.dimension += manifold.dimension();
        self.values.extend(value);
        self.used.push(false);
        Ok(block)
    }

    /// Adds a block that is a vector.
    ///
    /// # Errors
    /// As [`add_block`](Self::add_block).
    pub fn add_vector(&mut self, value: impl AsRef<[f64]>) -> Result<BlockId, GraphError> {
        let value = value.as_ref();
        self.add_block(Manifold::Vector { length: value.len() }, value)
    }

    /// Holds a block at its value: no solve moves it.
    ///
    /// # Errors
    /// For a block of another graph.
    pub fn hold(&mut self, block: BlockId) -> Result<(), GraphError> {
        self.check_block_id(block)?;
        self.layout.places[block.0].held = true;
        let mut local = 0;
        for place in &mut self.layout.places {
            place.local = local;
            local += place.dimension();
        }
        self.layout.dimension = local;
        Ok(())
    }

    /// Adds a factor over these blocks, in the order of the arguments of its residual, with the loss [`Loss::Squares`].
    ///
    /// # Errors
    /// For blocks of the wrong number, on other manifolds than the arguments, equal or unknown ones, and for parameters that are not
    /// finite.
    pub fn add_factor<F, const N: usize, const NP: usize>(
        &mut self,
        kind: F,
        blocks: &[BlockId],
        params: impl Into<SVector<f64, NP>>,
    ) -> Result<FactorId, GraphError>
    where
        F: Factor<N, NP> + Clone + PartialEq + Send + 'static,
    {
        self.add_factor_with_loss(kind, blocks, params, Loss::Squares)
    }

    /// Adds a factor with another loss.
    ///
    /// # Errors
    /// As [`add_factor`](Self::add_factor), and for a threshold that is not positive.
    pub fn add_factor_with_loss<F, const N: usize, const NP: usize>(
        &mut self,
        kind: F,
        blocks: &[BlockId],
        params: impl Into<SVector<f64, NP>>,
        loss: Loss,
    ) -> Result<FactorId, GraphError>
    where
        F: Factor<N, NP> + Clone + PartialEq + Send + 'static,
    {
        let (factor, params) = (FactorId(self.layout.factors()), params.into());
        self.check_factor_blocks::<F, N, NP>(blocks)?;
        check_finite(GraphInput::Params(factor), params.as_slice())?;
        if let Some(given) = loss.wrong_threshold() {
            return Err(GraphError::Threshold { kind: F::NAME, given });
        }
        for block in blocks {
            self.used[block.0] = true;
        }
        self.params.extend(params.iter());
        self.layout.params.push(self.params.len());
        let factors = self.factors_of(kind);
        factors.blocks.extend(blocks.iter().map(|block| block.0));
        factors.ids.push(factor.0);
        factors.losses.push(loss);
        Ok(factor)
    }

    /// All blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = BlockId> + use<> {
        (0..self.layout.places.len()).map(BlockId)
    }

    /// All factors, in order.
    pub fn factors(&self) -> impl Iterator<Item = FactorId> + use<> {
        (0..self.layout.factors()).map(FactorId)
    }

    /// The value of a block.
    ///
    /// # Errors
    /// For a block of another graph.
    pub fn value(&self, block: BlockId) -> Result<&[f64], GraphError> {
        self.check_block_id(block)?;
        Ok(&self.values[self.layout.places[block.0].numbers()])
    }

    /// Changes the value of a block.
    ///
    /// # Errors
    /// As [`add_block`](Self::add_block), and for a block of another graph.
    pub fn set_value(&mut self, block: BlockId, value: impl AsRef<[f64]>) -> Result<(), GraphError> {
        self.check_block_id(block)?;
        let place = self.layout.places[block.0];
        let mut value = value.as_ref().to_vec();
        check_block(place.manifold, block, &mut value)?;
        self.values[place.numbers()].copy_from_slice(&value);
        Ok(())
    }

    /// The parameters of a factor.
    ///
    /// # Errors
    /// For a factor of another graph.
    pub fn params(&self, factor: FactorId) -> Result<&[f64], GraphError> {
        self.check_factor_id(factor)?;
        Ok(&self.params[self.layout.params[factor.0]..self.layout.params[factor.0 + 1]])
    }

    /// Changes the parameters of a factor.
    ///
    /// # Errors
    /// For a factor of another graph, the wrong length and numbers that are not finite.
    pub fn set_params(&mut self, factor: FactorId, params: impl AsRef<[f64]>) -> Result<(), GraphError> {
        let (params, expected) = (params.as_ref(), self.params(factor)?.len());
        let input = GraphInput::Params(factor);
        check_length(input, params.len(), expected)?;
        check_finite(input, params)?;
        let first = self.layout.params[factor.0];
        self.params[first..first + expected].copy_from_slice(params);
        Ok(())
    }

    /// Changes the loss of a factor.
    ///
    /// # Errors
    /// For a factor of another graph and a threshold that is not positive.
    pub fn set_loss(&mut self, factor: FactorId, loss: Loss) -> Result<(), GraphError> {
        self.check_factor_id(factor)?;
        for of_kind in &mut self.kinds {
            match of_kind.set_loss(factor, loss) {
                Ok(()) => break,
                Err(WrongLoss::OtherKind) => {}
                Err(WrongLoss::Threshold(kind, given)) => return Err(GraphError::Threshold { kind, given }),
            }
        }
        Ok(())
    }

    /// Half the sum of squares of the residuals at the values of the blocks, with the losses of the factors.
    #[must_use]
    pub fn objective(&self) -> f64 {
        objective::value(&self.kinds, &self.layout, Point { values: &self.values, params: &self.params })
    }

    /// The factors of a kind, to be extended. Kinds with other networks are others.
    fn factors_of<F, const N: usize, const NP: usize>(&mut self, kind: F) -> &mut Factors<F, N, NP>
    where
        F: Factor<N, NP> + Clone + PartialEq + Send + 'static,
    {
        let is_same = |known: &dyn FactorKind| {
            let known: &dyn Any = known;
            known.downcast_ref::<Factors<F, N, NP>>().is_some_and(|known| known.function == kind)
        };
        let index = self.kinds.iter().position(|known| is_same(&**known)).unwrap_or_else(|| {
            self.kinds.push(Box::new(Factors::new(kind)));
            self.kinds.len() - 1
        });
        let found: &mut dyn Any = &mut *self.kinds[index];
        match found.downcast_mut() {
            Some(factors) => factors,
            None => unreachable!("found by its type, or just pushed"),
        }
    }

    fn check_block_id(&self, block: BlockId) -> Result<(), GraphError> {
        let blocks = self.layout.places.len();
        if block.0 < blocks { Ok(()) } else { Err(GraphError::NoSuchBlock { block, blocks }) }
    }

    fn check_factor_id(&self, factor: FactorId) -> Result<(), GraphError> {
        let factors = self.layout.factors();
        if factor.0 < factors { Ok(()) } else { Err(GraphError::NoSuchFactor { factor, factors }) }
    }

    fn check_factor_blocks<F, const N: usize, const NP: usize>(&self, blocks: &[BlockId]) -> Result<(), GraphError>
    where
        F: Factor<N, NP>,
    {
        let (kind, given, expected) = (F::NAME, blocks.len(), F::BLOCKS.len());
        if given != expected {
            return Err(GraphError::BlockCount { kind, given, expected });
        }
        for (i, (&block, argument)) in blocks.iter().zip(F::BLOCKS).enumerate() {
            self.check_block_id(block)?;
            if blocks[..i].contains(&block) {
                return Err(GraphError::RepeatedBlock { kind, block });
            }
            let (given, expected) = (self.layout.places[block.0].manifold, argument.manifold);
            if given != expected {
                return Err(GraphError::WrongManifold { kind, argument: argument.name, block, given, expected });
            }
        }
        Ok(())
    }

    /// Checks that there is something to be solved, and that factors hold all blocks.
    pub(super) fn check(&self) -> Result<(), GraphError> {
        let blocks = self.layout.places.iter().filter(|place| place.dimension() > 0).count();
        let factors = self.layout.factors();
        if blocks == 0 || factors == 0 {
            return Err(GraphError::Empty { blocks, factors });
        }
        match self.used.iter().position(|used| !used) {
            Some(block) => {
                let manifold = self.layout.places[block].manifold;
                Err(GraphError::UnusedBlock { block: BlockId(block), manifold })
            }
            None => Ok(()),
        }
    }
}

/// Checks the value of a block, and makes its quaternion as long as rounding allows.
pub(super) fn check_block(manifold: Manifold, block: BlockId, value: &mut [f64]) -> Result<(), GraphError> {
    let input = GraphInput::Block(block);
    check_length(input, value.len(), manifold.numbers())?;
    check_finite(input, value)?;
    if let Some(given) = manifold.wrong_length(value) {
        return Err(GraphError::NotUnit { block, given });
    }
    manifold.normalize(value);
    Ok(())
}

pub(super) fn check_length(input: GraphInput, given: usize, expected: usize) -> Result<(), GraphError> {
    if given == expected { Ok(()) } else { Err(GraphError::WrongLength { input, given, expected }) }
}

pub(super) fn check_finite(input: GraphInput, numbers: &[f64]) -> Result<(), GraphError> {
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(entry) => Err(GraphError::NonFinite { input, entry, given: numbers[entry] }),
        None => Ok(()),
    }
}
