//! Bind groups, made once for each set of tensors that a kernel is called with: making one takes several
//! times as long as recording the call, and every forward pass makes the same calls.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::{Mutex, PoisonError},
};

/// Bind groups kept at most; calls that differ each time would fill the memory.
const MOST: usize = 16_384;
/// Bytes and number of buffers that are gone, from which on their bind groups go as well.
const RETIRED_BYTES: u64 = 4 << 20;
const RETIRED_COUNT: usize = 256;

#[derive(Debug, Default)]
struct State {
    groups: HashMap<Box<[u64]>, wgpu::BindGroup>,
    /// The key that is looked up.
    key: Vec<u64>,
    retired: HashSet<u64>,
    retired_bytes: u64,
}

/// All bind groups of a device.
#[derive(Debug, Default)]
pub(super) struct BindGroups(Mutex<State>);

impl BindGroups {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bind group of `buffers`, each with the bytes that are bound, behind the uniform `params`, for
    /// the pipeline with this number; `make` makes it where there is none yet.
    pub(super) fn get(
        &self,
        pipeline: u64,
        params: u64,
        buffers: impl IntoIterator<Item = [u64; 2]>,
        make: impl FnOnce() -> wgpu::BindGroup,
    ) -> wgpu::BindGroup {
        let state = &mut *self.lock();
        state.key.clear();
        state.key.extend([pipeline, params]);
        state.key.extend(buffers.into_iter().flatten());
        if let Some(group) = state.groups.get(state.key.as_slice()) {
            return group.clone();
        }
        if state.groups.len() >= MOST {
            state.groups.clear();
        }
        let group = make();
        let key = state.key.as_slice().into();
        state.groups.insert(key, group.clone());
        group
    }

    /// Says that a buffer is not used any more. A bind group would keep its memory.
    pub(super) fn retire(&self, id: u64, bytes: u64) {
        let mut state = self.lock();
        state.retired.insert(id);
        state.retired_bytes += bytes;
        if state.retired_bytes > RETIRED_BYTES || state.retired.len() > RETIRED_COUNT {
            purge(&mut state);
        }
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        *self.lock() = State::default();
    }

    /// Forgets the bind groups of buffers that are gone.
    pub(super) fn purge(&self) {
        purge(&mut self.lock());
    }
}

fn purge(state: &mut State) {
    let retired = mem::take(&mut state.retired);
    state.retired_bytes = 0;
    if retired.is_empty() {
        return;
    }
    // Behind the pipeline and the uniform: numbers of buffers, each with a size.
    state
        .groups
        .retain(|key, _| !key.iter().skip(2).step_by(2).any(|id| retired.contains(id)));
}
