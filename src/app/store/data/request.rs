//! What will be run, or why it cannot be.

use std::borrow::Cow;

use super::{Data, Inspected, Item, ModelChoice};
use crate::{
    engine::{
        DeviceSettings, ImageInput, MeasureRequest, MeasureSettings, MetricChoice, PairInput,
        PairSource,
    },
    report::TextMask,
    words::counted,
};

/// The pairs of the demo, which are there without anything brought.
const DEMO_PAIRS: usize = 128;

/// What a run would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The checkpoint, in words.
    pub model: String,
    /// The pairs, in words.
    pub pairs: String,
    /// How many pairs are run.
    pub number: usize,
    /// What is left out, or should be known.
    pub notes: Vec<String>,
    /// Why it cannot run; it can if there is none.
    pub refusals: Vec<String>,
}

impl Data {
    /// What a run would do.
    pub fn plan(&self) -> Plan {
        let mut plan = Plan {
            model: self.model.name(),
            ..Plan::default()
        };
        self.plan_model(&mut plan);
        let available = self.plan_pairs(&mut plan);
        plan.number = self
            .settings
            .num_pairs
            .map_or(available, |most| most.min(available));
        plan
    }

    fn plan_model(&self, plan: &mut Plan) {
        match &self.inspected {
            Inspected::Refused(reason) => plan.refusals.push(reason.clone()),
            Inspected::PlanWanted | Inspected::Planned(_) => plan
                .refusals
                .push("The checkpoint's files are not here yet: fetch them first.".to_owned()),
            Inspected::Wanted => plan
                .notes
                .push("The checkpoint is still being looked at.".to_owned()),
            Inspected::Known(inspection) if inspection.device.is_none() => {
                plan.refusals
                    .push("No adapter was found that could run it.".to_owned());
            }
            Inspected::Known(inspection) => plan.refusals.extend(inspection.obstacle.clone()),
            Inspected::Nothing => {}
        }
    }

    /// Says which pairs are run; gives how many there are.
    fn plan_pairs(&self, plan: &mut Plan) -> usize {
        if let Some(list) = &self.list {
            let (usable, wrong) = (list.usable(), list.wrong().count());
            plan.pairs = format!("{} of {}", counted(usable, "pair"), list.file.name());
            if wrong > 0 {
                let be = if wrong == 1 { "is" } else { "are" };
                plan.notes.push(format!(
                    "{} of the list {be} left out.",
                    counted(wrong, "line")
                ));
            }
            if !self.texts.is_empty() || !self.typed.trim().is_empty() {
                let note = "Loose texts are not used: the list brings its own.";
                plan.notes.push(note.to_owned());
            }
            if usable == 0 {
                let refusal = "No line of the list can be run.";
                plan.refusals.push(refusal.to_owned());
            }
            return usable;
        }
        if !self.has_pairs() {
            plan.pairs = format!("the demo's {DEMO_PAIRS} pairs, never trained on");
            return DEMO_PAIRS;
        }
        let (images, texts) = (self.usable_images().count(), self.all_texts().count());
        let wrong = self
            .images
            .iter()
            .filter(|item| item.wrong().is_some())
            .count()
            + self
                .texts
                .iter()
                .filter(|item| item.wrong().is_some())
                .count();
        if wrong > 0 {
            plan.notes.push(match wrong {
                1 => "1 file that cannot be used is left out.".to_owned(),
                _ => format!("{wrong} files that cannot be used are left out."),
            });
        }
        let reading = self.texts.iter().any(Item::is_open);
        match (images, texts) {
            _ if reading => plan
                .refusals
                .push("The texts are still being read.".to_owned()),
            (0, 0) => plan
                .refusals
                .push("None of the files can be used.".to_owned()),
            (_, 0) => plan
                .refusals
                .push("There are images but no text. Add texts, or a list of pairs.".to_owned()),
            (0, _) => plan
                .refusals
                .push("There are texts but no image. Add images.".to_owned()),
            _ => {}
        }
        let number = images.min(texts);
        plan.pairs = format!(
            "{} and {}, joined by the seed: {}",
            counted(images, "image"),
            counted(texts, "text"),
            counted(number, "pair")
        );
        if images != texts && number > 0 {
            let (more, what) = if images > texts {
                (images - texts, "image")
            } else {
                (texts - images, "text")
            };
            let rest = match more {
                1 => "has no partner and is not used",
                _ => "have no partner and are not used",
            };
            plan.notes.push(format!("{} {rest}.", counted(more, what)));
        }
        number
    }

