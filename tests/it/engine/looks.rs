//! Looks at single pairs and tokens through the engine.

use std::path::PathBuf;

use mirscope::{
    engine::{
        Command, Event, Explore, ImageInput, MeasureRequest, ModelSource, PairInput, PairSource,
        Session,
    },
    input::decode_image,
    report::{AttentionRow, Axes, LogitLens, PairView, Strip, TextMask, TokenKind},
};

use super::{last, measure, refusal, report};
use crate::{
    golden::{self, GoldenCase},
    support::relative_error,
};

#[track_caller]
pub fn pair(session: &mut Session, index: usize) -> PairView {
    match last(session, Command::Explore(Explore::Pair(index))) {
        Event::Pair(view) => *view,
        other => panic!("expected a pair, found {other:?}"),
    }
}

#[track_caller]
fn lens(session: &mut Session, pair: usize, position: usize) -> LogitLens {
    let question = Explore::LogitLens { pair, position };
    match last(session, Command::Explore(question)) {
        Event::LogitLens(lens) => *lens,
        other => panic!("expected a logit lens, found {other:?}"),
    }
}

#[track_caller]
fn attention(session: &mut Session, pair: usize, position: usize, layer: usize) -> AttentionRow {
    let question = Explore::Attention {
        pair,
        position,
        layer,
    };
    match last(session, Command::Explore(question)) {
        Event::Attention(row) => *row,
        other => panic!("expected an attention row, found {other:?}"),
    }
}

fn demo() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/demo")
}

/// Two demo pairs through the demo.
fn demo_request(text_mask: TextMask) -> MeasureRequest {
    let mut request = measure(2);
    request.model = ModelSource::Demo { connector: None };
    request.settings.text_mask = text_mask;
    request
}

#[test]
fn pairs_of_the_demo_are_shown_as_the_model_sees_them() {
    let tokenizer = tokenizers::Tokenizer::from_file(demo().join("model/tokenizer.json")).unwrap();
    for mask in [TextMask::Official, TextMask::Content] {
        let mut session = Session::default();
        let report = report(&mut session, demo_request(mask));
        let mut counts = [0; 2];
        for index in 0..2 {
            let view = pair(&mut session, index);
            assert_eq!(view.pair, index);
            // The demo's images have the tower's size already.
            let bytes = std::fs::read(&view.name).unwrap();
            let (image, _) = decode_image("image", &bytes).unwrap();
            let shown = &view.pictures[0];
            let picture = &shown.picture;
            assert_eq!([picture.width, picture.height], [image.width, image.height]);
            let off = picture.rgb.iter().zip(&image.data);
            assert!(off.clone().all(|(a, b)| a.abs_diff(*b) <= 1));
            assert_eq!(off.len(), 3 * 128 * 128);

            let ids: Vec<u32> = view.tokens.iter().map(|token| token.id).collect();
            let texts: String = view.tokens.iter().map(|t| t.text.as_str()).collect();
            assert_eq!(texts, tokenizer.decode(&ids, false).unwrap());
            assert!(texts.contains(&view.text), "{texts}");
            assert!(texts.starts_with("<s>USER: <image>"), "{texts}");
            assert!(view.tokens.iter().any(|token| token.text == " the"));

            let of = |kind| view.tokens.iter().filter(move |token| token.kind == kind);
            counts[0] += of(TokenKind::Vision).count();
            counts[1] += of(TokenKind::Text).count();
            let patches: Vec<usize> = of(TokenKind::Vision).filter_map(|t| t.patch).collect();
            assert_eq!((view.pictures.len(), shown.crops), (1, None));
            assert_eq!((shown.patches, shown.grid), ([8, 8], Some([8, 8])));
            assert!(patches.into_iter().eq(0..64));
            assert!(of(TokenKind::Text).all(|token| token.patch.is_none()));
            assert!(of(TokenKind::Scaffold).any(|token| token.text == "<s>"));
            let content: String = of(TokenKind::Text).map(|t| t.text.as_str()).collect();
            if mask == TextMask::Content {
                assert_eq!(content.trim(), view.text);
            } else {
                assert!(
                    content.ends_with(&format!("{}</s>", view.text)),
                    "{content}"
                );
            }

            let stages: Vec<(&str, Vec<usize>)> = (view.stages.iter())
                .map(|stage| {
                    let sizes = stage.shape.iter().map(|(_, size)| *size);
                    (stage.name.as_str(), sizes.collect())
                })
                .collect();
            let expected = [
                ("image", vec![3, 128, 128]),
                ("vision tower", vec![65, 128]),
                ("connector", vec![64, 128]),
                ("token sequence", vec![ids.len(), 128]),
                ("language model", vec![6, ids.len(), 128]),
            ];
            assert_eq!(stages, expected);
            assert!(view.stages[1].about.contains("class token is dropped"));
        }
        assert_eq!(<(usize, usize)>::from(counts), report.tokens(), "{mask:?}");
    }
}

