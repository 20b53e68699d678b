//! Device memory is reused by the thread that gave it back, and by no other.

use mirscope::gpu::{DType, Gpu, GpuOptions};

#[test]
fn memory_is_reused_on_its_own_thread_only() {
    let gpu = pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap();
    let tensor = || gpu.tensor(DType::F32, 100, 100).unwrap();
    drop(tensor());
    let once = gpu.memory().allocated;
    drop(tensor());
    assert_eq!(
        gpu.memory().allocated,
        once,
        "the same thread takes what it gave back"
    );
    std::thread::scope(|scope| {
        scope.spawn(|| drop(tensor()));
    });
    // A recording of this thread may still use its memory.
    assert_eq!(
        gpu.memory().allocated,
        2 * once,
        "another thread gets memory of its own"
    );
    gpu.trim();
    assert_eq!(gpu.memory().allocated, 0);
    assert_eq!(gpu.memory().peak, 2 * once);
}
