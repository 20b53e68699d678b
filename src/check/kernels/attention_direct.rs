//! Cases of `attention_direct`.

use super::{Cases, attention};
use crate::{gpu::GpuError, kernels::attention_direct::attention_direct};

/// Keys of a piece: several pieces of most cases, and not whole groups of four.
const PIECE: usize = 45;

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    attention::all(cases, &|gpu, [q, k, v, out], with, seen| {
        attention_direct(gpu, PIECE, q, k, v, with, seen, out)
    })
}
