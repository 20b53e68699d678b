//! Pictures and animations: JPEG, PNG, GIF, WebP, BMP.

use mirscope::input::{decode_frames, decode_image, frame_count};
use serde_json::{Map, Value};

use crate::seeds;

pub const WORDS: &str = "GIF89a GIF87a NETSCAPE2.0 RIFF WEBP VP8 VP8L VP8X ANIM ANMF ALPH EXIF IHDR PLTE IDAT IEND tRNS eXIf
    acTL fcTL fdAT iCCP gAMA JFIF Exif Adobe BM";

pub fn run(data: &[u8]) {
    let _ = decode_image("a", data);
    if frame_count("a", data).is_ok() {
        let _ = decode_frames("a", data, 3);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut all = seeds::files(&[".jpg", ".png", ".gif", ".webp", ".bmp"]);
    all.retain(|file| file.len() < 4096);
    all.truncate(120);
    // Each file of the decoders' golden data is a tensor of bytes.
    let golden = seeds::file("tests/golden/images/decoding.safetensors");
    let length = u64::from_le_bytes(golden[..8].try_into().expect("8 bytes")) as usize;
    let header: Map<String, Value> = serde_json::from_slice(&golden[8..8 + length]).expect("a header");
    for entry in header.values() {
        let at = |place: usize| Some(8 + length + entry["data_offsets"][place].as_u64()? as usize);
        all.extend(at(0).zip(at(1)).map(|(begin, end)| golden[begin..end].to_vec()));
    }
    all.push(two_frames());
    seeds::short(all)
}

/// A GIF of two frames of 2 x 1 pixels.
fn two_frames() -> Vec<u8> {
    let mut file = b"GIF89a\x02\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0".to_vec();
    for frame in [b"\x02\x02\x44\x0a\0", b"\x02\x02\x0c\x0a\0"] {
        file.extend(b"!\xf9\x04\x04\x05\0\0\0,\0\0\0\0\x02\0\x01\0\0");
        file.extend(frame);
    }
    file.push(b';');
    file
}
