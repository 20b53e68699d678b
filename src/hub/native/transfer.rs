//! Fetching one file: from where an earlier try ended, compared before it counts.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    time::{Duration, Instant},
};

use super::{
    answer::{Head, PIECE, Piece, ask, check_head},
    cache::{Shelf, of_disk},
    request::{Part, Requester},
    wait::{PROGRESS, Pace, Patience, next},
};
use crate::{
    hub::{BEGINNING, FileHasher, Refusal, RepoFile, RepoId, check_content, resolve_path},
    platform::Cancel,
};

/// One file on its way.
pub(super) struct Transfer<'a> {
    pub(super) requester: &'a Requester,
    pub(super) shelf: &'a Shelf,
    pub(super) id: &'a RepoId,
    pub(super) commit: &'a str,
    pub(super) file: &'a RepoFile,
    pub(super) stall: Duration,
    pub(super) cancel: &'a Cancel,
}

/// What has been collected of the file.
struct Collected {
    file: File,
    hasher: FileHasher,
    len: u64,
    beginning: Vec<u8>,
}

impl Transfer<'_> {
    /// Fetches the file, compares it and puts it into its place; `progress` hears the bytes that are there.
    pub(super) fn run(&self, progress: &mut dyn FnMut(u64)) -> Result<(), Refusal> {
        let _lock = self.shelf.lock(&self.file.hash, self.cancel)?;
        if self.shelf.has(self.file) {
            progress(self.file.size);
            return Ok(());
        }
        let (blob, path) = (
            self.shelf.blob(&self.file.hash),
            self.shelf.incomplete(&self.file.hash),
        );
        let failed = |error: io::Error| of_disk(&path, &error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        let mut collected = Collected::new(file, self.file);
        self.reread(&mut collected)?;
        for last in [false, true] {
            self.fill(&mut collected, progress)?;
            collected.file.sync_all().map_err(failed)?;
            let found = collected.hasher.clone().finish();
            if found == self.file.hash {
                // A repository may itself hold a pointer in the place of a file.
                if self.file.size > 0 {
                    check_content(collected.len, &collected.beginning).inspect_err(|_| {
                        fs::remove_file(&path).ok();
                    })?;
                }
                drop(collected);
                return fs::rename(&path, &blob).map_err(failed);
            }
            // What was there before may have been another's, or was never written to the disk.
            collected.restart(self.file).map_err(failed)?;
            if last {
                drop(collected);
                fs::remove_file(&path).ok();
                return Err(Refusal::Hash {
                    kind: self.file.hash.kind(),
                    expected: self.file.hash.digits().to_owned(),
                    found: found.digits().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Adds up what an earlier try has left.
    fn reread(&self, collected: &mut Collected) -> Result<(), Refusal> {
        let failed = |error: io::Error| of_disk(&self.shelf.incomplete(&self.file.hash), &error);
        let mut piece = vec![0; PIECE];
        collected.file.rewind().map_err(failed)?;
        loop {
            if self.cancel.is_cancelled() {
                return Err(Refusal::Cancelled);
            }
            let count = collected.file.read(&mut piece).map_err(failed)?;
            if count == 0 {
                break;
            }
            collected.add(&piece[..count]);
        }
        let begun = &collected.beginning;
        if collected.len > self.file.size || check_content(self.file.size, begun).is_err() {
            collected.restart(self.file).map_err(failed)?;
        }
        Ok(())
    }

    /// Fetches until all bytes are there.
    fn fill(
        &self,
        collected: &mut Collected,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Refusal> {
        let mut patience = Patience::new(self.stall);
        let (mut best, mut etag) = (collected.len, None);
        while collected.len < self.file.size || self.file.size == 0 {
            match self.once(collected, &mut etag, progress) {
                Ok(()) => return Ok(()),
                Err(refusal) => {
                    if collected.len >= best.saturating_add(PROGRESS) {
                        patience.renew();
                        best = collected.len;
                    }
                    patience.after(refusal, self.cancel)?;
                }
            }
        }
        Ok(())
    }

    /// One request for all that is missing.
    fn once(
        &self,
        collected: &mut Collected,
        etag: &mut Option<String>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Refusal> {
        let failed = |error: io::Error| of_disk(&self.shelf.incomplete(&self.file.hash), &error);
        let from = Part {
            first: collected.len,
            last: None,
            etag: etag.clone(),
        };
        let address = resolve_path(self.id, self.commit, &self.file.path);
        let pieces = ask(self.requester, address, from, self.stall)?;
        let mut head = None;
        let mut pace = Pace::new(self.stall);
        loop {
            let until = Some(Instant::now() + self.stall * 2);
            match next(self.cancel, &pieces, until)? {
                Some(Piece::Begin(begun)) => {
                    check_head(&begun, self.commit, &self.file.hash)?;
                    match (begun.status, begun.range) {
                        (206, Some((first, whole)))
                            if first == collected.len
                                && whole.is_none_or(|len| len == self.file.size) => {}
                        (206, _) => return Err(self.restarted(collected)?),
                        // All of it, as where ranges are not known: from the beginning.
                        _ if collected.len > 0 => collected.restart(self.file).map_err(failed)?,
                        _ => {}
                    }
                    *etag = begun.etag.clone();
                    pace = Pace::new(self.stall);
                    head = Some(begun);
                }
                Some(Piece::Bytes(bytes)) => {
                    let Some(head) = &head else { continue };
                    let over = collected.len + bytes.len() as u64 > self.file.size;
                    collected.write(&bytes).map_err(failed)?;
                    self.check_bytes(head, collected, over)?;
                    progress(collected.len);
                    if pace.is_too_slow(bytes.len() as u64) && !self.is_complete(collected) {
                        return Err(self.timed_out(&head.host));
                    }
                }
                Some(Piece::Failed(Refusal::Status { status: 416 })) => {
                    return Err(self.restarted(collected)?);
                }
                Some(Piece::Failed(refusal)) => return Err(self.in_part(refusal, collected)),
                None => {
                    let Some(head) = &head else {
                        return Err(self.timed_out("the hub"));
                    };
                    self.check_end(head, collected)?;
                    return match self.is_complete(collected) {
                        true => Ok(()),
                        false => Err(self.truncated(collected)),
                    };
                }
            }
        }
    }

    /// For where other bytes come than those that were asked for: what is here may be no part of the
    /// file that is there.
    fn restarted(&self, collected: &mut Collected) -> Result<Refusal, Refusal> {
        let expected = collected.len;
        collected
            .restart(self.file)
            .map_err(|error| of_disk(&self.shelf.incomplete(&self.file.hash), &error))?;
        Ok(Refusal::Range { expected })
    }

    /// What cannot be the file is refused with its first bytes.
    fn check_bytes(&self, head: &Head, collected: &Collected, over: bool) -> Result<(), Refusal> {
        let known = collected.beginning.len() == BEGINNING || over || self.is_complete(collected);
        if !known {
            return Ok(());
        }
        self.refuse_content(collected, || {
            check_content(self.file.size, &collected.beginning)
        })?;
        let whole = head.length.filter(|_| head.status != 206);
        match whole.filter(|found| *found != self.file.size) {
            Some(found) => self.refuse_content(collected, || self.wrong_length(found)),
            None if over => self.refuse_content(collected, || self.wrong_length(collected.len)),
            None => Ok(()),
        }
    }

    /// The same where the answer ended before.
    fn check_end(&self, head: &Head, collected: &Collected) -> Result<(), Refusal> {
        if head.status == 206 || self.is_complete(collected) {
            return Ok(());
        }
        let len = head.length.unwrap_or(collected.len);
        let whole = len == collected.len;
        self.refuse_content(collected, || {
            check_content(len, &collected.beginning)?;
            match whole && len != self.file.size && head.length.is_some() {
                true => self.wrong_length(len),
                false => Ok(()),
            }
        })
    }

    /// Nothing stays of what was refused.
    fn refuse_content(
        &self,
        collected: &Collected,
        check: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        check().inspect_err(|_| {
            collected.file.set_len(0).ok();
        })
    }

    fn wrong_length(&self, found: u64) -> Result<(), Refusal> {
        Err(Refusal::Length {
            expected: self.file.size,
            found,
        })
    }

    fn is_complete(&self, collected: &Collected) -> bool {
        collected.len == self.file.size
    }

    fn truncated(&self, collected: &Collected) -> Refusal {
        Refusal::Truncated {
            expected: self.file.size,
            found: collected.len,
            tries: 1,
        }
    }

    /// A connection that broke after bytes came has given a part of the file.
    fn in_part(&self, refusal: Refusal, collected: &Collected) -> Refusal {
        match refusal {
            Refusal::NoNetwork { .. } if collected.len > 0 => self.truncated(collected),
            other => other,
        }
    }

    fn timed_out(&self, host: &str) -> Refusal {
        Refusal::TimedOut {
            host: host.to_owned(),
            seconds: self.stall.as_secs(),
        }
    }
}

impl Collected {
    fn new(file: File, expected: &RepoFile) -> Self {
        Self {
            file,
            hasher: FileHasher::new(&expected.hash, expected.size),
            len: 0,
            beginning: Vec::new(),
        }
    }

    /// Counts bytes that are in the file.
    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        let room = BEGINNING - self.beginning.len();
        self.beginning.extend(&bytes[..room.min(bytes.len())]);
    }

    /// Writes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.write_all(bytes)?;
        self.add(bytes);
        Ok(())
    }

    /// Forgets all bytes.
    fn restart(&mut self, expected: &RepoFile) -> io::Result<()> {
        self.file.set_len(0)?;
        self.hasher = FileHasher::new(&expected.hash, expected.size);
        self.len = 0;
        self.beginning.clear();
        Ok(())
    }
}
