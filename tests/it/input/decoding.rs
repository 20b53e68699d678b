//! Small files of every kind in which decoders differ, against what PIL makes of them.

use mirscope::input::{InputError, RgbImage, decode_image};
use safetensors::SafeTensors;
use serde_json::Value;

use super::sha256::sha256;
use crate::golden;

/// A file, and what PIL makes of it.
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
    expected: Value,
}

/// All of them.
pub fn files() -> Vec<File> {
    let folder = golden::root().join("images");
    let pack = std::fs::read(folder.join("decoding.safetensors")).unwrap();
    let pack = SafeTensors::deserialize(&pack).unwrap();
    let index = std::fs::read(folder.join("decoding.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let file = |(name, expected): (&String, &Value)| File {
        name: name.clone(),
        bytes: pack.tensor(name).unwrap().data().to_vec(),
        expected: expected.clone(),
    };
    index["files"]
        .as_object()
        .unwrap()
        .iter()
        .map(file)
        .collect()
}

/// The JPEG files without those that test metadata.
fn jpegs() -> impl Iterator<Item = File> {
    files()
        .into_iter()
        .filter(|file| file.name.ends_with(".jpg") && !file.name.contains('/'))
}

fn jpeg(name: &str) -> Vec<u8> {
    jpegs().find(|file| file.name == name).unwrap().bytes
}

fn decode(name: &str, bytes: &[u8]) -> Result<RgbImage, InputError> {
    let (image, notes) = decode_image(name, bytes)?;
    assert!(notes.is_empty(), "{name}: {notes:?}");
    Ok(image)
}

/// How an image differs from what PIL gives, if it does.
fn difference(image: &RgbImage, expected: &Value) -> Option<String> {
    let size = serde_json::json!([image.width, image.height]);
    let wanted = serde_json::json!([expected["width"], expected["height"]]);
    if size != wanted {
        return Some(format!("{size} pixels for {wanted}"));
    }
    let key = expected.get("transparent");
    if key.cloned() != image.transparent.map(|key| serde_json::json!(key)) {
        return Some(format!(
            "transparent is {:?} for {key:?}",
            image.transparent
        ));
    }
    (expected["rgb"] != sha256(&image.data)).then(|| "other levels".to_owned())
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    match decode(name, bytes) {
        Ok(image) => panic!("{name}: {} x {} pixels", image.width, image.height),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_file_gives_pils_bytes() {
    let files = files();
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let found = match decode(&file.name, &file.bytes) {
                Ok(image) => difference(&image, &file.expected)?,
                Err(error) => error.to_string(),
            };
            Some(format!("{}: {found}", file.name))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}: {wrong:#?}",
        wrong.len(),
        files.len()
    );
    assert!(files.len() >= 100, "only {}", files.len());
}

#[test]
fn jpegs_that_end_early_are_refused_wherever_they_end() {
    let mut tried = 0;
    for file in jpegs().filter(|file| file.name != "data_after.jpg") {
        let (name, whole) = (&file.name, file.bytes.len());
        let step = (whole / 40).max(1);
        for end in (3..whole - 2).step_by(step).chain([whole - 2, whole - 1]) {
            let error = refusal(name, &file.bytes[..end]);
            assert!(error.starts_with(&format!("{name}: expected ")), "{error}");
            tried += 1;
        }
    }
    assert!(tried > 1500, "only {tried}");
}

#[test]
fn zero_filled_jpegs_are_what_pil_makes_of_them() {
    let (mut refused, mut filled) = (0, 0);
    for file in jpegs() {
        let Some(expected) = file.expected.get("zero_filled") else {
            continue;
        };
        let mut bytes = file.bytes.clone();
        let scan = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]);
        let half = (scan.unwrap() + bytes.len()) / 2;
        bytes[half..].fill(0);
        if expected.is_null() {
            refusal(&file.name, &bytes);
            refused += 1;
        } else {
            let image = decode(&file.name, &bytes).unwrap();
            assert_eq!(difference(&image, expected), None, "{}", file.name);
            filled += 1;
        }
    }
    assert!(refused > 30 && filled > 1, "{refused} and {filled}");
}

#[test]
fn damaged_jpegs_are_refused() {
    let restarts = jpeg("restarts.jpg");
    let marker = restarts.windows(2).position(|pair| pair == [0xff, 0xd0]);
    let marker = marker.unwrap();
    let mut other = restarts.clone();
    other[marker + 1] = 0xd3;
    let mut missing = restarts.clone();
    missing.drain(marker..marker + 2);
    let progressive = jpeg("33x17_progressive_420.jpg");
    let scan = progressive
        .windows(2)
        .rposition(|pair| pair == [0xff, 0xda]);
    let mut scans = progressive[..scan.unwrap()].to_vec();
    scans.extend([0xff, 0xd9]);
    let plain = jpeg("33x17_444.jpg");
    let mut short = plain[..plain.len() - 90].to_vec();
    short.extend([0xff, 0xd9]);
    for (bytes, found) in [
        (other, "restart markers out of order"),
        (missing, "restart markers out of order"),
        (scans, "scans missing"),
        (short, "data that end early"),
    ] {
        let error = refusal("cat.jpg", &bytes);
        let expected = "cat.jpg: expected a JPEG image without damage, found ";
        assert_eq!(error, format!("{expected}{found}"));
    }
}

#[test]
fn jpegs_of_other_forms_and_sizes_are_refused_by_name() {
    let sized = |name: &str, height: [u8; 2], width: [u8; 2]| {
        let mut bytes = jpeg(name);
        let frame = |pair: &[u8]| pair[0] == 0xff && matches!(pair[1], 0xc0 | 0xc2);
        let frame = bytes.windows(2).position(frame).unwrap();
        bytes[frame + 5..frame + 7].copy_from_slice(&height);
        bytes[frame + 7..frame + 9].copy_from_slice(&width);
        (frame, bytes)
    };
    let (frame, mut deep) = sized("gray.jpg", [0, 17], [0, 33]);
    deep[frame + 4] = 12;
    // The factors of the second component.
    let (frame, mut inks) = sized("cmyk.jpg", [0, 17], [0, 33]);
    inks[frame + 14] = 0x22;
    let (frame, mut finer) = sized("33x17_444.jpg", [0, 17], [0, 33]);
    finer[frame + 14] = 0x21;
    for (bytes, part) in [
        (sized("gray.jpg", [0, 0], [0, 33]).1, "found 33 x 0"),
        (sized("cmyk.jpg", [0, 0], [0, 33]).1, "found 33 x 0"),
        (sized("gray.jpg", [0xf0, 0], [0xf0, 0]).1, "61440"),
        // Fewer than the most pixels, but far more than so few bytes can hold.
        (sized("gray.jpg", [0x20, 0], [0x20, 0]).1, "ends early"),
        (
            sized("33x17_progressive_420.jpg", [0x20, 0], [0x20, 0]).1,
            "ends early",
        ),
        (deep, "8 bits per sample"),
        (inks, "CMYK of an unusual subsampling"),
        (finer, "color sampled finer than brightness"),
    ] {
        let error = refusal("cat.jpg", &bytes);
        assert!(error.starts_with("cat.jpg: expected "), "{error}");
        assert!(error.contains(part), "{part}: {error}");
    }
}
