//! The vision part of a model in GGUF format: a file with tower and connector (`mmproj`) beside the decoder's.

mod config;
mod kind;
mod names;
mod processor;

use super::{
    super::{
        error::{CONVERT_AGAIN, WeightsError},
        source::ByteSource,
        undo::Undo,
    },
    header::Header,
    value::shortest,
};
use kind::Kind;

/// A vision part.
pub(super) struct Projector {
    pub(super) file: String,
    pub(super) header: Header,
    /// The decoder's file.
    model_file: String,
    kind: Kind,
    /// Whether the layers of MLPs have each other's names.
    exchanged: bool,
    /// Where the second half of the patch embedding's frames begins, where it lies apart.
    second_frame: Option<u64>,
}

/// What a vision part was made for.
pub(super) enum Opened {
    /// The decoder beside it.
    Fits(Box<Projector>),
    /// A decoder of another width.
    Misfit {
        /// The vision part's file.
        file: String,
        /// What says so.
        what: String,
        /// That width.
        width: u64,
    },
}

impl Projector {
    /// The vision part in `file` for a decoder of `width` in `model_file`.
    ///
    /// # Errors
    /// The file is damaged, or of a kind that is not supported.
    pub(super) fn open(
        source: &dyn ByteSource,
        file: &str,
        (model_file, width): (&str, Option<u64>),
    ) -> Result<Opened, WeightsError> {
        const MADE_FOR: &str = "clip.vision.projection_dim";
        let mut header = Header::read(source, file)?;
        let kind = Kind::of(&header.metadata);
        let outputs = kind.as_ref().ok().and_then(|kind| {
            let (last, axis) = kind.last();
            let outputs = *header.tensor(last)?.shape.get(axis)?;
            Some((last, outputs as u64))
        });
        let made_for = match outputs {
            None => header
                .metadata
                .count(MADE_FOR)?
                .map(|made| (MADE_FOR, made)),
            outputs => outputs,
        };
        if let Some((what, made_for)) = made_for
            && Some(made_for) != width
        {
            return Ok(Opened::Misfit {
                file: file.into(),
                what: what.into(),
                width: made_for,
            });
        }
        let kind = kind?;
        let second_frame = match kind.is_qwen() {
            true => join_frames(&mut header)?,
            false => None,
        };
        Ok(Opened::Fits(Box::new(Self {
            file: file.into(),
            model_file: model_file.into(),
            exchanged: kind.exchanged(&header)?,
            header,
            kind,
            second_frame,
        })))
    }

    /// A count among the tower's keys, where it is there.
    fn given(&self, key: &str) -> Result<Option<u64>, WeightsError> {
        self.header.metadata.count(&format!("clip.vision.{key}"))
    }

    /// A size that has to be there.
    fn count(&self, key: &str) -> Result<u64, WeightsError> {
        let count = self.given(key)?.filter(|count| *count > 0);
        count.ok_or_else(|| {
            let key = format!("clip.vision.{key}");
            self.header.metadata.wrong(&key, "a size from 1 on")
        })
    }

    /// Side of the blocks of patches that become one of Qwen's tokens.
    fn merge(&self) -> Result<u64, WeightsError> {
        Ok(self.given("spatial_merge_size")?.unwrap_or(2))
    }

    /// The name of a decoder's tensor in the whole model.
    pub(super) fn of_decoder(&self, name: String) -> String {
        names::of_decoder(self.kind, name)
    }

    /// The name of one of the part's own tensors in the whole model, and what was done to it.
    pub(super) fn named(&self, name: &str) -> (String, Undo) {
        let undo = match (self.kind, name, self.second_frame) {
            (Kind::Gemma3, "mm.soft_emb_norm.weight", _) => Undo::Plus1,
            (_, PATCHES, Some(second)) => Undo::Frames { second },
            _ => Undo::Nothing,
        };
        (names::of_part(self.kind, name, self.exchanged), undo)
    }
}

/// The patch embedding, or the first half of its frames.
const PATCHES: &str = "v.patch_embd.weight";
/// The other half.
const SECOND: &str = "v.patch_embd.weight.1";

/// Makes one tensor of the two halves of a patch embedding; where the second one begins.
fn join_frames(header: &mut Header) -> Result<Option<u64>, WeightsError> {
    let file = header.metadata.file.clone();
    let Some(place) = header.tensors.iter().position(|t| t.name == SECOND) else {
        return Ok(None);
    };
    let second = header.tensors.remove(place);
    let mut tensors = header.tensors.iter_mut();
    let first = tensors.find(|tensor| tensor.name == PATCHES);
    match first {
        Some(first)
            if first.shape.len() == 4
                && (&first.shape, first.dtype) == (&second.shape, second.dtype) =>
        {
            first.shape.insert(2, 2);
            Ok(Some(second.begin))
        }
        first => Err(WeightsError::HeaderEntry {
            file,
            tensor: SECOND.into(),
            expected: match first {
                Some(first) => format!("{:?} {:?}, as {PATCHES}", first.dtype, first.shape),
                None => format!("{PATCHES} beside it"),
            },
            found: format!("{:?} {:?}", second.dtype, second.shape),
            advice: CONVERT_AGAIN,
        }),
    }
}
