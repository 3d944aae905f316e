//! Whole numbers of a segment as the bytes that they have in memory: millions of them are read at the speed of a copy.

use bytemuck::{AnyBitPattern, NoUninit};
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

pub(super) fn serialize<T, S>(words: &impl AsRef<[T]>, serializer: S) -> Result<S::Ok, S::Error>
where
    T: NoUninit,
    S: Serializer,
{
    serializer.serialize_bytes(bytemuck::cast_slice(words.as_ref()))
}

pub(super) fn deserialize<'de, T, W, D>(deserializer: D) -> Result<W, D::Error>
where
    T: AnyBitPattern + NoUninit,
    W: TryFrom<Vec<T>> + AsRef<[T]>,
    D: Deserializer<'de>,
{
    let bytes = <&[u8]>::deserialize(deserializer)?;
    W::try_from(bytemuck::pod_collect_to_vec(bytes)).map_err(|_| D::Error::custom("another number of words"))
}
