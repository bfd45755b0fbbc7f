//! What is known about the initial state.

/// The entries of the initial state that the solve chooses, and whether the initial state has a cost.
///
/// ```text
/// minimize l_0(x_0, p, s_0) + ..    over the chosen entries of x_0, and over the controls
/// ```
///
/// The other entries are given by the [`Problem`](crate::Problem), which also holds the guess of the chosen ones. Constraints
/// of the initial state are part of [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start<const NX: usize> {
    /// Whether the solve chooses each entry.
    pub free: [bool; NX],
    /// Whether there is an [initial cost](crate::Model::initial_cost).
    pub cost: bool,
    /// Where the parameters hold mean and information of the initial state, for [`Mhe`](crate::Mhe).
    pub arrival: Option<Arrival>,
}

/// The parameters of an initial cost that is a quadratic form of the first states, `(x_0 - mean)' I (x_0 - mean)` times a
/// constant: where they stand in `p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The number of these states.
    pub states: usize,
    /// Index of the first entry of the mean.
    pub mean: usize,
    /// Index of the first entry of the information.
    pub information: usize,
    /// Whether the information is a whole matrix, row by row, or its diagonal alone.
    pub full: bool,
}

impl<const NX: usize> Start<NX> {
    /// The problem gives the whole initial state.
    pub const GIVEN: Self = Self { free: [false; NX], cost: false, arrival: None };
    /// The solve chooses the whole initial state, which has no cost of its own.
    pub const FREE: Self = Self { free: [true; NX], cost: false, arrival: None };

    /// Whether the solve chooses any entry.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        let mut i = 0;
        while i < NX {
            if self.free[i] {
                return true;
            }
            i += 1;
        }
        false
    }
}
