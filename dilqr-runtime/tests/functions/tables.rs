//! Tables: splines and broken lines, alone and in models, with given and with learned values.

use dilqr_runtime::lanes::{F64x4, Lanes};
use dilqr_runtime::{
    Cause, LossGradient, Model, Problem, Settings, Spline, Status, VectorFunction, batch, check_function,
};

const KNOTS: [f64; 5] = [-1.0, -0.2, 0.5, 1.5, 2.0];
const VALUES: [f64; 5] = [0.3, -0.4, 0.8, 0.1, 0.6];
const NATURAL: Spline<5> = Spline::natural(KNOTS, VALUES);
const CLAMPED: Spline<5> = Spline::clamped(KNOTS, VALUES, [0.7, -1.2]);
const LINEAR: Spline<5> = Spline::linear(KNOTS, VALUES);

/// Second derivative, by the contraction.
fn second<const N: usize>(table: &Spline<N>, x: f64) -> f64 {
    table.contraction(&[x], &[1.0])[0][0]
}

#[test]
fn splines_are_what_they_are_called() {
    for table in [NATURAL, CLAMPED, LINEAR] {
        for (knot, value) in KNOTS.iter().zip(VALUES) {
            assert!((table.at(*knot) - value).abs() < 1e-15);
        }
        // Straight lines outside.
        for (end, beyond) in [(KNOTS[0], -3.0), (KNOTS[4], 4.5)] {
            let inside = if beyond < end { end } else { end - 1e-12 };
            assert!((table.slope(beyond) - table.slope(inside)).abs() < 1e-9);
            assert!((table.at(beyond) - table.at(end) - table.slope(beyond) * (beyond - end)).abs() < 1e-14);
            assert_eq!(second(&table, beyond), 0.0);
        }
        let check = check_function(&table, &[0.77]);
        assert!(check.largest() < 1e-7, "{check:?}");
    }
    // Slopes and second derivatives are continuous at inner knots.
    for table in [NATURAL, CLAMPED] {
        for knot in &KNOTS[1..4] {
            let (below, above) = (knot - 1e-10, knot + 1e-10);
            assert!((table.slope(below) - table.slope(above)).abs() < 1e-8);
            assert!((second(&table, below) - second(&table, above)).abs() < 1e-7);
        }
    }
    assert!(second(&NATURAL, KNOTS[0]).abs() < 1e-14 && second(&NATURAL, KNOTS[4] - 1e-13).abs() < 1e-10);
    assert!((CLAMPED.slope(KNOTS[0]) - 0.7).abs() < 1e-14 && (CLAMPED.slope(KNOTS[4]) + 1.2).abs() < 1e-13);
    assert!((LINEAR.at(1.0) - 0.45).abs() < 1e-15);
    // A cubic polynomial is its clamped spline.
    let cubic = |x: f64| 1.0 + x * (2.0 + x * (-3.0 + 0.5 * x));
    let slope = |x: f64| 2.0 + x * (-6.0 + 1.5 * x);
    let table = Spline::clamped(KNOTS, KNOTS.map(cubic), [slope(KNOTS[0]), slope(KNOTS[4])]);
    for x in [-0.9, 0.0, 0.4999, 1.7] {
        assert!((table.at(x) - cubic(x)).abs() < 1e-14 && (second(&table, x) + 6.0 - 3.0 * x).abs() < 1e-12);
    }
}

/// A lane has the bits of one number, on every interval and outside.
#[test]
fn tables_in_lanes() {
    for start in [-1.7, -0.4, 0.9, 1.8] {
        let x = F64x4::from_lanes(|lane| start + 0.3 * lane as f64);
        for table in [NATURAL, CLAMPED, LINEAR] {
            let ([value], [[slope]]) = (table.value(&[x]), table.jacobian(&[x]));
            for lane in 0..4 {
                assert_eq!(value.lane(lane).to_bits(), table.at(x.lane(lane)).to_bits());
                assert_eq!(slope.lane(lane).to_bits(), table.slope(x.lane(lane)).to_bits());
            }
        }
    }
    assert_eq!(NATURAL.at_values(VALUES, 0.3).to_bits(), NATURAL.at(0.3).to_bits());
}