/// The golden pair or document, twice, through its own checkpoint.
pub fn golden_request(case: &GoldenCase) -> MeasureRequest {
    let images = case.images.iter().cloned().map(ImageInput::Path);
    let pair = PairInput::document(images.zip(case.texts.clone())).unwrap();
    let mut request = measure(0);
    request.model = ModelSource::Folder(case.folder.clone());
    request.pairs = PairSource::Pairs {
        name: "the golden pair".to_owned(),
        pairs: vec![pair.clone(), pair],
    };
    request
}

#[test]
fn looks_equal_transformers() {
    for case in golden::cases().into_iter().chain(golden::documents()) {
        let text = case.checkpoint().spec.text;
        let (layers, heads) = (text.num_hidden_layers, text.num_attention_heads);
        let tokens = case.input_ids().len();
        let mut session = Session::default();
        report(&mut session, golden_request(&case));
        let view = pair(&mut session, 1);
        let ids: Vec<u32> = view.tokens.iter().map(|token| token.id).collect();
        assert_eq!(ids, case.input_ids(), "{}", case.name);
        for (i, &position) in case.numbers("positions").iter().enumerate() {
            let position = position as usize;
            let found = lens(&mut session, 1, position);
            assert_eq!((found.pair, found.position), (1, position));
            assert_eq!(found.states.len(), layers + 1);
            for (index, state) in found.states.iter().enumerate() {
                assert_eq!(state.state, index);
                let ids = &case.numbers(&format!("lens_id.{index}"))[5 * i..][..5];
                assert_eq!(state.tokens[0].id, ids[0], "{} {index}", case.name);
                let (_, expected) = case.tensor(&format!("lens_probability.{index}"));
                let probabilities: Vec<f32> = state.tokens.iter().map(|t| t.probability).collect();
                let error = relative_error(&probabilities, &expected[5 * i..][..5]);
                assert!(error <= 1e-4, "{} {index}: off by {error:.2e}", case.name);
            }
            for layer in 1..=layers {
                let row = attention(&mut session, 1, position, layer);
                assert_eq!(
                    (row.position, row.layer, row.heads.len()),
                    (position, layer, heads)
                );
                let (_, all) = case.tensor(&format!("attention.{layer}"));
                let rows = all[i * heads * tokens..].chunks_exact(tokens);
                for (found, expected) in row.heads.iter().zip(rows) {
                    let error = relative_error(found, &expected[..=position]);
                    assert!(error <= 1e-4, "{} {layer}: off by {error:.2e}", case.name);
                }
                assert!((row.mean().iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
        }
    }
}

/// The numbers of a token on its way are those of transformers; a patch's come from its own row of the tower.
#[test]
fn ways_equal_transformers() {
    let mut seen = 0;
    for case in golden::cases() {
        let spec = case.checkpoint().spec;
        let mut session = Session::default();
        report(&mut session, golden_request(&case));
        let view = pair(&mut session, 1);
        let layers = spec.text.num_hidden_layers;
        let vision: Vec<usize> = (view.tokens.iter().enumerate())
            .filter(|(_, token)| token.kind == TokenKind::Vision)
            .map(|(position, _)| position)
            .collect();
        let number = vision.len() / 2;
        let question = Explore::Path {
            pair: 1,
            position: vision[number],
        };
        let Event::Path(path) = last(&mut session, Command::Explore(question)) else {
            panic!("expected a path");
        };
        let row = |name: &str, row: usize| {
            let (shape, values) = case.tensor(name);
            values[row * shape[1]..][..shape[1].min(Strip::MOST)].to_vec()
        };
        for (state, strip) in path.states.iter().enumerate() {
            let name = match state {
                0 => "inputs_embeds".to_owned(),
                last if last == layers => format!("hidden_states.{last}.pre_norm"),
                layer => format!("hidden_states.{layer}"),
            };
            assert_eq!(strip.width, spec.text.hidden_size);
            let error = relative_error(&strip.values, &row(&name, vision[number]));
            assert!(error <= 1e-4, "{} {name}: off by {error:.2e}", case.name);
        }
        let Some(tower) = &path.tower else { continue };
        seen += 1;
        let state = *spec.vision().unwrap().feature_states().last().unwrap();
        let name = format!("vision_hidden_states.{state}");
        // A class token that is left out comes first in every picture.
        let pictures = case.tensor(&name).0[0] - vision.len();
        let ahead = match pictures {
            0 => 0,
            pictures => number / (vision.len() / pictures) + 1,
        };
        let error = relative_error(&tower.values, &row(&name, ahead + number));
        assert!(error <= 1e-4, "{} {name}: off by {error:.2e}", case.name);
    }
    assert!(seen >= 2, "a tower's row was looked at in {seen} cases");
}

/// Words over an image are the first words of each token's lens; a path is in the clouds where its token is, and
/// its vectors give the lens's words.
#[test]
fn words_and_ways_agree_with_lens_and_clouds() {
    let mut session = Session::default();
    let report = report(&mut session, demo_request(TextMask::Official));
    let layers = report.layers.len();
    let view = pair(&mut session, 1);
    let patches: Vec<usize> = view.positions_of(0).collect();
    for state in [0, 3, layers] {
        let question = Explore::PatchWords { pair: 1, state };
        let Event::PatchWords(words) = last(&mut session, Command::Explore(question)) else {
            panic!("expected words");
        };
        let at: Vec<usize> = words.words.iter().map(|(position, _)| *position).collect();
        assert_eq!(at, patches);
        for (position, token) in words.words.iter().step_by(9) {
            let lens = lens(&mut session, 1, *position);
            let first = &lens.states[state].tokens[0];
            assert_eq!((token.id, &token.text), (first.id, &first.text));
            assert!((token.probability - first.probability).abs() < 1e-5);
        }
    }
    for position in [patches[20], view.tokens.len() - 2] {
        let question = Explore::Path { pair: 1, position };
        let Event::Path(path) = last(&mut session, Command::Explore(question)) else {
            panic!("expected a path");
        };
        let vision = view.tokens[position].kind == TokenKind::Vision;
        assert_eq!(
            path.tower.is_some(),
            vision,
            "only patches come from the tower"
        );
        assert_eq!((path.states.len(), path.at.len()), (layers + 1, layers + 1));
        for state in [0, 2, layers] {
            let axes = Axes::Shared;
            let question = Explore::Projection { state, axes };
            let Event::Projection(shown) = last(&mut session, Command::Explore(question)) else {
                panic!("expected a projection");
            };
            let mut tokens = shown.vision.iter().chain(&shown.text);
            let own = tokens
                .find(|it| (it.pair, it.position) == (1, position as u32))
                .unwrap();
            assert_eq!(path.at[state], own.at, "state {state}");
        }
    }
    let reason = refusal(
        &mut session,
        Command::Explore(Explore::PatchWords { pair: 1, state: 9 }),
    );
    assert!(
        reason.contains("no state 9: choose one from 0 to 6"),
        "{reason}"
    );
}

#[test]
fn looks_do_not_depend_on_what_was_looked_at_before() {
    let mut session = Session::default();
    report(&mut session, measure(3));
    let first = (lens(&mut session, 0, 9), attention(&mut session, 0, 9, 2));
    let other = (attention(&mut session, 2, 9, 2), lens(&mut session, 2, 9));
    assert_ne!(first.0.states, other.1.states);
    assert_ne!(first.1.heads, other.0.heads);
    for _ in 0..2 {
        assert_eq!(attention(&mut session, 0, 9, 2), first.1);
        assert_eq!(lens(&mut session, 0, 9), first.0);
        assert_eq!(lens(&mut session, 2, 9), other.1);
        assert_eq!(attention(&mut session, 2, 9, 2), other.0);
    }
    // Another run on the same session keeps nothing of the one before.
    let mut request = measure(3);
    request.settings.num_pairs = Some(1);
    report(&mut session, request);
    let again = pair(&mut session, 0);
    let found = lens(&mut session, 0, 9);
    let known = [&first.0, &other.1].map(|lens| lens.states.clone());
    let of_first = again.name.contains("scene-000");
    assert_eq!(found.states == known[0], of_first);
}

#[test]
fn what_is_not_there_is_refused_in_one_sentence() {
    let mut session = Session::default();
    let reason = refusal(&mut session, Command::Explore(Explore::Pair(0)));
    assert!(
        reason.contains("no hidden states are stored: run a measurement first"),
        "{reason}"
    );
    report(&mut session, measure(2));
    let tokens = pair(&mut session, 1).tokens.len();
    let at = |pair, position, layer| Explore::Attention {
        pair,
        position,
        layer,
    };
    let expected = [
        (
            Explore::Pair(2),
            "no pair 2: choose one from 0 to 1".to_owned(),
        ),
        (
            Explore::LogitLens {
                pair: 7,
                position: 0,
            },
            "no pair 7".to_owned(),
        ),
        (
            Explore::LogitLens {
                pair: 1,
                position: tokens,
            },
            format!(
                "no position in the prompt {tokens}: choose one from 0 to {}",
                tokens - 1
            ),
        ),
        (
            at(1, tokens, 1),
            format!("no position in the prompt {tokens}"),
        ),
        (
            at(1, 0, 0),
            "no decoder layer 0: choose one from 1 to 3".to_owned(),
        ),
        (at(1, 0, 4), "no decoder layer 4".to_owned()),
        (at(usize::MAX, 0, 1), "no pair".to_owned()),
    ];
    for (question, wanted) in expected {
        let reason = refusal(&mut session, Command::Explore(question));
        assert!(reason.contains(&wanted), "{reason} lacks {wanted}");
    }
}
