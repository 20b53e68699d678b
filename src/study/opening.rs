//! What the app opens with: riddles of two trainings each, and one training step by step.
//!
//! `mirscope record-demo` computes all of it; nothing here is typed in.

use serde::{Deserialize, Serialize};

use super::{RecordedClouds, Scene, Score, says};

/// Pictures with a question each, and who answers them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// The models that answer the riddles.
    pub models: Vec<RiddleModel>,
    /// The riddles.
    pub riddles: Vec<Riddle>,
    /// One training.
    pub training: RecordedTraining,
}

/// A model that answers riddles: a checkpoint of the study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiddleModel {
    /// Folder of the checkpoint, relative to the study's.
    pub folder: String,
    /// Seed of its training.
    pub seed: u64,
    /// Modality Integration Rate.
    pub mir: f64,
    /// Held-out questions answered rightly.
    pub answered: Score,
    /// The two clouds at one state, with all tokens of the riddles' pictures.
    pub clouds: RecordedClouds,
}

/// A picture and a question to two models, one of which learned from captions that fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Riddle {
    /// Its pair's number among those that were measured.
    pub pair: u32,
    /// Name of the picture's file.
    pub name: String,
    /// The file.
    #[serde(with = "serde_bytes")]
    pub image: Vec<u8>,
    /// What the picture shows.
    pub caption: String,
    /// The question.
    pub question: String,
    /// The two models, by their places in [`Opening::models`]: captions that fit, shuffled ones.
    pub models: [usize; 2],
    /// What they answer.
    pub answers: [String; 2],
    /// Whether the one with shuffled captions is called A.
    pub swapped: bool,
}

impl Riddle {
    /// The right answer, read from the caption.
    pub fn right(&self) -> Option<String> {
        let known = Scene::read(&self.caption)?.questions();
        let mut known = known.into_iter();
        Some(known.find(|known| known.question == self.question)?.right)
    }

    /// Whether an answer to the question is right.
    pub fn is_right(&self, answer: &str) -> bool {
        self.right().is_some_and(|right| says(answer, &right))
    }

    /// The side, 0 for captions that fit and 1 for shuffled ones, that is called A (0) or B (1).
    pub fn side(&self, letter: usize) -> usize {
        letter ^ usize::from(self.swapped)
    }
}

/// One training, looked at after more and more samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedTraining {
    /// The steps, first to last.
    pub steps: Vec<TrainingStep>,
    /// The clouds of each step at one state, all in one plane about the mean of the text tokens.
    pub clouds: RecordedClouds,
}

/// A step of a training: a checkpoint of the study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingStep {
    /// Folder of the checkpoint, relative to the study's.
    pub folder: String,
    /// What it is called, for example `1,984 pairs`.
    pub label: String,
    /// Image-text pairs that the connector had seen.
    pub samples: u64,
    /// Modality Integration Rate.
    pub mir: f64,
    /// The same with each modality scaled to mean token norm 1.
    pub norm_matched: Option<f64>,
    /// Mean norm of the vision tokens over that of the text tokens, after the first layer.
    pub norm_ratio: f64,
    /// Held-out questions answered rightly.
    pub answered: Score,
    /// What it answers to each riddle.
    pub answers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_riddle_knows_its_answer_and_its_letters() {
        let mut riddle = Riddle {
            pair: 3,
            name: "a.png".to_owned(),
            image: Vec::new(),
            caption: "A picture in the sky. There are two objects in it: a lemon at the top right and an orange \
                square in the center."
                .to_owned(),
            question: "What is at the top right?".to_owned(),
            models: [0, 1],
            answers: ["lemon".to_owned(), "fish".to_owned()],
            swapped: false,
        };
        assert_eq!(riddle.right().as_deref(), Some("lemon"));
        assert_eq!(
            riddle.answers.each_ref().map(|it| riddle.is_right(it)),
            [true, false]
        );
        assert_eq!([0, 1].map(|letter| riddle.side(letter)), [0, 1]);
        riddle.swapped = true;
        assert_eq!([0, 1].map(|letter| riddle.side(letter)), [1, 0]);
        riddle.question = "What is under the bed?".to_owned();
        assert!(riddle.right().is_none() && !riddle.is_right("lemon"));
    }
}
