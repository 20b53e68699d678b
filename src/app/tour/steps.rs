//! What the tour says, shows and asks for. All numbers come from the runs that are loaded.

use super::Landmark;
use crate::{
    app::store::{Origin, Run, Store, Tab, View},
    report::Report,
    words::counted,
};

/// One step.
pub(super) struct Step {
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

/// All steps in their order.
pub(super) const STEPS: [Step; 9] = [
    Step {
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
        title: "What a patch says",
        words: |_| {
            "The {logit lens} asks after every {layer}: if this {token} were a word, which one would \
             it be? Follow the rows downwards. Where words fit the picture, the model has read the \
             {patch}."
                .to_owned()
        },
        target: Landmark::Lens,
        enter: |store| store.view.tab = Tab::Eyes,
        task: None,
    },
    Step {
        title: "Why its length differs",
        words: norms,
        target: Landmark::Clouds,
        enter: |store| {
            store.view.tab = Tab::Alignment;
            store.view.layer = 1;
        },
        task: None,
    },
    Step {
        title: "What the connector does",
        words: |_| {
            "The {connector} moves and turns the {cloud} of {vision tokens} so that the {language \
             model} can use it. In this demo it is the only part that was trained on images and text \
             together. Often it leaves the two clouds apart, and the {layers} bring them closer."
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
        title: "What training changes",
        words: training,
        target: Landmark::Compare,
        enter: |store| store.view.tab = Tab::Compare,
        task: None,
    },
    Step {
        title: "What moves MIR",
        words: |_| {
            "One {checkpoint} shows a number; a family of them shows what it follows. Here one thing is \
             varied at a time, and each {checkpoint} has answered {held-out questions}. Where {MIR} falls \
             and the score rises beyond the {seed noise}, a claim of the papers held here; where not, \
             that is said, too."
                .to_owned()
        },
        target: Landmark::Family,
        enter: |store| store.view.tab = Tab::Family,
        task: None,
    },
    Step {
        title: "What it does not tell",
        words: |_| {
            "{MIR} says how alike two {clouds} are, not whether answers are right. It depends on the \
             {definition}, the {text mask} and the number of {tokens}: compare like with like. Now \
             run the demo on this device, or bring your own model under Your data."
                .to_owned()
        },
        target: Landmark::Run,
        enter: |store| store.view.tab = Tab::Alignment,
        task: None,
    },
];

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
         difference in length alone pulls the two {{clouds}} apart."
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
         Lower means closer."
    )
}

/// The recorded runs, in the order of training.
fn recorded(store: &Store) -> Vec<&Run> {
    let runs = store.runs.iter();
    let mut recorded: Vec<&Run> = runs.filter(|run| run.origin == Origin::Recorded).collect();
    recorded.sort_by_key(|run| run.training_samples);
    recorded
}

/// What a step of the training is called.
fn step_name(run: &Run) -> &str {
    let name = run.name.as_str();
    name.strip_prefix("Demo, ").unwrap_or("trained")
}

fn training(store: &Store) -> String {
    let runs = recorded(store);
    let known: Option<Vec<(&Run, f64)>> = runs
        .iter()
        .map(|run| run.report.mir.map(|mir| (*run, mir)))
        .collect();
    let (Some(known), true) = (known, runs.len() > 1) else {
        return "Measure one model at several points of its training, and compare: a falling {MIR} \
                says that image and text come closer together."
            .to_owned();
    };
    let steps: Vec<String> = known
        .iter()
        .map(|(run, mir)| format!("{mir:.3} ({})", step_name(run)))
        .collect();
    let (first, last) = (&known[0], &known[known.len() - 1]);
    let answers = match (first.0.answered, last.0.answered) {
        (Some(before), Some(after)) => format!(
            " Meanwhile correct answers went from {:.0} % to {:.0} %.",
            before * 100.0,
            after * 100.0
        ),
        _ => String::new(),
    };
    format!(
        "The paper finds a lower {{MIR}} in models that were aligned better. In this small demo it goes \
         {}.{answers} {}",
        steps.join(", "),
        verdict((&first.0.report, first.1), (&last.0.report, last.1))
    )
}

/// Whether training brought the clouds together, and why it might not have.
fn verdict(first: (&Report, f64), last: (&Report, f64)) -> String {
    if last.1 < first.1 {
        return "The two {clouds} came closer together.".to_owned();
    }
    let ratio = first
        .0
        .layers
        .first()
        .and_then(|layer| layer.norm_ratio())
        .unwrap_or(f64::NAN);
    format!(
        "It does not fall: the untrained {{connector}}'s tokens already have a {{norm ratio}} of \
         {ratio:.2}, so there was no great difference in length to close. A better model need not \
         have a lower MIR."
    )
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
    fn training_is_told_as_the_reports_have_it() {
        let store = Store::new();
        let runs = recorded(&store);
        if let [first, .., last] = runs.as_slice() {
            let words = training(&store);
            let mir = |run: &Run| format!("{:.3}", run.report.mir.unwrap());
            assert!(
                words.contains(&mir(first)) && words.contains(&mir(last)),
                "{words}"
            );
            assert_eq!(
                words.contains("It does not fall"),
                last.report.mir >= first.report.mir,
                "{words}"
            );
        }
    }
}
