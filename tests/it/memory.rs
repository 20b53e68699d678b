//! Device memory: who reuses it, and how much there is without a budget.

use mirscope::{
    alignment::{FEWER_PAIRS, Mir},
    gpu::{DType, Gpu, GpuOptions},
};

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

#[test]
fn memory_without_a_budget_is_bounded_where_the_computer_shares_its_own() {
    let gpu = pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap();
    let budget = gpu.trimmed_budget();
    if gpu.is_software() {
        let budget = budget.expect("it shares the computer's memory");
        assert!((64 << 20..1 << 42).contains(&budget), "{budget}");
    }
    let refused = Mir::plan(&gpu, 2, 64, 100, 100, Some(1)).unwrap_err();
    let reason = refused.to_string();
    // What an argument is called is for the command line to say.
    assert!(
        reason.ends_with(FEWER_PAIRS) && !reason.contains("--"),
        "{reason}"
    );
}
