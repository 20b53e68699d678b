//! Names of repositories: `owner/name`, with a revision `owner/name@revision`; of one file in GGUF format
//! `owner/name/FILE.gguf`.

use std::{fmt, path::Path, str::FromStr};

use serde::{Deserialize, Serialize};

use super::listing::is_plain;
use crate::weights::gguf::is_gguf;

/// Most letters of owner and name together, as the hub has it.
const LONGEST: usize = 96;
/// Most letters of a revision.
const LONGEST_REVISION: usize = 200;
/// The revision of an id that names none.
const MAIN: &str = "main";

/// A repository of models on a hub, at a revision, or one model of it. Holds letters that are safe in paths and
/// addresses only, and never leads out of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoId {
    owner: String,
    name: String,
    /// A model among several in GGUF format.
    file: Option<String>,
    revision: Option<String>,
}

/// A text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text}: expected a repository as owner/name, owner/name@revision or owner/name/FILE.gguf, found {found}"
)]
pub struct IdError {
    text: String,
    found: &'static str,
}

impl RepoId {
    /// Whose repository it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `owner/name`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Path of the GGUF file that is meant, where the id names one.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The same repository and revision, and of it this file.
    pub(super) fn with_file(&self, file: &str) -> Self {
        Self {
            file: Some(file.to_owned()),
            ..self.clone()
        }
    }

    /// Branch, tag or commit; `main` where the id names none.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// The commit, where the revision is one.
    pub fn commit(&self) -> Option<&str> {
        let revision = self.revision.as_deref();
        revision.filter(|revision| is_commit(revision))
    }

    /// The same repository at a commit, with the commit's first twelve digits: what a report calls it; with the
    /// `file` that is run where there may be others.
    pub fn at(&self, commit: &str, file: Option<&str>) -> String {
        let short = commit.get(..12).unwrap_or(commit);
        let file = file.map_or_else(String::new, |file| format!("/{file}"));
        format!("{}/{}{file}@{short}", self.owner, self.name)
    }
}

/// Whether a text is the hash of a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl FromStr for RepoId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let refuse = |found| IdError {
            text: text.chars().take(200).collect(),
            found,
        };
        let (repository, revision) = match text.split_once('@') {
            Some((repository, revision)) => (repository, Some(revision)),
            None => (text, None),
        };
        let Some((owner, rest)) = repository.split_once('/') else {
            return Err(refuse("no slash"));
        };
        let (name, file) = match rest.split_once('/') {
            Some((name, file)) if is_gguf(file) => (name, Some(file)),
            _ => (rest, None),
        };
        if file.is_some_and(|file| !is_plain(file)) {
            return Err(refuse("a path that no file of a repository has"));
        }
        for part in [owner, name] {
            if let Some(found) = not_a_name(part) {
                return Err(refuse(found));
            }
        }
        if owner.len() + name.len() + 1 > LONGEST {
            return Err(refuse("more than 96 letters"));
        }
        if let Some(found) = revision.and_then(not_a_revision) {
            return Err(refuse(found));
        }
        Ok(Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            file: file.map(str::to_owned),
            revision: revision.map(str::to_owned),
        })
    }
}

/// Why a text is no name of an owner or a repository.
fn not_a_name(part: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if part.is_empty() {
        Some("an empty name")
    } else if part.contains('/') {
        Some("more than one slash")
    } else if !part.bytes().all(allowed) {
        Some("letters other than a-z, A-Z, 0-9, `-`, `_` and `.` in a name")
    } else if part.starts_with(['.', '-']) || part.ends_with(['.', '-']) {
        Some("a name that begins or ends with `.` or `-`")
    } else if part.contains("..") || part.contains("--") {
        Some("a name with `..` or `--`")
    } else if part.ends_with(".git") {
        Some("a name that ends with .git")
    } else {
        None
    }
}

