//! A safetensors file: its header, its texts, its tensors.

use std::sync::Arc;

use mirscope::weights::{ByteSource, MemorySource, open_file, safetensors::read_metadata};

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , "__metadata__" "dtype" "shape" "data_offsets" "F64" "F32" "F16" "BF16" "I64" "I32"
    "I16" "I8" "U8" "U16" "U32" "U64" "BOOL" "F8_E4M3" "F8_E5M2" "F4" "F6_E2M3" "C64" [0,0] [0,4] [0]
    18446744073709551615 9223372036854775807 4294967296"#;

pub fn run(data: &[u8]) {
    let source = MemorySource::new("m").with("a.safetensors", data.to_vec());
    let source: Arc<dyn ByteSource> = Arc::new(source);
    let _ = read_metadata(&*source, "a.safetensors");
    let Ok(tensors) = open_file(&source, "a.safetensors", &str::to_owned) else {
        return;
    };
    read_all(tensors.values());
}

/// Reads tensors in every way there is.
pub fn read_all<'a>(tensors: impl IntoIterator<Item = &'a mirscope::weights::TensorInfo>) {
    for info in tensors.into_iter().take(32) {
        let _ = (info.checked_storage(), info.elements(), info.bytes());
        // What a view of few bytes repeats is read only where a model has room for all of it.
        if info.elements() > 1 << 20 {
            continue;
        }
        if let Ok(tensor) = info.read() {
            let _ = tensor.unblocked().to_f32();
        }
        let rows = info.shape.first().copied().unwrap_or_default();
        let _ = info.read_rows(rows / 2..rows);
        let _ = info.stored_rows(0..rows.min(3));
        let _ = info.numbers();
        for part in info.parts().take(3) {
            let begin = part.start;
            if let Ok(bytes) = info.read_elements(part) {
                let _ = info.not_finite(begin, &bytes);
            }
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let files = seeds::files(&[".safetensors"]);
    let cut = files.iter().filter_map(|file| seeds::cut_safetensors(file, 6));
    seeds::short(cut.collect())
}
