//! An allocator under which asking for too much memory is a fault, whether it is used or not.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    backtrace::Backtrace,
    process,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

/// Most bytes at once.
const AT_ONCE: usize = 1 << 30;
/// Most bytes at the same time.
const IN_ALL: usize = 2 << 30;

/// The system's allocator within bounds.
pub struct Bounded;

static HELD: AtomicUsize = AtomicUsize::new(0);
static TOLD: AtomicBool = AtomicBool::new(false);

fn take(bytes: usize) {
    let held = HELD.fetch_add(bytes, Relaxed).wrapping_add(bytes);
    // What tells of it asks for memory, too.
    if (bytes > AT_ONCE || held > IN_ALL) && !TOLD.swap(true, Relaxed) {
        eprintln!("asked for {bytes} bytes, {held} in all");
        eprintln!("{}", Backtrace::force_capture());
        process::abort();
    }
}

// SAFETY: all work is the system allocator's.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size);
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(place, layout, size) }
    }
}
