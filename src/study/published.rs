//! Figures that papers give: facts for comparison, none of them measured here.

/// A paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Paper {
    /// "Deciphering Cross-Modal Alignment in Large Vision-Language Models with Modality Integration Rate",
    /// arXiv 2410.07167.
    Mir,
    /// "VILA: On Pre-training for Visual Language Models", arXiv 2312.07533.
    Vila,
    /// "MM1: Methods, Analysis & Insights from Multimodal LLM Pre-training", arXiv 2403.09611.
    Mm1,
}

impl Paper {
    /// All papers.
    pub const ALL: [Self; 3] = [Self::Mir, Self::Vila, Self::Mm1];

    /// What it is called in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mir => "The MIR paper",
            Self::Vila => "VILA",
            Self::Mm1 => "MM1",
        }
    }

    /// What it says moves MIR or the score, in a sentence with `{terms}`.
    pub fn says(self) -> &'static str {
        match self {
            Self::Mir => {
                "{MIR} falls with more and better {pre-training} data, and predicts the {score} after tuning."
            }
            Self::Vila => {
                "Documents in which pictures and texts alternate teach a model to use examples in its prompt, and \
                 text-only data keep what it knows of text."
            }
            Self::Mm1 => {
                "More image tokens and a higher resolution raise the {score}; the {connector}'s type hardly matters."
            }
        }
    }

    /// Where it is found.
    pub fn place(self) -> &'static str {
        match self {
            Self::Mir => "arXiv 2410.07167",
            Self::Vila => "arXiv 2312.07533",
            Self::Mm1 => "arXiv 2403.09611",
        }
    }
}

/// A series of figures of one paper: one thing varied, one number for each setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// Whose figures.
    pub paper: Paper,
    /// What was varied.
    pub varied: &'static str,
    /// The number that is given.
    pub measure: &'static str,
    /// Decimals that the paper gives.
    pub decimals: usize,
    /// Settings, each with its number.
    pub figures: &'static [(&'static str, f64)],
}

const fn mir(varied: &'static str, figures: &'static [(&'static str, f64)]) -> Published {
    Published {
        paper: Paper::Mir,
        varied,
        measure: "MIR",
        decimals: 3,
        figures,
    }
}

const fn score(
    paper: Paper,
    varied: &'static str,
    measure: &'static str,
    figures: &'static [(&'static str, f64)],
) -> Published {
    Published {
        paper,
        varied,
        measure,
        decimals: 1,
        figures,
    }
}