/// The derivative of a table in its values: one table with a value of 1 and zeros elsewhere for each, at uneven knots.
#[test]
fn derivatives_in_the_values() {
    const N: usize = 40;
    let mut knots = [0.0; N];
    for i in 1..N {
        // Lengths from 1e-3 to 1e3.
        knots[i] = knots[i - 1] + 10.0_f64.powf(3.0 * (1.7 * i as f64).sin());
    }
    let values: [f64; N] = std::array::from_fn(|i| (0.9 * i as f64).cos());
    let slopes = [0.4, -0.3];
    let [natural, clamped, linear] =
        [Spline::natural(knots, values), Spline::clamped(knots, values, slopes), Spline::linear(knots, values)];
    for (table, is_clamped) in [(natural, false), (clamped, true), (linear, false)] {
        let end = knots[N - 1];
        for step in -3..=43 {
            let x = end * f64::from(step) / 40.0 + 1e-4;
            let point: [f64; N + 1] = std::array::from_fn(|i| if i < N { values[i] } else { x });
            let [value] = table.__value_of(&point);
            let [jacobian] = table.__jacobian_of(&point);
            let mut contraction = [[0.0; N + 1]; N + 1];
            table.__contract(&point, &[1.0], &mut contraction);
            let size = 1.0 + value.abs();
            assert!((value - table.at(x)).abs() < 1e-12 * size, "{x}: {value} {}", table.at(x));
            assert!((jacobian[N] - table.slope(x)).abs() < 1e-11 * (1.0 + table.slope(x).abs()));
            assert!((contraction[N][N] - second(&table, x)).abs() < 1e-9 * (1.0 + second(&table, x).abs()));
            for i in 0..N {
                let unit: [f64; N] = std::array::from_fn(|j| f64::from(u8::from(i == j)));
                let of_unit = match (table == linear, is_clamped) {
                    (true, _) => Spline::linear(knots, unit),
                    (false, true) => Spline::clamped(knots, unit, [0.0; 2]),
                    (false, false) => Spline::natural(knots, unit),
                };
                let [expected, mixed] = [of_unit.at(x), of_unit.slope(x)];
                assert!((jacobian[i] - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{x} {i}");
                assert!((contraction[i][N] - mixed).abs() < 1e-11 * (1.0 + mixed.abs()), "{x} {i}");
                assert_eq!(contraction[i][N], contraction[N][i]);
            }
        }
        // Each lane has its own interval.
        let lanes: [F64x4; N + 1] = std::array::from_fn(|i| {
            F64x4::from_lanes(|lane| if i < N { values[i] } else { end * (0.4 * lane as f64 - 0.1) })
        });
        let [of_lanes] = table.__jacobian_of(&lanes);
        for lane in 0..4 {
            let [alone] = table.__jacobian_of(&lanes.map(|entry| entry.lane(lane)));
            for i in 0..=N {
                assert!((of_lanes[i].lane(lane) - alone[i]).abs() <= 1e-13 * (1.0 + alone[i].abs()));
            }
        }
    }
}

/// At run time, as a const of the same points is an error of compilation.
#[test]
fn points_that_are_none() {
    let message = |knots: [f64; 12], values: [f64; 12]| {
        let panic = std::panic::catch_unwind(|| Spline::natural(knots, values)).unwrap_err();
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
            .unwrap()
    };
    let knots: [f64; 12] = std::array::from_fn(|i| i as f64);
    let with = |entry: usize, value: f64| {
        let mut list = knots;
        list[entry] = value;
        list
    };
    for (knots, values, expected) in [
        (with(11, f64::INFINITY), knots, "a knot of a table is not finite: entry 11"),
        (with(0, f64::NEG_INFINITY), knots, "a knot of a table is not finite: entry 0"),
        (with(4, f64::NAN), knots, "a knot of a table is not finite: entry 4"),
        (knots, with(10, f64::NAN), "a value of a table is not finite: entry 10"),
        (with(5, 4.0), knots, "each knot of a table must be greater than the one before: not so for entry 5"),
    ] {
        assert_eq!(message(knots, values), expected);
    }
    // Learned values are parameters: they are checked where the problem is.
    let mut p = P;
    p[2] = f64::NAN;
    let mut solver = road::Solver::new(road::Road, T, Settings::default()).unwrap();
    let error = solver.solve(&Problem::new([1.7, -0.3], p, T)).unwrap_err();
    assert!(error.to_string().contains("NaN at entry 2"), "{error}");
}

/// A car on a road whose height is a table with learned values.
#[dilqr_runtime::model(integrator = midpoint, dt = 0.1)]
pub mod road {
    pub struct State {
        pub place: f64,
        pub speed: f64,
    }
    pub struct Control {
        pub force: f64,
    }
    pub struct Params {
        pub height: [f64; 5],
        pub mass: f64,
    }

    const POINTS: usize = 5;
    const AT: [f64; POINTS] = [-1.0, -0.2, 0.5, 1.5, 2.0];
    const ROAD: dilqr_runtime::Spline<POINTS> = dilqr_runtime::Spline::clamped(AT, [0.0; POINTS], [0.2, -0.1]);
    const DRAG: dilqr_runtime::Spline<4> =
        dilqr_runtime::Spline::natural([-2.0, -0.5, 0.5, 2.0], [-0.9, -0.1, 0.1, 0.9]);

    fn height(x: &State, p: &Params) -> f64 {
        ROAD.at_values(p.height, x.place)
    }

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        State { place: x.speed, speed: (u.force - DRAG.at(x.speed)) / p.mass - 0.5 * height(&x, &p) }
    }
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let high = height(&x, &p);
        0.1 * (x.place * x.place + 0.3 * high * high + 0.1 * u.force * u.force)
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        2.0 * x.place * x.place + x.speed * x.speed
    }
}

