//! Cases of `attention_direct`.

use super::{Cases, attention};
use crate::{
    gpu::GpuError,
    kernels::attention_direct::{Lanes, attention_direct},
};

/// Keys of a piece: several pieces of most cases, and not whole groups of four.
const PIECE: usize = 45;

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let in_use = Lanes::of(cases.gpu);
    for lanes in [Lanes::Alone, Lanes::Together] {
        if lanes == in_use || lanes.fit(cases.gpu) && !cases.quick {
            attention::all(cases, &|gpu, [q, k, v, out], with, seen| {
                attention_direct(gpu, lanes, PIECE, q, k, v, with, seen, out)
            })?;
        }
    }
    Ok(())
}
