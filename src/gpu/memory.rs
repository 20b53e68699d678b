//! Device memory: a pool that hands out buffers and takes them back.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, ThreadId},
};

use super::{bind_groups::BindGroups, device::Inner};

/// Device memory in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes in buffers that exist now, in use or free for reuse.
    pub allocated: u64,
    /// Largest value of `allocated` so far.
    pub peak: u64,
}

/// A buffer with a number that no other one of its device ever has.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) id: u64,
    buffer: wgpu::Buffer,
}

impl Deref for Allocation {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

#[derive(Debug, Default)]
struct State {
    /// Each with the thread that gave it back: what is dropped while a recording is made is still
    /// used by that recording, and only the same thread is known to record and run in one order.
    free: Vec<(ThreadId, Arc<Allocation>)>,
    usage: MemoryUse,
    /// Number of the next allocation.
    next_id: u64,
}

/// Buffers that are free for reuse, and the account of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    state: Arc<Mutex<State>>,
    /// Told of what is gone, so that it keeps no memory alive.
    groups: Arc<BindGroups>,
}

impl Pool {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bind groups made of this pool's buffers.
    pub(super) fn groups(&self) -> &BindGroups {
        &self.groups
    }

    pub(super) fn usage(&self) -> MemoryUse {
        self.lock().usage
    }

    pub(super) fn reset_peak(&self) {
        let mut state = self.lock();
        state.usage.peak = state.usage.allocated;
    }

    /// A buffer of at least `size` bytes for kernels to write; contents unspecified.
    pub(super) fn take(&self, inner: &Inner, size: u64) -> Lease {
        let mut state = self.lock();
        // The smallest that fits, unless it would waste more than it serves; of equals always the same
        // one, so that every forward pass calls its kernels with the same buffers (see bind_groups).
        let most = size.saturating_mul(2).max(4096);
        let own = thread::current().id();
        let best = (0..state.free.len())
            .filter(|&index| {
                let (thread, buffer) = &state.free[index];
                *thread == own && (size..=most).contains(&buffer.size())
            })
            .min_by_key(|&index| (state.free[index].1.size(), state.free[index].1.id));
        let buffer = match best {
            Some(index) => state.free.swap_remove(index).1,
            None => Arc::new(create(inner, &mut state, size)),
        };
        Lease {
            buffer,
            pool: Some(self.clone()),
            account: None,
        }
    }

    /// A buffer of its own for data from the CPU. It is never reused: a write from the CPU would
    /// overtake dispatches that were recorded earlier and have not been submitted yet.
    pub(super) fn fresh(&self, inner: &Inner, size: u64) -> Lease {
        let buffer = Arc::new(create(inner, &mut self.lock(), size));
        Lease {
            buffer,
            pool: None,
            account: Some(self.clone()),
        }
    }

    /// Gives the memory that is free for reuse back to the driver.
    pub(super) fn trim(&self) {
        let mut state = self.lock();
        let free: Vec<_> = state.free.drain(..).map(|(_, buffer)| buffer).collect();
        state.usage.allocated -= free.iter().map(|buffer| buffer.size()).sum::<u64>();
        drop(state);
        for buffer in &free {
            self.groups.retire(buffer.id, buffer.size());
        }
        self.groups.purge();
    }
}

impl Inner {
    /// Memory of the driver's: the one place where it is asked for. Where there is none the buffer is of no
    /// use, which whoever waits next hears of.
    pub(super) fn buffer(&self, descriptor: &wgpu::BufferDescriptor<'_>) -> wgpu::Buffer {
        #[cfg(test)]
        if let Some(refused) = super::faults::at_buffer(self, descriptor) {
            return refused;
        }
        self.device.create_buffer(descriptor)
    }
}

fn create(inner: &Inner, state: &mut State, size: u64) -> Allocation {
    let size = size.max(16).next_multiple_of(16);
    state.usage.allocated += size;
    state.usage.peak = state.usage.peak.max(state.usage.allocated);
    state.next_id += 1;
    let buffer = inner.buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    });
    Allocation {
        id: state.next_id,
        buffer,
    }
}

/// Holds a buffer; returns it to its pool when dropped.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) buffer: Arc<Allocation>,
    pool: Option<Pool>,
    account: Option<Pool>,
}

impl Lease {
    pub(super) fn size(&self) -> u64 {
        self.buffer.size()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            let own = thread::current().id();
            pool.lock().free.push((own, self.buffer.clone()));
        }
        if let Some(pool) = &self.account {
            pool.lock().usage.allocated -= self.buffer.size();
            pool.groups.retire(self.buffer.id, self.buffer.size());
        }
    }
}
