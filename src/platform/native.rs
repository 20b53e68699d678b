//! A native program: threads and waiting (the only place outside tests that may block), and the
//! demo as part of the program.

mod ahead;
#[cfg(feature = "app")]
mod dialogs;
mod disk;
mod parallel;
mod placed;
mod processor;
mod study;
mod target;

pub use ahead::ahead;
#[cfg(feature = "app")]
pub use dialogs::{address, cache_size, clear_cache, in_background, pick, read, save};
pub use disk::{files_at, read_range, read_text};
pub use parallel::in_parallel;
pub use placed::{PlacedFile, remove_unfinished};
pub use processor::{has_avx512, processor};
pub use study::asset_files;
#[cfg(feature = "cli")]
pub use study::stored_study;
#[cfg(feature = "app")]
pub use study::{has_study, shipped};
pub use target::Target;

use std::{
    borrow::Cow,
    fs,
    future::Future,
    io, thread,
    time::{Duration, Instant},
};

use super::{DemoFile, DemoFileError};

include!(concat!(env!("OUT_DIR"), "/demo.rs"));

/// Runs `future` to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

/// Starts `work` on a thread called `name`.
///
/// # Errors
/// What the system says where it refuses another thread.
pub fn spawn_thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Waits until a thread has ended, `most` at the longest.
pub fn wait_for(thread: thread::JoinHandle<()>, most: Duration) {
    let begin = Instant::now();
    while !thread.is_finished() && begin.elapsed() < most {
        thread::sleep(Duration::from_millis(2));
    }
}

/// A name for an adapter that has none of its own: natively nothing knows better.
pub fn adapter_name() -> Option<String> {
    None
}

/// Bytes of memory that are available without swapping, where the system says so: Linux does. A container
/// may allow less than the machine has.
pub fn available_memory() -> Option<u64> {
    let machine = available_in(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let told = ["max", "current", "stat"].map(|file| {
        fs::read_to_string(format!("/sys/fs/cgroup/memory.{file}")).unwrap_or_default()
    });
    Some(allowed_in(&told).map_or(machine, |allowed| allowed.min(machine)))
}

/// Bytes that a container may still take, by its `memory.max`, `memory.current` and `memory.stat`; none where there is
/// no limit.
fn allowed_in([max, current, stat]: &[String; 3]) -> Option<u64> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    // Without a limit there stands `max`.
    let most = number(max)?;
    // Files that were read and are kept as long as there is room count as taken, but are given back.
    let mut lines = stat.lines();
    let kept = lines.find_map(|line| number(line.strip_prefix("inactive_file ")?));
    let taken = number(current).unwrap_or(0);
    Some(most.saturating_sub(taken.saturating_sub(kept.unwrap_or(0))))
}

/// The line `MemAvailable:  123 kB`, in bytes.
fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Whether kernels are compiled in the background: natively whoever needs one compiles it.
pub fn compiles_in_background() -> bool {
    false
}

/// Waits a moment for kernels being compiled; natively none are.
pub async fn compiled() -> bool {
    true
}

/// Lets whatever shares the engine's thread run. Natively nothing does.
pub async fn yield_now() {}

/// The files of the demo whose path below `assets/demo` is `wanted`, sorted by path.
///
/// `progress` hears `(bytes done, bytes in all)` where files are fetched, which is never the case
/// natively: they are part of the program.
///
/// # Errors
/// Never natively; in a browser where a file cannot be fetched as the page's manifest lists it.
pub async fn demo_files(
    wanted: impl Fn(&str) -> bool,
    _progress: impl FnMut(u64, u64),
) -> Result<Vec<DemoFile>, DemoFileError> {
    Ok(DEMO_FILES
        .iter()
        .filter(|(path, _)| wanted(path))
        .map(|&(path, bytes)| DemoFile {
            path: path.to_owned(),
            bytes: Cow::Borrowed(bytes),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_from_its_line() {
        let told = "MemTotal:       24684084 kB\nMemAvailable:   22116404 kB\nBuffers: 1 kB\n";
        assert_eq!(available_in(told), Some(22_116_404 * 1024));
        for odd in [
            "",
            "MemAvailable: 3",
            "MemAvailable: many kB",
            "MemFree: 3 kB",
        ] {
            assert_eq!(available_in(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_container_has_what_files_kept_in_memory_take() {
        let told = |max: &str, current: &str, stat: &str| {
            allowed_in(&[max, current, stat].map(str::to_owned))
        };
        let stat = "anon 10\nfile 700\ninactive_file 600\nactive_file 100\n";
        assert_eq!(told("1000\n", "900\n", stat), Some(700));
        assert_eq!(told("1000\n", "900\n", ""), Some(100));
        assert_eq!(told("1000\n", "2000\n", stat), Some(0));
        assert_eq!(told("1000\n", "", stat), Some(1000));
        assert_eq!(told("max\n", "900\n", stat), None);
        assert_eq!(told("", "", ""), None);
    }

    #[test]
    fn demo_files_come_sorted_and_filtered() {
        assert!(DEMO_FILES.is_sorted_by_key(|(path, _)| *path));
        let mut fetched = false;
        let all = pollster::block_on(demo_files(|_| true, |_, _| fetched = true)).unwrap();
        assert!(!fetched, "they are part of the program");
        assert_eq!(all.len(), DEMO_FILES.len());
        let json = pollster::block_on(demo_files(|path| path.ends_with(".json"), |_, _| {}));
        assert!(
            json.unwrap()
                .iter()
                .all(|file| file.path.ends_with(".json"))
        );
    }
}
