//! A shard of a measurement: the model runs over its pairs, and their states go into a file of statistics.

use super::{
    piece::{PIECE_FORMAT, Piece},
    write::Begun,
};
use crate::{
    engine::{
        EngineError, MeasureSettings, Session, ShardRequest, ShardSummary,
        forward::{Forward, Rate, Targets},
        measure::{images, prompt_form},
        news::News,
        pairs,
        prepare::{Prepared, prepare_each},
        refused_shard, sum,
    },
    report::Skipped,
    words::counted,
};

impl Session {
    /// Runs the model over the pairs of a shard, and writes its file of statistics. Goes on where an interrupted run of
    /// the same request stopped.
    ///
    /// # Errors
    /// Whatever stands in the way. What is whole of the pairs then stays beside the file, for the next run.
    pub(in crate::engine) async fn measure_shard(
        &mut self,
        request: ShardRequest,
        news: &mut News<'_>,
    ) -> Result<ShardSummary, EngineError> {
        let ShardRequest {
            measure,
            shard,
            file,
            unread,
            notes,
            anew,
        } = request;
        let settings = MeasureSettings {
            memory_budget: None,
            export_states: None,
            ..measure.settings
        };
        settings.check()?;
        self.live = None;
        self.talk = None;
        let gpu = self.device(&measure.device, news).await?;
        let loaded = self.model(&gpu, measure.model, true, news).await?;
        // Those before are about this run, not about its pairs.
        let noted = news.notes.len();
        news.note_all(loaded.checkpoint.notes());
        let checkpoint = sum::of_checkpoint(&loaded.checkpoint, news).await?;
        let chosen = pairs::choose(measure.pairs, &settings).await?;
        news.note_all(chosen.notes);
        let total = chosen.pairs.len() as u64;
        let pairs_sum = sum::of_pairs(&chosen.pairs);
        let own = (0..).zip(chosen.pairs);
        let (numbers, inputs): (Vec<u64>, Vec<_>) =
            own.filter(|(number, _)| shard.has(*number)).unzip();
        if inputs.is_empty() {
            return Err(refused_shard(shard, total));
        }
        let (prepared, skipped) = prepare_each(&loaded.processor, inputs, &settings, news).await?;
        let number = |index: usize| numbers.get(index).copied().unwrap_or_default();
        let skipped: Vec<(u64, Skipped)> = (skipped.into_iter())
            .map(|(index, skipped)| (number(index), skipped))
            .collect();
        let left = |number: &u64| !skipped.iter().any(|(other, _)| other == number);
        let numbers: Vec<u64> = numbers.iter().copied().filter(left).collect();
        let summary = ShardSummary {
            file: file.clone(),
            shard,
            pairs: prepared.len(),
            of_pairs: total,
            skipped: skipped.len(),
            before: 0,
        };
        let prompt = settings.prompt;
        let piece = Piece {
            format: PIECE_FORMAT,
            shard: shard.number,
            of: shard.of,
            pairs: total,
            settings,
            checkpoint,
            pairs_sum,
            unread,
            skipped,
            model: loaded.summary.clone(),
            source: chosen.source,
            prompt: prompt_form(&loaded.processor, prompt),
            device: gpu.summary(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            images: images(&prepared),
            notes: (notes.into_iter())
                .chain(news.notes.get(noted..).unwrap_or_default().iter().cloned())
                .collect(),
        };
        let text_mask = piece.settings.text_mask;
        let begun = Begun::of(&file, &piece, &prepared, &numbers, anew, news.cancel)?;
        let mut writer = match begun {
            Begun::Whole => {
                news.note("the file is whole already: nothing ran again".to_owned());
                return Ok(ShardSummary {
                    before: summary.pairs,
                    ..summary
                });
            }
            Begun::UnderWay(writer) => writer,
        };
        let before = writer.pairs();
        if before > 0 {
            news.note(format!(
                "an interrupted run has left the states of {}, which {} not run again",
                counted(before, "pair"),
                match before {
                    1 => "does",
                    _ => "do",
                }
            ));
        }
        let left: Vec<&Prepared> = prepared.iter().skip(before).collect();
        let forward = Forward {
            gpu: &gpu,
            vlm: &loaded.vlm,
            processor: &loaded.processor,
            states: &[],
            kept_states: 0,
            also: &[],
            text_mask,
            budget: gpu.usual_budget(),
        };
        let mut targets = Targets {
            rate: Rate::Nobody,
            metrics: &mut [],
            kept: None,
            export: Some(&mut writer),
        };
        forward.run(&left, &mut targets, news).await?;
        news.end();
        writer.finish()?;
        Ok(ShardSummary { before, ..summary })
    }
}
