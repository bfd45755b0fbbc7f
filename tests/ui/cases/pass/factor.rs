//! Factors: blocks of one struct, patterns and references as arguments, helper structs, no parameters, strict lints.
#![deny(warnings)]

use dilqr_runtime::graph::{Factor, Graph, Manifold, Settings, Solver};

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
    let mut graph = Graph::new();
    let a = graph.add_block(Manifold::Se2, <[f64; 3]>::from(pose)).unwrap();
    let b = graph.add_block(Manifold::Se2, [1.0, 0.0, 0.0]).unwrap();
    let size = graph.add_vector([2.0]).unwrap();
    graph.add_factor(between::Between, &[a, b, size], between::Params {}).unwrap();
    let residual = between::residual(&pose, &pose, between::Size { value: 2.0 }, between::Params {});
    assert_eq!(residual, [-2.0, 0.0]);
    assert_eq!(graph.objective(), 0.5);
    assert!(Solver::new(graph, Settings::default()).is_ok());
}
