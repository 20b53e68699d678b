//! What can be pointed at in a figure.

use super::Area;

/// What a place in a figure stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A decoder layer, 1 to L.
    Layer(usize),
    /// A token.
    Token {
        /// Its pair.
        pair: usize,
        /// Its position in the pair's prompt.
        position: usize,
    },
    /// A run, by its place among those that the figure was given.
    Run(usize),
    /// A checkpoint of a study, by its place in the study.
    Variant(usize),
}

/// An area that stands for something.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// The area.
    pub area: Area,
    /// What it stands for.
    pub target: Target,
    /// What to say about it, in one or more lines.
    pub tip: String,
}

/// Many points that stand for tokens; the one nearest to the pointer counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DotSpots {
    /// The points, in the figure.
    pub points: Vec<[f32; 2]>,
    /// Pair and position of each point's token.
    pub tokens: Vec<(usize, usize)>,
    /// The points before this one are vision tokens, the others text tokens.
    pub vision: usize,
    /// How far from the pointer a point may be.
    pub reach: f32,
}

impl DotSpots {
    /// The index of the point nearest to `at`, if one is within reach.
    ///
    /// A plain search: the few thousand points of a projection take some microseconds.
    pub fn nearest(&self, at: [f32; 2]) -> Option<usize> {
        let distance = |point: &[f32; 2]| (point[0] - at[0]).hypot(point[1] - at[1]);
        let (index, nearest) = self
            .points
            .iter()
            .map(distance)
            .enumerate()
            .min_by(|one, other| one.1.total_cmp(&other.1))?;
        (nearest <= self.reach).then_some(index)
    }

    /// What the point at `index` stands for.
    pub fn target(&self, index: usize) -> Option<Target> {
        let &(pair, position) = self.tokens.get(index)?;
        Some(Target::Token { pair, position })
    }

    /// What to say about the point at `index`.
    pub fn tip(&self, index: usize) -> String {
        let modality = if index < self.vision {
            "vision"
        } else {
            "text"
        };
        match self.tokens.get(index) {
            // People count pairs from 1, as the list of pairs does.
            Some((pair, position)) => format!(
                "{modality} token at position {position} of pair {}",
                pair + 1
            ),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_point_within_reach_counts() {
        let spots = DotSpots {
            points: vec![[0.0, 0.0], [10.0, 0.0], [f32::NAN, 3.0]],
            tokens: vec![(0, 4), (1, 5), (2, 6)],
            vision: 1,
            reach: 8.0,
        };
        assert_eq!(spots.nearest([4.0, 0.0]), Some(0));
        assert_eq!(spots.nearest([6.0, 0.0]), Some(1));
        assert_eq!(spots.nearest([10.0, 8.5]), None);
        let target = Target::Token {
            pair: 1,
            position: 5,
        };
        assert_eq!(spots.target(1), Some(target));
        assert_eq!(spots.tip(0), "vision token at position 4 of pair 1");
        assert_eq!(spots.tip(1), "text token at position 5 of pair 2");
        assert_eq!(DotSpots::default().nearest([0.0, 0.0]), None);
    }
}
