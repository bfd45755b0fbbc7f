//! The outputs of kernels: the fields of the records of `dilqr_runtime::model` and `dilqr_runtime::limits`, one row each.

/// Where a field is, which decides how its entries are written in generated code and in listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A number in the record: `out.l`.
    Scalar,
    /// A vector in the record: `out.f[0]`.
    Vector,
    /// A matrix in the record: `out.fx[(0, 1)]`.
    Matrix,
    /// A list of numbers in the record: `out.c[0]`.
    List,
    /// A list of rows in the record: `out.cx[(0, 1)]`.
    Rows,
    /// A vector that is an argument of its own, with the argument's name.
    VectorArgument(&'static str),
    /// A matrix that is an argument of its own.
    MatrixArgument(&'static str),
    /// A slice that is an argument of its own.
    SliceArgument(&'static str),
    /// A vector that is an argument of its own and is added to.
    SumArgument(&'static str),
    /// What a call adds to an argument itself.
    AddedByCall,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident $name:literal $location:ident $(($argument:literal))? $($zeros:ident)?;)*) => {
        /// A field that kernels write. Outputs are ordered by this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Field {
            $($(#[$doc])* $field,)*
        }

        impl Field {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$field),*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)*
                }
            }

            pub(crate) fn location(self) -> Location {
                match self {
                    $(Self::$field => Location::$location $(($argument))?,)*
                }
            }

            /// Whether zeros are written, too: the memory may hold something else, as a bound's holds the infinity of an
            /// open side.
            #[cfg(feature = "symbolica")]
            pub(crate) fn writes_zeros(self) -> bool {
                match self {
                    $(Self::$field => zeros!($($zeros)?),)*
                }
            }
        }
    };
}

#[cfg(feature = "symbolica")]
macro_rules! zeros {
    () => {
        false
    };
    (with_zeros) => {
        true
    };
}

fields! {
    F "f" Vector;
    /// The next state where it is all that is written.
    Next "next" VectorArgument("__out");
    Fx "fx" Matrix;
    Fu "fu" Matrix;
    Fp "fp" Matrix;
    L "l" Scalar;
    Lx "lx" Vector;
    Lu "lu" Vector;
    Lxx "lxx" Matrix;
    Lux "lux" Matrix;
    Luu "luu" Matrix;
    Lxp "lxp" MatrixArgument("__out");
    Hxx "hxx" Matrix;
    Hux "hux" Matrix;
    Huu "huu" Matrix;
    Hxp "hxp" Matrix;
    Hup "hup" Matrix;
    Gp "gp" SumArgument("__gp");
    Gs "gs" SumArgument("__gs");
    /// Gradients in the weights of vector functions, one row for each call.
    Gw "gw" AddedByCall;
    /// Bounds, or their derivatives in the parameters.
    Lower "lower" MatrixArgument("__lower") with_zeros;
    Upper "upper" MatrixArgument("__upper") with_zeros;
    /// Values of constraints where they are all that is written.
    Constraints "constraints" SliceArgument("__c") with_zeros;
    /// Values of constraints in a record.
    C "c" List with_zeros;
    Cx "cx" Rows;
    Cu "cu" Rows;
    Cp "cp" Rows;
    /// Residuals of an implicit step.
    R "r" Vector;
    Ry "ry" Matrix;
    Rz "rz" Matrix;
    Hyy "hyy" Matrix;
    Hzy "hzy" Matrix;
    Hzz "hzz" Matrix;
}

/// An entry that a kernel writes: `record.field[(row, column)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Output {
    pub(crate) field: Field,
    pub(crate) row: u32,
    pub(crate) column: u32,
}
