//! What the chapters say, show and ask for. All numbers come from the runs that are loaded.

use super::Chapter;
use crate::{
    app::{
        landmark::Landmark,
        store::{StartPart, Store, StudyPart, Tab, View},
        views::start::STAKE,
    },
    study::{NO_PROGRESS, Protocol, Topic, plain},
    words::counted,
};

/// One step.
pub(super) struct Step {
    /// The chapter that it belongs to.
    pub(super) chapter: Chapter,
    /// Its name in links.
    pub(super) name: &'static str,
    /// Its title.
    pub(super) title: &'static str,
    /// What it says, with `{terms}`.
    pub(super) words: fn(&Store) -> String,
    /// What it is about.
    pub(super) target: Landmark,
    /// What it sets when it begins.
    pub(super) enter: fn(&mut Store),
    /// What it asks the reader to do.
    pub(super) task: Option<Task>,
}

/// Something for the reader to do.
pub(super) struct Task {
    /// What to do.
    pub(super) words: &'static str,
    /// What to say when it is done.
    pub(super) praise: &'static str,
    /// Whether it can be done.
    pub(super) possible: fn(&Store) -> bool,
    /// Whether it was done, by what was selected at the step's beginning and now.
    pub(super) done: fn(&View, &View) -> bool,
}

/// All steps in their order, chapter by chapter.
pub(super) const STEPS: [Step; 14] = [
    Step {
        chapter: Chapter::Picture,
        name: "three-parts",
        title: "Images for a reader of words",
        words: |_| {
            "A {vision-language model} has three parts. A {vision tower} looks at the image, a \
             {connector} translates, and a {language model} reads the result together with text. \
             mirscope measures how well the two fit together inside the language model."
                .to_owned()
        },
        target: Landmark::Pipeline,
        enter: |store| store.view.tab = Tab::Alignment,
        task: None,
    },
    Step {
        chapter: Chapter::Picture,
        name: "vision-token",
        title: "What a vision token is",
        words: |store| {
            let width = store.report().map_or(0, |report| report.model.hidden_size);
            format!(
                "The image is cut into {{patches}}. Each becomes one {{vision token}}: a list of \
                 {width} numbers, just like the list behind a word. From here on the {{language \
                 model}} does not know which tokens came from an image."
            )
        },
        target: Landmark::Image,
        enter: |store| store.view.tab = Tab::Eyes,
        task: Some(Task {
            words: "Click any patch of the image.",
            praise: "That is one vision token.",
            possible: can_see_a_pair,
            done: |before, now| now.patch.is_some() && now.patch != before.patch,
        }),
    },
    Step {
        chapter: Chapter::Picture,
        name: "patch",
        title: "What a patch says",
        words: |_| {
            "The {logit lens} asks after every {layer}: judging by this {token} alone, which word would come next? Follow \
             the rows downwards. Where words fit the picture, something of it is in this {token}. They are likely next \
             words, not names of what is seen."
                .to_owned()
        },
        target: Landmark::Lens,
        enter: |store| store.view.tab = Tab::Eyes,
        task: None,
    },
    Step {
        chapter: Chapter::Picture,
        name: "answer",
        title: "What it answers",
        words: |_| {
            "Asked about a picture, the {language model} reads its {vision tokens} and the question, and \
             writes an answer {token} by {token}. Ask one of the questions, then click a word of the answer: \
             {attention} shows at which {patches} the model looked to write it. The right answers are known \
             here, so that a wrong one shows."
                .to_owned()
        },
        target: Landmark::Ask,
        enter: |store| store.view.tab = Tab::Ask,
        task: None,
    },
    Step {
        chapter: Chapter::Distance,
        name: "stake",
        title: "What is at stake",
        words: stake,
        target: Landmark::Stake,
        enter: |store| start(store, StartPart::Trainings),
        task: None,
    },
    Step {
        chapter: Chapter::Distance,
        name: "connector",
        title: "What the connector does",
        words: |_| {
            "The {connector} moves and turns the {cloud} of {vision tokens} so that the {language \
             model} can use it. In this demo it is the only part that was trained on images and text \
             together. How near the two {clouds} come is then measured {layer} by {layer}."
                .to_owned()
        },
        target: Landmark::Clouds,
        enter: |store| {
            store.view.tab = Tab::Alignment;
            store.view.inputs = true;
        },
        task: None,
    },
    Step {
        chapter: Chapter::Distance,
        name: "length",
        title: "Why its length differs",
        words: norms,
        target: Landmark::Norms,
        enter: |store| {
            store.view.tab = Tab::Alignment;
            store.view.inputs = false;
            store.view.layer = 1;
        },
        task: None,
    },
    Step {
        chapter: Chapter::Distance,
        name: "sum",
        title: "What MIR adds up",
        words: sum,
        target: Landmark::Curve,
        enter: |store| {
            store.view.tab = Tab::Alignment;
            store.view.inputs = false;
        },
        task: Some(Task {
            words: "Click another layer.",
            praise: "Its numbers are shown now.",
            possible: |store| store.report().is_some_and(|report| report.layers.len() > 1),
            done: |before, now| now.layer != before.layer,
        }),
    },
    Step {
        chapter: Chapter::Distance,
        name: "along",
        title: "Along one training",
        words: training,
        target: Landmark::Steps,
        enter: |store| start(store, StartPart::Steps),
        task: None,
    },
    Step {
        chapter: Chapter::Papers,
        name: "study",
        title: "What moves MIR",
        words: |_| {
            "One {checkpoint} shows a number; many of them show what it follows. Papers about large models say what \
             lowers {MIR}, and what that is good for. Here the same was tried with small ones, one thing at a time, in \
             two ways: in one stage, and in two stages as in the MIR paper. Each claim has a card."
                .to_owned()
        },
        target: Landmark::Claims,
        enter: |store| study(store, StudyPart::Claims),
        task: None,
    },
    Step {
        chapter: Chapter::Papers,
        name: "amount",
        title: "Does more training bring it down?",
        words: amount,
        target: Landmark::Amount,
        enter: |store| study(store, StudyPart::Claims),
        task: None,
    },
    Step {
        chapter: Chapter::Papers,
        name: "claims",
        title: "Claim by claim",
        words: |_| {
            "Each card tells what the paper says, what was tried, and what was seen, with an outcome for each way. One \
             rule compares the ends with the {seed noise}: held, did not hold, or within noise. \u{201c}At chance\u{201d} \
             means that no setting answers better than chance. Where a claim held, settings between the ends may go \
             the other way by as much as the noise. Open the statistics for its numbers. A claim that did not hold in \
             models this small may hold in large ones."
                .to_owned()
        },
        target: Landmark::Amount,
        enter: |store| study(store, StudyPart::Claims),
        task: None,
    },
    Step {
        chapter: Chapter::Papers,
        name: "real",
        title: "With real parts",
        words: |store| {
            let verdict = store.real.results();
            let verdict = verdict.and_then(|real| real.sentences().into_iter().next());
            format!(
                "Two published models, and between them a {{connector}} that alone is trained. {} So look at what a \
                 model answers, too.",
                verdict.unwrap_or_default()
            )
        },
        target: Landmark::RealParts,
        enter: |store| study(store, StudyPart::RealParts),
        task: None,
    },
    Step {
        chapter: Chapter::Papers,
        name: "limits",
        title: "What it does not tell",
        words: |_| {
            "{MIR} says how far apart two {clouds} are, not whether answers are right. It depends on the \
             {definition}, the {text mask} and the number of {tokens}: compare like with like, the ends \
             of trainings that are equally long. Now run it on this device, or bring your own \
             model under Your data."
                .to_owned()
        },
        target: Landmark::Run,
        enter: |store| store.view.tab = Tab::Alignment,
        task: None,
    },
];