const T: usize = 14;
const P: [f64; 6] = [0.3, -0.4, 0.8, 0.1, 0.6, 1.3];

fn loss() -> LossGradient<2, 1> {
    let mut loss: LossGradient<2, 1> = LossGradient::zeros(T);
    for t in 0..=T {
        loss.states[t] = [(t as f64).sin(), (2.0 * t as f64).cos()].into();
    }
    loss.controls.iter_mut().enumerate().for_each(|(t, u)| u[0] = (3.0 * t as f64).sin());
    loss
}

#[test]
fn gradients_in_the_values_of_a_table() {
    let settings = Settings { tolerance: 1e-11, ..Settings::default() };
    let problem = |p: [f64; 6]| Problem::new([1.7, -0.3], p, T);
    let mut solver = road::Solver::new(road::Road, T, settings).unwrap();
    let mut value = |p: [f64; 6]| {
        let solution = solver.solve(&problem(p)).unwrap();
        assert_eq!(solution.status, Status::Converged);
        let loss = loss();
        let states: f64 = solution.states.iter().zip(&loss.states).map(|(x, g)| x.dot(g)).sum();
        states + solution.controls.iter().zip(&loss.controls).map(|(u, g)| u.dot(g)).sum::<f64>()
    };
    // Third derivatives jump at the knots, so differences of second order have errors of the step.
    let step = 1e-6;
    let differences: Vec<f64> = (0..6)
        .map(|entry| {
            let at = |by: f64| {
                let mut p = P;
                p[entry] += by;
                p
            };
            (value(at(step)) - value(at(-step))) / (2.0 * step)
        })
        .collect();
    let mut solver = road::Solver::new(road::Road, T, settings).unwrap();
    let solution = solver.solve(&problem(P)).unwrap();
    let gradient = solver.vjp(&solution, &loss()).unwrap();
    let in_lanes = batch::vjp_lanes(&road::Road, &settings, &[solution], &[loss()]).remove(0).unwrap();
    for (entry, difference) in differences.iter().enumerate() {
        let given = gradient.params[entry];
        assert!((given - difference).abs() < 1e-5 * (1.0 + difference.abs()), "{entry}: {given} {difference}");
        assert!((given - in_lanes.params[entry]).abs() < 1e-9);
    }
    const { assert!(!<road::Road as Model<2, 1, 6>>::HAS_KINKS) };
}

/// A point that is pushed to the kink of a broken line.
#[dilqr_runtime::model]
pub mod valley {
    pub struct State {
        pub x: f64,
    }
    pub struct Control {
        pub u: f64,
    }
    pub struct Params {}
    const VALLEY: dilqr_runtime::Spline<3> = dilqr_runtime::Spline::linear([-1.0, 0.2, 1.0], [2.0, 0.0, 3.0]);
    pub fn dynamics(x: State, u: Control, _p: Params) -> State {
        State { x: x.x + u.u }
    }
    pub fn stage_cost(_x: State, u: Control, _p: Params) -> f64 {
        0.01 * u.u * u.u
    }
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        VALLEY.at(x.x)
    }
}

#[test]
fn a_solve_at_the_kink_of_a_broken_line_says_so() {
    const { assert!(<valley::Valley as Model<1, 1, 0>>::HAS_KINKS) };
    let mut solver = valley::Solver::new(valley::Valley, 3, Settings::default()).unwrap();
    let solution = solver.solve(&Problem::new([0.9], [0.0; 0], 3)).unwrap();
    assert_ne!(solution.status, Status::Converged);
    assert!(matches!(solution.cause, Some(Cause::Kink { .. })), "{:?} {:?}", solution.status, solution.cause);
}
