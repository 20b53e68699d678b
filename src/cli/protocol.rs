//! What the options of a measurement come to, with those of a protocol where one is named.

use crate::report::{Definition, Outliers, PromptStyle, ProtocolSettings, TextMask};

use super::{args::Measure, error::CliError};

/// The settings that decide what the number means.
pub(crate) struct Chosen {
    /// At most so many pairs; all if absent.
    pub(crate) num_pairs: Option<usize>,
    /// Definition of the distance.
    pub(crate) definition: Definition,
    /// Tokens that count as text.
    pub(crate) text_mask: TextMask,
    /// What becomes of tokens whose norm stands out.
    pub(crate) outliers: Outliers,
    /// What stands around image and text.
    pub(crate) prompt: PromptStyle,
}

impl Chosen {
    /// What is named, else what the protocol says, else the default.
    ///
    /// # Errors
    /// [`CliError::Usage`] where options contradict each other, or the protocol's data are missing.
    pub(crate) fn of(task: &Measure) -> Result<Self, CliError> {
        check_data(task)?;
        let set: Option<ProtocolSettings> = task.protocol.map(|protocol| protocol.settings());
        let num_pairs = task
            .num_pairs
            .map(|num| usize::try_from(num).unwrap_or(usize::MAX));
        let chosen = Self {
            num_pairs: num_pairs.or(set.map(|set| set.num_pairs)),
            definition: (task.definition)
                .or(set.map(|set| set.definition))
                .unwrap_or_default(),
            text_mask: (task.text_mask)
                .or(set.map(|set| set.text_mask))
                .unwrap_or_default(),
            outliers: (task.outliers)
                .or(set.map(|set| set.outliers))
                .unwrap_or_default(),
            prompt: (task.prompt)
                .or(set.map(|set| set.prompt))
                .unwrap_or_default(),
        };
        let definition = chosen.definition;
        let from = match (task.definition, task.protocol) {
            (None, Some(protocol)) => format!("--protocol {protocol}' with its definition '"),
            _ => "--definition ".to_owned(),
        };
        if definition.is_official() && chosen.outliers != Outliers::Replace {
            return Err(CliError::Usage(format!(
                "the argument '{from}{definition}' cannot be used with '--outliers {}': it reproduces the released \
                 script, which replaces outliers; use '--definition exact' for another rule",
                chosen.outliers
            )));
        }
        if definition.is_official() && chosen.text_mask == TextMask::Content {
            return Err(CliError::Usage(format!(
                "the argument '{from}{definition}' cannot be used with '--text-mask content': it \
                 reproduces the released script, which counts everything after the image as text; use \
                 '--definition exact' for the text alone"
            )));
        }
        Ok(chosen)
    }
}

/// A protocol is one of images and texts that need not match.
fn check_data(task: &Measure) -> Result<(), CliError> {
    let Some(protocol) = task.protocol else {
        return Ok(());
    };
    let found = match &task.pairs {
        Some(_) => "--pairs, whose texts are about their images",
        None if task.images.is_empty() => "neither",
        None if task.texts.is_empty() => "--images alone",
        None => return Ok(()),
    };
    Err(CliError::Usage(format!(
        "--protocol {protocol}: expected --images and --texts, which it joins by the seed whatever they show and \
         say, found {found}"
    )))
}
