//! Numbers, vectors and matrices as data, for serde's attribute `with`.

use alloc::vec::Vec;
use core::fmt;

use nalgebra::SMatrix;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that may be infinite or NaN.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() || !serializer.is_human_readable() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.serialize_str(if self.0.is_nan() {
                "NaN"
            } else if self.0 > 0.0 {
                "inf"
            } else {
                "-inf"
            })
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, `NaN`, `inf` or `-inf`")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Number, E> {
                match value {
                    "NaN" => Ok(Number(f64::NAN)),
                    "inf" => Ok(Number(f64::INFINITY)),
                    "-inf" => Ok(Number(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(Unexpected::Str(value), &self)),
                }
            }
        }

        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Read)
        } else {
            f64::deserialize(deserializer).map(Number)
        }
    }
}

pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number(*value).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Number::deserialize(deserializer).map(|number| number.0)
}

/// `Option<f64>`.
pub(crate) mod optional {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Number).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Number>::deserialize(deserializer)?.map(|number| number.0))
    }
}

/// `Vec<f64>`.
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|&value| Number(value)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Ok(Vec::<Number>::deserialize(deserializer)?.into_iter().map(|number| number.0).collect())
    }
}

/// A matrix, row by row.
struct Matrix<const R: usize, const C: usize>(SMatrix<f64, R, C>);

impl<const R: usize, const C: usize> Serialize for Matrix<R, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.transpose().iter().map(|&value| Number(value)))
    }
}

impl<'de, const R: usize, const C: usize> Deserialize<'de> for Matrix<R, C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = list::deserialize(deserializer)?;
        if entries.len() != R * C {
            let (given, expected) = (entries.len(), R * C);
            return Err(D::Error::custom(format_args!("a vector or matrix has {given} entries, expected {expected}")));
        }
        Ok(Self(SMatrix::from_row_iterator(entries)))
    }
}

/// `SMatrix`.
pub(crate) mod matrix {
    use super::*;

    pub(crate) fn serialize<S: Serializer, const R: usize, const C: usize>(
        matrix: &SMatrix<f64, R, C>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Matrix(*matrix).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const R: usize, const C: usize>(
        deserializer: D,
    ) -> Result<SMatrix<f64, R, C>, D::Error> {
        Matrix::deserialize(deserializer).map(|matrix| matrix.0)
    }
}

/// `Vec<SMatrix>`.
pub(crate) mod matrices {
    use super::*;

    pub(crate) fn serialize<S: Serializer, const R: usize, const C: usize>(
        matrices: &[SMatrix<f64, R, C>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(matrices.iter().map(|&matrix| Matrix(matrix)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const R: usize, const C: usize>(
        deserializer: D,
    ) -> Result<Vec<SMatrix<f64, R, C>>, D::Error> {
        Ok(Vec::<Matrix<R, C>>::deserialize(deserializer)?.into_iter().map(|matrix| matrix.0).collect())
    }
}
