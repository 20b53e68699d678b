//! The pickle inside of a PyTorch file, in an archive whose other entries are in order.

use super::torch;


pub const WORDS: &str = "ctorch._utils _rebuild_tensor_v2 _rebuild_parameter ccollections OrderedDict ctorch FloatStorage
    BFloat16Storage HalfStorage LongStorage DoubleStorage IntStorage ByteStorage BoolStorage storage cpu 0 1";

pub fn run(data: &[u8]) {
    torch::run(&archive(&[
        ("archive/data.pkl", data),
        ("archive/data/0", &[7; 64]),
        ("archive/data/1", &[1; 32]),
    ]));
}

pub fn seeds() -> Vec<Vec<u8>> {
    let own = [
        b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03\
          ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x10tq\x07QK\x00K\x02K\x03\x86q\x08\
          K\x03K\x01\x86q\x09\x89ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds."
            .to_vec(),
    ];
    let pickles = torch::seeds().into_iter().filter_map(|file| pickle_of(&file));
    own.into_iter().chain(pickles).collect()
}

/// The pickle in an archive as PyTorch writes it: from its protocol to its end.
fn pickle_of(file: &[u8]) -> Option<Vec<u8>> {
    let begin = file.windows(2).position(|two| two == b"\x80\x02")?;
    let length = file[begin..].windows(4).position(|four| four == b"PK\x07\x08" || four == b"PK\x03\x04")?;
    Some(file[begin..begin + length].to_vec())
}

/// A zip archive whose entries are stored as they are.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let offset = file.len() as u32;
        let mut sizes = 0_u32.to_le_bytes().to_vec();
        sizes.extend((data.len() as u32).to_le_bytes());
        sizes.extend((data.len() as u32).to_le_bytes());
        sizes.extend((name.len() as u16).to_le_bytes());
        sizes.extend([0; 2]);
        file.extend(b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0");
        file.extend(&sizes);
        file.extend(name.bytes());
        file.extend(*data);
        directory.extend(b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0");
        directory.extend(&sizes);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.bytes());
    }
    let (begin, count) = (file.len() as u32, entries.len() as u16);
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(begin.to_le_bytes());
    file.extend([0; 2]);
    file
}
