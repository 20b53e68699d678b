//! The demo's pictures to ask about.

use crate::{
    engine::{ImageInput, PairInput, thumbnail},
    report::Picture,
    study::{Known, Scene},
};

/// Pictures to choose from.
const NUMBER: usize = 24;

/// Most pixels a side: the demo's pictures are as large.
const SIDE: usize = 256;

/// The demo's pictures, fetched once somebody wants to ask about them.
#[derive(Clone, Debug, Default)]
pub enum DemoPictures {
    /// Nobody wanted them.
    #[default]
    Unasked,
    /// They are to be fetched.
    Wanted,
    /// They are on their way.
    Coming,
    /// They are there.
    There(Vec<DemoPicture>),
    /// They cannot be had, with the reason.
    Wrong(String),
}

/// A picture of the demo.
#[derive(Clone, Debug)]
pub struct DemoPicture {
    /// As the engine takes it.
    pub image: ImageInput,
    /// What it shows, in words.
    pub caption: String,
    /// Its pixels.
    pub picture: Picture,
}

impl DemoPicture {
    /// Questions about it with their right answers.
    pub fn questions(&self) -> Vec<Known> {
        let Some(scene) = Scene::read(&self.caption) else {
            return Vec::new();
        };
        let mut questions = scene.questions();
        questions.push(Known {
            question: "Describe the picture.".to_owned(),
            right: self.caption.clone(),
        });
        questions
    }
}

impl DemoPictures {
    /// Asks for them where nobody has.
    pub fn want(&mut self) {
        if matches!(self, Self::Unasked) {
            *self = Self::Wanted;
        }
    }

    /// How many to fetch, if they are to be fetched now.
    pub(super) fn order(&mut self) -> Option<usize> {
        matches!(self, Self::Wanted).then(|| {
            *self = Self::Coming;
            NUMBER
        })
    }

    pub(super) fn of(pairs: Vec<PairInput>) -> Self {
        let read = |pair: PairInput| {
            let caption = pair.texts().next().unwrap_or_default().to_owned();
            let image = pair.images().next().cloned();
            let Some(ImageInput::Bytes(file)) = &image else {
                return Err("expected the bytes of a picture".to_owned());
            };
            Ok(DemoPicture {
                picture: thumbnail(&file.name, &file.bytes, SIDE)?,
                image: ImageInput::Bytes(file.clone()),
                caption,
            })
        };
        match pairs.into_iter().map(read).collect() {
            Ok(pictures) => Self::There(pictures),
            Err(reason) => Self::Wrong(reason),
        }
    }

    /// All that are there.
    pub fn all(&self) -> &[DemoPicture] {
        match self {
            Self::There(pictures) => pictures,
            _ => &[],
        }
    }

    /// The picture of a number.
    pub fn get(&self, number: usize) -> Option<&DemoPicture> {
        self.all().get(number)
    }
}
