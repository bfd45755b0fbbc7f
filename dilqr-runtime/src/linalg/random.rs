//! Random numbers that are the same on every platform.

/// The generator of Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014.
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number between -1 and 1.
    pub(crate) fn symmetric(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // The upper 53 bits, in steps of 2^-52 around 0.
        (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// A normal number with variance 1, by Marsaglia's polar method. The logarithm of libm has the same bits everywhere, which that of a
    /// platform has not.
    pub(crate) fn normal(&mut self) -> f64 {
        loop {
            let (a, b) = (self.symmetric(), self.symmetric());
            let square = a * a + b * b;
            if square > 0.0 && square < 1.0 {
                return a * libm::sqrt(-2.0 * libm::log(square) / square);
            }
        }
    }
}
