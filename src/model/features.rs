//! What an image's tokens get from tower and connector.

use super::{
    Capture, CaptureRequest, ForwardInput, Hook, ModelError, Vlm, capture::Share, ops::Ops,
};
use crate::{
    families::{Rows, VisionSpec},
    gpu::{DType, Tensor},
    input::PixelValues,
    kernels::{blend_rows::blend_rows, gather_rows::gather_rows},
};

/// The features of all pictures, one picture's after another's.
pub(super) struct Features {
    /// What stands in the places of image tokens, `[image tokens, hidden]`.
    pub(super) own: Tensor,
    /// What is added to them behind the first decoder layers, the same shape each.
    pub(super) deep: Vec<Tensor>,
}

impl Features {
    /// These of some pictures among those of the pictures before them; `share` are their rows.
    fn stacked(
        self,
        ops: &mut Ops<'_>,
        before: Option<Self>,
        share: &Share,
    ) -> Result<Self, ModelError> {
        let Some(before) = before else {
            let deep = self.deep.into_iter().map(|rows| share.begun(ops, rows));
            return Ok(Self {
                deep: deep.collect::<Result<_, _>>()?,
                own: share.begun(ops, self.own)?,
            });
        };
        share.copy(ops, &self.own, &before.own)?;
        for (rows, all) in self.deep.iter().zip(&before.deep) {
            share.copy(ops, rows, all)?;
        }
        Ok(before)
    }
}

/// A picture, its tower positions and its image tokens.
type Picture<'a> = (&'a PixelValues, [usize; 2]);

