//! The tokens of all pairs in a plane, from kept states.

use super::{super::EngineError, explore::Live, kept::KeptRows};
use crate::{
    alignment::{Plane, PlanePoints, Projector},
    gpu::Tensor,
    platform::Cancel,
    report::{Axes, PlaneAxes, ProjectedToken, Projection},
};

impl Live<'_> {
    /// The tokens of both modalities at `state`.
    ///
    /// # Errors
    /// [`EngineError::StatesNotKept`], [`EngineError::NoSuch`] state, and what the device reports.
    pub(super) async fn projection(
        &self,
        state: usize,
        axes: Axes,
        cancel: &Cancel,
    ) -> Result<Projection, EngineError> {
        let points = self.points(state, axes, cancel).await?;
        Ok(self.place(state, axes, points))
    }

    /// The same as points, in the order of the pairs and of their prompts.
    ///
    /// # Errors
    /// Those of [`Live::projection`].
    pub(super) async fn points(
        &self,
        state: usize,
        axes: Axes,
        cancel: &Cancel,
    ) -> Result<PlanePoints, EngineError> {
        let (run, kept) = (self.run, self.kept()?);
        let tokens = self.state(&kept, state)?;
        let projector = self.projector(&kept, cancel);
        Ok(match axes {
            Axes::Own => {
                let plane = projector.plane(std::slice::from_ref(tokens), state).await?;
                projector.project(tokens, state, &plane).await?
            }
            Axes::Shared => {
                // The same for every state: found once.
                let plane = match run.shared_plane.get() {
                    Some(plane) => plane.clone(),
                    None => projector.plane(&kept.states[1..], 1).await?,
                };
                run.shared_plane.get_or_init(|| plane.clone());
                projector.project(tokens, state, &plane).await?
            }
        })
    }

    /// The axes of [`Axes::Own`] at `state`.
    ///
    /// # Errors
    /// Those of [`Self::projection`].
    pub(super) async fn plane(
        &self,
        state: usize,
        cancel: &Cancel,
    ) -> Result<PlaneAxes, EngineError> {
        let kept = self.kept()?;
        let tokens = self.state(&kept, state)?;
        let projector = self.projector(&kept, cancel);
        let plane = projector.plane(std::slice::from_ref(tokens), state).await?;
        Ok(plane.axes(self.gpu).await?)
    }

    /// The tokens of both modalities at `state` on axes that another run gave.
    ///
    /// # Errors
    /// Those of [`Self::projection`], and axes that are not as wide as a token.
    pub(super) async fn on_plane(
        &self,
        state: usize,
        axes: &PlaneAxes,
        cancel: &Cancel,
    ) -> Result<Projection, EngineError> {
        let kept = self.kept()?;
        let tokens = self.state(&kept, state)?;
        let plane = Plane::of(self.gpu, axes, tokens.cols())?;
        let projector = self.projector(&kept, cancel);
        let points = projector.project(tokens, state, &plane).await?;
        Ok(self.place(state, Axes::Shared, points))
    }

    /// The tokens of all pairs.
    fn kept(&self) -> Result<KeptRows, EngineError> {
        Ok(self.run.states()?.first(self.run.prepared.len()))
    }

    /// The tokens at a state.
    fn state<'s>(&self, kept: &'s KeptRows, state: usize) -> Result<&'s Tensor, EngineError> {
        EngineError::check_choice("state", state, 0..=self.run.states.len())?;
        Ok(&kept.states[state])
    }

    fn projector<'s>(&'s self, kept: &'s KeptRows, cancel: &'s Cancel) -> Projector<'s> {
        Projector {
            gpu: self.gpu,
            vision: &kept.rows[0],
            text: &kept.rows[1],
            cancel,
        }
    }

    /// Says of each token which pair it belongs to, and takes as many as are shown.
    fn place(&self, state: usize, axes: Axes, points: PlanePoints) -> Projection {
        let PlanePoints {
            points: [vision, text],
            shapes: [vision_shape, text_shape],
            explained,
        } = points;
        let pairs = || (0..).zip(&self.run.prepared);
        let of_vision = pairs().flat_map(|(pair, prepared)| {
            let positions = prepared.prompt.vision.iter();
            positions.map(move |&position| (pair, position))
        });
        let of_text = pairs().flat_map(|(pair, prepared)| {
            let positions = prepared.text(self.run.text_mask).iter();
            positions.map(move |&position| (pair, position))
        });
        Projection {
            state,
            axes,
            explained,
            vision: evenly(vision, of_vision),
            text: evenly(text, of_text),
            vision_shape,
            text_shape,
        }
    }
}

/// At most [`Projection::MOST_POINTS`] tokens, evenly taken.
fn evenly(points: Vec<[f32; 2]>, origins: impl Iterator<Item = (u32, u32)>) -> Vec<ProjectedToken> {
    let (most, all) = (Projection::MOST_POINTS, points.len());
    let mut taken = 0;
    let mut tokens = Vec::with_capacity(all.min(most));
    for (index, (at, (pair, position))) in points.into_iter().zip(origins).enumerate() {
        // The next of `most` equal parts of the list begins here.
        if all <= most || index * most >= taken * all {
            taken += 1;
            tokens.push(ProjectedToken { at, pair, position });
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_taken_evenly() {
        let most = Projection::MOST_POINTS;
        for all in [0, 1, most, most + 1, 2 * most, 7 * most - 3] {
            let points = (0..all).map(|index| [index as f32, 0.0]).collect();
            let taken = evenly(points, (0..all as u32).map(|index| (index, 2 * index)));
            assert_eq!(taken.len(), all.min(most), "of {all}");
            let stride = all as f32 / all.min(most).max(1) as f32;
            for pair in taken.windows(2) {
                let step = pair[1].at[0] - pair[0].at[0];
                assert!((step - stride).abs() <= 1.0, "{step} of {stride}");
                assert_eq!(pair[0].pair as f32, pair[0].at[0]);
                assert_eq!(pair[0].position, 2 * pair[0].pair);
            }
        }
    }
}
