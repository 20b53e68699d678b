//! PyTorch's own files as they are: zip archives, and the form before them.

use std::sync::Arc;

use mirscope::weights::{ByteSource, MemorySource, open_file};

use super::{pickle::write, safetensors::read_all};
use crate::seeds;

pub const WORDS: &str = "PK archive/data.pkl archive/data/0 archive/version archive/byteorder big little torch._utils
    _rebuild_tensor_v2 collections OrderedDict torch FloatStorage BFloat16Storage HalfStorage LongStorage storage cpu";

pub fn run(data: &[u8]) {
    let source = MemorySource::new("m").with("a.bin", data.to_vec());
    let source: Arc<dyn ByteSource> = Arc::new(source);
    if let Ok(tensors) = open_file(&source, "a.bin", &str::to_owned) {
        read_all(tensors.values());
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut all = seeds::short(seeds::files(&[".bin", ".pth", ".pt"]));
    all.push(write::older(&write::one_tensor(), &write::list("0", 1)));
    all
}
