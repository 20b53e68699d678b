//! Documents and sub-images through the engine: what is measured of them, and where their tokens stand.

use mirscope::{
    engine::{Command, Event, ImageInput, MetricChoice, PairInput, PairSource, Session},
    report::{TextMask, TokenKind},
};

use super::{
    events,
    looks::{golden_request, pair},
    measure, report,
};
use crate::golden;

fn case(name: &str) -> golden::GoldenCase {
    let all = golden::cases().into_iter().chain(golden::documents());
    all.into_iter().find(|case| case.name == name).unwrap()
}

#[test]
fn the_tokens_of_all_images_and_texts_are_measured() {
    for case in golden::documents() {
        let per_image = case.checkpoint().spec.vision().unwrap().num_image_tokens();
        for mask in [TextMask::Official, TextMask::Content] {
            let mut request = golden_request(&case);
            request.settings.text_mask = mask;
            let mut session = Session::default();
            let report = report(&mut session, request);
            let text = match mask {
                TextMask::Official => case.text_official(),
                TextMask::Content => case.text_content(),
            };
            // The document is run twice.
            let expected = (2 * case.texts.len() * per_image, 2 * text.len());
            assert_eq!(report.tokens(), expected, "{} {mask:?}", case.name);
            assert!(
                report.metric("norm-ratio-image-1").is_none(),
                "not asked for"
            );
            assert!(report.mir.is_some_and(f64::is_finite));
        }
    }
}

#[test]
fn each_image_of_a_document_is_shown_with_its_own_tokens() {
    let case = case("clip_document");
    let mut session = Session::default();
    report(&mut session, golden_request(&case));
    let view = pair(&mut session, 0);
    assert!(view.name.ends_with("and 2 more images"), "{}", view.name);
    assert_eq!(view.text, case.texts.join("\n"));
    assert_eq!(view.pictures.len(), 3);
    let mut at = 0;
    for (number, shown) in view.pictures.iter().enumerate() {
        assert_eq!((shown.image, shown.grid), (number, Some([2, 2])));
        assert!(shown.name.ends_with(&format!("image-{number}.png")));
        let positions: Vec<usize> = view.positions_of(number).collect();
        assert_eq!(positions.len(), 4);
        assert!(positions[0] >= at, "images stand in their order");
        at = positions[3];
        for (patch, position) in positions.into_iter().enumerate() {
            assert_eq!(view.tokens[position].patch, Some(patch));
            assert_eq!(view.position_of(number, patch), Some(position));
            assert_eq!(view.picture_of(position), Some(number));
        }
    }
    assert_ne!(view.pictures[0].picture, view.pictures[1].picture);
    let shape = |name: &str| {
        let stage = view.stages.iter().find(|stage| stage.name == name).unwrap();
        stage
            .shape
            .iter()
            .map(|(_, size)| *size)
            .collect::<Vec<_>>()
    };
    assert_eq!(shape("image"), [3, 3, 14, 14]);
    assert_eq!(shape("connector"), [12, 16]);
}

#[test]
fn each_position_of_a_document_has_its_own_numbers() {
    let case = case("clip_document");
    let mut request = golden_request(&case);
    request.settings.metrics = MetricChoice::All;
    let report = report(&mut Session::default(), request);
    let value = |id: String| report.metric(&id).and_then(|metric| metric.value);
    let ratios: Vec<f64> = (1..=3)
        .map(|position| value(format!("norm-ratio-image-{position}")).unwrap())
        .collect();
    assert_eq!(value("norm-ratio-image-4".to_owned()), None);
    // All images have equally many tokens, so that the whole is their mean, layer by layer.
    for (index, layer) in report.layers.iter().enumerate() {
        let at = |position: usize| {
            let id = format!("norm-ratio-image-{position}");
            report.metric(&id).unwrap().per_state[index].value.unwrap()
        };
        let mean = (at(1) + at(2) + at(3)) / 3.0;
        assert!((mean / layer.norm_ratio().unwrap() - 1.0).abs() < 1e-5);
    }
    assert!(ratios[0] != ratios[1] && ratios[1] != ratios[2]);
}

