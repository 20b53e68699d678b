//! What a driver may do to a run: every buffer refused in turn for want of memory, the device lost at every submission
//! and at every wait. Each ends in one sentence, and the same session measures rightly afterwards.

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, ops::Range, path::PathBuf};

    use crate::{
        engine::{
            Command, DeviceSettings, Event, Extra, ImageInput, MeasureRequest, MeasureSettings,
            ModelSource, PairInput, PairSource, Session, Stage,
        },
        gpu::faults::{self, Fault},
        platform::{Cancel, native::block_on},
        report::Report,
    };

    const FAULTS: [Fault; 3] = [Fault::NoMemory, Fault::LostBetween, Fault::LostWaiting];

    /// A measurement of a small checkpoint: of one pair, or of several with all that can be computed of them.
    fn measurement(everything: bool) -> Command {
        let folder =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/clip_mlp_gqa_tied_f32");
        let texts = [
            "A small cat.",
            "Two dogs and a bird.",
            "A red square is above the circle.",
        ];
        let pair = |text: &&str| {
            let image = ImageInput::Path(folder.join("image.png"));
            PairInput::new(image, *text)
        };
        let count = if everything { texts.len() } else { 1 };
        Command::Measure(Box::new(MeasureRequest {
            model: ModelSource::Folder(folder.clone()),
            pairs: PairSource::Pairs {
                name: "pairs".to_owned(),
                pairs: texts[..count].iter().map(pair).collect(),
            },
            device: DeviceSettings {
                // No other is to stand in for one that fails.
                adapter: Some("0".to_owned()),
                ..DeviceSettings::default()
            },
            settings: MeasureSettings {
                also: match everything {
                    true => Extra::ALL.to_vec(),
                    false => Vec::new(),
                },
                intervals: everything,
                ..MeasureSettings::default()
            },
            keep: true,
        }))
    }

    /// The last event of a command, and the stages that it came to, each with what could have happened before.
    fn carry_out(session: &mut Session, command: Command) -> (Event, Vec<(Stage, [usize; 3])>) {
        let (mut last, mut stages) = (None, Vec::<(Stage, [usize; 3])>::new());
        let hear = &mut |event| {
            if let Event::Progress { stage, .. } = &event
                && stages.last().is_none_or(|(before, _)| before != stage)
            {
                stages.push((*stage, FAULTS.map(faults::occasions)));
            }
            last = Some(event);
        };
        block_on(session.run(command, &Cancel::default(), hear));
        (last.unwrap(), stages)
    }

    #[track_caller]
    fn report(session: &mut Session, everything: bool) -> Report {
        match carry_out(session, measurement(everything)).0 {
            Event::Report(report) => *report,
            other => panic!("expected a report, found {other:?}"),
        }
    }

    /// A run that nothing happens to.
    struct Undisturbed {
        report: Report,
        /// The stages, each with how often each fault could have happened before it.
        stages: Vec<(Stage, [usize; 3])>,
        occasions: [usize; 3],
        /// Who asked for each buffer.
        sites: Vec<String>,
    }

    impl Undisturbed {
        fn new(everything: bool) -> Self {
            faults::count();
            let (event, stages) = carry_out(&mut Session::default(), measurement(everything));
            let Event::Report(report) = event else {
                panic!("expected a report, found {event:?}");
            };
            let occasions = FAULTS.map(faults::occasions);
            println!("{occasions:?} buffers, submissions and waits");
            Self {
                report: *report,
                stages,
                occasions,
                sites: faults::sites(),
            }
        }

        /// The occasions of a stage for a fault.
        fn within(&self, stage: Stage, fault: Fault) -> Range<usize> {
            let kind = fault as usize;
            let at = self
                .stages
                .iter()
                .position(|(name, _)| *name == stage)
                .unwrap();
            let next = self.stages.get(at + 1);
            let end = next.map_or(self.occasions, |(_, before)| *before);
            self.stages[at].1[kind]..end[kind]
        }
    }

    /// Has a fault happen, and returns the stage in which it did.
    #[track_caller]
    fn survives(fault: Fault, nth: usize, everything: bool, expected: &Report) -> Stage {
        let mut session = Session::default();
        faults::plan(fault, nth);
        let (event, stages) = carry_out(&mut session, measurement(everything));
        assert!(!faults::is_due(), "{fault:?} {nth} did not happen");
        let Event::Failed(sentence) = event else {
            panic!("{fault:?} {nth} went unnoticed: {event:?}");
        };
        let (begin, end) = match fault {
            Fault::NoMemory => ("adapter `", "close what else uses it"),
            Fault::LostBetween | Fault::LostWaiting => ("the device was lost (", "); run again"),
        };
        let is_told = sentence.starts_with(begin) && sentence.ends_with(end);
        assert!(
            is_told && sentence.lines().count() == 1,
            "{fault:?} {nth}: {sentence}"
        );
        assert!(session.device.is_none() && session.loaded.is_none() && session.live.is_none());
        let found = report(&mut session, everything);
        assert_eq!(
            found.mir.map(f64::to_bits),
            expected.mir.map(f64::to_bits),
            "{fault:?} {nth}"
        );
        assert_eq!(
            (&found.layers, &found.metrics),
            (&expected.layers, &expected.metrics),
            "{fault:?} {nth}"
        );
        stages.last().unwrap().0
    }

    #[test]
    fn memory_that_is_refused_is_told_and_a_later_run_is_right() {
        let fault = Fault::NoMemory;
        let run = Undisturbed::new(false);
        assert_eq!(run.sites.len(), run.occasions[fault as usize]);
        let places: BTreeSet<&String> = run.sites.iter().collect();
        println!("asked for in {} places", places.len());
        for stage in [Stage::Device, Stage::Load, Stage::Forward, Stage::Metric] {
            // The first buffer that each place asks for: that of the first place, of the middle one and the last.
            let numbers = run.within(stage, fault);
            let is_first =
                |&number: &usize| !run.sites[numbers.start..number].contains(&run.sites[number]);
            let firsts: Vec<usize> = numbers.clone().filter(is_first).collect();
            let last = firsts
                .len()
                .checked_sub(1)
                .expect("a stage that asks for memory");
            for nth in BTreeSet::from([0, last / 2, last].map(|index| firsts[index])) {
                let found = survives(fault, nth, false, &run.report);
                println!("{nth} ({}): {found:?}", run.sites[nth]);
                assert_eq!(found, stage, "{nth}");
            }
        }
    }

    #[test]
    fn a_device_lost_on_the_way_is_told_and_a_later_run_is_right() {
        let run = Undisturbed::new(false);
        for fault in [Fault::LostBetween, Fault::LostWaiting] {
            for stage in [Stage::Forward, Stage::Metric] {
                let numbers = run.within(stage, fault);
                assert!(!numbers.is_empty(), "{fault:?} in {stage:?}");
                for nth in BTreeSet::from([numbers.start, numbers.end - 1]) {
                    assert_eq!(
                        survives(fault, nth, false, &run.report),
                        stage,
                        "{fault:?} {nth}"
                    );
                }
            }
        }
    }

    #[test]
    #[ignore = "each buffer, submission and wait in turn, with all metrics: many minutes"]
    fn no_fault_of_a_driver_does_harm() {
        for everything in [false, true] {
            let run = Undisturbed::new(everything);
            for (fault, count) in FAULTS.into_iter().zip(run.occasions) {
                for nth in 0..count {
                    survives(fault, nth, everything, &run.report);
                }
            }
        }
    }
}
