//! Files as PyTorch writes them, good and bad.

/// What puts a text on the stack.
pub fn text(text: &str) -> Vec<u8> {
    [
        b"X",
        &(text.len() as u32).to_le_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

/// What puts a tensor of f32 in the storage `key` on the stack.
pub fn tensor(key: &str, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let tuple = |sizes: &[i64]| {
        let number = |size: &i64| [b"\x8a\x08", &size.to_le_bytes()[..]].concat();
        let numbers: Vec<u8> = sizes.iter().flat_map(number).collect();
        [b"(", &*numbers, b"t"].concat()
    };
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text(key),
        text("cpu"),
        b"K\x06tQK\x00".to_vec(),
        tuple(shape),
        tuple(strides),
        b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

/// A pickle of a dictionary of what these put on the stack, key and value by turns.
pub fn dict(entries: &[Vec<u8>]) -> Vec<u8> {
    [b"\x80\x02}q\x00(", &*entries.concat(), b"u."].concat()
}

/// A pickle of the tensor `a` of 2 x 3 numbers.
pub fn one_tensor() -> Vec<u8> {
    dict(&[text("a"), tensor("0", &[2, 3], &[3, 1])])
}

/// A zip archive whose entries are stored as they are.
pub fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
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

/// A file of the form before PyTorch 1.6, with one storage of 24 bytes: the pickles of its tensors and of its storages'
/// names.
pub fn older(tensors: &[u8], keys: &[u8]) -> Vec<u8> {
    let mut file =
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}."
            .to_vec();
    file.extend_from_slice(tensors);
    file.extend_from_slice(keys);
    file.extend_from_slice(&6_u64.to_le_bytes());
    file.extend_from_slice(&[0x3f; 24]);
    file
}

/// A pickle of a list of so many times this text.
pub fn list(name: &str, times: usize) -> Vec<u8> {
    [
        &b"\x80\x02]("[..],
        &text(name),
        b"q\x01",
        &b"h\x01".repeat(times - 1),
        b"e.",
    ]
    .concat()
}