    /// Images that were not found wrong; those not looked at yet are left to the run.
    pub(in crate::app::store) fn usable_images(&self) -> impl Iterator<Item = ImageInput> {
        self.images
            .iter()
            .filter(|item| item.wrong().is_none())
            .map(|item| ImageInput::Picked(item.file.clone()))
    }

    /// Texts with the names they are known by.
    fn all_texts(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        let files = self.texts.iter().filter_map(|item| {
            let text = item.ready()?;
            Some((Cow::Borrowed(item.file.path.as_str()), text.as_str()))
        });
        let typed = self.typed.lines().enumerate().filter_map(|(index, line)| {
            let line = line.trim();
            (!line.is_empty()).then(|| (format!("typed line {}", index + 1).into(), line))
        });
        files.chain(typed)
    }

    /// The run's name and what to measure.
    ///
    /// # Errors
    /// The plan's refusals.
    pub fn request(&self) -> Result<(String, MeasureRequest), Vec<String>> {
        let plan = self.plan();
        if !plan.refusals.is_empty() {
            return Err(plan.refusals);
        }
        let pairs = match &self.list {
            Some(list) => PairSource::Pairs {
                name: list.file.path.clone(),
                pairs: list
                    .pairs
                    .iter()
                    .filter_map(|(_, pair)| pair.as_ref().ok())
                    .cloned()
                    .collect::<Vec<PairInput>>(),
            },
            None if !self.has_pairs() => PairSource::Demo,
            None => PairSource::Unpaired {
                name: "the reader's images with the reader's texts".to_owned(),
                images: self.usable_images().collect(),
                texts: self
                    .all_texts()
                    .map(|(name, text)| (name.into_owned(), text.to_owned()))
                    .collect(),
            },
        };
        let mut settings = MeasureSettings {
            num_pairs: self.settings.num_pairs,
            metrics: MetricChoice::All,
            intervals: true,
            ..self.settings.clone()
        };
        if settings.definition.is_official() {
            // It reproduces the released script, masks included.
            settings.text_mask = TextMask::Official;
        }
        let mut name = self.model.name();
        if self.has_pairs() {
            name += ", own pairs";
        } else if matches!(self.model, ModelChoice::Demo(_)) {
            name += ", measured here";
        }
        let request = MeasureRequest {
            model: self.model.source(),
            pairs,
            device: DeviceSettings::default(),
            settings,
            keep: true,
        };
        Ok((name, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        platform::{FilePlace, PickedFile},
        report::Definition,
    };
    use std::sync::Arc;

    fn image(path: &str, number: u32) -> PickedFile {
        PickedFile {
            path: path.to_owned(),
            size: 1,
            place: FilePlace::Page(number),
        }
    }

    #[test]
    fn nothing_brought_means_the_demo() {
        let data = Data::default();
        let (name, request) = data.request().unwrap();
        assert_eq!(name, "Demo, measured here");
        assert!(matches!(request.pairs, PairSource::Demo) && request.keep);
        assert_eq!(data.plan().number, DEMO_PAIRS);
    }

    #[test]
    fn images_without_texts_are_refused_and_typed_lines_help() {
        let mut data = Data::default();
        let wake: crate::app::store::data::Wake = Arc::new(|| {});
        data.add(vec![image("a.png", 0), image("b.png", 1)], &wake);
        let refusals = data.request().unwrap_err();
        assert!(refusals[0].contains("no text"), "{refusals:?}");
        data.typed = "One cat.\n\n  Two dogs.\nThree mice.".to_owned();
        data.settings.definition = Definition::OfficialFast;
        data.settings.text_mask = TextMask::Content;
        let plan = data.plan();
        assert_eq!(plan.number, 2);
        assert!(plan.notes[0].contains("1 text has no partner"), "{plan:?}");
        let (_, request) = data.request().unwrap();
        assert_eq!(request.settings.text_mask, TextMask::Official);
        let PairSource::Unpaired { images, texts, .. } = request.pairs else {
            panic!("loose images and texts are joined by the seed");
        };
        assert_eq!((images.len(), texts.len()), (2, 3));
    }

    #[test]
    fn a_checkpoint_that_does_not_open_is_refused_before_the_run() {
        let data = Data {
            inspected: Inspected::Refused("config.json: no vision_config".to_owned()),
            ..Data::default()
        };
        assert_eq!(
            data.request().unwrap_err(),
            ["config.json: no vision_config"]
        );
    }
}
