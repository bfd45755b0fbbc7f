//! Pictures of times over the horizon, the states, the parameters, the problems of a batch and the iterations.
//!
//! ```text
//! cargo run --release -p dilqr-benches --features pictures --bin scaling [-- NAME..]
//! ```
//!
//! draws them anew into `benches/pictures` (all, or those named) and prints the numbers: of each time the least of
//! three medians, taken apart. Single thread, except where the batch says otherwise.

#[allow(unreachable_pub, reason = "models, as the users of a library have them")]
mod families;
mod picture;

use core::hint::black_box;
use std::error::Error;
use std::path::Path;

use dilqr_benches::peers::{Case, cartpole, exact, gauss_newton, many_small_steps, off_upright};
use dilqr_benches::timing::microseconds;
use dilqr_runtime::lanes::{Lanes, Native};
use dilqr_runtime::{LossGradient, Model, Settings, batch};
use rayon::ThreadPoolBuilder;

use families::{stretched, turned};
use picture::{Curve, Picture};

/// Measures the curves of a picture.
type Measure = fn() -> Picture<'static>;

fn main() -> Result<(), Box<dyn Error>> {
    let pictures: [(&str, Measure); 5] = [
        ("horizon", horizon),
        ("states", states),
        ("parameters", parameters),
        ("batch", problems),
        ("iterations", iterations),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !pictures.iter().any(|(known, _)| known == name)) {
        return Err(format!("no picture {unknown}; there are {:?}", pictures.map(|(name, _)| name)).into());
    }
    for (name, measure) in pictures {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let picture = (1..3).fold(measure(), |best, _| best.least(&measure()));
        println!("{}", picture.title);
        for Curve { name, points } in &picture.curves {
            let points: Vec<String> = points.iter().map(|(x, y)| format!("{x}: {y:.3}")).collect();
            println!("  {name}: {}", points.join(", "));
        }
        picture.draw(&Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures").join(name).with_extension("svg"))?;
    }
    Ok(())
}

/// Microseconds of the operations on a problem.
struct Times {
    solve: f64,
    /// Accepted iterations of that solve.
    iterations: f64,
    /// Gradient with a factorization of its own.
    gradient: f64,
    /// Gradient with the factorization of the solve.
    another: f64,
    jacobian: f64,
}

fn times<M, const NX: usize, const NU: usize, const NP: usize>(case: &Case<M, NX, NU, NP>, settings: Settings) -> Times
where
    M: Model<NX, NU, NP> + Clone,
{
    let (mut solver, solution, loss) = case.solved(settings);
    let mut other = solution.clone();
    let solve = microseconds(|| drop(black_box(solver.solve_into(black_box(&case.problem), &mut other))));
    let gradient = microseconds(|| drop(black_box(solver.vjp(black_box(&solution), &loss))));
    let (_, sensitivities) = solver.solve_and_differentiate(&case.problem).expect("the problem is one");
    let mut sensitivities = sensitivities.expect("the solution is a strict minimum");
    Times {
        solve,
        iterations: solution.stats.iterations as f64,
        gradient,
        another: microseconds(|| drop(black_box(sensitivities.vjp(black_box(&loss))))),
        jacobian: microseconds(|| drop(black_box(black_box(&mut sensitivities).jacobian()))),
    }
}

fn curve(name: &str, rows: &[(f64, Times)], quantity: impl Fn(&Times) -> f64) -> Curve {
    Curve { name: name.to_owned(), points: rows.iter().map(|(at, times)| (*at, quantity(times))).collect() }
}

fn horizon() -> Picture<'static> {
    let rows: Vec<_> = [10, 30, 100, 300, 1000, 3000, 10_000]
        .map(|horizon| (horizon as f64, times(&cartpole(horizon), exact())))
        .into();
    Picture {
        title: "Cart-pole over its horizon",
        across: "stages T",
        up: "us",
        curves: vec![
            curve("solve, second-order steps", &rows, |times| times.solve),
            curve("an iteration of it", &rows, |times| times.solve / times.iterations),
            curve("gradient of a loss", &rows, |times| times.gradient),
            curve("of another, same solution", &rows, |times| times.another),
        ],
        power: Some(1.0),
    }
}

fn states() -> Picture<'static> {
    const HORIZON: usize = 100;
    let of = |settings: Settings| {
        vec![
            (2.0, times(&stretched::<_, 2>(families::chain_1::Chain1, HORIZON), settings)),
            (4.0, times(&stretched::<_, 4>(families::chain_2::Chain2, HORIZON), settings)),
            (6.0, times(&stretched::<_, 6>(families::chain_3::Chain3, HORIZON), settings)),
            (8.0, times(&stretched::<_, 8>(families::chain_4::Chain4, HORIZON), settings)),
            (12.0, times(&stretched::<_, 12>(families::chain_6::Chain6, HORIZON), settings)),
            (16.0, times(&stretched::<_, 16>(families::chain_8::Chain8, HORIZON), settings)),
            (22.0, times(&stretched::<_, 22>(families::chain_11::Chain11, HORIZON), settings)),
            (30.0, times(&stretched::<_, 30>(families::chain_15::Chain15, HORIZON), settings)),
        ]
    };
    let rows = of(exact());
    Picture {
        title: "Chain of masses and springs, T = 100, pushed at its end",
        across: "states n",
        up: "us",
        curves: vec![
            curve("iteration, second-order step", &rows, |times| times.solve / times.iterations),
            curve("iteration, Gauss-Newton step", &of(gauss_newton()), |times| times.solve / times.iterations),
            curve("gradient of a loss", &rows, |times| times.gradient),
            curve("of another, same solution", &rows, |times| times.another),
        ],
        power: Some(3.0),
    }
}