impl Published {
    /// The MIR paper's experiment on how detailed captions are: their mean length, at the same images.
    pub const CAPTIONS: Self = mir(
        "Words in a caption",
        &[
            ("15.2", 3.588),
            ("49.1", 3.442),
            ("127.1", 3.279),
            ("181.2", 3.218),
        ],
    );
    /// The MIR paper's experiment on the learning rate of pre-training.
    pub const RATE: Self = mir(
        "Learning rate",
        &[
            ("3e-4", 2.808),
            ("5e-4", 2.990),
            ("1e-3", 3.182),
            ("3e-3", 3.575),
        ],
    );
    /// The MIR paper's experiment on unlocking the language model in pre-training.
    pub const UNLOCKED: Self = mir(
        "Trained part of the language model",
        &[
            ("none", 3.001),
            ("LoRA", 2.735),
            ("half", 2.705),
            ("all", 2.656),
        ],
    );
    /// The same: what the models reach on benchmarks after tuning.
    pub const UNLOCKED_SCORE: Self = score(
        Paper::Mir,
        "Trained part of the language model",
        "average of benchmarks",
        &[
            ("none", 64.0),
            ("LoRA", 64.3),
            ("half", 65.9),
            ("all", 65.9),
        ],
    );
    /// The MIR paper's experiment on the connector.
    pub const CONNECTOR: Self = mir(
        "Connector",
        &[
            ("1 layer", 3.454),
            ("2 layers", 3.182),
            ("4 layers", 3.446),
            ("Q-Former", 3.673),
        ],
    );
    /// The MIR paper's LLaVA-1.5, and with its modality calibration.
    pub const MOCA: Self = mir("LLaVA-1.5", &[("plain", 3.374), ("with MoCa", 3.162)]);
    /// The same: what they reach on benchmarks.
    pub const MOCA_SCORE: Self = score(
        Paper::Mir,
        "LLaVA-1.5",
        "average of benchmarks",
        &[("plain", 59.1), ("with MoCa", 60.6)],
    );
    /// The MIR paper's Mini-Gemini, and with modality calibration.
    pub const MOCA_GEMINI: Self = mir("Mini-Gemini", &[("plain", 2.667), ("with MoCa", 2.514)]);
    /// The MIR paper's LLaVA-1.5 with two sizes of Vicuna.
    pub const SIZE: Self = mir(
        "Size of the language model",
        &[("7B", 3.374), ("13B", 2.583)],
    );
    /// The MIR paper's experiment on how many pairs MIR is taken from.
    pub const PAIRS: Self = mir(
        "Pairs that MIR is measured on",
        &[
            ("1", 3.380),
            ("5", 3.358),
            ("10", 3.377),
            ("20", 3.379),
            ("50", 3.374),
            ("100", 3.375),
            ("1000", 3.376),
        ],
    );
    /// VILA's experiment on training the language model: accuracy after four examples.
    pub const VILA_FROZEN: Self = score(
        Paper::Vila,
        "Training of the language model",
        "accuracy after 4 examples (%)",
        &[
            ("frozen", 37.5),
            ("tuning only", 57.6),
            ("pre-training and tuning", 70.9),
        ],
    );
    /// VILA's experiment on pre-training data: accuracy after four examples.
    pub const VILA_DATA: Self = score(
        Paper::Vila,
        "Pre-training data",
        "accuracy after 4 examples (%)",
        &[
            ("MMC4 cut into pairs", 44.5),
            ("COYO pairs", 50.3),
            ("MMC4, interleaved", 70.9),
            ("MMC4 and COYO", 71.3),
        ],
    );
    /// VILA's language benchmark MMLU after tuning without and with text-only data.
    pub const VILA_TEXT: Self = score(
        Paper::Vila,
        "Data of the tuning",
        "MMLU (%)",
        &[("images alone", 40.7), ("with text-only data", 51.4)],
    );
    /// MM1's ablation of the image encoder, its three resolutions: without examples.
    pub const MM1_SIZE: Self = score(
        Paper::Mm1,
        "Vision tower and picture",
        "score without examples",
        &[
            ("ViT-L, 224 pixels", 36.9),
            ("ViT-L, 336 pixels", 39.9),
            ("ViT-H, 378 pixels", 40.9),
        ],
    );
    /// MM1's experiment on the share of captions in the data: without examples.
    pub const MM1_CAPTIONS: Self = score(
        Paper::Mm1,
        "Captions in the data",
        "score without examples",
        &[("fewest captions", 25.8), ("most captions", 39.3)],
    );
    /// MM1's experiment on the share of interleaved documents in the data: after examples.
    pub const MM1_INTERLEAVED: Self = Self {
        paper: Paper::Mm1,
        varied: "Interleaved documents in the data",
        measure: "score after examples",
        decimals: 0,
        figures: &[("without", 45.0), ("with them", 61.0)],
    };

    /// The figures of the MIR paper about MIR, for a table.
    pub const OF_MIR: [Self; 8] = [
        Self::CAPTIONS,
        Self::RATE,
        Self::UNLOCKED,
        Self::CONNECTOR,
        Self::MOCA,
        Self::MOCA_GEMINI,
        Self::SIZE,
        Self::PAIRS,
    ];

    /// A figure with the digits that the paper gives.
    pub fn text(&self, figure: f64) -> String {
        format!("{figure:.*}", self.decimals)
    }
}
