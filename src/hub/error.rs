//! Why a repository's files cannot be had: one sentence that names the repository and the file.

use super::RepoId;
use crate::words::{counted, grouped};

/// A repository, or a file of one, that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubError {
    /// The repository, as it was asked for; boxed, so that a result stays small.
    pub id: Box<RepoId>,
    /// The file, where it is about one.
    pub file: Option<String>,
    /// Why.
    pub refusal: Refusal,
}

impl HubError {
    /// About a repository as a whole.
    pub fn new(id: &RepoId, refusal: Refusal) -> Self {
        Self {
            id: Box::new(id.clone()),
            file: None,
            refusal,
        }
    }

    /// About one of its files.
    pub fn of(id: &RepoId, file: &str, refusal: Refusal) -> Self {
        Self {
            file: Some(file.to_owned()),
            ..Self::new(id, refusal)
        }
    }
}

impl std::fmt::Display for HubError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.id)?;
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        self.refusal.fmt(f)
    }
}

impl std::error::Error for HubError {}

/// What to do about access, where it is asked for with a token.
#[cfg(not(target_arch = "wasm32"))]
const LOG_IN: &str = "log in with `hf auth login` or set HF_TOKEN";
#[cfg(target_arch = "wasm32")]
const LOG_IN: &str = "download its files logged in, and choose them here as a folder";

/// Why something cannot be had from a hub. Texts of a server, addresses and tokens are no part of it:
/// an address may hold a signature that grants access.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Status 401.
    #[error(
        "the hub does not show it (status 401): it does not exist, or it is private or gated{}; check the name, ask for access on its page, and {LOG_IN}",
        if *.with_token { ", and the token that was sent is not accepted" } else { "" }
    )]
    Unauthorized {
        /// Whether a token was sent.
        with_token: bool,
    },
    /// Status 403.
    #[error(
        "the hub refuses access (status 403): it is gated or private{}; ask for access on its page, and {LOG_IN}",
        if *.with_token { ", and the token that was sent does not grant access" } else { "" }
    )]
    Forbidden {
        /// Whether a token was sent.
        with_token: bool,
    },
    /// Status 404 for a repository or a revision.
    #[error("the hub has no such {what} (status 404); check its spelling")]
    NotFound {
        /// `repository`, `revision` or `file`.
        what: &'static str,
    },
    /// Status 429.
    #[error(
        "the hub asks to wait (status 429: too many requests); try again {}",
        .seconds.map_or_else(|| "in some minutes".to_owned(), |seconds| format!("in {}", counted(seconds as usize, "second")))
    )]
    TooManyRequests {
        /// How long to wait, where the hub says so.
        seconds: Option<u64>,
    },
    /// Another status.
    #[error("expected the hub's answer, found status {status}{}", if *.status >= 500 { ": it has trouble of its own; try again later" } else { "; check the hub's address and a proxy in between" })]
    Status {
        /// The status.
        status: u16,
    },
    /// Nobody answers at the hub's address.
    #[error(
        "{host} cannot be reached ({reason}); check the network, or use what was fetched before without it"
    )]
    NoNetwork {
        /// Host of the hub or of what it redirects to.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// Somebody answers, and then nothing comes.
    #[error(
        "{host} was silent or too slow for {}; try again: a download goes on where it ended",
        counted(*.seconds as usize, "second")
    )]
    TimedOut {
        /// The host.
        host: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The connection ended before the file did, again and again.
    #[error(
        "expected {} bytes, found the connection closed after {}, {} in a row; try again: what has come is kept",
        grouped(*.expected), grouped(*.found), counted(*.tries as usize, "time")
    )]
    Truncated {
        /// Bytes of the file.
        expected: u64,
        /// Bytes that came.
        found: u64,
        /// Attempts without progress.
        tries: u32,
    },
    /// The connection ended before the part did that was asked for.
    #[error(
        "expected {} bytes, found the connection closed after {}, again and again; try again later",
        grouped(*.expected), grouped(*.found)
    )]
    Broken {
        /// Bytes that were asked for.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// All of the file comes where a part was asked for.
    #[error(
        "expected the part of it that was asked for, found an answer with all of it: the hub, or a proxy in between, knows no ranges; fetch the repository as a whole, and look at it then"
    )]
    NoRanges,
    /// More than headers has to be read.
    #[error(
        "expected a description of the weights at their beginning, found that more of the file is needed; fetch the repository as a whole, and look at it then"
    )]
    NeedsWeights,
    /// The answer says another length than the list of files.
    #[error(
        "expected {} bytes by the repository's list of files, found an answer of {}; try again, and check a proxy in between",
        grouped(*.expected), grouped(*.found)
    )]
    Length {
        /// By the list.
        expected: u64,
        /// By the answer.
        found: u64,
    },
    /// The answer begins somewhere else than it was asked to.
    #[error(
        "expected the bytes from {} on, found others; try again, and check a proxy in between",
        grouped(*.expected)
    )]
    Range {
        /// First byte asked for.
        expected: u64,
    },
    /// The file is another one than the list of files says.
    #[error("the file changed during the download; start again to get its new state")]
    Changed,
    /// The content has another hash.
    #[error(
        "expected the {kind} {expected}, found {found}, twice: the file is damaged on its way or on the hub; try again later, and check a proxy in between"
    )]
    Hash {
        /// Kind of hash.
        kind: &'static str,
        /// By the list.
        expected: String,
        /// Of what came.
        found: String,
    },
    /// A placeholder lies where the file should be.
    #[error("expected the file itself, found {found} in its place; nothing of it is used")]
    StandIn {
        /// What it is.
        found: String,
    },
    /// One redirect after another.
    #[error(
        "found more than {most} redirects, one after another; check the hub's address and a proxy in between"
    )]
    Redirects {
        /// How many are followed.
        most: usize,
    },
    /// A redirect that is not followed.
    #[error("found a redirect {to}, which is not followed; check a proxy in between")]
    Redirect {
        /// Where to.
        to: &'static str,
    },
    /// The hub's answer is none.
    #[error("expected {expected}, found {found}; check the hub's address and a proxy in between")]
    Answer {
        /// What was asked for.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// The repository holds no checkpoint that can be read.
    #[error("expected {expected}, found {found}; {advice}")]
    NoCheckpoint {
        /// What is looked for.
        expected: &'static str,
        /// What is there.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// The repository holds no model of the name that was given.
    #[error("expected {file} among its files, found {found}; name one of them")]
    NoSuchModel {
        /// What was asked for.
        file: String,
        /// The models that are there.
        found: String,
    },
    /// Too little room for what would be fetched.
    #[error("{} are needed in {place}, and {} are free; make room", mebibytes(*.needed), mebibytes(*.free))]
    NoRoom {
        /// Where the files go.
        place: String,
        /// Bytes that are missing.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The disk, or the page's share of it, is full.
    #[error("no room is left in {place}; make room and start again: what has come is kept")]
    DiskFull {
        /// Where the files go.
        place: String,
    },
    /// The cache cannot be read or written.
    #[error("{place}: {reason}")]
    Cache {
        /// The file or folder.
        place: String,
        /// What the system says.
        reason: String,
    },
    /// Somebody else fetches the same file.
    #[error("another program is fetching it; wait for it to end, and start again")]
    Busy,
    /// Not to be fetched, and not there.
    #[error(
        "expected all of its files in {place}, as no network is to be used; found {found}; fetch them once with a network"
    )]
    NotHere {
        /// The cache.
        place: String,
        /// What is there.
        found: &'static str,
    },
    /// A setting that cannot be.
    #[error("{variable}: expected {expected}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// This program cannot fetch.
    #[error(
        "this build of the program cannot fetch from a hub: download the repository into a folder first, or build with the feature `hub`"
    )]
    NotBuilt,
    /// Somebody asked to stop; not a fault.
    #[error("cancelled")]
    Cancelled,
}

