//! The elementary functions of the model language: one row each. Their derivatives are in `differentiate::symbolica`.

macro_rules! elementary_functions {
    ($($(#[$doc:meta])* $function:ident $name:literal $regularity:ident |$x:ident $(, $y:ident)?| $value:expr;)*) => {
        /// A function of the language that is not arithmetic. Symbolica orders terms by this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum ElementaryFunction {
            $($(#[$doc])* $function,)*
        }

        impl ElementaryFunction {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$function),*];

            /// The method's name in the language and on `Scalar`.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$function => $name,)*
                }
            }

            /// The number of arguments.
            pub(crate) const fn arity(self) -> usize {
                match self {
                    $(Self::$function => [stringify!($x) $(, stringify!($y))?].len(),)*
                }
            }

            /// The value for constant arguments.
            pub(crate) fn evaluate(self, arguments: &[f64]) -> f64 {
                match self {
                    $(Self::$function => {
                        let $x = arguments[0];
                        $(let $y = arguments[1];)?
                        $value
                    })*
                }
            }

            /// Whether the derivative jumps where the value is finite: a branch in the form of a function.
            pub(crate) fn has_kink(self) -> bool {
                matches!(self, Self::Abs | Self::Signum)
            }

            /// Whether the value is finite at points without a derivative: roots and powers at zero, inverse sine and cosine at the
            /// ends of their domain, `atan2` at the origin.
            #[cfg(feature = "symbolica")]
            pub(crate) fn has_singular_derivative(self) -> bool {
                let roots = matches!(self, Self::Sqrt | Self::Cbrt | Self::Hypot | Self::Pow);
                roots || matches!(self, Self::Asin | Self::Acos | Self::Atan2)
            }

            /// Whether the value and all derivatives are finite wherever the arguments are.
            #[cfg(feature = "symbolica")]
            pub(crate) fn is_regular(self) -> bool {
                match self {
                    $(Self::$function => regularity!($regularity),)*
                }
            }
        }
    };
}

#[cfg(feature = "symbolica")]
macro_rules! regularity {
    (regular) => {
        true
    };
    (singular) => {
        false
    };
}

elementary_functions! {
    Sin "sin" regular |x| x.sin();
    Cos "cos" regular |x| x.cos();
    Tan "tan" singular |x| x.tan();
    Asin "asin" singular |x| x.asin();
    Acos "acos" singular |x| x.acos();
    Atan "atan" regular |x| x.atan();
    Sinh "sinh" singular |x| x.sinh();
    Cosh "cosh" singular |x| x.cosh();
    Tanh "tanh" regular |x| x.tanh();
    Exp "exp" singular |x| x.exp();
    Ln "ln" singular |x| x.ln();
    Sqrt "sqrt" singular |x| x.sqrt();
    Cbrt "cbrt" singular |x| x.cbrt();
    Abs "abs" regular |x| x.abs();
    Signum "signum" regular |x| x.signum();
    Atan2 "atan2" singular |y, x| y.atan2(x);
    Hypot "hypot" singular |x, y| x.hypot(y);
    /// A base to an exponent that is not constant; in the language it is `powf`.
    Pow "pow" singular |x, y| x.powf(y);
}

/// Comparisons; the others are these with the sides exchanged, or their negation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Comparison {
    Less,
    LessEqual,
    Equal,
    /// Equal in all parts of dual numbers. It has no sign in the language.
    Same,
}

impl Comparison {
    /// Those with a sign.
    pub(crate) const ALL: [Self; 3] = [Self::Less, Self::LessEqual, Self::Equal];

    pub(crate) fn evaluate(self, a: f64, b: f64) -> bool {
        match self {
            Self::Less => a < b,
            Self::LessEqual => a <= b,
            Self::Equal | Self::Same => a == b,
        }
    }

    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Equal => "==",
            Self::Same => "same",
        }
    }

    /// The method's name on `Scalar`.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Less => "less",
            Self::LessEqual => "less_equal",
            Self::Equal => "equal",
            Self::Same => "same",
        }
    }
}
