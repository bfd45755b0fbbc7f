//! The elementary functions of `f64` and `f32`: those of the standard library, or of libm without the feature `std`.

macro_rules! functions {
    ($float:ident: $($name:ident($($argument:ident: $ty:ty),*) -> $value:ty, $libm:ident;)*) => {
        $(
            #[cfg(feature = "std")]
            #[inline(always)]
            pub(crate) fn $name($($argument: $ty),*) -> $value { <core::primitive::$float>::$name($($argument),*) }

            #[cfg(not(feature = "std"))]
            #[inline(always)]
            pub(crate) fn $name($($argument: $ty),*) -> $value { libm::$libm($($argument),*) }
        )*
    };
}

macro_rules! power {
    ($float:ident) => {
        /// Integer power.
        #[cfg(feature = "std")]
        #[inline(always)]
        pub(crate) fn powi(x: $float, n: i32) -> $float {
            x.powi(n)
        }

        /// Integer power, by squaring.
        #[cfg(not(feature = "std"))]
        #[inline]
        pub(crate) fn powi(x: $float, n: i32) -> $float {
            let (mut square, mut left, mut power) = (x, n.unsigned_abs(), 1.0);
            while left > 0 {
                if left % 2 == 1 {
                    power *= square;
                }
                square *= square;
                left /= 2;
            }
            if n < 0 { 1.0 / power } else { power }
        }
    };
}

pub(crate) mod f64 {
    functions! { f64:
        sin(x: f64) -> f64, sin;
        cos(x: f64) -> f64, cos;
        sin_cos(x: f64) -> (f64, f64), sincos;
        tan(x: f64) -> f64, tan;
        asin(x: f64) -> f64, asin;
        acos(x: f64) -> f64, acos;
        atan(x: f64) -> f64, atan;
        atan2(y: f64, x: f64) -> f64, atan2;
        sinh(x: f64) -> f64, sinh;
        cosh(x: f64) -> f64, cosh;
        tanh(x: f64) -> f64, tanh;
        exp(x: f64) -> f64, exp;
        exp2(x: f64) -> f64, exp2;
        exp_m1(x: f64) -> f64, expm1;
        ln(x: f64) -> f64, log;
        ln_1p(x: f64) -> f64, log1p;
        log2(x: f64) -> f64, log2;
        sqrt(x: f64) -> f64, sqrt;
        cbrt(x: f64) -> f64, cbrt;
        powf(x: f64, exponent: f64) -> f64, pow;
        hypot(x: f64, y: f64) -> f64, hypot;
        round(x: f64) -> f64, round;
    }
    power!(f64);
}

pub(crate) mod f32 {
    functions! { f32:
        sin(x: f32) -> f32, sinf;
        cos(x: f32) -> f32, cosf;
        sin_cos(x: f32) -> (f32, f32), sincosf;
        tan(x: f32) -> f32, tanf;
        asin(x: f32) -> f32, asinf;
        acos(x: f32) -> f32, acosf;
        atan(x: f32) -> f32, atanf;
        atan2(y: f32, x: f32) -> f32, atan2f;
        sinh(x: f32) -> f32, sinhf;
        cosh(x: f32) -> f32, coshf;
        tanh(x: f32) -> f32, tanhf;
        exp(x: f32) -> f32, expf;
        ln(x: f32) -> f32, logf;
        sqrt(x: f32) -> f32, sqrtf;
        cbrt(x: f32) -> f32, cbrtf;
        powf(x: f32, exponent: f32) -> f32, powf;
        hypot(x: f32, y: f32) -> f32, hypotf;
    }
    power!(f32);
}
