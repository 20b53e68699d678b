//! The hash of a file that is read piece by piece.

use sha2::{Digest, Sha256};

use super::FileHash;

/// Adds up the hash by which a file is known.
#[derive(Clone)]
pub struct FileHasher(State);

#[derive(Clone)]
enum State {
    Sha256(Box<Sha256>),
    GitBlob(Box<sha1_smol::Sha1>),
}

impl std::fmt::Debug for FileHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileHasher")
    }
}

impl FileHasher {
    /// For a file of `size` bytes that should have the hash `expected`: the same kind of hash.
    pub fn new(expected: &FileHash, size: u64) -> Self {
        Self(match expected {
            FileHash::Sha256(_) => State::Sha256(Box::default()),
            FileHash::GitBlob(_) => {
                let mut sha1 = sha1_smol::Sha1::new();
                sha1.update(format!("blob {size}\0").as_bytes());
                State::GitBlob(Box::new(sha1))
            }
        })
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(sha256) => sha256.update(bytes),
            State::GitBlob(sha1) => sha1.update(bytes),
        }
    }

    /// The hash of all bytes.
    pub fn finish(self) -> FileHash {
        match self.0 {
            State::Sha256(sha256) => {
                let digits = sha256
                    .finalize()
                    .iter()
                    .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
                FileHash::Sha256(digits)
            }
            State::GitBlob(sha1) => FileHash::GitBlob(sha1.digest().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_git_and_sha256sum() {
        let hash = |expected: &FileHash, bytes: &[u8]| {
            let mut hasher = FileHasher::new(expected, bytes.len() as u64);
            bytes.chunks(2).for_each(|part| hasher.update(part));
            hasher.finish()
        };
        // `printf 'hello\n' | git hash-object --stdin`, `printf 'hello\n' | sha256sum`
        let git = FileHash::GitBlob("ce013625030ba8dba906f756967f9e9ca394464a".into());
        assert_eq!(hash(&git, b"hello\n"), git);
        let sha256 = FileHash::Sha256(
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03".into(),
        );
        assert_eq!(hash(&sha256, b"hello\n"), sha256);
        assert_ne!(hash(&sha256, b"hello"), sha256);
    }
}
