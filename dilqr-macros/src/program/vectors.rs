//! The vectors that kernels read, and their sizes.

/// Whose fields name the entries of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entries {
    State,
    Control,
    Params,
    StageParams,
    /// Constraints, and the numbers of an implicit step, have no names.
    Constraints,
}

macro_rules! vectors {
    ($($(#[$doc:meta])* $vector:ident $name:literal $entries:ident;)*) => {
        /// A vector that kernels read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Vector {
            $($(#[$doc])* $vector,)*
        }

        impl Vector {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$vector),*];

            /// The name in listings; in generated code it follows two underscores.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$vector => $name,)*
                }
            }

            pub(crate) fn entries(self) -> Entries {
                match self {
                    $(Self::$vector => Entries::$entries,)*
                }
            }
        }
    };
}

vectors! {
    /// Parameters come first in every order: what depends on them alone is shared best.
    P "p" Params;
    S "s" StageParams;
    X "x" State;
    U "u" Control;
    /// Costate of the next stage.
    Lambda "lambda" State;
    /// Directions of the adjoint parameter contraction.
    Dx "dx" State;
    Du "du" Control;
    DLambda "dlambda" State;
    /// Multipliers of constraints.
    Mu "mu" Constraints;
    /// Direction of the multipliers.
    DMu "dmu" Constraints;
    /// Weights of the lower bounds.
    Lower "lower" Control;
    /// Weights of the upper bounds.
    Upper "upper" Control;
    /// Unknowns of an implicit step.
    Y "y" Constraints;
    /// What an implicit step is a function of.
    Z "z" Constraints;
    /// Directions of these.
    Dy "dy" Constraints;
    Dz "dz" Constraints;
}

/// One entry of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Input {
    pub(crate) vector: Vector,
    pub(crate) index: u32,
}

impl Input {
    pub(crate) fn new(vector: Vector, index: usize) -> Self {
        Self { vector, index: index as u32 }
    }
}

/// A const parameter of the runtime's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Nx,
    Nu,
    Np,
    Ns,
    /// The controls of the terminal stage.
    Zero,
}

/// Lengths of the vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) nx: usize,
    pub(crate) nu: usize,
    pub(crate) np: usize,
    pub(crate) ns: usize,
}

impl Sizes {
    pub(crate) fn of(&self, dimension: Dimension) -> usize {
        match dimension {
            Dimension::Nx => self.nx,
            Dimension::Nu => self.nu,
            Dimension::Np => self.np,
            Dimension::Ns => self.ns,
            Dimension::Zero => 0,
        }
    }
}
