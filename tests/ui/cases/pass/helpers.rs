//! Functions of the module: arguments and results of every shape, by value and by reference, in any order.
#![deny(warnings)]

#[dilqr_runtime::model]
pub mod helpers {
    pub struct State {
        pub q: [f64; 2],
        pub v: [f64; 2],
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {
        pub p: f64,
    }

    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let force = force(&x, u.u, &p);
        let (speed, direction) = polar(&x.v);
        let (a, (b, _)) = by_tuple((speed, (direction, 1)), &(force[0], 2.0));
        let moved = moved(x, [constant() * a, self::constant() * b]);
        *borrowed(&scaled(&moved, entry(moved.v, 1), entry(force, INDEX - 1)), &u)
    }

    const INDEX: usize = 1;

    fn force(x: &State, u: f64, p: &Params) -> [f64; 2] {
        let f = twice(twice(u) + p.p);
        [f - x.v[0], twice(f) * dot(&x.q, x.v)]
    }

    fn twice(x: f64) -> f64 {
        x + x
    }

    fn constant() -> f64 {
        0.5
    }

    fn dot(a: &[f64; 2], b: [f64; 2]) -> f64 {
        a[0] * b[0] + a[1] * b[1]
    }

    fn polar(v: &[f64; 2]) -> (f64, f64) {
        (v[0].hypot(v[1]), v[1].atan2(v[0]))
    }

    fn by_tuple(a: (f64, (f64, usize)), b: &(f64, f64)) -> (f64, (f64, f64)) {
        (a.0 * b.0, (a.1.0 + b.1, 0.0))
    }

    fn moved(x: State, by: [f64; 2]) -> State {
        State { q: [x.q[0] + by[0], x.q[1] + by[1]], v: x.v }
    }

    fn entry(values: [f64; 2], index: usize) -> f64 {
        values[index]
    }

    fn scaled(x: &State, a: f64, b: f64) -> State {
        State { q: [x.q[0] * a, x.q[1] * b], v: x.v }
    }

    fn borrowed<'a>(x: &'a State, _u: &Control) -> &'a State {
        x
    }

    /// Nothing calls this one, which is checked all the same.
    #[allow(dead_code)]
    fn unused(values: [f64; 2], index: usize, x: &State, exponent: i32) -> f64 {
        values[index].powi(exponent) + x.q[0]
    }

    /// Functions and methods do not meet.
    fn sin(x: f64) -> f64 {
        x.sin() + x
    }

    /// Nor do functions and arguments, as long as an argument is not called.
    fn q(q: [f64; 2]) -> f64 {
        q[0]
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        sin(x.q[0]) + q(x.q) + terminal_cost(dynamics(x, u, p), p)
    }
    pub fn terminal_cost(x: State, _: Params) -> f64 {
        x.q[0] * x.q[1] * x.v[1]
    }
}

fn main() {
    dilqr_ui_tests::assert_agrees!(helpers::Helpers);
}
