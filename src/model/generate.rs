//! Reading a prompt into a cache, and the steps that follow.

use super::{Capture, CaptureRequest, ForwardInput, KvCache, ModelError, Vlm, kv_cache::Memory};
use crate::{
    families::Layout,
    gpu::{Recording, Tensor},
};

impl Vlm {
    /// A cache with room for `rows` tokens of a prompt and of its answer.
    ///
    /// # Errors
    /// That it does not fit the device.
    pub fn kv_cache(&self, rows: usize) -> Result<KvCache, ModelError> {
        KvCache::new(&self.gpu, &self.spec.text, rows)
    }

    /// Records the reading of a prompt, of which the cache holds the first `past` tokens already, images
    /// among them. Returns the logits `[1, vocab]` of the token that follows.
    ///
    /// # Errors
    /// As [`Vlm::forward`]; [`ModelError::Cache`] where the cache has too little room, nothing is left to
    /// read, or an image would have to be read again.
    pub fn read(
        &self,
        recording: &mut Recording,
        input: &ForwardInput<'_>,
        cache: &KvCache,
        past: usize,
    ) -> Result<Tensor, ModelError> {
        let request = CaptureRequest::new();
        self.read_with(
            recording,
            input,
            (cache, past),
            &request,
            &mut Capture::default(),
        )
    }

    /// As [`Vlm::read`]; `capture` takes the states of what is read that are asked for, but no keys, which
    /// the cache holds.
    ///
    /// # Errors
    /// As [`Vlm::read`].
    pub fn read_with(
        &self,
        recording: &mut Recording,
        input: &ForwardInput<'_>,
        (cache, past): (&KvCache, usize),
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Tensor, ModelError> {
        let tokens = input.input_ids.len();
        let within = past < tokens && tokens <= cache.rows();
        let seen = input
            .vision
            .last()
            .is_none_or(|last| (*last as usize) < past);
        if !within || past > 0 && !seen {
            return Err(ModelError::Cache {
                past,
                tokens,
                rows: cache.rows(),
            });
        }
        let rest = match past {
            0 => *input,
            _ => ForwardInput::of_text(&input.input_ids[past..], input.layout),
        };
        let mut ops = self.ops(recording);
        let (embeds, seen) = self.embedded(&mut ops, &[rest], request, capture)?;
        let language_model = &self.parts.language_model;
        let memory = Memory { cache, past };
        let prompt = [(input.layout, embeds.rows())];
        let (place, seen) = ((&prompt[..], Some(memory)), seen.as_ref());
        let states = language_model.forward(&mut ops, &embeds, seen, place, request, capture)?;
        language_model.next(&mut ops, &states)
    }

    /// Records a step: the token whose id stands in `token`, `[1, 1]`, follows the `past` tokens of the
    /// cache, which began with a prompt of this `layout`. Returns the logits `[1, vocab]` of the token after
    /// it; `capture` takes the states that are asked for, but no keys, which the cache holds.
    ///
    /// # Errors
    /// As [`Vlm::read`].
    pub fn step(
        &self,
        recording: &mut Recording,
        token: &Tensor,
        (cache, past): (&KvCache, usize),
        layout: &Layout,
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Tensor, ModelError> {
        if past >= cache.rows() {
            return Err(ModelError::Cache {
                past,
                tokens: past + 1,
                rows: cache.rows(),
            });
        }
        let mut ops = self.ops(recording);
        let language_model = &self.parts.language_model;
        let embeds = language_model.embed(&mut ops, token)?;
        let prompt = [(layout, 1)];
        let place = (&prompt[..], Some(Memory { cache, past }));
        let states = language_model.forward(&mut ops, &embeds, None, place, request, capture)?;
        language_model.next(&mut ops, &states)
    }
}
