//! What stands before the data: kind, version, sizes.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::marker::PhantomData;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Version of the format. Raised where fields change.
const VERSION: u32 = 4;

/// What a header says of data of one type.
pub(super) trait Kind {
    /// What the data is, in a word or two.
    const NAME: &'static str;
    /// The sizes of the model that it depends on.
    const SIZES: &'static [(&'static str, usize)];
}

/// The header of data of one type; it holds nothing, and is checked as it is read. Its field is called `about`, which is also
/// the first in the alphabet, so that it comes first from readers that sort.
pub(super) struct Header<K>(PhantomData<fn() -> K>);

impl<K> Header<K> {
    pub(super) const NEW: Self = Self(PhantomData);
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Header", deny_unknown_fields)]
struct Fields {
    data: String,
    version: u32,
    sizes: BTreeMap<String, usize>,
}

impl<K: Kind> Serialize for Header<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sizes = K::SIZES.iter().map(|&(name, size)| (name.to_owned(), size)).collect();
        Fields { data: K::NAME.to_owned(), version: VERSION, sizes }.serialize(serializer)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Header<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields { data, version, sizes } = Fields::deserialize(deserializer)?;
        if data != K::NAME {
            return Err(D::Error::custom(format_args!("data of a {data}, expected a {}", K::NAME)));
        }
        if version != VERSION {
            return Err(D::Error::custom(format_args!(
                "data of a {data} in version {version} of the format, expected version {VERSION}"
            )));
        }
        for &(name, expected) in K::SIZES {
            let given = sizes.get(name).copied().unwrap_or(0);
            if given != expected {
                return Err(D::Error::custom(format_args!(
                    "data of a {data} of another model: its number of {name} is {given}, expected {expected}"
                )));
            }
        }
        Ok(Self::NEW)
    }
}
