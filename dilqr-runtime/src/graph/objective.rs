//! The objective of a graph: the sum over all kinds of factors.

use alloc::boxed::Box;

use crate::graph::error::FactorId;
use crate::graph::kind::FactorKind;
use crate::graph::layout::Layout;
use crate::graph::system::{Curvature, Point, System};

/// Fills the system at a point.
pub(super) fn expand(
    kinds: &[Box<dyn FactorKind>],
    layout: &Layout,
    at: Point<'_>,
    curvature: Curvature,
    out: &mut System,
) {
    out.clear();
    for kind in kinds {
        kind.add(layout, at, curvature, out);
    }
}

/// The value alone.
pub(super) fn value(kinds: &[Box<dyn FactorKind>], layout: &Layout, at: Point<'_>) -> f64 {
    kinds.iter().map(|kind| kind.objective(layout, at)).sum()
}

/// The first factor whose value or derivatives are not finite.
pub(super) fn first_broken(kinds: &[Box<dyn FactorKind>], layout: &Layout, at: Point<'_>) -> Option<FactorId> {
    kinds.iter().filter_map(|kind| kind.first_broken(layout, at)).min()
}