fn start(store: &mut Store, part: StartPart) {
    store.view.tab = Tab::Start;
    store.view.part = Some(part);
}

fn study(store: &mut Store, part: StudyPart) {
    store.view.tab = Tab::Study;
    store.view.study_shows = Some(part);
}

/// What the paper says about the amount of pre-training, and what became of it in each protocol.
fn amount(store: &Store) -> String {
    let mut text = "The paper that defined {MIR} reports that it falls as a {connector} is trained on more pairs."
        .to_owned();
    let Some(topic) = Topic::find("amount") else {
        return text;
    };
    for protocol in Protocol::ALL {
        let Some(results) = store.study_of(protocol).results() else {
            continue;
        };
        if let Some((claim, verdict)) = topic.judged(protocol, results).first() {
            text += &format!(" {}: {}", protocol.title(), plain(results, claim, verdict));
        }
    }
    text
}

fn can_see_a_pair(store: &Store) -> bool {
    store.is_live() || store.run().is_some_and(|run| !run.pairs.is_empty())
}

fn norms(store: &Store) -> String {
    let ratio = store
        .report()
        .and_then(|report| report.layers.first())
        .and_then(|layer| layer.norm_ratio());
    let here = match ratio {
        Some(ratio) if (0.8..1.25).contains(&ratio) => {
            format!("Here they happen to be about equally long: the {{norm ratio}} is {ratio:.2}.")
        }
        Some(ratio) => format!("Here the {{norm ratio}} after layer 1 is {ratio:.2}."),
        None => "Here the text has no length to compare with.".to_owned(),
    };
    format!(
        "Training gave words a typical {{norm}}. Nothing asks the {{connector}} to keep to it: in \
         large models {{vision tokens}} can enter some 30 times longer than words. {here} A \
         difference in length alone pulls the two {{clouds}} apart. Yet where they point different ways, too, {{MIR}} \
         is lowest for vision tokens somewhat shorter than words: it rises as they grow from there to the words' \
         length."
    )
}