impl Vlm {
    /// Tower and connector over the pictures of all prompts: some pictures together where the device gains by that, else
    /// picture by picture.
    pub(super) fn image_features(
        &self,
        ops: &mut Ops<'_>,
        inputs: &[ForwardInput<'_>],
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Features, ModelError> {
        let placeholders = inputs.iter().map(|input| input.vision.len()).sum();
        let none = ModelError::ImageTokens {
            expected: 0,
            found: placeholders,
        };
        let (Ok(vision), Some((tower, connector))) = (self.spec.vision(), &self.parts.eyes) else {
            return Err(none);
        };
        let states = vision.feature_states();
        let deep = vision.deepstack.iter().map(|deep| deep.state);
        let wanted: Vec<usize> = states.iter().copied().chain(deep).collect();
        let pictures = inputs.iter().flat_map(|input| input.pixel_values);
        let pictures: Vec<Picture<'_>> = pictures
            .map(|picture| (picture, rows_of(vision, picture)))
            .collect();
        let sums = |pictures: &[Picture<'_>]| {
            [0, 1].map(|part| pictures.iter().map(|(_, rows)| rows[part]).sum::<usize>())
        };
        let (all, mut first) = (sums(&pictures), [0; 2]);
        let mut features: Option<Features> = None;
        for some in together(&pictures, self.tower_rows()) {
            let own = sums(some);
            let shares = [0, 1].map(|part| Share {
                first: first[part],
                all: all[part],
            });
            first = [first[0] + own[0], first[1] + own[1]];
            let images = self.uploaded(some)?;
            ops.recording.mark("vision tower");
            let mut seen = Capture::default();
            let mut taken = tower.forward(ops, &images, &wanted, request, &mut seen)?;
            let deep = taken.split_off(states.len().min(taken.len()));
            if vision.normed_features {
                for state in &mut taken {
                    *state = tower.norm(ops, state)?;
                }
            }
            ops.recording.mark("connector");
            let rows: Vec<[usize; 2]> = some.iter().map(|(_, rows)| *rows).collect();
            let made = Features {
                own: connector.forward(ops, &taken, &rows)?,
                deep: connector.deep(ops, &deep)?,
            };
            seen.keep(request, Hook::ImageFeatures, &made.own);
            for (layer, deep) in (1..).zip(&made.deep) {
                seen.keep(request, Hook::DeepFeatures(layer), deep);
            }
            capture.stack(ops, seen, &shares)?;
            features = Some(made.stacked(ops, features, &shares[1])?);
        }
        // The check of the input leaves at least one picture.
        features.ok_or(none)
    }

    /// The pixels of the pictures on the device: those of one size together, and how many they are.
    fn uploaded(&self, pictures: &[Picture<'_>]) -> Result<Vec<(Tensor, usize)>, ModelError> {
        let groups = pictures.chunk_by(|(a, _), (b, _)| a.shape() == b.shape());
        let uploaded = groups.map(|group| {
            let [channels, height, width] = group.first().map_or([0; 3], |(one, _)| one.shape());
            let rows = group.len() * channels * height;
            let pixels = match group {
                [(only, _)] => self.gpu.upload(rows, width, &only.data)?,
                several => {
                    let all: Vec<&[f32]> = several.iter().map(|(it, _)| &it.data[..]).collect();
                    self.gpu.upload(rows, width, &all.concat())?
                }
            };
            Ok((pixels, group.len()))
        });
        uploaded.collect()
    }

    /// What the placeholders of all prompts take of the features of all pictures and of the learned rows; none where each
    /// takes the next feature.
    pub(super) fn rows_taken(&self, inputs: &[ForwardInput<'_>]) -> Option<Rows> {
        let vision = self.spec.vision.as_ref()?;
        let of = |input: &ForwardInput<'_>| features_of(vision, input);
        let parts: Vec<_> = inputs.iter().map(|input| (input.rows, of(input))).collect();
        Rows::joined(&parts)
    }

    /// The rows of all features that the placeholders take, `[placeholders, hidden]`.
    pub(super) fn taken(
        &self,
        ops: &mut Ops<'_>,
        rows: Option<&Rows>,
        features: Tensor,
    ) -> Result<Tensor, ModelError> {
        let Some(rows) = rows else {
            return Ok(features);
        };
        let indices = self.gpu.upload_indices(&rows.single)?;
        let taken = ops
            .gpu
            .tensor(DType::F32, rows.single.len(), features.cols())?;
        let learned = self.parts.eyes.iter();
        let learned = learned.flat_map(|(_, connector)| connector.learned());
        let learned = learned.map(|id| ops.values(*id));
        let tables: Vec<&Tensor> = std::iter::once(Ok(&features))
            .chain(learned)
            .collect::<Result<_, _>>()?;
        let mut first = 0;
        for table in tables {
            ops.recording
                .push(gather_rows(&indices, table, first, &taken, 0)?);
            first += table.rows();
        }
        if let Some(blended) = &rows.blended {
            let indices = self.gpu.upload_indices(&blended.rows)?;
            let weights = self
                .gpu
                .upload(1, blended.weights.len(), &blended.weights)?;
            ops.recording
                .push(blend_rows(&indices, &weights, &features, &taken)?);
        }
        Ok(taken)
    }
}

/// Tower positions and image tokens of a picture.
fn rows_of(vision: &VisionSpec, picture: &PixelValues) -> [usize; 2] {
    let rows = vision.rows_of(picture.height, picture.width);
    rows.unwrap_or_default()
}

/// Features of all pictures of a prompt.
pub(super) fn features_of(vision: &VisionSpec, input: &ForwardInput<'_>) -> usize {
    let pictures = input.pixel_values.iter();
    pictures.map(|picture| rows_of(vision, picture)[1]).sum()
}

/// Pictures that go through the tower together: the next ones with at most so many positions in all, or one alone.
fn together<'a, 'b>(
    pictures: &'a [Picture<'b>],
    most: usize,
) -> impl Iterator<Item = &'a [Picture<'b>]> {
    let mut rest = pictures;
    std::iter::from_fn(move || {
        let mut positions = 0;
        let fits = |(_, rows): &&Picture<'_>| {
            positions += rows[0];
            positions <= most
        };
        let count = rest.iter().take_while(fits).count();
        let count = count.max(1).min(rest.len());
        let (next, behind) = rest.split_at(count);
        rest = behind;
        (!next.is_empty()).then_some(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_go_together_as_far_as_their_positions_fit() {
        let picture = PixelValues {
            channels: 3,
            height: 1,
            width: 1,
            data: vec![0.0; 3],
        };
        let cut = |positions: &[usize], most| -> Vec<usize> {
            let pictures: Vec<Picture<'_>> = (positions.iter())
                .map(|positions| (&picture, [*positions, 1]))
                .collect();
            together(&pictures, most).map(<[_]>::len).collect()
        };
        assert_eq!(cut(&[5, 5, 5, 20, 3], 10), [2, 1, 1, 1]);
        assert_eq!(cut(&[5, 5, 5], 0), [1, 1, 1]);
        assert!(cut(&[], 10).is_empty());
    }
}
