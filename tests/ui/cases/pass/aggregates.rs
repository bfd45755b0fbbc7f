//! Structs, arrays and tuples, inside one another.
#![deny(warnings)]

#[dilqr_runtime::model]
pub mod aggregates {
    pub struct State {
        pub position: [f64; 2],
        pub angle: f64,
        pub velocity: [f64; K],
    }
    pub struct Control {
        pub forces: [f64; 2],
    }
    pub struct Params {
        pub mass: f64,
        pub gains: [f64; 3],
    }

    const K: usize = 3;

    /// Helper structs may hold anything.
    pub struct Frame {
        pub origin: Point,
        pub axes: [Point; 2],
        pub extent: (f64, [f64; 2]),
        pub index: usize,
    }

    #[derive(Clone)]
    pub struct Point {
        pub x: f64,
        pub y: f64,
    }

    fn frame(x: State) -> Frame {
        let (sin, cos) = x.angle.sin_cos();
        let y = x.position[1];
        let origin = Point { x: x.position[0], y };
        let axes = [Point { x: cos, y: sin }, self::Point { y: cos, x: -sin }];
        Frame { origin, axes, extent: (x.angle, [x.velocity[0]; 2]), index: 1 }
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let f = frame(x);
        let rows = [[f.axes[0].x, f.axes[0].y], [f.axes[f.index].x, f.axes[1].y]];
        let nested = ((f.extent.0, f.extent.1), [(rows[0][1], f.origin.x); K]);
        let scaled = [p.mass; K];
        let gains = p.gains;
        let velocity = [
            nested.0.1[1] + gains[0] * nested.1[2].0,
            nested.0.0 * scaled[1] + gains[1] * nested.1[0].1,
            [x.velocity[2], 0.0][0] + gains[2] * u.forces[1],
        ];
        State {
            angle: { [f.origin.y, rows[1][0]] }[1] + Point { x: x.angle, y: 1.0 }.x,
            velocity,
            position: [rows[0][0] * u.forces[0], (x.position, 1.0).0[1]],
        }
    }

    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        frame(x).extent.1[0] * u.forces[0]
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        x.position[0] * x.position[1] + x.velocity[1] * x.velocity[2]
    }
}

fn main() {
    dilqr_ui_tests::assert_agrees!(aggregates::Aggregates);
}
