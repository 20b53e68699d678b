//! Frames of animations.

use gif::{DisposalMethod, Encoder, Frame, Repeat};
use mirscope::input::{RgbImage, decode_frames, decode_image, frame_count};

use super::decoding::files;

/// 6 x 4 pixels, black at first; frame k paints column k in a color of its own and leaves the others.
fn animation(frames: usize) -> Vec<u8> {
    let mut palette = vec![0, 0, 0];
    (0..frames).for_each(|k| palette.extend(color(k)));
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 6, 4, &palette).unwrap();
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for k in 0..frames {
        let (left, width, buffer) = match k {
            0 => (0, 6, (0..24).map(|at| u8::from(at % 6 == 0)).collect()),
            k => (k as u16, 1, vec![k as u8 + 1; 4]),
        };
        let frame = Frame {
            left,
            width,
            height: 4,
            dispose: DisposalMethod::Keep,
            buffer: std::borrow::Cow::Owned(buffer),
            ..Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

fn color(k: usize) -> [u8; 3] {
    [200 - 10 * k as u8, 20 * k as u8, 7]
}

/// What is seen after frame k.
fn seen(k: usize) -> RgbImage {
    let column = |x: usize| if x <= k { color(x) } else { [0; 3] };
    let row: Vec<u8> = (0..6).flat_map(column).collect();
    RgbImage {
        width: 6,
        height: 4,
        data: row.repeat(4),
        transparent: None,
    }
}

#[test]
fn frames_are_what_a_viewer_shows() {
    let bytes = animation(6);
    assert_eq!(frame_count("a.gif", &bytes).unwrap(), 6);
    for (most, expected) in [
        (1, &[0][..]),
        (2, &[0, 5]),
        (3, &[0, 2, 5]),
        (6, &[0, 1, 2, 3, 4, 5]),
        (99, &[0, 1, 2, 3, 4, 5]),
    ] {
        let frames = decode_frames("a.gif", &bytes, most).unwrap();
        let expected: Vec<RgbImage> = expected.iter().map(|&k| seen(k)).collect();
        assert_eq!(frames, expected, "{most}");
    }
    let (first, _) = decode_image("a.gif", &bytes).unwrap();
    assert_eq!(first.data, seen(0).data);
}

#[test]
fn animated_webp_files_have_frames() {
    let mut found = 0;
    for file in files() {
        if !file.bytes.starts_with(b"RIFF") || frame_count(&file.name, &file.bytes).is_err() {
            continue;
        }
        found += 1;
        let count = frame_count(&file.name, &file.bytes).unwrap();
        let frames = decode_frames(&file.name, &file.bytes, 256).unwrap();
        assert_eq!(frames.len(), count, "{}", file.name);
        let (first, _) = decode_image(&file.name, &file.bytes).unwrap();
        assert_eq!(
            (frames[0].width, frames[0].height),
            (first.width, first.height)
        );
    }
    assert!(
        found > 0,
        "there are animated WebP files among the golden ones"
    );
}

#[test]
fn a_frame_holds_a_picture_of_its_own_size() {
    let mut tried = 0;
    for file in files() {
        // An alpha channel behind a frame's 16 bytes, then the picture: a tag, a mark, width and height.
        let place = (file.bytes.windows(28))
            .position(|part| part.starts_with(b"ANMF") && part.ends_with(b"ALPH"));
        let Some(place) = place.map(|place| place + 28) else {
            continue;
        };
        let mark = file.bytes[place..]
            .windows(3)
            .position(|part| part == [0x9d, 1, 0x2a]);
        let sides = place + mark.unwrap() + 3;
        for wrong in [
            [0, 0, 18, 0],
            [33, 0, 0, 0],
            [0xff, 0x3f, 18, 0],
            [33, 0, 17, 0],
        ] {
            let mut bytes = file.bytes.clone();
            assert_ne!(bytes[sides..sides + 4], wrong);
            bytes[sides..sides + 4].copy_from_slice(&wrong);
            let error = decode_frames("a.webp", &bytes, 256)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("a.webp") && error.contains("in it"),
                "{error}"
            );
            tried += 1;
        }
    }
    assert!(tried > 0, "a golden animation has an alpha channel");
}

/// `image-webp` panics at frames of a file whose marks say that there are none: found by a fuzzer.
#[test]
fn frames_of_a_still_image_are_refused() {
    let stills = files();
    let mut stills = stills.iter().filter(|file| {
        let kind = file.bytes.get(12..16).unwrap_or_default();
        file.bytes.starts_with(b"RIFF") && [&b"VP8 "[..], b"VP8L"].contains(&kind)
    });
    let still = stills.next().expect("a still WebP among the golden ones");
    let (image, _) = decode_image(&still.name, &still.bytes).unwrap();
    let side = |pixels: usize| (pixels as u32 - 1).to_le_bytes()[..3].to_vec();
    let chunk = |kind: &[u8], data: &[u8]| {
        let size = (data.len() as u32).to_le_bytes();
        [kind, &size, data].concat()
    };
    let marks = [vec![0; 4], side(image.width), side(image.height)].concat();
    let body = [
        b"WEBP".to_vec(),
        chunk(b"VP8X", &marks),
        chunk(b"ANMF", &[0; 32]),
        still.bytes[12..].to_vec(),
    ];
    let bytes = chunk(b"RIFF", &body.concat());
    assert_eq!(frame_count("a.webp", &bytes).unwrap(), 1);
    let error = decode_frames("a.webp", &bytes, 8).unwrap_err().to_string();
    assert!(
        error.contains("a.webp") && error.contains("says it is a still image"),
        "{error}"
    );
}

#[test]
fn what_has_no_frames_is_refused() {
    let refused = |bytes: &[u8]| decode_frames("x", bytes, 8).unwrap_err().to_string();
    let still = files()
        .into_iter()
        .find(|file| file.bytes.starts_with(b"\x89PNG"));
    assert!(refused(&still.unwrap().bytes).contains("found a file of the format Png"));
    assert!(refused(b"nonsense").contains("no known format"));
    // Says that it is large: two frames of 60,000 x 60,000 pixels.
    let mut large = animation(2);
    large[6..10].copy_from_slice(&[0x60, 0xea, 0x60, 0xea]);
    assert!(refused(&large).contains("pixels"), "{}", refused(&large));
    let whole = animation(6);
    for length in [whole.len() / 2, 40, 13, 6] {
        // Either fewer frames or an error, and never more.
        if let Ok(frames) = decode_frames("x", &whole[..length], 8) {
            assert!(frames.len() < 6, "{length}");
        }
    }
}

#[test]
fn frames_are_bounded_together() {
    // 5,000 x 5,000 pixels fit once, eight times they are too many.
    let palette = [0, 0, 0, 255, 255, 255];
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 5000, 5000, &palette).unwrap();
    for _ in 0..8 {
        let frame = Frame {
            width: 1,
            height: 1,
            buffer: std::borrow::Cow::Owned(vec![1]),
            ..Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    let error = decode_frames("x", &bytes, 8).unwrap_err().to_string();
    assert!(error.contains("8 of 5000 x 5000"), "{error}");
}

#[test]
fn frames_larger_than_the_screen_are_bounded_as_well() {
    // An image descriptor: separator, left, top, width and height of 2 bytes each, flags.
    let mut bytes = animation(1);
    let place = bytes
        .windows(9)
        .position(|part| part == [0x2c, 0, 0, 0, 0, 6, 0, 4, 0]);
    let size = place.unwrap() + 5;
    bytes[size..size + 4].copy_from_slice(&[255; 4]);
    let reason = decode_frames("a.gif", &bytes, 1).unwrap_err().to_string();
    for word in ["a.gif", "pixels in all frames", "1 frame with more"] {
        assert!(reason.contains(word), "{word}: {reason}");
    }
}

#[test]
fn frames_are_disposed_of_as_they_say() {
    let palette = [0, 0, 0, 250, 1, 1, 1, 250, 1, 1, 1, 250];
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 3, 1, &palette).unwrap();
    let mut frame = |left: u16, pixels: &[u8], dispose| {
        let frame = Frame {
            left,
            width: pixels.len() as u16,
            height: 1,
            dispose,
            transparent: Some(0),
            buffer: std::borrow::Cow::Owned(pixels.to_vec()),
            ..Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    };
    frame(0, &[1, 1, 1], DisposalMethod::Keep);
    // Its first pixel is transparent; then all is as before it.
    frame(0, &[0, 2, 2], DisposalMethod::Previous);
    frame(0, &[3], DisposalMethod::Background);
    // Reaches over the edge.
    frame(2, &[2, 2], DisposalMethod::Any);
    drop(encoder);
    let frames = decode_frames("x", &bytes, 9).unwrap();
    let colors: Vec<Vec<usize>> = (frames.iter())
        .map(|frame| {
            let pixels = frame.data.chunks(3);
            pixels
                .map(|pixel| palette.chunks(3).position(|color| color == pixel).unwrap())
                .collect()
        })
        .collect();
    assert_eq!(colors, [[1, 1, 1], [1, 2, 2], [3, 1, 1], [0, 1, 2]]);
}
