//! Sums of products of plain floats in vector registers.
//!
//! Eight partial sums make a sum of products, in the same order with and without vector instructions. The compiler finds them
//! by itself too seldom, so with the feature `lanes` they are lanes.

/// The partial sums of one sum of products.
#[derive(Clone, Copy)]
pub(super) struct Sums(Register, Register);

/// The partial sums.
pub(super) const PARTS: usize = 8;

/// The numbers of a register.
const WIDTH: usize = 4;

impl Sums {
    #[inline(always)]
    pub(super) fn zeros() -> Self {
        Self(Register::load([0.0; WIDTH]), Register::load([0.0; WIDTH]))
    }

    /// Adds the products of two blocks, part by part.
    #[inline(always)]
    pub(super) fn add(&mut self, a: &[f64; PARTS], b: &[f64; PARTS]) {
        let ([a, c], [b, d]) = (halves(a), halves(b));
        (self.0, self.1) = (a.mul_add(b, self.0), c.mul_add(d, self.1));
    }

    /// The sum.
    #[inline(always)]
    pub(super) fn total(self) -> f64 {
        let [a, b, c, d] = (self.0 + self.1).store();
        (a + c) + (b + d)
    }
}

#[inline(always)]
fn halves([a, b, c, d, e, f, g, h]: &[f64; PARTS]) -> [Register; 2] {
    [Register::load([*a, *b, *c, *d]), Register::load([*e, *f, *g, *h])]
}

/// Four numbers: a vector register with the feature `lanes`.
#[cfg(feature = "lanes")]
type Register = crate::scalar::lanes::F64x4;

#[cfg(not(feature = "lanes"))]
#[derive(Clone, Copy)]
struct Register([f64; WIDTH]);

#[cfg(feature = "lanes")]
impl Register {
    #[inline(always)]
    fn load(numbers: [f64; WIDTH]) -> Self {
        use crate::scalar::lanes::Lanes;
        Self::from_lanes(|lane| numbers[lane])
    }

    #[inline(always)]
    fn store(self) -> [f64; WIDTH] {
        use crate::scalar::lanes::Lanes;
        core::array::from_fn(|lane| self.lane(lane))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        crate::scalar::Scalar::mul_add(self, factor, term)
    }
}

#[cfg(not(feature = "lanes"))]
impl Register {
    #[inline(always)]
    const fn load(numbers: [f64; WIDTH]) -> Self {
        Self(numbers)
    }

    #[inline(always)]
    const fn store(self) -> [f64; WIDTH] {
        self.0
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        use crate::scalar::Scalar;
        Self(core::array::from_fn(|i| Scalar::mul_add(self.0[i], factor.0[i], term.0[i])))
    }
}

#[cfg(not(feature = "lanes"))]
impl core::ops::Add for Register {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}
