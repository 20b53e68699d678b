//! Results that come with the app, as text.

/// Results that come with the app: part of a native program, beside the program on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shipped {
    /// The study: `assets/study/results.json`.
    Study,
    /// The MIR paper's own protocol in the same form: `assets/papers/results.json`.
    Papers,
    /// Connectors between published models: `assets/real/points.json`.
    RealParts,
}

impl Shipped {
    /// Its short name: on a page the file is `NAME.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Study => "study",
            Self::Papers => "papers",
            Self::RealParts => "real",
        }
    }

    /// What its file is called in messages.
    pub fn file(self) -> &'static str {
        match self {
            Self::Study => "assets/study/results.json",
            Self::Papers => "assets/papers/results.json",
            Self::RealParts => "assets/real/points.json",
        }
    }
}
