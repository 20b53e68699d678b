//! What was varied as schematic pictures, as plain data: rows of pieces, first to last.

/// A schematic picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sketch {
    /// What it shows, in a few words.
    pub title: &'static str,
    /// Its rows.
    pub rows: &'static [SketchRow],
    /// What its signs mean; empty where they need no words.
    pub key: &'static str,
}

/// A row of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SketchRow {
    /// What the row is; empty where it goes on from the one above.
    pub label: &'static str,
    /// What stands in it, first to last.
    pub pieces: &'static [Piece],
}

/// Something in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece {
    /// A picture's patches as the vision tower gives them, as squares: so many a side.
    Patches(usize),
    /// The same, those that become one token with an edge around them: patches a side, and groups a side.
    Groups(usize, usize),
    /// Image tokens as discs: so many a side.
    Tokens(usize),
    /// Layers of a connector one after the other: so many.
    Layers(usize),
    /// Every patch leads to every one of so many learned queries.
    Queries(usize),
    /// The tokens of a group side by side as one long vector: so many.
    Strip(usize),
    /// To the right.
    Arrow,
    /// A step with its name.
    Step(&'static str),
    /// A part of the model with its name, and whether its lower and its upper half are trained.
    Part(&'static str, [bool; 2]),
    /// One training sample: what is in it, in reading order.
    Sample(&'static [Item]),
    /// A picture alone.
    Picture,
    /// A picture cut into four.
    Quarters,
    /// Two pictures and two texts: each picture with its own text, or with the other's.
    Matched(bool),
    /// A training as a line, so long of ten, with so many looks at it, the last one at its end.
    Training(usize, usize),
    /// Words.
    Words(&'static str),
}

/// Something in a training sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A picture.
    Picture,
    /// A text of so many lines.
    Text(usize),
    /// A question that waits for its answer.
    Question,
}

use Item::{Picture as P, Question as Q, Text as T};
use Piece::{
    Arrow, Groups, Layers, Matched, Part, Patches, Quarters, Queries, Sample, Step, Strip, Tokens,
    Training, Words,
};

const fn row(label: &'static str, pieces: &'static [Piece]) -> SketchRow {
    SketchRow { label, pieces }
}

const KEY: &str = "Squares: patches. Bars: layers that are learned. Discs: image tokens.";

impl Sketch {
    /// The two protocols.
    pub const PROTOCOLS: Self = Self {
        title: "Two protocols",
        rows: &[
            row(
                "In one stage",
                &[Step("training"), Arrow, Words("MIR and score")],
            ),
            row(
                "In two stages, as in the MIR paper",
                &[
                    Step("captions"),
                    Arrow,
                    Words("MIR"),
                    Arrow,
                    Step("tuning"),
                    Arrow,
                    Words("score"),
                ],
            ),
        ],
        key: "",
    };
    /// One long training, and one for each amount.
    pub const AMOUNTS: Self = Self {
        title: "More and more pairs",
        rows: &[
            row("One training, looked at along the way", &[Training(10, 5)]),
            row("A whole training for each amount", &[Training(2, 1)]),
            row("", &[Training(5, 1)]),
            row("", &[Training(10, 1)]),
        ],
        key: "Disc: where MIR and answers are taken.",
    };
    /// Connectors that keep every patch, by their layers; and learned queries.
    pub const LAYERS: Self = Self {
        title: "Connectors that are compared",
        rows: &[
            row(
                "Linear: one layer",
                &[Patches(4), Arrow, Layers(1), Arrow, Tokens(4)],
            ),
            row(
                "2-layer MLP",
                &[Patches(4), Arrow, Layers(2), Arrow, Tokens(4)],
            ),
            row(
                "4-layer MLP",
                &[Patches(4), Arrow, Layers(4), Arrow, Tokens(4)],
            ),
            row(
                "Learned queries look at all patches",
                &[Patches(4), Queries(4), Layers(1), Arrow, Tokens(4)],
            ),
        ],
        key: KEY,
    };
    /// Connectors that make fewer tokens of the patches.
    pub const TYPES: Self = Self {
        title: "Connectors that make fewer tokens",
        rows: &[
            row(
                "Average pooling, then a linear layer",
                &[
                    Groups(4, 2),
                    Arrow,
                    Step("mean"),
                    Layers(1),
                    Arrow,
                    Tokens(2),
                ],
            ),
            row(
                "Pixel shuffle, then a linear layer",
                &[Groups(4, 2), Arrow, Strip(4), Layers(1), Arrow, Tokens(2)],
            ),
            row(
                "Attention pooling: learned queries",
                &[Patches(4), Queries(4), Layers(1), Arrow, Tokens(2)],
            ),
            row(
                "C-Abstractor: convolutions around pooling",
                &[
                    Patches(4),
                    Step("conv"),
                    Groups(4, 2),
                    Step("conv"),
                    Layers(2),
                    Tokens(2),
                ],
            ),
        ],
        key: KEY,
    };
    /// What learns and what is frozen.
    pub const FREEZING: Self = Self {
        title: "What learns and what is frozen",
        rows: &[
            row(
                "Connector alone",
                &[
                    Part("tower", [false; 2]),
                    Arrow,
                    Part("connector", [true; 2]),
                    Arrow,
                    Part("decoder", [false; 2]),
                ],
            ),
            row(
                "Upper half of the decoder, too",
                &[
                    Part("tower", [false; 2]),
                    Arrow,
                    Part("connector", [true; 2]),
                    Arrow,
                    Part("decoder", [false, true]),
                ],
            ),
            row(
                "Whole decoder, too",
                &[
                    Part("tower", [false; 2]),
                    Arrow,
                    Part("connector", [true; 2]),
                    Arrow,
                    Part("decoder", [true; 2]),
                ],
            ),
        ],
        key: "Closed lock: frozen. Open lock: learns.",
    };
    /// One document, and the same cut into pairs.
    pub const INTERLEAVING: Self = Self {
        title: "Interleaved, or cut into pairs",
        rows: &[
            row(
                "Interleaved: one document",
                &[Sample(&[P, T(2), P, T(2), P, T(2)])],
            ),
            row(
                "The same, as separate pairs",
                &[Sample(&[P, T(2)]), Sample(&[P, T(2)]), Sample(&[P, T(2)])],
            ),
            row(
                "Asked after two examples",
                &[Sample(&[P, T(1), P, T(1), P, Q])],
            ),
        ],
        key: "Each frame is read as one sequence.",
    };
    /// Caption pairs against documents.
    pub const CAPTIONS: Self = Self {
        title: "Caption pairs or documents",
        rows: &[
            row(
                "Caption pairs",
                &[Sample(&[P, T(3)]), Sample(&[P, T(3)]), Sample(&[P, T(3)])],
            ),
            row(
                "Interleaved documents",
                &[Sample(&[P, T(2), P, T(2), P, T(2)])],
            ),
        ],
        key: "Each frame is read as one sequence.",
    };
    /// A picture whole, and with four pieces of it.
    pub const SUB_IMAGES: Self = Self {
        title: "Sub-images",
        rows: &[
            row(
                "The picture as a whole: 16 tokens",
                &[Piece::Picture, Arrow, Tokens(4)],
            ),
            row(
                "And its four quarters: 5 times 16 tokens",
                &[
                    Piece::Picture,
                    Quarters,
                    Arrow,
                    Tokens(4),
                    Tokens(4),
                    Tokens(4),
                    Tokens(4),
                    Tokens(4),
                ],
            ),
        ],
        key: "Each quarter is seen at full size. Discs: image tokens.",
    };
    /// More and fewer tokens of one picture.
    pub const TOKENS: Self = Self {
        title: "More image tokens",
        rows: &[
            row("4 tokens", &[Piece::Picture, Arrow, Tokens(2)]),
            row("16 tokens", &[Piece::Picture, Arrow, Tokens(4)]),
            row("64 tokens", &[Piece::Picture, Arrow, Tokens(8)]),
        ],
        key: "Discs: image tokens.",
    };
    /// Captions of more and more detail.
    pub const DETAIL: Self = Self {
        title: "More is said about the same picture",
        rows: &[
            row("Names only", &[Sample(&[P, T(1)])]),
            row("Names, number, background", &[Sample(&[P, T(2)])]),
            row("All of it, with positions", &[Sample(&[P, T(4)])]),
        ],
        key: "",
    };
    /// Texts of the picture itself and of another one.
    pub const SHUFFLED: Self = Self {
        title: "Texts that fit, and shuffled ones",
        rows: &[
            row("Its own text", &[Matched(true)]),
            row("Shuffled captions", &[Matched(false)]),
        ],
        key: "",
    };
    /// Where modality calibration acts.
    pub const MOCA: Self = Self {
        title: "Modality calibration",
        rows: &[row(
            "After every decoder layer, image tokens alone",
            &[
                Tokens(2),
                Arrow,
                Step("layer"),
                Arrow,
                Step("\u{d7} u + v"),
                Arrow,
                Tokens(2),
            ],
        )],
        key: "u and v are learned, a number per dimension.",
    };
}
