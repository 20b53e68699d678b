//! Files that are cut short, and descriptions that lie.

use super::{
    open,
    write::{File, Value},
};

#[test]
fn a_file_that_ends_too_soon_is_refused_wherever_it_ends() {
    let bytes = File::llama().bytes();
    assert!(open(bytes.clone()).is_ok());
    for len in 0..bytes.len() {
        // Every place of the description, some of the data.
        if len < 2500 || len % 97 == 0 || len + 40 > bytes.len() {
            let error = open(bytes[..len].to_vec());
            let error = error.map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("a.gguf"), "{len}: {error}");
        }
    }
}

/// Each byte of the description, changed: whatever comes of it, nothing breaks.
#[test]
fn a_changed_byte_breaks_nothing() {
    let bytes = File::llama().bytes();
    for place in 0..2000 {
        for change in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[place] ^= change;
            if let Ok(checkpoint) = open(changed) {
                let source = checkpoint.source();
                for file in ["tokenizer.json", "tokenizer_config.json"] {
                    let _ = source.read(file);
                }
                for (_, info) in checkpoint.iter() {
                    let _ = info.read();
                }
            }
        }
    }
}

#[test]
fn counts_that_no_file_can_keep_are_refused_before_anything_is_made_for_them() {
    let good = File::llama().bytes();
    let at = |place: usize, number: u64| {
        let mut bytes = good.clone();
        bytes[place..place + 8].copy_from_slice(&number.to_le_bytes());
        open(bytes).map(|_| ()).unwrap_err().to_string()
    };
    // Tensors, entries of metadata, the length of the first key.
    for place in [8, 16, 24] {
        for number in [u64::MAX, 1 << 63, 1 << 40, 1 << 17] {
            let error = at(place, number);
            assert!(error.contains("expected"), "{place}: {error}");
        }
    }
    let lists = [
        Value::list(8, u64::MAX, Vec::new()),
        Value::list(4, 1 << 61, vec![0; 64]),
        Value::list(0, 1 << 40, vec![0; 64]),
        Value::list(9, 1, vec![0; 64]),
        Value::list(13, 1, vec![0; 64]),
        Value::raw(13, vec![0; 8]),
        Value::raw(7, vec![2]),
        Value::raw(8, u64::MAX.to_le_bytes().to_vec()),
        Value::raw(8, [vec![2, 0, 0, 0, 0, 0, 0, 0], vec![0xff, 0xfe]].concat()),
        Value::raw(10, u64::MAX.to_le_bytes().to_vec()),
    ];
    for value in lists {
        let mut file = File::llama();
        file.set("some.list", value);
        assert!(open(file.bytes()).is_err());
    }
}

#[test]
fn tensors_that_do_not_fit_their_file_are_named() {
    type Change = fn(&mut File);
    const UP: &str = "blk.0.ffn_up.weight";
    let cases: [(Change, &str); 11] = [
        (|file| file.tensor(UP).sizes = vec![u64::MAX, 2], "2^48"),
        (
            |file| file.tensor(UP).sizes = vec![1 << 32, 1 << 32],
            "2^48",
        ),
        (
            |file| file.tensor(UP).sizes = vec![1 << 40, 1 << 40, 0],
            "2^48",
        ),
        (
            |file| file.tensor(UP).sizes = vec![32, 1 << 20],
            "bytes within",
        ),
        (
            |file| file.tensor(UP).sizes = vec![33, 64],
            "whole blocks of 32",
        ),
        (|file| file.tensor(UP).sizes = Vec::new(), "1 to 4 sizes"),
        (|file| file.tensor(UP).sizes = vec![1; 5], "1 to 4 sizes"),
        (|file| file.tensor(UP).code = 77, "type 77"),
        (
            |file| file.tensor(UP).offset = Some(u64::MAX - 31),
            "bytes within",
        ),
        (|file| file.tensor(UP).offset = Some(17), "multiple of 32"),
        (|file| file.tensor(UP).sizes = vec![64, 32], "[64, 32]"),
    ];
    for (change, part) in cases {
        let mut file = File::llama();
        change(&mut file);
        let error = open(file.bytes()).unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains("up"),
            "{part}: {error}"
        );
    }
    let mut file = File::llama();
    file.set("general.alignment", Value::u32(12));
    let error = open(file.bytes()).unwrap_err().to_string();
    assert!(error.contains("general.alignment"), "{error}");
    // Heads whose rows cannot be parted.
    let mut file = File::llama();
    file.tensor("blk.0.attn_q.weight").sizes = vec![32, 31];
    let error = open(file.bytes()).unwrap_err().to_string();
    assert!(error.contains("heads of 16 rows"), "{error}");
    // The file is whole: another download would be the same.
    assert!(error.ends_with("with a current llama.cpp"), "{error}");
}
