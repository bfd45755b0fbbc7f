//! Bitwise equality; a NaN equals itself.

use dilqr_runtime::{Gradient, Solution};

fn bits<'a>(numbers: impl Iterator<Item = &'a f64>) -> Vec<u64> {
    numbers.map(|number| number.to_bits()).collect()
}

/// The first part in which two solutions differ.
pub(crate) fn solutions<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
    a: &Solution<NX, NU, NP, NS>,
    b: &Solution<NX, NU, NP, NS>,
) -> Result<(), &'static str> {
    type Parts = [(&'static str, Vec<u64>); 11];
    fn parts<const NX: usize, const NU: usize, const NP: usize, const NS: usize>(
        s: &Solution<NX, NU, NP, NS>,
    ) -> Parts {
        [
            ("cost", bits([s.cost, s.stats.stationarity, s.stats.violation].iter())),
            ("states", bits(s.states.iter().flat_map(|x| x.iter()))),
            ("controls", bits(s.controls.iter().flat_map(|u| u.iter()))),
            ("gains", bits(s.gains.iter().flat_map(|k| k.iter()))),
            ("costates", bits(s.costates.iter().flat_map(|x| x.iter()))),
            ("multipliers", bits(s.multipliers.stage.iter().chain(&s.multipliers.terminal))),
            ("bound multipliers", bits(s.bound_multipliers.iter().flat_map(|u| u.iter()))),
            ("stage parameters", bits(s.stage_params.iter().flat_map(|u| u.iter()))),
            ("initial state", bits(s.x0.iter())),
            ("parameters", bits(s.params.iter())),
            ("relaxation", bits(s.relaxation.iter())),
        ]
    }
    for ((name, a), (_, b)) in parts(a).into_iter().zip(parts(b)) {
        if a != b {
            return Err(name);
        }
    }
    let counts = |s: &Solution<NX, NU, NP, NS>| {
        let stats = s.stats;
        let rounds = [stats.multiplier_updates, stats.newton_steps];
        (s.status, stats.iterations, stats.line_search_steps, stats.regularizations, rounds, stats.violation_stage)
    };
    if counts(a) == counts(b) { Ok(()) } else { Err("counts") }
}

pub(crate) fn gradients<const NX: usize, const NP: usize, const NS: usize>(
    a: &Gradient<NX, NP, NS>,
    b: &Gradient<NX, NP, NS>,
) -> bool {
    let all = |g: &Gradient<NX, NP, NS>| {
        let stages = g.stage_params.iter().flat_map(|s| s.iter());
        bits(g.params.iter().chain(g.initial_state.iter()).chain(stages))
    };
    all(a) == all(b)
}
