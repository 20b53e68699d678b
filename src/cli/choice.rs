//! Values that are chosen by name from a closed list.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Accepts the names of a closed list of values.
pub(crate) fn named<T>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.iter().map(|value| name(*value))).try_map(move |text| {
        all.iter()
            .copied()
            .find(|value| name(*value) == text)
            .ok_or("not in the list")
    })
}
