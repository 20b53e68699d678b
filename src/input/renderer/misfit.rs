//! How a template fails to fit a form of the messages.

use crate::input::{
    error::{InputError, shown},
    template::{ChatTemplate, Failure},
};

/// Most characters of a rendering that an error shows.
const MAX_SHOWN: usize = 160;

/// Why a template does not fit a form of the messages, mostly with what it renders.
pub(super) enum Misfit {
    /// It does not render.
    Fails(Failure),
    /// It prints the list of parts itself.
    Prints(String),
    /// The text is not in it, or not as it is.
    Text(String, String),
    /// The image is not in it, or more than one.
    Image(String, String),
}

impl Misfit {
    /// How near it came to what it should render.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Fails(_) => 0,
            Self::Text(_, rendered) if rendered.trim().is_empty() => 1,
            Self::Prints(_) => 2,
            Self::Text(..) => 3,
            Self::Image(..) => 4,
        }
    }

    pub(super) fn error(self, template: &ChatTemplate) -> InputError {
        let (reason, rendered) = match self {
            Self::Fails(failure) => return failure.error,
            Self::Prints(rendered) => (
                "it prints the list of a message's parts, not what they say".into(),
                rendered,
            ),
            Self::Text(reason, rendered) | Self::Image(reason, rendered) => (reason, rendered),
        };
        InputError::Template {
            file: template.file.clone(),
            reason: match rendered.as_str() {
                "" => format!("{reason}, and renders nothing at all"),
                _ => format!(
                    "{reason}; it begins with \"{}\"",
                    shown(&rendered, MAX_SHOWN)
                ),
            },
        }
    }
}
