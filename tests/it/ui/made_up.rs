//! An engine's answers, made up: a run of three pairs with four by four patches and three layers.

use egui_kittest::Harness;
use mirscope::{
    app::App,
    engine::{Command, Event, Explore},
    report::{
        AttentionRow, Kept, LensState, LensToken, LogitLens, PairView, PatchWords, Picture,
        PictureView, Strip, TokenKind, TokenPath, TokenView,
    },
};

use super::support::FakeLink;

/// Rows and columns of patches.
pub const GRID: [usize; 2] = [4, 4];
/// The pair that is a document of three images.
pub const DOCUMENT: usize = 2;
/// Tokens before the image.
pub const BEFORE: usize = 2;
const WORDS: [&str; 5] = [" A", " picture", " of", " a", " dog"];

/// The position of a patch's token.
pub fn position(patch: usize) -> usize {
    BEFORE + patch
}

/// The position of a word of the text.
pub fn word(index: usize) -> usize {
    BEFORE + GRID[0] * GRID[1] + 1 + index
}

/// A pair: scaffold, image, a line break, five words.
pub fn pair(index: usize) -> PairView {
    let token = |text: &str, kind, patch| TokenView {
        id: 7,
        text: text.to_owned(),
        kind,
        patch,
        picture: 0,
    };
    let mut tokens = vec![
        token("<s>", TokenKind::Scaffold, None),
        token("USER:", TokenKind::Scaffold, None),
    ];
    let patches = GRID[0] * GRID[1];
    tokens.extend((0..patches).map(|patch| token("<image>", TokenKind::Vision, Some(patch))));
    tokens.push(token("\n", TokenKind::Scaffold, None));
    tokens.extend(WORDS.map(|word| token(word, TokenKind::Text, None)));
    PairView {
        pair: index,
        name: format!("scene-{index:03}.png"),
        text: WORDS.concat(),
        pictures: vec![PictureView {
            image: 0,
            name: format!("scene-{index:03}.png"),
            crops: None,
            picture: picture(index),
            patches: GRID,
            grid: Some(GRID),
        }],
        tokens,
        stages: Vec::new(),
    }
}

fn picture(index: usize) -> Picture {
    let side = 32;
    Picture {
        width: side,
        height: side,
        rgb: (0..side * side)
            .flat_map(|at| {
                let (row, column) = (at / side, at % side);
                let hill = if (row as i32 - 16).pow(2) + (column as i32 - 20).pow(2) < 60 {
                    [220, 60, 50]
                } else {
                    [120 + row as u8 * 2, 170, 230 - row as u8 * 3]
                };
                hill.map(|channel: u8| channel.wrapping_add(index as u8 * 20))
            })
            .collect(),
    }
}

/// A pair whose second image stands behind the text, and whose third has tokens of no place.
pub fn document(index: usize) -> PairView {
    let mut view = pair(index);
    for (number, grid) in [(1, Some(GRID)), (2, None)] {
        let patches = GRID[0] * GRID[1];
        view.tokens.extend((0..patches).map(|patch| TokenView {
            id: 7,
            text: "<image>".to_owned(),
            kind: TokenKind::Vision,
            patch: grid.map(|_| patch),
            picture: number,
        }));
        view.tokens.push(TokenView {
            id: 7,
            text: " word".to_owned(),
            kind: TokenKind::Text,
            patch: None,
            picture: 0,
        });
        view.pictures.push(PictureView {
            image: number,
            name: format!("image-{number}.png"),
            grid,
            picture: picture(index + number),
            ..view.pictures[0].clone()
        });
    }
    view
}

/// The words of a token, sharper from state to state.
pub fn lens(pair: usize, position: usize) -> LogitLens {
    let token = |text: &str, probability| LensToken {
        id: 3,
        text: text.to_owned(),
        probability,
    };
    LogitLens {
        pair,
        position,
        states: (0..=6)
            .map(|state| {
                let sure = 0.1 + 0.14 * state as f32;
                LensState {
                    state,
                    tokens: vec![
                        token(" apple", sure),
                        token("apple", (1.0 - sure) * 0.5),
                        token(" red", (1.0 - sure) * 0.2),
                        token("\n", (1.0 - sure) * 0.1),
                        token(" tree", 0.0004),
                    ],
                }
            })
            .collect(),
    }
}

/// The word of each patch at a state: its number, counted from the state.
pub fn patch_words(pair: usize, state: usize) -> PatchWords {
    let word = |patch: usize| {
        let token = LensToken {
            id: 3,
            text: format!(" w{}", 100 * state + patch),
            probability: 0.25,
        };
        (position(patch), token)
    };
    PatchWords {
        pair,
        state,
        words: (0..GRID[0] * GRID[1]).map(word).collect(),
    }
}

/// A token on its way through six layers; its place among all others is not known.
pub fn path(pair: usize, position: usize) -> TokenPath {
    let strip = |state: usize| {
        let value = |index: usize| ((index + 7 * state + position) as f32 * 0.7).sin();
        Strip::of(&(0..96).map(value).collect::<Vec<f32>>())
    };
    TokenPath {
        pair,
        position,
        tower: Some(strip(9)),
        states: (0..=6).map(strip).collect(),
        at: Vec::new(),
    }
}

/// Attention of two heads: one on everything alike, one on a single patch.
pub fn attention(pair: usize, position: usize, layer: usize) -> AttentionRow {
    let number = position + 1;
    let even = vec![1.0 / number as f32; number];
    let mut sharp = vec![0.1 / (number - 1) as f32; number];
    sharp[(BEFORE + 5 + layer).min(position)] = 0.9;
    AttentionRow {
        pair,
        position,
        layer,
        heads: vec![even, sharp],
    }
}

/// Answers what the app asks until it asks no more.
pub fn serve(harness: &mut Harness<'_, App>, link: &FakeLink, served: &mut usize) {
    loop {
        harness.run_ok();
        let asked = link.0.borrow().commands.get(*served).cloned();
        let Some(command) = asked else { return };
        *served += 1;
        link.tell(answers(harness, &command));
    }
}

fn answers(harness: &Harness<'_, App>, command: &Command) -> Vec<Event> {
    match command {
        Command::Measure(_) => {
            let report = harness.state().store.report().cloned().unwrap();
            let kept = Kept {
                pairs: 3,
                last_state: report.layers.len(),
                bytes: 1 << 20,
                refused: None,
            };
            vec![Event::Kept(kept), Event::Report(Box::new(report))]
        }
        Command::Explore(Explore::Pair(DOCUMENT)) => {
            vec![Event::Pair(Box::new(document(DOCUMENT)))]
        }
        Command::Explore(Explore::Pair(index)) => vec![Event::Pair(Box::new(pair(*index)))],
        Command::Explore(Explore::LogitLens { pair, position }) => {
            vec![Event::LogitLens(Box::new(lens(*pair, *position)))]
        }
        Command::Explore(Explore::PatchWords { pair, state }) => {
            vec![Event::PatchWords(Box::new(patch_words(*pair, *state)))]
        }
        Command::Explore(Explore::Path { pair, position }) => {
            vec![Event::Path(Box::new(path(*pair, *position)))]
        }
        Command::Explore(Explore::Attention {
            pair,
            position,
            layer,
        }) => vec![Event::Attention(Box::new(attention(
            *pair, *position, *layer,
        )))],
        _ => vec![Event::Failed("not in this test".to_owned())],
    }
}
