//! What becomes of an image of a prompt, as plain data: the pictures that are cut from it, what stands
//! for it in the prompt, and the row that each placeholder takes.

use std::{fmt, ops::Range};

use super::PixelSettings;

/// An image of a prompt, or one that was made of it, at another size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canvas {
    /// The canvas that it is made of; none stands for the image itself.
    pub from: Option<usize>,
    /// How.
    pub step: Step,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
}

/// How a canvas is made of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Resized with the processor's filter.
    Resize,
    /// The middle of it, black around one that is smaller.
    Center,
    /// With the background color around it, itself in the middle; the extra line of an odd difference
    /// is below or right of it.
    Surround,
    /// The same in black.
    Letterbox,
}

/// A picture that goes through the tower: a part of a canvas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The canvas; none stands for the image itself.
    pub canvas: Option<usize>,
    /// First row of the part.
    pub top: usize,
    /// First column of the part.
    pub left: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// Height and width after zeros were added at the right and the bottom, behind normalizing.
    pub padded: [usize; 2],
    /// Whether the part takes up all of that, resized behind normalizing as PyTorch interpolates, in
    /// place of zeros around it.
    pub resampled: bool,
}

/// A part of what stands for an image in the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// So many placeholders.
    Placeholders(usize),
    /// Scaffolding: markers of rows and tiles, newlines.
    Scaffold(String),
    /// Text around the image, tokens of which may count as text.
    Text(String),
}

/// A canvas as a reader sees it, with the grid of the tokens that stand for its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The pictures that lie on it, of the plan's own.
    pub pictures: Range<usize>,
    /// Rows and columns of patches on it.
    pub patches: [usize; 2],
    /// Rows and columns of tokens on it; none where tokens stand for no place.
    pub cells: Option<[usize; 2]>,
    /// Rows and columns of the pictures that it is cut into; none of one picture.
    pub tiles: Option<[usize; 2]>,
    /// Rows and columns, in pixels, of the part of it that patches and tokens lie on; none of all.
    pub part: Option<[Range<usize>; 2]>,
}

/// Where a placeholder's token stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The view.
    pub view: usize,
    /// The cell of its grid, row-major.
    pub cell: Option<usize>,
}

/// What a placeholder takes of the features of its image's pictures, behind which the rows follow that
/// the model has learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Row {
    /// This row.
    One(u32),
    /// The sum of these features, each times its weight.
    Blend([(u32, f32); 4]),
}

/// What becomes of one image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImagePlan {
    /// What is made of the image, each of the image or of an earlier one.
    pub canvases: Vec<Canvas>,
    /// The pictures, in the order in which they go through the tower.
    pub pictures: Vec<Picture>,
    /// What stands for the image in the prompt.
    pub pieces: Vec<Piece>,
    /// What each placeholder takes; none where each takes the next row of the features.
    pub rows: Option<Vec<Row>>,
    /// Rows of the features of all its pictures.
    pub features: usize,
    /// What a reader is shown.
    pub views: Vec<View>,
    /// Where each placeholder stands.
    pub places: Vec<Place>,
    /// Whether it is not of an image but of a video, each of whose frames becomes one of the pictures.
    pub video: bool,
}

impl ImagePlan {
    /// Placeholders of the image.
    pub fn tokens(&self) -> usize {
        let count = |piece: &Piece| match piece {
            Piece::Placeholders(count) => *count,
            Piece::Scaffold(_) | Piece::Text(_) => 0,
        };
        self.pieces.iter().map(count).sum()
    }

    /// A plan of `tokens` placeholders and nothing else.
    pub fn of_tokens(tokens: usize) -> Self {
        Self {
            pieces: vec![Piece::Placeholders(tokens)],
            places: vec![Place::default(); tokens],
            features: tokens,
            ..Self::default()
        }
    }
}

/// What the placeholders of a prompt take of the features of all pictures of all its images, behind
/// which the rows follow that the model has learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// For each placeholder its row; [`Rows::NONE`] for one that takes a sum.
    pub single: Vec<u32>,
    /// The sums, where there are any.
    pub blended: Option<Blended>,
}

