//! Which pairs are measured: the same choice for the same seed, on every machine and in the browser.

use super::source::{ImageInput, PairInput};

pub use crate::report::SplitMix64;

/// The indices of `num` out of `available` items, chosen by `seed`, in ascending order; all of them
/// if `num` is absent or not smaller than `available`.
pub fn select(available: usize, num: Option<usize>, seed: u64) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..available).collect();
    if let Some(num) = num
        && num < available
    {
        SplitMix64::new(seed).shuffle(&mut indices);
        indices.truncate(num);
        indices.sort_unstable();
    }
    indices
}

/// Joins images with texts that need not match.
///
/// Both lists are shuffled by `seed` and joined from the front, `num` pairs at most; what one list
/// has more than the other stays unused, so that no image and no text counts twice.
pub fn join(
    mut images: Vec<ImageInput>,
    mut texts: Vec<(String, String)>,
    num: Option<usize>,
    seed: u64,
) -> Vec<PairInput> {
    let mut random = SplitMix64::new(seed);
    random.shuffle(&mut images);
    random.shuffle(&mut texts);
    images
        .into_iter()
        .zip(texts)
        .take(num.unwrap_or(usize::MAX))
        .map(|(image, (_, text))| PairInput::new(image, text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_is_sorted_unique_and_fixed_by_its_seed() {
        let chosen = select(100, Some(10), 3);
        assert_eq!(chosen, select(100, Some(10), 3));
        assert_ne!(chosen, select(100, Some(10), 4));
        assert!(chosen.is_sorted_by(|a, b| a < b), "{chosen:?}");
        assert_eq!(chosen.len(), 10);
        assert_eq!(select(3, None, 9), [0, 1, 2]);
        assert_eq!(select(3, Some(5), 9), [0, 1, 2]);
        assert!(select(0, Some(5), 9).is_empty());
    }

    #[test]
    fn join_uses_nothing_twice() {
        let images: Vec<ImageInput> = (0..7)
            .map(|i| ImageInput::Path(format!("{i}.png").into()))
            .collect();
        let texts: Vec<(String, String)> = (0..4).map(|i| (i.to_string(), i.to_string())).collect();
        let pairs = join(images, texts, None, 1);
        let mut used: Vec<_> = pairs
            .iter()
            .map(|pair| pair.turns[0].images[0].name())
            .collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), 4);
        let mut said: Vec<_> = pairs.iter().flat_map(PairInput::texts).collect();
        said.sort_unstable();
        assert_eq!(said, ["0", "1", "2", "3"]);
    }
}
