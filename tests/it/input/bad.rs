//! Images, texts and processor files that cannot be used.

use std::sync::LazyLock;

use mirscope::{
    input::{ImageProcessor, InputError, Processor, PromptBuilder, decode_image},
    weights::MemorySource,
};
use proptest::prelude::*;
use serde_json::json;

use super::{
    decoding,
    prompts::{OfFour, config, tokenizer},
};
use crate::golden;

fn image(file: &str) -> Vec<u8> {
    std::fs::read(golden::root().join("images").join(file)).unwrap()
}

fn message<T>(result: Result<T, InputError>) -> String {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(error) => error.to_string(),
    }
}

/// A PNG header that claims a size, and nothing behind it.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    file.extend_from_slice(&header);
    file.extend_from_slice(&crc32(&header).to_be_bytes());
    file.extend_from_slice(b"\0\0\0\0IDAT");
    file.extend_from_slice(&crc32(b"IDAT").to_be_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn image_bombs_are_refused_by_their_header() {
    for (width, height) in [(60_000, 60_000), (i32::MAX as u32, 1), (100_001, 1_000)] {
        let error = message(decode_image("bomb.png", &bomb(width, height)));
        assert!(error.starts_with("bomb.png: expected"), "{error}");
    }
    let error = message(decode_image("bomb.png", &bomb(60_000, 60_000)));
    assert!(error.contains("60000 x 60000"), "{error}");
}

#[test]
fn broken_images_name_their_file() {
    let good = image("odd.png");
    let cases = [
        (Vec::new(), "no known format"),
        (b"just some text".to_vec(), "no known format"),
        (good[..good.len() / 2].to_vec(), "an error"),
        (bomb(0, 5), "found"),
        (image("jpeg_420.jpg")[..200].to_vec(), "found"),
    ];
    for (bytes, part) in cases {
        let error = message(decode_image("cat.png", &bytes));
        assert!(error.starts_with("cat.png: expected"), "{error}");
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_image_of_extreme_proportions_is_not_blown_up() {
    let settings = json!({"size": {"shortest_edge": 4096}});
    let source = MemorySource::new("m").with(
        "preprocessor_config.json",
        settings.to_string().into_bytes(),
    );
    let processor = ImageProcessor::open(&source, &config(100)).unwrap();
    let (strip, _) = decode_image("strip", &image("strip.png")).unwrap();
    let error = message(processor.process("strip.png", &strip));
    assert!(
        error.contains("strip.png") && error.contains("4096 x 273066"),
        "{error}"
    );
}

#[test]
fn processor_files_name_their_field() {
    let spec = config(100);
    let open = |config: serde_json::Value| {
        let source = MemorySource::new("m")
            .with("preprocessor_config.json", config.to_string().into_bytes());
        message(ImageProcessor::open(&source, &spec))
    };
    for (config, field) in [
        (
            json!({"image_processor_type": "Idefics3ImageProcessor"}),
            "image_processor_type",
        ),
        (json!({"size": {"longest_edge": 3}}), "size"),
        (json!({"size": {"height": 0, "width": 3}}), "size.height"),
        (json!({"size": 1e9}), "size"),
        (json!({"crop_size": {"height": 3}}), "crop_size.width"),
        (json!({"resample": 9}), "resample"),
        (json!({"resample": "bicubic"}), "resample"),
        (json!({"do_pad": true, "pad_size": 0}), "pad_size"),
        (json!({"image_mean": [0.5]}), "image_mean"),
        (json!({"image_std": 0.0}), "image_std"),
        (json!({"do_resize": "yes"}), "do_resize"),
        (json!({"rescale_factor": "1/255"}), "rescale_factor"),
    ] {
        let error = open(config.clone());
        assert!(error.starts_with("preprocessor_config.json: "), "{error}");
        assert!(error.contains(&format!("`{field}`")), "{config}: {error}");
    }
    let error = message(ImageProcessor::open(
        &MemorySource::new("bare"),
        &config(100),
    ));
    assert!(error.contains("bare") && error.contains("preprocessor_config.json"));
}

#[test]
fn an_image_of_another_size_than_the_towers_is_refused() {
    let source = tokenizer("byte").with(
        "preprocessor_config.json",
        br#"{"size": {"shortest_edge": 20}, "crop_size": 20}"#.to_vec(),
    );
    let processor = Processor::open(&source, &config(100)).unwrap();
    let error = message(processor.image("odd.png", &image("odd.png")));
    assert!(error.contains("odd.png") && error.contains("20 x 20") && error.contains("14 x 14"));
}

#[test]
fn empty_texts_and_short_contexts() {
    let builder = PromptBuilder::open(&tokenizer("byte"), &config(4096)).unwrap();
    for text in ["", " \n\t ", "<image>", "\u{3000}"] {
        let error = message(builder.pair_of_four("story.txt", text));
        assert!(error.starts_with("story.txt: expected a text"), "{error}");
    }
    let prompt = builder
        .pair_of_four("story.txt", "an <image> here")
        .unwrap();
    assert!(prompt.notes[0].contains("`<image>` was removed"));
    let prompt = builder
        .pair_of_four("story.txt", "an <im<image>age> inside")
        .unwrap();
    assert_eq!(prompt.vision.len(), 4);
    let short = PromptBuilder::open(&tokenizer("byte"), &config(7)).unwrap();
    let error = message(short.pair_of_four("story.txt", "some words"));
    assert!(
        error.contains("story.txt") && error.contains("max_position_embeddings = 7"),
        "{error}"
    );
}

#[test]
fn tokenizers_and_templates_that_do_not_work() {
    let open = |source: MemorySource| message(PromptBuilder::open(&source, &config(4096)));
    let error = open(MemorySource::new("bare"));
    assert!(error.contains("tokenizer.json"), "{error}");
    let error = open(tokenizer("byte").with("tokenizer.json", b"{}".to_vec()));
    assert!(error.starts_with("tokenizer.json: "), "{error}");
    for (template, part) in [
        ("{% for %}", "does not compile"),
        ("{{ raise_exception('not today') }}", "not today"),
        ("{{ messages[1].content }}", "no image"),
        (
            "<image>{{ messages[1].content | upper }}",
            "the text is missing",
        ),
        ("<image>", "the text is missing"),
        ("<image><image>{{ messages[1].content }}", "several"),
    ] {
        let source = tokenizer("byte").with("chat_template.jinja", template.as_bytes().to_vec());
        let error = open(source);
        assert!(error.starts_with("chat_template.jinja: "), "{error}");
        assert!(error.contains(part), "{template}: {error}");
    }
    // A vocabulary beyond the embedding table, and an image token the tokenizer does not have.
    let mut small = config(4096);
    small.text.vocab_size = 60;
    let builder = PromptBuilder::open(&tokenizer("byte"), &small).unwrap();
    let error = message(builder.pair_of_four("t", "words"));
    assert!(error.contains("vocab_size = 60"), "{error}");
    let mut other = config(4096);
    other.vision.as_mut().unwrap().image_token_id = 399;
    let builder = PromptBuilder::open(&tokenizer("byte"), &other).unwrap();
    let error = message(builder.pair_of_four("t", "words"));
    assert!(
        error.contains("399") && error.contains("found 0"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever happens to an image file, decoding ends in an image or an error.
    #[test]
    fn mutated_images_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
    ) {
        static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
            let single = ["odd.png", "palette_key.png", "windows.bmp", "exif_6.png"].map(image);
            let packed = decoding::files().into_iter().map(|file| file.bytes);
            single.into_iter().chain(packed).collect()
        });
        let mut bytes = FILES[which.index(FILES.len())].clone();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok((image, _)) = decode_image("mutated", &bytes) {
            prop_assert_eq!(image.data.len(), image.width * image.height * 3);
        }
    }

    /// Whatever happens to the processor's files, opening ends in a processor or an error.
    #[test]
    fn mutated_processor_files_never_panic(
        which in 0_usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let template = b"{% for m in messages %}{% for p in m.content %}{{ '<image>' if p.type == \
            'image' else p.text }}{% endfor %}{% endfor %}";
        let files: [(&str, Vec<u8>); 3] = [
            ("chat_template.jinja", template.to_vec()),
            ("tokenizer_config.json", br#"{"bos_token": "<s>", "extra_special_tokens": {"image_token": "<image>"}, "added_tokens_decoder": {"4": {"content": "<image>"}}}"#.to_vec()),
            ("preprocessor_config.json", br#"{"size": {"shortest_edge": 14}, "crop_size": 14}"#.to_vec()),
        ];
        let mut source = tokenizer("byte");
        for (i, (file, bytes)) in files.into_iter().enumerate() {
            let mut bytes = bytes;
            if i == which {
                for (index, byte) in &changes {
                    let at = index.index(bytes.len());
                    bytes[at] = *byte;
                }
            }
            source.insert(file, bytes);
        }
        if let Ok(processor) = Processor::open(&source, &config(200))
            && let Ok(image) = processor.image("two.png", &image("two.png"))
        {
            let _ = processor.prompt("text", "A red house.", &image.plan);
        }
    }

    /// Any text gives a prompt that holds all its tokens within the context, or an error.
    #[test]
    fn any_text_gives_a_prompt_or_an_error(text in ".{0,200}", context in 90_usize..400) {
        let builder = PromptBuilder::open(&tokenizer("llama"), &config(context)).unwrap();
        if let Ok(prompt) = builder.pair_of_four("text", &text) {
            prop_assert!(prompt.input_ids.len() <= context);
            prop_assert_eq!(prompt.vision.len(), 4);
        }
    }
}
