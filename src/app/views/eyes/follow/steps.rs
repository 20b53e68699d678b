//! The steps of a patch through the model, and what they are called.

use crate::report::{Strip, TokenPath};

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// In the picture.
    Picture,
    /// Out of the vision tower.
    Tower,
    /// Out of the connector.
    Connector,
    /// Among the words of the prompt.
    Prompt,
    /// After a layer, 1 to L.
    Layer(usize),
}

/// The steps of a path, first to last.
pub(super) fn of(path: &TokenPath) -> Vec<Step> {
    let tower = path.tower.as_ref().map(|_| Step::Tower);
    let layers = (1..path.states.len()).map(Step::Layer);
    let begin = std::iter::once(Step::Picture).chain(tower);
    begin
        .chain([Step::Connector, Step::Prompt])
        .chain(layers)
        .collect()
}

impl Step {
    /// The state that the language model has then; none before it is reached.
    pub(super) fn state(&self) -> Option<usize> {
        match self {
            Self::Picture | Self::Tower | Self::Connector => None,
            Self::Prompt => Some(0),
            Self::Layer(layer) => Some(*layer),
        }
    }

    /// The token's numbers then.
    pub(super) fn strip<'a>(&self, path: &'a TokenPath) -> Option<&'a Strip> {
        match self {
            Self::Picture => None,
            Self::Tower => path.tower.as_ref(),
            Self::Connector | Self::Prompt => path.states.first(),
            Self::Layer(layer) => path.states.get(*layer),
        }
    }

    /// What the step is called.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Picture => "A patch of the picture".to_owned(),
            Self::Tower => "A strip of numbers".to_owned(),
            Self::Connector => "Through the connector".to_owned(),
            Self::Prompt => "Into the prompt".to_owned(),
            Self::Layer(layer) => format!("Layer {layer}"),
        }
    }

    /// What happens, with terms in braces.
    pub(super) fn words(&self, path: &TokenPath) -> String {
        let strip = self.strip(path);
        let width = strip.map_or(0, |strip| strip.width);
        let shown = strip.map_or(0, |strip| strip.values.len());
        let first = match shown < width {
            true => format!("The first {shown} are drawn, upward above 0 and downward below."),
            false => "They are drawn upward above 0 and downward below.".to_owned(),
        };
        match self {
            Self::Picture => {
                "The picture is cut into {patches}. One of them is followed from here.".to_owned()
            }
            Self::Tower => format!(
                "The {{vision tower}} turns the {{patch}} into {width} numbers, having looked at all other \
                 patches, too. {first}"
            ),
            Self::Connector => match path.tower {
                Some(_) => format!(
                    "The {{connector}} makes {width} other numbers of them, for the {{language model}} to \
                     read. {first}"
                ),
                None => format!(
                    "Tower and {{connector}} make {width} numbers of this patch and others, for the \
                     {{language model}} to read. {first}"
                ),
            },
            Self::Prompt => {
                "The numbers take their place in the prompt, where those of a word would stand. \
                 From here on the {language model} treats both alike."
                    .to_owned()
            }
            Self::Layer(layer) => {
                let last = *layer + 1 == path.states.len();
                let end = match last {
                    true => " It is the last one: of the last word's numbers the answer is read.",
                    false => "",
                };
                format!(
                    "Layer {layer} adds what it took from the {{tokens}} before this one, so that the numbers \
                     change a little.{end}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(tower: bool) -> TokenPath {
        let strip = Strip::of(&[1.0; 100]);
        TokenPath {
            pair: 0,
            position: 5,
            tower: tower.then(|| strip.clone()),
            states: vec![strip; 3],
            at: Vec::new(),
        }
    }

    #[test]
    fn steps_go_from_the_picture_to_the_last_layer() {
        use Step::{Connector, Layer, Picture, Prompt, Tower};
        let all = [Picture, Tower, Connector, Prompt, Layer(1), Layer(2)];
        assert_eq!(of(&path(true)), all);
        assert_eq!(of(&path(false))[1], Connector);
        let states: Vec<_> = all.iter().map(Step::state).collect();
        assert_eq!(states, [None, None, None, Some(0), Some(1), Some(2)]);
        assert!(Tower.words(&path(true)).contains("100 numbers"));
        assert!(Tower.words(&path(true)).contains("first 64"));
        assert!(Layer(2).words(&path(true)).contains("last one"));
        assert!(!Layer(1).words(&path(true)).contains("last one"));
    }
}
