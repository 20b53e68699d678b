//! PyTorch's own files that were made to do harm.

mod write;

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use mirscope::weights::{MemorySource, open_file};

use write::{archive, dict, list, older, one_tensor, tensor, text};

/// What comes of a file on a stack as small as a page's, at once: the names of its tensors, or the error.
fn opened(file: Vec<u8>) -> Result<Vec<String>, String> {
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let source = Arc::new(MemorySource::new("m").with("a.bin", file));
        let found = open_file(&(source as _), "a.bin", &str::to_owned);
        let names = found.map(|tensors| tensors.into_keys().collect());
        sender.send(names.map_err(|error| error.to_string()))
    };
    let thread = thread::Builder::new().stack_size(1 << 20).spawn(work);
    let found = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    thread.unwrap().join().unwrap().unwrap();
    found
}

fn pickled(pickle: &[u8]) -> Vec<u8> {
    let data = ("archive/data.pkl", pickle);
    archive(&[data, ("archive/data/0", &[7; 64])])
}

#[test]
fn both_forms_are_read() {
    assert_eq!(opened(pickled(&one_tensor())).unwrap(), ["a"]);
    assert_eq!(opened(older(&one_tensor(), &list("0", 1))).unwrap(), ["a"]);
}

#[test]
fn values_that_are_deep_or_hold_themselves_are_refused() {
    let deep = |end: &[u8]| [b"\x80\x02)", &*vec![0x85; 3_000_000], end].concat();
    // A list in a list in a list, from the outside in: each is taken from the memo once more.
    let lists = [
        b"\x80\x02]q\x00".to_vec(),
        b"h\x00]q\x00ab".repeat(500_000),
        b".".to_vec(),
    ]
    .concat();
    let cases = [
        (deep(b"."), "no dictionary"),
        (deep(b"b."), "takes more than it has"),
        (lists, "no dictionary"),
        (
            b"\x80\x02}q\x00X\x05\x00\x00\x00modelh\x00s.".to_vec(),
            "a dictionary without tensors",
        ),
        (b"\x80\x02]q\x00h\x00a.".to_vec(), "no dictionary"),
    ];
    for (pickle, part) in cases {
        let error = opened(pickled(&pickle)).unwrap_err();
        assert!(error.contains(part), "{part}: {error}");
    }
    // The file is whole: another download would be the same.
    let error = opened(pickled(b"\x80\x02cos\nsystem\n.")).unwrap_err();
    assert!(
        error.ends_with(
            "`os.system`, which is not run; convert the file to safetensors where it is trusted"
        ),
        "{error}"
    );
}

#[test]
fn sizes_beyond_all_bounds_are_refused() {
    // Steps of 0 from one element to the next: a few bytes are as large a tensor as one likes.
    for sizes in [[1_i64 << 40, 1 << 40], [1 << 62, 1 << 62]] {
        let pickle = dict(&[text("a"), tensor("0", &sizes, &[0, 0])]);
        let error = opened(pickled(&pickle)).unwrap_err();
        assert!(
            error.contains("a size beyond all bounds"),
            "{sizes:?}: {error}"
        );
    }
    let empty = dict(&[text("a"), tensor("0", &[0, i64::MAX, 4], &[0, 0, 0])]);
    let error = opened(pickled(&empty)).unwrap_err();
    assert!(error.contains("a size beyond all bounds"), "{error}");
}

#[test]
fn a_storage_that_is_named_a_million_times_is_found_at_once() {
    // The tensor that has it is the last of many.
    let first = [tensor("0", &[2, 3], &[3, 1]), b"q\x20".to_vec()].concat();
    let again = [text("b"), b"h\x20".to_vec()].concat().repeat(100_000);
    let last = tensor("1", &[0], &[1]);
    let pickle = dict(&[text("a"), first, again, text("z"), last]);
    let mut file = older(&pickle, &list("1", 1_000_000));
    let count = file.len() - 32;
    file[count..].fill(0);
    file.resize(file.len() + 8_000_000, 0);
    let error = opened(file).unwrap_err();
    assert!(
        error.contains("storage 0, which is not in the file"),
        "{error}"
    );
}
