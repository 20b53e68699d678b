//! The pickle inside of a PyTorch file, in an archive whose other entries are in order.

use super::torch;


pub const WORDS: &str = "ctorch._utils _rebuild_tensor_v2 _rebuild_parameter ccollections OrderedDict ctorch FloatStorage
    BFloat16Storage HalfStorage LongStorage DoubleStorage IntStorage ByteStorage BoolStorage storage cpu 0 1";

#[allow(dead_code)]
#[path = "../../../tests/it/weights/torch/write.rs"]
pub mod write;

pub fn run(data: &[u8]) {
    torch::run(&write::archive(&[
        ("archive/data.pkl", data),
        ("archive/data/0", &[7; 64]),
        ("archive/data/1", &[1; 32]),
    ]));
}

pub fn seeds() -> Vec<Vec<u8>> {
    let own = [write::one_tensor()];
    let pickles = torch::seeds().into_iter().filter_map(|file| pickle_of(&file));
    own.into_iter().chain(pickles).collect()
}

/// The pickle in an archive as PyTorch writes it: from its protocol to its end.
fn pickle_of(file: &[u8]) -> Option<Vec<u8>> {
    let begin = file.windows(2).position(|two| two == b"\x80\x02")?;
    let length = file[begin..].windows(4).position(|four| four == b"PK\x07\x08" || four == b"PK\x03\x04")?;
    Some(file[begin..begin + length].to_vec())
}
