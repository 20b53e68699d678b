//! What a conversation leaves on the device.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{super::EngineError, subject::Subject};
use crate::{
    families::{DecoderSpec, Layout},
    gpu::{Gpu, Recording},
    input::{PixelValues, Prompt},
    model::{Capture, KvCache, Vlm},
};

/// Rows by which a cache grows.
const STEP: usize = 128;

/// The tokens that the model has read, images among them.
pub(in crate::engine) struct Talk {
    pub(super) cache: KvCache,
    /// Those whose keys and values are in the cache.
    pub(in crate::engine) ids: Vec<u32>,
    /// Where those of the last prompt stand.
    layout: Layout,
    /// What tells the images from others.
    images: u64,
    /// The residual stream of the prompt with which the images were read, where that was watched.
    pub(super) stream: Option<Capture>,
    /// What was asked about last.
    pub(in crate::engine) subject: Option<Subject>,
}

impl Talk {
    /// What a new prompt shares with the conversation so far, which goes on with it: tokens that need not be
    /// read again. The cache gets room for `rows` tokens.
    pub(super) async fn continued(
        earlier: Option<Self>,
        (gpu, vlm): (&Gpu, &Vlm),
        prompt: &Prompt,
        images: u64,
        rows: usize,
    ) -> Result<(Self, usize), EngineError> {
        let rows = rows.next_multiple_of(STEP);
        let decoder = &vlm.spec().text;
        let past = earlier
            .as_ref()
            .map_or(0, |talk| talk.shared(prompt, images, decoder));
        let mut earlier = earlier;
        let stream = (earlier.as_mut()).and_then(|talk| talk.stream.take().filter(|_| past > 0));
        let cache = match earlier {
            Some(talk) if talk.cache.rows() >= rows => talk.cache,
            Some(talk) if past > 0 => {
                let cache = vlm.kv_cache(rows)?;
                let mut recording = Recording::new();
                talk.cache.copy_to(&mut recording, &cache, past)?;
                gpu.run(&recording).await?;
                cache
            }
            earlier => {
                // Both at once might not fit.
                drop(earlier);
                gpu.trim();
                vlm.kv_cache(rows)?
            }
        };
        let talk = Self {
            cache,
            ids: prompt.input_ids[..past].to_vec(),
            layout: prompt.layout.clone(),
            images,
            stream,
            subject: None,
        };
        Ok((talk, past))
    }

    /// Tokens of `prompt` that are in the cache as they would be read now.
    fn shared(&self, prompt: &Prompt, images: u64, decoder: &DecoderSpec) -> usize {
        let same = self
            .ids
            .iter()
            .zip(&prompt.input_ids)
            .take_while(|(a, b)| a == b);
        // The last token is read again, for what follows it.
        let past = same.count().min(prompt.input_ids.len() - 1);
        let of_images = prompt.vision.last().map_or(0, |last| *last as usize + 1);
        let stands = |token: usize| {
            let seen = prompt.layout.seen_from(token, None);
            prompt.layout.position(token) == self.layout.position(token)
                && seen == self.layout.seen_from(token, None)
                && seen[1] as usize <= past
        };
        let usable = self.images == images
            && past >= of_images
            && (0..past).all(stands)
            && !decoder.rope_scaling.by_length(prompt.input_ids.len());
        if usable { past } else { 0 }
    }
}

/// What tells the pictures of some images from those of others.
pub(super) fn fingerprint(pictures: &[PixelValues]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for picture in pictures {
        picture.shape().hash(&mut hasher);
        bytemuck::cast_slice::<f32, u8>(&picture.data).hash(&mut hasher);
    }
    hasher.finish()
}
