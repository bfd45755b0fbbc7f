//! Goddard's rocket (COPS 3, Dolan, More and Munson 2004).

use dilqr_models::goddard::{Goddard, Params, Problem};

use crate::check::{along, check};

const STEPS: usize = 100;

#[test]
fn goddard_rocket() {
    let states = along(STEPS, |part| [1.0, part * (1.0 - part), 1.0 - 0.4 * part]);
    let problem = Problem::new(states[0], Params::default(), STEPS)
        .with_design([1.0])
        .with_states(&states)
        .with_controls(&[[1.75]; STEPS]);
    check("goddard", Goddard, &problem);
}
