//! Sums that tell one content from another.

use super::{
    EngineError, ImageInput, PairInput, Stage,
    news::{MIB, News},
};
use crate::{model::Checkpoint, platform};

/// The files that decide what a model is given, as far as they are read: others may lie beside them on one machine
/// and not on another.
const OF_INPUT: [&str; 8] = [
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

/// Largest of these files.
const LARGEST: u64 = 256 << 20;

/// FNV-1a of 64 bits (G. Fowler, L. C. Noll, K.-P. Vo) over words of 8 bytes instead of bytes, turned after each: it
/// tells changes, it does not guard against anybody.
#[derive(Clone)]
pub(super) struct Sum(u64);

impl Default for Sum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Sum {
    /// Adds a part; where one ends and the next begins counts.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (place, byte) in last.iter_mut().zip(rest) {
            *place = *byte;
        }
        self.word(u64::from_le_bytes(last));
        self.word(bytes.len() as u64);
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x0100_0000_01b3)
            .rotate_left(29);
    }

    /// The number; never 0, which stands for none.
    pub(super) fn number(&self) -> u64 {
        self.0.max(1)
    }

    /// Sixteen digits.
    pub(super) fn text(&self) -> String {
        format!("{:016x}", self.number())
    }
}

/// The sum of one part, for seeds that pass as what a run has written.
#[cfg(fuzzing)]
pub fn of_bytes(bytes: &[u8]) -> u64 {
    let mut sum = Sum::default();
    sum.add(bytes);
    sum.number()
}

/// The sum of a checkpoint: of all weights that are used, as they are read, and of what its input is prepared by. Where
/// it lies does not count.
///
/// # Errors
/// A file cannot be read; or somebody asked to stop.
pub(super) async fn of_checkpoint(
    checkpoint: &Checkpoint,
    news: &mut News<'_>,
) -> Result<String, EngineError> {
    let mut sum = Sum::default();
    let source = checkpoint.source();
    for name in source.list().map_err(crate::weights::WeightsError::from)? {
        let own = name.rsplit('/').next().unwrap_or_default();
        let of_input = OF_INPUT.contains(&own);
        let len = source.len(&name).ok().flatten();
        if of_input && len.is_some_and(|len| len <= LARGEST) {
            sum.add(name.as_bytes());
            sum.add(
                &source
                    .read(&name)
                    .map_err(crate::weights::WeightsError::from)?,
            );
        }
    }
    let total: u64 = checkpoint.used().map(|(_, info)| info.bytes()).sum();
    let mut done = 0;
    for (parameter, info) in checkpoint.used() {
        sum.add(parameter.name.as_bytes());
        sum.add(format!("{:?} {:?}", info.dtype, info.shape).as_bytes());
        for part in info.parts() {
            let bytes = info.read_elements(part)?;
            done += bytes.len() as u64;
            sum.add(&bytes);
            let detail = "adding up the weights".to_owned();
            news.progress_at(Stage::Load, done >> 20, total >> 20, MIB, detail);
            platform::yield_now().await;
            news.check()?;
        }
    }
    Ok(sum.text())
}

/// The sum of chosen pairs: the names of their images without folders, their questions and texts.
pub(super) fn of_pairs(pairs: &[PairInput]) -> String {
    let mut sum = Sum::default();
    for pair in pairs {
        for turn in &pair.turns {
            for image in &turn.images {
                add_image(&mut sum, image);
            }
            sum.add(turn.question.as_bytes());
            sum.add(turn.text.as_bytes());
        }
        sum.add(&[]);
    }
    sum.text()
}

/// Adds the names of an image's files without folders, and how many frames of it are shown.
fn add_image(sum: &mut Sum, image: &ImageInput) {
    let shown = match image {
        ImageInput::Frames(frames) => frames.len() as u64,
        ImageInput::Sampled(_, frames) => *frames as u64,
        ImageInput::Path(_) | ImageInput::Bytes(_) | ImageInput::Picked(_) => {
            let name = image.name();
            let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
            sum.add(name.as_bytes());
            return;
        }
    };
    image.files().iter().for_each(|file| add_image(sum, file));
    sum.add(&shown.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(parts: &[&[u8]]) -> u64 {
        let mut sum = Sum::default();
        parts.iter().for_each(|part| sum.add(part));
        sum.number()
    }

    #[test]
    fn every_byte_and_every_border_counts() {
        let parts: [&[&[u8]]; 7] = [
            &[b"abcdefghij"],
            &[b"abcdefghik"],
            &[b"bbcdefghij"],
            &[b"abcdefgh", b"ij"],
            &[b"abcdefghij\0"],
            &[b"abcdefghij", b""],
            &[],
        ];
        let mut sums: Vec<u64> = parts.iter().map(|parts| sum(parts)).collect();
        assert_eq!(sums, parts.map(sum));
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), parts.len());
    }

    #[test]
    fn pairs_are_the_same_wherever_their_images_lie() {
        let of = |path: &str, text: &str| {
            of_pairs(&[PairInput::new(ImageInput::Path(path.into()), text)])
        };
        assert_eq!(of("here/a.png", "x"), of("/there/below/a.png", "x"));
        assert_ne!(of("a.png", "x"), of("b.png", "x"));
        assert_ne!(of("a.png", "x"), of("a.png", "y"));
        let sampled = |frames| {
            let file = Box::new(ImageInput::Path("a.gif".into()));
            of_pairs(&[PairInput::new(ImageInput::Sampled(file, frames), "x")])
        };
        assert_ne!(sampled(4), sampled(8));
        let frames = |last: &str| {
            let frames = ["a.png", last].map(|path| ImageInput::Path(path.into()));
            of_pairs(&[PairInput::new(ImageInput::Frames(frames.to_vec()), "x")])
        };
        assert_ne!(frames("b.png"), frames("c.png"));
    }
}
