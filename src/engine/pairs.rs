//! Which pairs are measured, and their images' bytes.

use std::borrow::Cow;

use super::{
    EngineError, ImageInput, MeasureSettings, PairInput, PairSource, demo, join, select,
    study_files,
};
use crate::platform::{self, PickedFile};
use crate::words::counted;

/// Largest image file read; a photo has a few MiB.
const LARGEST_IMAGE: u64 = 256 << 20;

/// The pairs of a measurement, in the order in which they are run.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The pairs, at least one.
    pub(super) pairs: Vec<PairInput>,
    /// Where they came from, for the report.
    pub(super) source: String,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
}

/// The pairs that the settings select.
///
/// # Errors
/// There is none, or the demo's files cannot be had.
pub(super) async fn choose(
    source: PairSource,
    settings: &MeasureSettings,
) -> Result<Chosen, EngineError> {
    let (num, seed) = (settings.num_pairs, settings.seed);
    let mut notes = Vec::new();
    let (pairs, source, available) = match source {
        PairSource::Demo => {
            let (pairs, available) = demo::pairs(num, seed).await?;
            (pairs, "the demo's held-out pairs".to_owned(), available)
        }
        PairSource::Study(list) => {
            let (pairs, available) = study_files::pairs(&list, num, seed).await?;
            (pairs, format!("the study's {list}"), available)
        }
        PairSource::Pairs { name, pairs } => {
            let available = pairs.len();
            let kept = select(available, num, seed);
            // Indices ascend, so that one pass takes the pairs out without copying their images.
            let mut kept = kept.into_iter().peekable();
            let pairs = pairs
                .into_iter()
                .enumerate()
                .filter(|(index, _)| kept.next_if_eq(index).is_some())
                .map(|(_, pair)| pair)
                .collect();
            (pairs, name, available)
        }
        PairSource::Unpaired {
            name,
            images,
            texts,
        } => {
            let (num_images, num_texts) = (images.len(), texts.len());
            let available = num_images.min(num_texts);
            if num_images != num_texts {
                notes.push(format!(
                    "{} and {} make {}; the rest is not used",
                    counted(num_images, "image"),
                    counted(num_texts, "text"),
                    counted(available, "pair")
                ));
            }
            let pairs = join(images, texts, num, seed);
            (pairs, format!("{name}, joined by the seed"), available)
        }
    };
    if pairs.is_empty() {
        return Err(EngineError::NoPairs { reason: source });
    }
    if let Some(num) = num
        && num > available
    {
        notes.push(match available {
            1 => format!("{num} pairs were asked for, there is 1: it is measured"),
            _ => format!("{num} pairs were asked for, there are {available}: all are measured"),
        });
    }
    Ok(Chosen {
        pairs,
        source,
        notes,
    })
}

/// The bytes of an image file.
///
/// # Errors
/// The file cannot be read or is larger than any image; on a page, a path.
pub(super) fn image_bytes(image: &ImageInput) -> Result<Cow<'_, [u8]>, EngineError> {
    match image {
        ImageInput::Bytes(file) => Ok(Cow::Borrowed(&file.bytes)),
        #[cfg(target_arch = "wasm32")]
        ImageInput::Path(path) => Err(EngineError::NoFileSystem {
            path: path.display().to_string(),
        }),
        #[cfg(not(target_arch = "wasm32"))]
        ImageInput::Path(path) => read_image(path).map(Cow::Owned),
        ImageInput::Picked(file) => read_picked(file).map(Cow::Owned),
        ImageInput::Frames(_) | ImageInput::Sampled(..) => Err(EngineError::ImageFile {
            path: image.name(),
            reason: "expected an image, found frames of a video".to_owned(),
        }),
    }
}

fn read_picked(file: &PickedFile) -> Result<Vec<u8>, EngineError> {
    if file.size > LARGEST_IMAGE {
        return Err(too_large(&file.path));
    }
    platform::read_range(file, 0..file.size).map_err(|error| EngineError::ImageFile {
        path: error.file,
        reason: error.reason,
    })
}

fn too_large(path: &str) -> EngineError {
    EngineError::ImageFile {
        path: path.to_owned(),
        reason: format!(
            "expected an image of at most {} MiB, found a larger file",
            LARGEST_IMAGE >> 20
        ),
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn read_image(path: &std::path::Path) -> Result<Vec<u8>, EngineError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST_IMAGE + 1).read_to_end(&mut bytes))
        .map_err(|error| EngineError::ImageFile {
            path: path.display().to_string(),
            reason: format!("cannot read it: {error}"),
        })?;
    if bytes.len() as u64 > LARGEST_IMAGE {
        return Err(too_large(&path.display().to_string()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::NamedBytes;

    fn image(index: usize) -> ImageInput {
        ImageInput::Bytes(NamedBytes {
            name: format!("{index}.png"),
            bytes: vec![index as u8],
        })
    }

    fn chosen(source: PairSource, num_pairs: Option<usize>) -> Result<Chosen, EngineError> {
        let settings = MeasureSettings {
            num_pairs,
            seed: 5,
            ..Default::default()
        };
        platform::native::block_on(choose(source, &settings))
    }

    fn paired(count: usize) -> PairSource {
        PairSource::Pairs {
            name: "p.jsonl".to_owned(),
            pairs: (0..count)
                .map(|index| PairInput::new(image(index), index.to_string()))
                .collect(),
        }
    }

    #[test]
    fn selected_pairs_stay_together_and_in_order() {
        let chosen = chosen(paired(50), Some(7)).unwrap();
        let numbers: Vec<usize> = chosen
            .pairs
            .iter()
            .map(|p| p.turns[0].text.parse().unwrap())
            .collect();
        assert_eq!(numbers, select(50, Some(7), 5));
        for pair in &chosen.pairs {
            let turn = &pair.turns[0];
            assert_eq!(turn.images[0].name(), format!("{}.png", turn.text));
        }
        assert_eq!(chosen.source, "p.jsonl");
        assert!(chosen.notes.is_empty());
    }

    #[test]
    fn too_few_pairs_are_noted_and_none_refused() {
        let all = chosen(paired(3), Some(9)).unwrap();
        assert_eq!(all.pairs.len(), 3);
        assert!(all.notes[0].contains("9 pairs were asked for, there are 3"));
        assert!(matches!(
            chosen(paired(0), None),
            Err(EngineError::NoPairs { .. })
        ));
    }

    #[test]
    fn unequal_numbers_are_noted() {
        let source = PairSource::Unpaired {
            name: "a with b".to_owned(),
            images: (0..5).map(image).collect(),
            texts: vec![("t".to_owned(), "text".to_owned()); 2],
        };
        let chosen = chosen(source, None).unwrap();
        assert_eq!(chosen.pairs.len(), 2);
        assert_eq!(chosen.source, "a with b, joined by the seed");
        assert!(chosen.notes[0].contains("5 images and 2 texts make 2 pairs"));
    }
}