/// Weighted sums of four features each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blended {
    /// For each placeholder four rows; four times [`Rows::NONE`] for one that takes no sum.
    pub rows: Vec<u32>,
    /// Their weights.
    pub weights: Vec<f32>,
}

impl Rows {
    /// No row.
    pub const NONE: u32 = u32::MAX;

    /// Whether each placeholder takes one of so many features, or of the learned rows behind them, or a
    /// sum of features.
    pub fn fit(&self, features: usize, learned: usize) -> bool {
        let sums = self.blended.as_ref().map(|blended| blended.rows.as_slice());
        let mut sums = sums.unwrap_or_default().chunks_exact(4);
        self.single.iter().all(|&row| {
            let sum = sums.next();
            match row {
                Self::NONE => {
                    sum.is_some_and(|rows| rows.iter().all(|row| (*row as usize) < features))
                }
                row => (row as usize) < features + learned,
            }
        })
    }
}

impl Rows {
    /// What the placeholders of several prompts take, one prompt's behind another's, of the features of all of them and of the
    /// learned rows behind all features; of each prompt what its own take, and the number of its features. None where each
    /// takes the next feature.
    pub fn joined(prompts: &[(Option<&Self>, usize)]) -> Option<Self> {
        prompts.iter().find(|(rows, _)| rows.is_some())?;
        let features: usize = prompts.iter().map(|(_, own)| own).sum();
        let blends =
            |(rows, _): &(Option<&Self>, usize)| rows.is_some_and(|it| it.blended.is_some());
        let mut all = Self {
            single: Vec::new(),
            blended: (prompts.iter().any(blends)).then(Blended::default),
        };
        let mut first = 0;
        for &(rows, own) in prompts {
            let place = |row: &u32| match (*row, (*row as usize).checked_sub(own)) {
                (Self::NONE, _) => Self::NONE,
                (_, Some(learned)) => (features + learned) as u32,
                (row, None) => first as u32 + row,
            };
            match rows {
                Some(rows) => all.single.extend(rows.single.iter().map(place)),
                None => all.single.extend(first as u32..(first + own) as u32),
            }
            if let Some(blended) = &mut all.blended {
                if let Some(sums) = rows.and_then(|rows| rows.blended.as_ref()) {
                    blended.rows.extend(sums.rows.iter().map(place));
                    blended.weights.extend_from_slice(&sums.weights);
                }
                blended.rows.resize(4 * all.single.len(), Self::NONE);
                blended.weights.resize(4 * all.single.len(), 0.0);
            }
            first += own;
        }
        Some(all)
    }
}

/// What the placeholders of a prompt with these images take; none where each takes the next row.
pub fn rows_of(plans: &[ImagePlan]) -> Option<Rows> {
    plans.iter().find(|plan| plan.rows.is_some())?;
    let features = plans.iter().map(|plan| plan.features as u32).sum::<u32>();
    let (mut all, mut first) = (Vec::new(), 0);
    for plan in plans {
        let own = plan.features as u32;
        // Those that are learned stand behind the features of all images, not of each.
        let place = |row: u32| match row.checked_sub(own) {
            Some(learned) => features + learned,
            None => first + row,
        };
        match &plan.rows {
            Some(rows) => all.extend(rows.iter().map(|row| match *row {
                Row::One(row) => Row::One(place(row)),
                Row::Blend(taps) => Row::Blend(taps.map(|(row, weight)| (place(row), weight))),
            })),
            None => all.extend((first..first + own).map(Row::One)),
        }
        first += own;
    }
    let single = all.iter().map(|row| match row {
        Row::One(row) => *row,
        Row::Blend(_) => Rows::NONE,
    });
    let taps = all.iter().flat_map(|row| match row {
        Row::One(_) => [(Rows::NONE, 0.0); 4],
        Row::Blend(taps) => *taps,
    });
    let blended = (all.iter()).any(|row| matches!(row, Row::Blend(_)));
    Some(Rows {
        single: single.collect(),
        blended: blended.then(|| {
            let (rows, weights) = taps.unzip();
            Blended { rows, weights }
        }),
    })
}

/// A prompt whose layout is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PromptTokens<'a> {
    /// Token ids.
    pub input_ids: &'a [u32],
    /// Positions of the placeholders, ascending.
    pub vision: &'a [u32],
    /// The plans of its images, in order.
    pub plans: &'a [&'a ImagePlan],
    /// The first token of the first of its own texts.
    pub text: usize,
}