impl Refusal {
    /// What an answer's status means; none for those that carry what was asked for. `code` is what
    /// the hub says in `X-Error-Code`, `retry_after` the header of that name, `about` what was asked for.
    pub fn of_status(
        status: u16,
        code: Option<&str>,
        retry_after: Option<&str>,
        about: &'static str,
        with_token: bool,
    ) -> Option<Self> {
        let what = match code {
            Some("RepoNotFound") => "repository",
            Some("RevisionNotFound") => "revision",
            Some("EntryNotFound") => "file",
            _ => about,
        };
        Some(match status {
            200..=299 => return None,
            401 => Self::Unauthorized { with_token },
            403 => Self::Forbidden { with_token },
            404 | 410 => Self::NotFound { what },
            429 => Self::TooManyRequests {
                // The other form is a date, which says little to somebody who waits.
                seconds: retry_after.and_then(|text| text.trim().parse().ok()),
            },
            status => Self::Status { status },
        })
    }

    /// Whether the same may work a moment later, without anybody's doing.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoNetwork { .. }
            | Self::TimedOut { .. }
            | Self::Truncated { .. }
            | Self::Broken { .. }
            | Self::Range { .. } => true,
            Self::Status { status } => *status >= 500,
            _ => false,
        }
    }
}

/// For example `1,234 MiB`.
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", grouped(bytes.div_ceil(1 << 20)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_one_sentence_each() {
        let id: RepoId = "a/b@v1".parse().unwrap();
        let of = |status, code, wait| {
            let refusal = Refusal::of_status(status, code, wait, "revision", false);
            refusal.map(|refusal| HubError::of(&id, "c.json", refusal).to_string())
        };
        assert_eq!(of(200, None, None), None);
        for (status, code, part) in [
            (401, None, "private or gated"),
            (403, Some("GatedRepo"), "ask for access"),
            (404, Some("RepoNotFound"), "no such repository"),
            (404, None, "no such revision"),
            (429, None, "in some minutes"),
            (500, None, "trouble of its own"),
            (418, None, "status 418"),
        ] {
            let sentence = of(status, code, None).unwrap();
            assert!(sentence.starts_with("a/b@v1: c.json: "), "{sentence}");
            assert!(sentence.contains(part), "{sentence}");
        }
        assert!(of(429, None, Some("1")).unwrap().contains("in 1 second"));
        assert!(
            of(429, None, Some("Wed, 21 Oct"))
                .unwrap()
                .contains("some minutes")
        );
    }
}
