//! Problems, solutions and what belongs to them as data, with the feature `serde`.
//!
//! Each type writes a header first: what it is, the version of the format, and the sizes of the model. Reading checks the
//! header before anything else, so that data of another model or version is refused with that message, and then the
//! lengths of all lists. Vectors and matrices are flat lists, row by row.
//!
//! In text formats numbers that are not finite are the strings `NaN`, `inf` and `-inf`, since JSON has no others.

mod header;
mod problem;
mod results;
mod settings;
mod solution;

/// Writes and reads a type through a struct of the same fields.
///
/// `From<&Type>` must exist for the data, and `TryFrom<Data>` with an error that prints for the type.
macro_rules! through {
    ($type:ty, $data:ty, [$($n:ident),*]) => {
        impl<$(const $n: usize),*> serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$data>::try_from(self).map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
        }

        impl<'de, $(const $n: usize),*> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$data>::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
            }
        }
    };
}
use through;