fn parameters() -> Picture<'static> {
    const HORIZON: usize = 50;
    let rows = [
        (1.0, times(&turned::<_, 1>(families::harmonics_1::Harmonics1, HORIZON), exact())),
        (4.0, times(&turned::<_, 4>(families::harmonics_4::Harmonics4, HORIZON), exact())),
        (16.0, times(&turned::<_, 16>(families::harmonics_16::Harmonics16, HORIZON), exact())),
        (64.0, times(&turned::<_, 64>(families::harmonics_64::Harmonics64, HORIZON), exact())),
        (256.0, times(&turned::<_, 256>(families::harmonics_256::Harmonics256, HORIZON), exact())),
    ];
    Picture {
        title: "Wheel in a field of as many harmonics as parameters, T = 50",
        across: "parameters",
        up: "us",
        curves: vec![
            curve("iteration of a solve", &rows, |times| times.solve / times.iterations),
            curve("gradient of a loss", &rows, |times| times.gradient),
            curve("of another, same solution", &rows, |times| times.another),
            curve("whole Jacobian", &rows, |times| times.jacobian),
        ],
        power: Some(1.0),
    }
}

fn problems() -> Picture<'static> {
    const HORIZON: usize = 30;
    let case = cartpole(HORIZON);
    let settings = exact();
    let [one, all] = [1, 0].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads"));
    let lanes = format!("solve in {} lanes", Native::COUNT);
    let on_all = format!("{lanes}, {} threads", all.current_num_threads());
    let mut curves = ["solve", &lanes, &on_all, "gradient", "gradient in lanes"]
        .map(|name| Curve { name: name.to_owned(), points: Vec::new() });
    let (model, settings) = (&case.model, &settings);
    for count in [1, 4, 16, 64, 256, 1024, 4096] {
        let problems: Vec<_> =
            (0..count).map(|i| off_upright(model, 0.5 - f64::from(i) / f64::from(count), HORIZON)).collect();
        let solutions: Vec<_> = batch::solve(model, HORIZON, settings, &problems)
            .into_iter()
            .map(|solution| solution.expect("a problem"))
            .collect();
        let losses: Vec<_> = solutions
            .iter()
            .map(|solution| LossGradient::new(solution.states.clone(), solution.controls.clone()))
            .collect();
        let solve = || drop(black_box(batch::solve(model, HORIZON, settings, black_box(&problems))));
        let solve_lanes = || drop(black_box(batch::solve_lanes(model, HORIZON, settings, black_box(&problems))));
        let vjp = || drop(black_box(batch::vjp(model, settings, black_box(&solutions), &losses)));
        let vjp_lanes = || drop(black_box(batch::vjp_lanes(model, settings, black_box(&solutions), &losses)));
        let times = [
            one.install(|| microseconds(solve)),
            one.install(|| microseconds(solve_lanes)),
            all.install(|| microseconds(solve_lanes)),
            one.install(|| microseconds(vjp)),
            one.install(|| microseconds(vjp_lanes)),
        ];
        for (curve, time) in curves.iter_mut().zip(times) {
            curve.points.push((f64::from(count), time / f64::from(count)));
        }
    }
    Picture {
        title: "Batches of cart-poles, T = 30, on one thread unless told",
        across: "problems",
        up: "us a problem",
        curves: curves.into(),
        power: None,
    }
}

fn iterations() -> Picture<'static> {
    let case = cartpole(100);
    let mut rows: Vec<_> = [0.0, 1e-4, 1e-3, 3.5e-3, 1e-2, 3e-2]
        .map(|weight| {
            let settings = if weight == 0.0 { exact() } else { many_small_steps(weight) };
            let times = times(&case, Settings { max_iterations: 2000, ..settings });
            (times.iterations, times)
        })
        .into();
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    rows.dedup_by(|(a, _), (b, _)| a == b);
    Picture {
        title: "Cart-pole, T = 100: one solution, reached in few and in many steps",
        across: "iterations of the solve",
        up: "us",
        curves: vec![
            curve("solve", &rows, |times| times.solve),
            curve("gradient of a loss", &rows, |times| times.gradient),
            curve("of another, same solution", &rows, |times| times.another),
        ],
        power: None,
    }
}
