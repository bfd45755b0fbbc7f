//! Structural zeros of a derivative and of the stages of a substep, as lists.

use crate::function::explicit::{STAGES, Steps};
use crate::linalg::rows::{Pattern, Tiles, tile_of};

/// The patterns of a derivative `f(y, z)` and of one substep of it.
pub(super) struct Patterns<const NY: usize, const NZ: usize> {
    pub(super) fy: Pattern<NY, NY>,
    pub(super) fz: Pattern<NY, NZ>,
    pub(super) fyy: Pattern<NY, NY>,
    pub(super) fzy: Pattern<NZ, NY>,
    /// The values that second derivatives read, as the rows of a matrix with one column.
    pub(super) curved: Pattern<NY, 1>,
    /// The inputs of a substep on which each of its points depends.
    pub(super) points: [[Tiles; NY]; STAGES],
    /// Those on which its value depends.
    pub(super) value: [Tiles; NY],
}

impl<const NY: usize, const NZ: usize> Patterns<NY, NZ> {
    pub(super) const fn of<F>() -> Self
    where
        F: Steps<NY, NZ>,
    {
        let (points, value) = Self::dependences::<F>();
        Self {
            fy: Pattern::of(&F::FY),
            fz: Pattern::of(&F::FZ),
            fyy: Pattern::of(&F::FYY),
            fzy: Pattern::of(&F::FZY),
            curved: Self::curved::<F>(),
            points,
            value,
        }
    }

    const fn curved<F>() -> Pattern<NY, 1>
    where
        F: Steps<NY, NZ>,
    {
        let mut curved = [[false]; NY];
        let mut row = 0;
        while row < NY {
            let mut column = 0;
            while column < NY {
                curved[row][0] |= F::FYY[row][column];
                column += 1;
            }
            let mut input = 0;
            while input < NZ {
                curved[row][0] |= F::FZY[input][row];
                input += 1;
            }
            row += 1;
        }
        Pattern::of(&curved)
    }

    const fn dependences<F>() -> ([[Tiles; NY]; STAGES], [Tiles; NY])
    where
        F: Steps<NY, NZ>,
    {
        let mut own = [0; NY];
        let mut row = 0;
        while row < F::STATES {
            own[row] = tile_of(row);
            row += 1;
        }
        // Every slope may read all other inputs, and the step is the last of these.
        let mut others = 0;
        let mut input = 0;
        while input <= NZ {
            others |= tile_of(F::STATES + input);
            input += 1;
        }
        let (mut points, mut value) = ([own; STAGES], own);
        let mut stage = 0;
        while stage < F::METHOD.stages {
            let mut row = 0;
            while row < NY {
                let mut slope = others;
                let mut column = 0;
                while column < NY {
                    if F::FY[row][column] {
                        slope |= points[stage][column];
                    }
                    column += 1;
                }
                value[row] |= slope;
                if stage + 1 < STAGES {
                    points[stage + 1][row] |= slope;
                }
                row += 1;
            }
            stage += 1;
        }
        (points, value)
    }
}
