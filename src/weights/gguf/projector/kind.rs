//! The kinds of vision parts that have a family here.

use super::super::{super::error::WeightsError, header::Header, value::Metadata};

/// A kind, as `clip.projector_type` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// LLaVA 1.5: CLIP and two linear layers.
    Llava,
    /// Gemma 3: SigLIP, averaged, and one linear layer.
    Gemma3,
    /// Idefics3 and SmolVLM: SigLIP over tiles, pixels shuffled, one linear layer.
    Idefics3,
    /// InternVL: InternViT over tiles, pixels shuffled, a norm and two linear layers.
    InternVl,
    /// Qwen2-VL: a tower for pictures of any size, blocks of patches merged.
    Qwen2Vl,
    /// Qwen2.5-VL: the same with windows and gated MLPs.
    Qwen25Vl,
}

/// The kinds by name.
const KNOWN: [(&str, Kind); 6] = [
    ("mlp", Kind::Llava),
    ("gemma3", Kind::Gemma3),
    ("idefics3", Kind::Idefics3),
    ("internvl", Kind::InternVl),
    ("qwen2vl_merger", Kind::Qwen2Vl),
    ("qwen2.5vl_merger", Kind::Qwen25Vl),
];

impl Kind {
    /// The kind of a file.
    ///
    /// # Errors
    /// It has no family here.
    pub(super) fn of(metadata: &Metadata) -> Result<Self, WeightsError> {
        const KEY: &str = "clip.projector_type";
        const NEWER: &str = "clip.vision.projector_type";
        let (key, named) = match metadata.text(KEY)? {
            None => (NEWER, metadata.text(NEWER)?),
            named => (KEY, named),
        };
        // Files of LLaVA's first converter have this flag instead.
        let flag = || metadata.flag("clip.has_llava_projector");
        let named = match named {
            None if flag()? == Some(true) => Some("mlp"),
            named => named,
        };
        let known = |named: &str| KNOWN.iter().find(|(name, _)| *name == named);
        match named.and_then(known) {
            Some((_, kind)) => Ok(*kind),
            None => Err(WeightsError::Unsupported {
                file: metadata.file.clone(),
                field: if named.is_some() { key } else { KEY }.into(),
                found: named.unwrap_or("absent").chars().take(40).collect(),
                supported: "mlp (LLaVA 1.5), gemma3, idefics3 (and SmolVLM), internvl, \
                            qwen2vl_merger, qwen2.5vl_merger"
                    .into(),
            }),
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        let mut known = KNOWN.iter();
        known
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }

    /// The architectures of the decoders that it goes with.
    pub(super) fn decoders(self) -> &'static [&'static str] {
        match self {
            Self::Llava => &["llama"],
            Self::Gemma3 => &["gemma3"],
            Self::Idefics3 | Self::InternVl => &["llama", "qwen2", "qwen3"],
            Self::Qwen2Vl | Self::Qwen25Vl => &["qwen2vl"],
        }
    }

    /// The tokens that stand for images in a prompt: the placeholder first, then what is set around it.
    pub(super) fn tokens(self) -> &'static [&'static str] {
        match self {
            Self::Llava => &[],
            Self::Gemma3 => &["<image_soft_token>", "<start_of_image>", "<end_of_image>"],
            Self::Idefics3 => &["<image>", "<fake_token_around_image>", "<global-img>"],
            Self::InternVl => &["<IMG_CONTEXT>", "<img>", "</img>"],
            Self::Qwen2Vl | Self::Qwen25Vl => {
                &["<|image_pad|>", "<|vision_start|>", "<|vision_end|>"]
            }
        }
    }

    /// The tensor whose outputs the decoder takes, and which of its sizes tells how many they are.
    pub(super) fn last(self) -> (&'static str, usize) {
        match self {
            Self::Llava | Self::Qwen2Vl | Self::Qwen25Vl => ("mm.2.weight", 0),
            // Stored the other way round.
            Self::Gemma3 => ("mm.input_projection.weight", 1),
            Self::Idefics3 => ("mm.model.fc.weight", 0),
            Self::InternVl => ("mm.model.mlp.3.weight", 0),
        }
    }

    pub(super) fn is_qwen(self) -> bool {
        matches!(self, Self::Qwen2Vl | Self::Qwen25Vl)
    }

    /// Whether the names of an MLP's layers are exchanged, as in files of older converters.
    pub(super) fn exchanged(self, header: &Header) -> Result<bool, WeightsError> {
        let hidden = header.metadata.count("clip.vision.embedding_length")?;
        let down = header.tensor("v.blk.0.ffn_down.weight");
        Ok(down.is_some_and(|down| {
            let inputs = down.shape.last().map(|size| *size as u64);
            let square = down.shape.first() == down.shape.last();
            inputs == hidden && (!square || self == Self::Llava)
        }))
    }
}
