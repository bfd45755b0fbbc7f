//! Normal numbers, and the uniform ones of PyTorch.

use rand::Rng;
use rand::rngs::StdRng;

/// A normal number with mean 0 and deviation 1, by the transform of Box and Muller.
pub(super) fn normal(random: &mut StdRng) -> f64 {
    let (radius, angle) = (random.random_range(0.0..1.0_f64), random.random_range(0.0..1.0_f64));
    (-2.0 * (-radius).ln_1p()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// The length of the state, the distance in the recurrence, and the bits of the twist (Matsumoto and Nishimura 1998,
/// *Mersenne twister*).
const LENGTH: usize = 624;
const DISTANCE: usize = 397;
const TWIST: u32 = 0x9908_b0df;

/// The generator behind `torch.rand` on processors, so that problems of publications can be drawn again.
#[derive(Clone, Debug)]
pub(super) struct Twister {
    state: Vec<u32>,
    next: usize,
}

impl Twister {
    pub(super) fn new(seed: u32) -> Self {
        let mut state = vec![seed; LENGTH];
        for i in 1..LENGTH {
            let before = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: LENGTH }
    }

    fn bits(&mut self) -> u32 {
        if self.next == LENGTH {
            for i in 0..LENGTH {
                let mixed = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % LENGTH] & 0x7fff_ffff);
                let twist = if mixed & 1 == 1 { TWIST } else { 0 };
                self.state[i] = self.state[(i + DISTANCE) % LENGTH] ^ (mixed >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut bits = self.state[self.next];
        self.next += 1;
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9d2c_5680;
        bits ^= (bits << 15) & 0xefc6_0000;
        bits ^ (bits >> 18)
    }

    /// Uniform in [0, 1) in single precision, as PyTorch makes it of 24 bits.
    pub(super) fn uniform(&mut self) -> f32 {
        (self.bits() & 0x00ff_ffff) as f32 / (1_u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// The standard of C++ fixes the ten thousandth number of the generator with its default seed (`[rand.predef]`).
    #[test]
    fn the_generator_of_the_standard() {
        let mut twister = Twister::new(5489);
        let last = (0..10_000).map(|_| twister.bits()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    /// `torch.manual_seed(0); torch.rand(5)` prints 0.4963, 0.7682, 0.0885, 0.1320, 0.3074.
    #[test]
    fn the_numbers_of_torch() {
        let mut twister = Twister::new(0);
        for printed in [0.4963, 0.7682, 0.0885, 0.1320, 0.3074] {
            let number = f64::from(twister.uniform());
            // Four digits are printed.
            assert!((number - printed).abs() <= 0.5e-4, "{number} and {printed}");
        }
    }

    /// Mean, variance and fourth moment of many.
    #[test]
    fn normal_moments() {
        let mut random = StdRng::seed_from_u64(9);
        let count = 200_000;
        let numbers: Vec<f64> = (0..count).map(|_| normal(&mut random)).collect();
        let moment = |power: i32| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(count);
        // Five deviations of the means: 1, sqrt 2 and sqrt 96 over the root of the number, which is 447.
        assert!(moment(1).abs() < 0.012 && (moment(2) - 1.0).abs() < 0.016 && (moment(4) - 3.0).abs() < 0.11);
    }
}