/// Why a text is no branch, tag or commit.
fn not_a_revision(revision: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./+".contains(&byte);
    let odd_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with('.');
    if revision.is_empty() {
        Some("an empty revision")
    } else if revision.len() > LONGEST_REVISION {
        Some("a revision of more than 200 letters")
    } else if !revision.bytes().all(allowed) {
        Some("letters other than a-z, A-Z, 0-9, `-`, `_`, `.`, `+` and `/` in the revision")
    } else if revision.starts_with('-') || revision.split('/').any(odd_part) {
        Some("a revision that no branch, tag or commit can have")
    } else {
        None
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)?;
        if let Some(file) = &self.file {
            write!(f, "/{file}")?;
        }
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for RepoId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<RepoId> for String {
    fn from(id: RepoId) -> Self {
        id.to_string()
    }
}

/// What a report calls the checkpoint in a snapshot of a hub's cache
/// (`models--OWNER--NAME/snapshots/COMMIT`), or in the GGUF `file` there; none for other folders.
pub fn cached_name(folder: &Path, file: Option<&str>) -> Option<String> {
    let mut parts = folder
        .components()
        .rev()
        .map(|part| part.as_os_str().to_str());
    let commit = parts.next()??;
    let snapshots = parts.next()?? == "snapshots";
    let (owner, name) = parts.next()??.strip_prefix("models--")?.split_once("--")?;
    let id: RepoId = format!("{owner}/{name}").parse().ok()?;
    (snapshots && is_commit(commit)).then(|| id.at(commit, file))
}

/// Where a hub tells a repository's files with their sizes and hashes, relative to its address: the
/// answer is for [`super::Listing::parse`].
pub fn api_path(id: &RepoId) -> String {
    format!(
        "api/models/{}/{}/revision/{}?blobs=true",
        id.owner,
        id.name,
        escaped(id.revision())
    )
}

/// Where a hub has a file of a repository at a commit, relative to its address.
pub fn resolve_path(id: &RepoId, commit: &str, file: &str) -> String {
    let parts: Vec<String> = file.split('/').map(escaped).collect();
    format!(
        "{}/{}/resolve/{}/{}",
        id.owner,
        id.name,
        escaped(commit),
        parts.join("/")
    )
}

/// A part of an address' path.
fn escaped(part: &str) -> String {
    use fmt::Write;
    let mut escaped = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            // A string takes whatever is written to it.
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn ids_are_read_and_written() {
        for text in [
            "HuggingFaceTB/SmolVLM-256M-Instruct",
            "a/b",
            "owner_1/name.2@main",
            "owner/name@refs/pr/3",
            "owner/name@v1.5",
            "owner/name/Model-Q4_K_M.gguf",
            "owner/name/parts/model.GGUF@v1.5",
        ] {
            let id: RepoId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<RepoId>(&json).unwrap(), id);
        }
        let id: RepoId = "a/b".parse().unwrap();
        assert_eq!((id.revision(), id.commit()), ("main", None));
        let id: RepoId = format!("a/b@{COMMIT}").parse().unwrap();
        assert_eq!(id.commit(), Some(COMMIT));
        assert_eq!(id.at(COMMIT, None), "a/b@0123456789ab");
        let id: RepoId = "a/b/c/d.gguf@v1".parse().unwrap();
        assert_eq!((id.file(), id.revision()), (Some("c/d.gguf"), "v1"));
        assert_eq!(id.repository(), "a/b");
    }

    #[test]
    fn paths_and_addresses_are_no_ids() {
        for text in [
            "",
            "gpt2",
            "./a/b",
            "./b",
            "../b",
            "/a/b",
            "/b",
            "a/b/c",
            "a/b/c.safetensors",
            "a/b/../c.gguf",
            "a/b//c.gguf",
            "a/b/c:d.gguf",
            "b/c.gguf/",
            "a/",
            "a/b/",
            "a\\b",
            "C:/b",
            "https://huggingface.co/a/b",
            "a/b@",
            "a/b@-x",
            "a/b@../../c",
            "a/b@x//y",
            "a/b@x?y",
            "a/b@x y",
            "a/..",
            "a/b..c",
            "a/b--c",
            "a/.b",
            "a/b.git",
            "a/b\n",
            "a/\u{e9}",
        ] {
            assert!(text.parse::<RepoId>().is_err(), "{text:?}");
            assert!(serde_json::from_value::<RepoId>(text.into()).is_err());
        }
        let long = format!("{}/{}", "a".repeat(60), "b".repeat(60));
        assert!(long.parse::<RepoId>().is_err());
    }

    #[test]
    fn snapshots_are_called_by_their_repositories() {
        let of = |path: &str| cached_name(Path::new(path), None);
        let snapshot = format!("/home/x/hub/models--a--b-c/snapshots/{COMMIT}");
        assert_eq!(of(&snapshot).as_deref(), Some("a/b-c@0123456789ab"));
        let file = cached_name(Path::new(&snapshot), Some("x.gguf"));
        assert_eq!(file.as_deref(), Some("a/b-c/x.gguf@0123456789ab"));
        assert_eq!(of(&format!("/models--a--b/other/{COMMIT}")), None);
        assert_eq!(of("/models--a--b/snapshots/main"), None);
        assert_eq!(of("a"), None);
    }

    #[test]
    fn addresses_are_escaped() {
        let id: RepoId = "a/b@refs/pr/3".parse().unwrap();
        assert_eq!(
            api_path(&id),
            "api/models/a/b/revision/refs%2Fpr%2F3?blobs=true"
        );
        assert_eq!(
            resolve_path(&id, COMMIT, "llm/a b#1.json"),
            format!("a/b/resolve/{COMMIT}/llm/a%20b%231.json")
        );
    }
}
