//! One token on its way: its vectors, and where it lies among all tokens.

use super::{super::EngineError, explore::Live};
use crate::{
    platform::Cancel,
    report::{Axes, TokenPath},
};

impl Live<'_> {
    /// What becomes of the token at `position` of a pair's prompt.
    ///
    /// # Errors
    /// [`EngineError::NoSuch`], and what the device reports.
    pub(super) async fn path(
        &self,
        pair: usize,
        position: usize,
        cancel: &Cancel,
    ) -> Result<TokenPath, EngineError> {
        let look = self.look(pair)?;
        let (tower, states) = look.strips(position, cancel).await?;
        let mut at = Vec::new();
        if self.run.kept.is_ok()
            && let Some((modality, index)) = self.place_of(pair, position)
        {
            for state in 0..=self.run.states.len() {
                let points = self.points(state, Axes::Shared, cancel).await?;
                at.extend(points.points[modality].get(index));
            }
        }
        Ok(TokenPath {
            pair,
            position,
            tower,
            states,
            at,
        })
    }

    /// Whether a token is measured as vision (0) or as text (1), and its number among those of all pairs.
    fn place_of(&self, pair: usize, position: usize) -> Option<(usize, usize)> {
        let positions = |pair: usize| {
            let prepared = &self.run.prepared[pair];
            [
                &prepared.prompt.vision[..],
                prepared.text(self.run.text_mask),
            ]
        };
        let own = positions(pair).map(|of| of.iter().position(|&at| at as usize == position));
        let (modality, index) = match own {
            [Some(index), _] => (0, index),
            [None, Some(index)] => (1, index),
            [None, None] => return None,
        };
        let before: usize = (0..pair).map(|pair| positions(pair)[modality].len()).sum();
        Some((modality, before + index))
    }
}
