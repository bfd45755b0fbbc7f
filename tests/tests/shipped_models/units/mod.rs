//! No result depends on the units of a problem. The shipped models, and small ones with limits of every kind, are solved with
//! cost, states, controls and constraints in other units. By powers of two, which rounding commutes with, every iterate must
//! be the same to the bit; by other factors, and with a constant added to the cost, status, optimum and gradient must be the
//! same.

mod case;
mod free;
mod limited;
mod model;
