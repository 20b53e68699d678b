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

/// What becomes of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImagePlan {
    /// What is made of the image, each of the image or of an earlier one.
    pub canvases: Vec<Canvas>,
    /// The pictures, in the order in which they go through the tower.
    pub pictures: Vec<Picture>,
    /// What stands for the image in the prompt.
    pub pieces: Vec<Piece>,
    /// For each placeholder the row that it takes of all features of the image's pictures, behind which
    /// the rows follow that the model has learned; none where each takes the next one.
    pub rows: Option<Vec<u32>>,
    /// Rows of the features of all its pictures.
    pub features: usize,
    /// What a reader is shown.
    pub views: Vec<View>,
    /// Where each placeholder stands.
    pub places: Vec<Place>,
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

/// For each placeholder of a prompt the row that it takes of the features of all pictures of its
/// images, behind which the rows follow that the model has learned; none where each takes the next one.
pub fn rows_of(plans: &[ImagePlan]) -> Option<Vec<u32>> {
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
            Some(rows) => all.extend(rows.iter().map(|row| place(*row))),
            None => all.extend(first..first + own),
        }
        first += own;
    }
    Some(all)
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
        let plan = |features, rows: Option<&[u32]>| ImagePlan {
            features,
            rows: rows.map(<[u32]>::to_vec),
            ..ImagePlan::default()
        };
        // Of the first image the last feature is left out; a learned row ends it.
        let plans = [
            plan(3, Some(&[0, 1, 3])),
            plan(2, None),
            plan(1, Some(&[2, 0, 1])),
        ];
        let rows = rows_of(&plans).unwrap();
        assert_eq!(rows, [0, 1, 6, 3, 4, 7, 5, 6]);
        assert_eq!(rows_of(&plans[1..2]), None);
    }
}
