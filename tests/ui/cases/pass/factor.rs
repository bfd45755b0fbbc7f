//! Factors: blocks of one struct, patterns and references as arguments, helper structs, no parameters, strict lints.
#![deny(warnings)]

use dilqr_runtime::graph::{Factor, Manifold};

#[dilqr_runtime::factor]
pub mod between {
    pub struct Size {
        pub value: f64,
    }

    /// A block that this factor reads in part.
    #[manifold(se2)]
    pub struct Pose {
        pub at: [f64; 2],
        pub angle: f64,
    }

    pub struct Params {}

    const ROWS: usize = 2;

    fn difference(a: [f64; 2], b: [f64; 2]) -> [f64; ROWS] {
        [b[0] - a[0], b[1] - a[1]]
    }

    pub fn residual(a: &Pose, b: &Pose, Size { value }: Size, _p: Params) -> [f64; ROWS] {
        let d = difference(a.at, b.at);
        [d[0] - value, d[1] + 0.5 * b.angle]
    }
}

fn main() {
    assert_eq!(between::Between::NAME, "between");
    let names: Vec<&str> = between::Between::BLOCKS.iter().map(|block| block.name).collect();
    assert_eq!(names, ["a", "b", "block2"]);
    assert_eq!(between::Between::BLOCKS[1].manifold, Manifold::Se2);
    assert_eq!(between::Blocks::NAMES[3..], ["b.at[0]", "b.at[1]", "b.angle", "block2.value"]);
    let pose = between::Pose { at: [0.0, 0.0], angle: 0.0 };
    assert_eq!(<[f64; 3]>::from(pose), [0.0; 3]);
    let size = between::Size::from([2.0]);
    assert_eq!(between::residual(&pose, &pose, size, between::Params {}), [-2.0, 0.0]);
    let blocks = between::Blocks { a: pose, b: pose, block2: size };
    assert_eq!(<[f64; 7]>::from(blocks)[6], 2.0);
}
