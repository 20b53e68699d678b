//! The demo's captions taken apart, and the questions that they answer.
//!
//! A caption of the demo describes its scene exactly, in one of two forms that `training/scenes.py` writes: what
//! is where, on which background. Whoever can read it knows the right answer to the questions that the demo
//! was trained on.

const COLORS: [&str; 8] = [
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "black",
];

/// Places as captions name them, with the answers that name them.
const PLACES: [(&str, &str); 9] = [
    ("at the top left", "top left"),
    ("at the top right", "top right"),
    ("at the top", "top"),
    ("on the left", "left"),
    ("in the center", "center"),
    ("on the right", "right"),
    ("at the bottom left", "bottom left"),
    ("at the bottom right", "bottom right"),
    ("at the bottom", "bottom"),
];

/// Backgrounds as captions name them, with the answers that name them.
const BACKGROUNDS: [(&str, &str); 5] = [
    ("in the sky", "sky"),
    ("on a meadow", "meadow"),
    ("at the beach", "beach"),
    ("at night", "night"),
    ("in the snow", "snow"),
];

const NUMBERS: [&str; 5] = ["zero", "one", "two", "three", "four"];

/// What is asked for that no scene of the demo may have, the first that this one lacks.
const ABSENT: [&str; 3] = ["a penguin", "an umbrella", "a rocket"];

/// What a caption says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    things: Vec<Thing>,
    background: &'static str,
}

/// Something in a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Thing {
    /// For example `a red circle`.
    phrase: String,
    /// Index into [`PLACES`].
    place: usize,
}

impl Thing {
    /// Without the article.
    fn words(&self) -> &str {
        self.phrase
            .split_once(' ')
            .map_or(&self.phrase, |(_, words)| words)
    }

    /// The color and what has it.
    fn colored(&self) -> Option<(&str, &str)> {
        let (color, name) = self.words().split_once(' ')?;
        COLORS.contains(&color).then_some((color, name))
    }

    /// From `a red circle on the left`.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        PLACES.iter().enumerate().find_map(|(place, (words, _))| {
            let phrase = text.strip_suffix(words)?.trim_end();
            let known = phrase.starts_with("a ") || phrase.starts_with("an ");
            known.then(|| Self {
                phrase: phrase.to_owned(),
                place,
            })
        })
    }
}

/// A question with its one right answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The question.
    pub question: String,
    /// The answer.
    pub right: String,
}

impl Scene {
    /// What `caption` says, if it is one of the demo's.
    pub fn read(caption: &str) -> Option<Self> {
        let text = caption.trim().strip_suffix('.')?;
        let (background, count, things) = match text.strip_prefix("A picture ") {
            Some(rest) => {
                let (background, rest) = rest.split_once(". There ")?;
                let (count, things) = rest.split_once(" in it: ")?;
                let (_, count) = count.split_once(' ')?;
                (background, count, things)
            }
            None => {
                let rest = text.strip_prefix("This picture shows ")?;
                let (things, rest) = rest.split_once(". It was made ")?;
                let (background, count) = rest.split_once(" and has ")?;
                (background, count, things)
            }
        };
        let (_, background) = *BACKGROUNDS.iter().find(|(words, _)| *words == background)?;
        let parts = things.split(", ").flat_map(|part| part.split(" and "));
        let things = parts.map(Thing::read).collect::<Option<Vec<_>>>()?;
        let (number, _) = count.split_once(" object")?;
        let says = NUMBERS.get(things.len()) == Some(&number);
        says.then_some(Self { things, background })
    }

    /// Questions about it, one of each kind that the demo was trained on, and what it was trained to say.
    pub fn questions(&self) -> Vec<Known> {
        let mut known = Vec::new();
        let mut ask = |question: String, right: &str| {
            known.push(Known {
                question,
                right: right.to_owned(),
            });
        };
        let answer = |thing: &Thing| PLACES.get(thing.place).map_or("", |(_, answer)| answer);
        if let Some(number) = NUMBERS.get(self.things.len()) {
            ask("How many objects are there?".to_owned(), number);
        }
        if let Some(thing) = self.things.first()
            && let Some((words, _)) = PLACES.get(thing.place)
        {
            ask(format!("What is {words}?"), thing.words());
        }
        let named = |name: &str| {
            let things = self.things.iter().filter_map(Thing::colored);
            things.filter(|(_, other)| *other == name).count()
        };
        let mut colored = self.things.iter().filter_map(Thing::colored);
        if let Some((color, name)) = colored.find(|(_, name)| named(name) == 1) {
            ask(format!("What color is the {name}?"), color);
        }
        if let Some(thing) = self.things.last() {
            ask(format!("Where is the {}?", thing.words()), answer(thing));
        }
        if let Some(thing) = self.things.get(self.things.len() / 2) {
            ask(format!("Is there {}?", thing.phrase), "yes");
        }
        let lacks = |phrase: &&&str| self.things.iter().all(|thing| thing.phrase != **phrase);
        if let Some(phrase) = ABSENT.iter().find(lacks) {
            ask(format!("Is there {phrase}?"), "no");
        }
        ask("What is the background?".to_owned(), self.background);
        known
    }
}

/// Whether an answer says what is right: the same words, or a caption that says the same.
pub fn says(answer: &str, right: &str) -> bool {
    let plain = |text: &str| text.trim().trim_end_matches('.').to_lowercase();
    if plain(answer) == plain(right) {
        return true;
    }
    let scene = Scene::read(right);
    scene.is_some() && scene == Scene::read(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "A picture at the beach. There are four objects in it: a tree at the top, a fish at the \
        top right, a red triangle on the left and a pink star on the right.";
    const SAME: &str = "This picture shows a tree at the top, a fish at the top right, a red triangle on the left \
        and a pink star on the right. It was made at the beach and has four objects.";

    #[test]
    fn a_caption_answers_questions_of_every_kind() {
        let scene = Scene::read(FIRST).unwrap();
        let known = scene.questions();
        let known: Vec<(&str, &str)> = (known.iter())
            .map(|known| (known.question.as_str(), known.right.as_str()))
            .collect();
        let expected = [
            ("How many objects are there?", "four"),
            ("What is at the top?", "tree"),
            ("What color is the triangle?", "red"),
            ("Where is the pink star?", "right"),
            ("Is there a red triangle?", "yes"),
            ("Is there a penguin?", "no"),
            ("What is the background?", "beach"),
        ];
        assert_eq!(known, expected);
    }

    #[test]
    fn all_captions_of_the_demo_can_be_read() {
        let lines = include_str!("../../assets/demo/pairs.jsonl");
        let mut number = 0;
        for line in lines.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let caption = line["text"].as_str().unwrap();
            let scene = Scene::read(caption).unwrap_or_else(|| panic!("{caption}"));
            assert!((6..=7).contains(&scene.questions().len()), "{caption}");
            number += 1;
        }
        assert_eq!(number, 128);
    }

    #[test]
    fn other_texts_are_no_captions() {
        let broken = FIRST.replace("four", "three");
        let elsewhere = FIRST.replace("at the beach", "on the moon");
        for text in ["", "A dog.", "A picture of a cat.", &broken, &elsewhere] {
            assert_eq!(Scene::read(text), None, "{text}");
        }
    }

    #[test]
    fn an_answer_is_right_by_its_words_or_by_what_it_describes() {
        assert!(says(" Four.", "four"));
        assert!(!says("three", "four"));
        assert!(!says("a tree", "tree"));
        assert!(says(SAME, FIRST));
        assert!(!says(&SAME.replace("red", "blue"), FIRST));
    }
}
