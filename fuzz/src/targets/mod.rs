//! What is fuzzed: a file each.

/// A target.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Tries one input.
    pub run: fn(&[u8]),
    /// What fuzzing begins with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that inputs are likely to hold, parted by white space.
    pub words: &'static str,
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*
        /// All targets.
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            run: $name::run,
            seeds: $name::seeds,
            words: $name::WORDS,
        }),*];
    };
}

targets![
    config,
    gguf,
    hub,
    index,
    link,
    pairs,
    pickle,
    picture,
    processor,
    projector,
    report,
    safetensors,
    states,
    study,
    template,
    tokenizer,
    torch,
];
