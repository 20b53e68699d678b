//! The system's file dialogs, and reading and writing for the app without keeping it waiting.

use rfd::{AsyncFileDialog, FileHandle};

use super::{Target, block_on, disk, spawn_thread};
use crate::platform::{FileError, Later, PickKind, PickedFile};

/// Asks the person to choose files; the answer is empty where the dialog was closed.
///
/// `wake` is called when the answer is there.
pub fn pick(kind: PickKind, wake: impl FnOnce() + Send + 'static) -> Later<Vec<PickedFile>> {
    let dialog = AsyncFileDialog::new().set_title(kind.title());
    // The dialog is asked for here, on the window's thread, as macOS demands, and awaited elsewhere.
    if kind == PickKind::Folder {
        let folder = dialog.pick_folder();
        return in_background(wake, move || chosen(block_on(folder)));
    }
    let files = dialog
        .add_filter(kind.title(), kind.extensions())
        .pick_files();
    in_background(wake, move || chosen(block_on(files).unwrap_or_default()))
}

fn chosen(handles: impl IntoIterator<Item = FileHandle>) -> Vec<PickedFile> {
    let paths: Vec<_> = handles
        .into_iter()
        .map(|handle| handle.path().to_owned())
        .collect();
    disk::files_at(&paths)
}

/// Reads a whole file of at most `limit` bytes. `wake` is called when it is there.
pub fn read(
    file: &PickedFile,
    limit: u64,
    wake: impl FnOnce() + Send + 'static,
) -> Later<Result<Vec<u8>, FileError>> {
    if file.size > limit {
        wake();
        return Later::ready(Err(FileError::too_large(file, limit)));
    }
    let file = file.clone();
    in_background(wake, move || disk::read_range(&file, 0..file.size))
}

/// Asks the person where to save a file that would be called `name`, and writes it there. The answer
/// is the path, or `None` where the dialog was closed.
///
/// Where the system has no dialogs the file goes to the current folder, under a name that is free.
pub fn save(
    name: &str,
    bytes: Vec<u8>,
    wake: impl FnOnce() + Send + 'static,
) -> Later<Result<Option<String>, FileError>> {
    if !has_dialogs() {
        let name = name.to_owned();
        return in_background(wake, move || disk::write_new(&name, &bytes).map(Some));
    }
    let place = AsyncFileDialog::new().set_file_name(name).save_file();
    in_background(wake, move || {
        let Some(place) = block_on(place) else {
            return Ok(None);
        };
        Target::at(place.path())?.write(&bytes)?;
        Ok(Some(place.path().display().to_string()))
    })
}

/// The page's address: natively there is none.
pub fn address() -> Option<String> {
    None
}

/// Bytes that fetched files take in the cache: natively nothing is fetched.
pub fn cache_size(wake: impl FnOnce() + Send + 'static) -> Later<Option<u64>> {
    wake();
    Later::ready(None)
}

/// Empties the cache of fetched files, of which there are none natively.
pub fn clear_cache(wake: impl FnOnce() + Send + 'static) -> Later<Result<(), FileError>> {
    wake();
    Later::ready(Ok(()))
}

/// Whether the system can show dialogs: always, but for a Linux desktop with neither a message bus for
/// its portal nor zenity.
fn has_dialogs() -> bool {
    if !cfg!(target_os = "linux") || std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() {
        return true;
    }
    let found = |variable: &str, file: &str| {
        let folders = std::env::var_os(variable).unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| folder.join(file).exists())
    };
    found("XDG_RUNTIME_DIR", "bus") || found("PATH", "zenity")
}

/// Does `work` on a thread of its own; should none be had, the answer never comes, and [`Later`]
/// says so. `wake` is called when it is there.
pub fn in_background<T: Send + 'static>(
    wake: impl FnOnce() + Send + 'static,
    work: impl FnOnce() -> T + Send + 'static,
) -> Later<T> {
    let (sender, later) = Later::new();
    spawn_thread("files", move || {
        // Nobody may be waiting any more.
        sender.send(work()).ok();
        wake();
    })
    .ok();
    later
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, sync::mpsc::channel, task::Poll, time::Duration};

    #[test]
    fn reading_wakes_whoever_asked_and_respects_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "hello").unwrap();
        let file = disk::files_at(&[path]).remove(0);
        let (sender, woken) = channel();
        let mut later = read(&file, 5, move || sender.send(()).unwrap());
        // Long enough for a machine whose disk is busy with other things.
        woken.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(later.poll(), Poll::Ready(Some(Ok(b"hello".to_vec()))));
        let (sender, woken) = channel();
        let mut later = read(&file, 4, move || sender.send(()).unwrap());
        woken.recv_timeout(Duration::from_secs(60)).unwrap();
        let Poll::Ready(Some(Err(error))) = later.poll() else {
            panic!("a file above the limit is refused at once");
        };
        assert_eq!(
            error.to_string(),
            "a.txt: expected at most 4 bytes, found 5"
        );
    }
}