/// Where the tokens of a prompt stand, and what each sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Temporal, height and width component of each token's position; none where all three count the
    /// tokens from 0.
    pub positions: Option<Vec<[u32; 3]>>,
    /// The keys that each query sees, first and end, in layers without a window; none where it is
    /// itself and those before it. A window cuts off what lies too far before the query.
    pub keys: Option<Vec<[u32; 2]>>,
}

impl Layout {
    /// The position of a token; those behind the prompt go on from its largest component.
    pub fn position(&self, token: usize) -> [u32; 3] {
        let Some(positions) = &self.positions else {
            return [token as u32; 3];
        };
        positions.get(token).copied().unwrap_or_else(|| {
            let next = positions.iter().flatten().max().map_or(0, |last| last + 1);
            [next + (token - positions.len()) as u32; 3]
        })
    }

    /// The keys that the query at `position` sees, in a layer with this window.
    pub fn seen_from(&self, position: usize, window: Option<usize>) -> [u32; 2] {
        let own = position as u32 + 1;
        let given = self.keys.as_ref().and_then(|keys| keys.get(position));
        let [first, end] = given.copied().unwrap_or([0, own]);
        let cut = window.map_or(0, |window| own.saturating_sub(window as u32));
        [first.max(cut), end]
    }
}

/// An image that a family cannot take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What it takes.
    pub expected: String,
    /// What the image has, or would have.
    pub found: String,
}

/// How a checkpoint's images are prepared.
#[derive(Debug)]
pub struct Planned {
    /// What is done to all pixels.
    pub pixels: PixelSettings,
    /// What becomes of an image.
    pub planner: Box<dyn ImagePlanner>,
}

/// Plans images by a checkpoint's settings.
pub trait ImagePlanner: fmt::Debug + Send + Sync {
    /// What becomes of an image of so many pixels.
    ///
    /// # Errors
    /// The image's size or proportions are none that the family takes.
    fn plan(&self, height: usize, width: usize) -> Result<ImagePlan, Misfit>;

    /// The same for one of so many `images` of a prompt; without a say, what becomes of it alone.
    ///
    /// # Errors
    /// As [`ImagePlanner::plan`].
    fn plan_one_of(
        &self,
        _images: usize,
        height: usize,
        width: usize,
    ) -> Result<ImagePlan, Misfit> {
        self.plan(height, width)
    }

    /// What becomes of a video of so many frames, each of which is made the only canvas that there is; none
    /// where the family takes no videos.
    fn plan_frames(&self, _frames: usize) -> Option<ImagePlan> {
        None
    }

    /// Height and width of every picture, where they do not depend on the image.
    fn fixed(&self) -> Option<(usize, usize)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learned_rows_stand_behind_the_features_of_all_images() {
        let plan = |features, rows: Option<&[Row]>| ImagePlan {
            features,
            rows: rows.map(<[Row]>::to_vec),
            ..ImagePlan::default()
        };
        // Of the first image the last feature is left out; a learned row ends it.
        let first = [0, 1, 3].map(Row::One);
        let blend = Row::Blend([(0, 0.5), (1, 0.25), (0, 0.25), (1, 0.0)]);
        let last = [Row::One(3), blend, Row::One(2)];
        let plans = [plan(3, Some(&first)), plan(2, None), plan(2, Some(&last))];
        let rows = rows_of(&plans).unwrap();
        let none = Rows::NONE;
        assert_eq!(rows.single, [0, 1, 7, 3, 4, 8, none, 7]);
        let blended = rows.blended.as_ref().unwrap();
        assert_eq!(blended.rows[24..28], [5, 6, 5, 6]);
        assert_eq!(blended.weights[24..28], [0.5, 0.25, 0.25, 0.0]);
        let others = [&blended.rows[..24], &blended.rows[28..]].concat();
        assert_eq!(others, [none; 28]);
        assert!(rows.fit(7, 2) && !rows.fit(7, 1) && !rows.fit(6, 3));
        assert_eq!(rows_of(&plans[..2]).unwrap().blended, None);
        assert_eq!(rows_of(&plans[1..2]), None);
    }
}
