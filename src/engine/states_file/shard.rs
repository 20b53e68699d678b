//! A shard of a measurement: the model runs over its pairs, and their states go into a file of statistics.

use super::{
    kept::Keeping,
    piece::{PIECE_FORMAT, Piece},
    source::measured,
    sums::{SumsRun, sums_fit},
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
        vocabulary::vocabulary_of,
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
            save_seconds,
        } = request;
        let budget = measure.settings.memory_budget;
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
            sums: false,
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
        let measured = measured(&piece.settings, piece.model.num_hidden_layers);
        let forward = |states| Forward {
            gpu: &gpu,
            vlm: &loaded.vlm,
            processor: &loaded.processor,
            states,
            kept_states: 0,
            also: &piece.settings.also,
            text_mask,
            budget: gpu.trimmed_budget(),
        };
        let tokens: Vec<[usize; 2]> = (prepared.iter())
            .map(|pair| [pair.prompt.vision.len(), pair.text(text_mask).len()])
            .collect();
        let all = prepared
            .iter()
            .map(|pair| pair.prompt.input_ids.len())
            .sum();
        if sums_fit(&gpu, &piece, (all, &tokens), budget, news)? {
            let run = SumsRun {
                piece: &piece,
                forward: forward(&measured),
                prepared: &prepared,
                numbers: &numbers,
                tokens: &tokens,
                path: &file,
                vocabulary: vocabulary_of(&piece.settings, &loaded),
                anew,
                save_seconds,
            };
            let (before, is_whole) = run.run(news).await?;
            news.note_all(told(before, is_whole));
            let sums = true;
            return Ok(ShardSummary {
                before,
                sums,
                ..summary
            });
        }
        let sizes = [piece.model.num_hidden_layers, piece.model.hidden_size];
        let keeping = Keeping::new(&piece.settings, &loaded, &prepared, sizes);
        let begun = Begun::of(
            &file,
            (&piece, keeping),
            &prepared,
            &numbers,
            anew,
            news.cancel,
        )?;
        let mut writer = match begun {
            Begun::Whole => {
                news.note_all(told(summary.pairs, true));
                return Ok(ShardSummary {
                    before: summary.pairs,
                    ..summary
                });
            }
            Begun::UnderWay(writer) => writer,
        };
        let before = writer.pairs();
        news.note_all(told(before, false));
        let left: Vec<&Prepared> = prepared.iter().skip(before).collect();
        let mut targets = Targets {
            rate: Rate::Nobody,
            metrics: &mut [],
            kept: None,
            export: Some(&mut writer),
        };
        forward(&[]).run(&left, &mut targets, news).await?;
        news.end();
        writer.finish()?;
        Ok(ShardSummary { before, ..summary })
    }
}

/// What there was already of a shard: so many pairs, or the whole file.
fn told(before: usize, is_whole: bool) -> Option<String> {
    if is_whole {
        return Some("the file is whole already: nothing ran again".to_owned());
    }
    let word = if before == 1 { "does" } else { "do" };
    (before > 0).then(|| {
        let pairs = counted(before, "pair");
        format!("an interrupted run has left the states of {pairs}, which {word} not run again")
    })
}
