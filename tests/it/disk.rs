//! A disk of a few kilobytes, which a test can fill.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The disk; it is gone with its value.
pub struct SmallDisk(TempDir);

/// What the disk is filled with.
const FILLER: &str = "filler";

impl SmallDisk {
    /// A disk of `bytes`; none, and a line that says so, where the system refuses to mount one.
    #[allow(clippy::print_stdout)]
    pub fn new(bytes: usize) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={bytes}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => {
                println!("skipped: no disk can be mounted here, which takes Linux and root");
                None
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it but for so many bytes.
    pub fn fill(&self, but: usize) {
        let path = self.path().join(FILLER);
        let mut file = File::create(&path).unwrap();
        let mut len = 0;
        while let Ok(count) = file.write(&[7; 4096]) {
            len += count as u64;
        }
        file.set_len(len.saturating_sub(but as u64)).unwrap();
    }

    /// Makes room again.
    pub fn clear(&self) {
        fs::remove_file(self.path().join(FILLER)).unwrap();
    }

    /// The names of what lies on it, sorted, but for what fills it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != FILLER).collect();
        names.sort();
        names
    }

    /// A file on it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount")
            .arg("-l")
            .arg(self.path())
            .status()
            .ok();
    }
}