fn sum(store: &Store) -> String {
    let numbers = store.report().map_or_else(String::new, |report| {
        let sum = report.sum();
        match report.mir {
            Some(mir) => format!(
                "Here {} {} up to {sum:.2}, and log10 of that is {mir:.3}.",
                counted(report.layers.len(), "layer"),
                if report.layers.len() == 1 {
                    "adds"
                } else {
                    "add"
                }
            ),
            None => "Here the sum is not positive, so there is no logarithm.".to_owned(),
        }
    });
    format!(
        "At each {{layer}} the {{Fréchet distance}} compares the two {{clouds}}: {{location}}, \
         {{spread}} and {{shape}}. {{MIR}} adds up all layers and takes the logarithm. {numbers} \
         Lower: the {{vision tokens}} lie nearer to the words."
    )
}

fn stake(store: &Store) -> String {
    let Some(contrast) = &store.contrast else {
        return format!("{STAKE} mirscope measures how near that comes to words: the {{MIR}}.");
    };
    let [fitting, shuffled] = contrast.sides();
    format!(
        "{STAKE} Two {{connectors}} learned for the same number of steps. With captions that fit, the model answers \
         {:.0} % of the {{held-out questions}} correctly and the {{MIR}} is {:.3}; with shuffled captions {:.0} %, and \
         {:.3}, farther from the words. That is more than {{seed noise}}, the bands.",
        100.0 * fitting.answered.value,
        fitting.mir(),
        100.0 * shuffled.answered.value,
        shuffled.mir()
    )
}

fn training(store: &Store) -> String {
    match store.along_training() {
        Some(words) => format!("Drag, or press play. {words}"),
        None => format!("Measure one model at several points of its training: {NO_PROGRESS}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::glossary::Term;

    #[test]
    fn steps_are_short_and_use_known_terms() {
        let store = Store::new();
        for step in &STEPS {
            let words = (step.words)(&store);
            assert!(words.len() < 480, "{}: {} letters", step.title, words.len());
            assert!(!words.contains("NaN"), "{words}");
            for part in words.split('{').skip(1) {
                let name = part.split('}').next().unwrap_or_default();
                assert!(Term::find(name).is_some(), "{}: `{name}`", step.title);
            }
        }
    }

    #[test]
    fn steps_have_names_of_their_own_and_chapters_are_whole() {
        let mut chapters: Vec<Chapter> = STEPS.iter().map(|step| step.chapter).collect();
        chapters.dedup();
        assert_eq!(chapters, Chapter::ALL);
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn numbers_are_those_of_the_recording() {
        let store = Store::new();
        let words = training(&store);
        let steps = store.riddles.steps();
        for step in [steps.first(), steps.last()] {
            let mir = format!("{:.3}", step.unwrap().mir);
            assert!(words.contains(&mir), "{mir} in {words}");
        }
        assert!(words.contains(NO_PROGRESS), "{words}");
        let words = stake(&store);
        for run in &store.runs[..2] {
            let mir = format!("{:.3}", run.report.mir.unwrap());
            assert!(words.contains(&mir), "{mir} in {words}");
        }
    }

    /// Band against band: where they touch, the step would claim too much.
    #[test]
    fn the_two_sides_differ_by_more_than_noise() {
        let contrast = Store::new().contrast.unwrap();
        let [fitting, shuffled] = contrast.sides().map(|side| contrast.band(side));
        assert!(fitting[1] < shuffled[0], "{fitting:?} {shuffled:?}");
    }
}