#[test]
fn the_tokens_of_a_crop_stand_on_the_crop() {
    let case = case("clip_sub_images");
    let mut session = Session::default();
    report(&mut session, golden_request(&case));
    let view = pair(&mut session, 0);
    let [whole, cut] = view.pictures.as_slice() else {
        panic!(
            "expected the whole and its crops, found {} pictures",
            view.pictures.len()
        );
    };
    assert_eq!((whole.crops, cut.crops), (None, Some([2, 2])));
    assert_eq!((whole.picture.width, cut.picture.width), (14, 28));
    assert_eq!((whole.grid, cut.grid), (Some([2, 2]), Some([4, 4])));
    let first = view.positions_of(0).next().unwrap();
    let cells: Vec<Option<usize>> = (first..first + 20)
        .map(|position| view.tokens[position].patch)
        .collect();
    let expected = [
        0, 1, 2, 3, 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15,
    ];
    assert_eq!(cells, expected.map(Some));
    // What the crops show together is what the whole shows, at twice the size.
    let mean = |picture: &mirscope::report::Picture| {
        let sum: u64 = picture.rgb.iter().map(|level| u64::from(*level)).sum();
        sum as f64 / picture.rgb.len() as f64
    };
    assert!((mean(&whole.picture) - mean(&cut.picture)).abs() < 2.0);
    let count = view
        .tokens
        .iter()
        .filter(|token| token.kind == TokenKind::Vision)
        .count();
    assert_eq!(count, 20);
}

#[test]
fn a_document_too_long_is_cut_with_a_note() {
    let case = case("clip_document");
    let mut request = golden_request(&case);
    let turns = (0..12).map(|i| {
        let image = ImageInput::Path(case.images[i % 3].clone());
        (image, case.texts[i % 3].clone())
    });
    request.pairs = PairSource::Pairs {
        name: "a long document".to_owned(),
        pairs: PairInput::document(turns).into_iter().collect(),
    };
    let mut session = Session::default();
    let all = events(&mut session, Command::Measure(Box::new(request)));
    let note = all.iter().find_map(|event| match event {
        Event::Note(note) if note.contains("of 12 images were left out with their texts") => {
            Some(note)
        }
        _ => None,
    });
    assert!(note.is_some(), "{all:?}");
    let view = pair(&mut session, 0);
    assert!(view.tokens.len() <= 320);
    let vision = view
        .tokens
        .iter()
        .filter(|token| token.kind == TokenKind::Vision)
        .count();
    assert_eq!(vision, 4 * view.pictures.len());
    assert!(view.pictures.len() < 12);
}

#[test]
fn a_single_pair_is_the_document_of_one() {
    let mut session = Session::default();
    let alone = report(&mut session, measure(3));
    let mut request = measure(3);
    let PairSource::Pairs { pairs, .. } = &mut request.pairs else {
        panic!("the pairs of the demo are pairs");
    };
    for pair in pairs.iter_mut() {
        let turn = pair.turns[0].clone();
        *pair = PairInput::document([(turn.images[0].clone(), turn.text)]).unwrap();
    }
    assert_eq!(report(&mut session, request).mir, alone.mir);
}

#[test]
fn the_token_grid_is_the_connectors() {
    for case in golden::connectors() {
        let mut session = Session::default();
        report(&mut session, golden_request(&case));
        let view = pair(&mut session, 0);
        let shown = &view.pictures[0];
        let patches: Vec<Option<usize>> = (view.positions_of(0))
            .map(|position| view.tokens[position].patch)
            .collect();
        let count = case.tensor("image_features").0[0];
        assert_eq!(patches.len(), count, "{}", case.name);
        match shown.grid {
            Some([rows, columns]) => {
                assert_eq!(rows * columns, count, "{}", case.name);
                assert!(patches.iter().flatten().copied().eq(0..count));
            }
            // Queries look at the whole picture: none has a place in it.
            None => assert!(
                case.name.starts_with("attention_pool") && patches.iter().all(Option::is_none)
            ),
        }
        let expected = match case.name.as_str() {
            "average_pool" => ([5, 5], Some([3, 3])),
            "attention_pool_moca_bf16" => ([8, 8], None),
            "c_abstractor_bf16" => ([6, 6], Some([4, 4])),
            "pixel_shuffle" => ([6, 6], Some([2, 2])),
            _ => continue,
        };
        assert_eq!((shown.patches, shown.grid), expected, "{}", case.name);
    }
}
