//! A solved batch as an operation of candle.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, Error, Layout, Result, Shape, Tensor};
use dilqr_layers::Differentiable;

/// Initial states and packed inputs -> states and controls in one row.
struct SolveOp(Arc<dyn Differentiable>);

/// The states and controls of a batch that was solved at these inputs.
pub(crate) fn apply(x0: &Tensor, packed: &Tensor, solve: Arc<dyn Differentiable>) -> Result<Tensor> {
    x0.apply_op2(packed, SolveOp(solve))
}

impl CustomOp2 for SolveOp {
    fn name(&self) -> &'static str {
        "dilqr-solve"
    }

    /// The problems are solved before, so that their errors keep their type.
    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let values = self.0.values();
        let shape = Shape::from(values.len());
        Ok((CpuStorage::F64(values), shape))
    }

    fn bwd(
        &self,
        x0: &Tensor,
        packed: &Tensor,
        _values: &Tensor,
        loss: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [of_x0, of_packed] = self.0.gradients(&loss.flatten_all()?.to_vec1()?).map_err(Error::wrap)?;
        let like = |values, input: &Tensor| Tensor::from_vec(values, input.shape(), input.device());
        Ok((Some(like(of_x0, x0)?), Some(like(of_packed, packed)?)))
    }
}
