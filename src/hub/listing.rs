//! What a hub says of a repository: its files with sizes and hashes, its commit, its licence.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{HubError, Refusal, RepoId, id::is_commit};

/// Longest answer that is read: repositories of thousands of files have a few megabytes.
pub const MAX_LISTING: u64 = 32 << 20;
/// Longest name of a licence that is shown.
const LONGEST_LICENCE: usize = 100;

/// How a file's content is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileHash {
    /// SHA-256 of the content, as Git LFS names a file: 64 digits.
    Sha256(String),
    /// SHA-1 of git's blob, of `blob LENGTH\0` and the content: 40 digits.
    GitBlob(String),
}

impl FileHash {
    /// The digits, by which caches name the file, too.
    pub fn digits(&self) -> &str {
        match self {
            Self::Sha256(digits) | Self::GitBlob(digits) => digits,
        }
    }

    /// For example `SHA-256`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::GitBlob(_) => "git hash",
        }
    }
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoFile {
    /// Its path in the repository.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Its content.
    pub hash: FileHash,
}

/// What a hub says of a repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The commit that the revision stands for now: 40 digits.
    pub commit: String,
    /// Its files, sorted by path; without those that have no usable path, size or hash.
    pub files: Vec<RepoFile>,
    /// The licence as the repository names it, for example `apache-2.0`.
    pub licence: Option<String>,
    /// Whether who wants to fetch files has to ask for access first.
    pub gated: bool,
}

impl Listing {
    /// Reads the answer to [`super::api_path`].
    ///
    /// # Errors
    /// [`Refusal::Answer`] where it is not what a hub answers, such as a web page.
    pub fn parse(id: &RepoId, answer: &[u8]) -> Result<Self, HubError> {
        let bad = |found: String| {
            let expected = "the repository's list of files";
            HubError::new(id, Refusal::Answer { expected, found })
        };
        if let Err(Refusal::StandIn { found }) = super::check_content(answer.len() as u64, answer) {
            return Err(bad(found));
        }
        let value: Value = serde_json::from_slice(answer)
            .map_err(|error| bad(format!("no valid JSON ({error})")))?;
        let commit = (value.get("sha").and_then(Value::as_str)).filter(|sha| is_commit(sha));
        let commit = commit.ok_or_else(|| bad("an answer without a commit (`sha`)".into()))?;
        let siblings = (value.get("siblings").and_then(Value::as_array))
            .ok_or_else(|| bad("an answer without `siblings`".into()))?;
        let mut files: Vec<RepoFile> = siblings.iter().filter_map(file).collect();
        if files.is_empty() && !siblings.is_empty() {
            return Err(bad("files without sizes and hashes".into()));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Self {
            commit: commit.to_ascii_lowercase(),
            files,
            licence: licence(&value),
            gated: !matches!(value.get("gated"), None | Some(Value::Bool(false))),
        })
    }
}

/// A file as the hub tells it; none where it cannot be fetched or compared.
fn file(sibling: &Value) -> Option<RepoFile> {
    let path = sibling.get("rfilename")?.as_str()?;
    if !is_plain(path) {
        return None;
    }
    let lfs = sibling.get("lfs").and_then(Value::as_object);
    let (size, hash) = match lfs {
        Some(lfs) => {
            // `oid` in the hub's tree, `sha256` in its model's information.
            let text = |key: &str| lfs.get(key).and_then(Value::as_str);
            let digits = text("sha256").or_else(|| text("oid"))?;
            let digits = digits.strip_prefix("sha256:").unwrap_or(digits);
            let size = lfs.get("size").or_else(|| sibling.get("size"))?;
            (size, FileHash::Sha256(hex(digits, 64)?))
        }
        None => {
            let blob = sibling.get("blobId")?.as_str()?;
            (sibling.get("size")?, FileHash::GitBlob(hex(blob, 40)?))
        }
    };
    Some(RepoFile {
        path: path.to_owned(),
        size: size.as_u64()?,
        hash,
    })
}

fn hex(text: &str, digits: usize) -> Option<String> {
    let good = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| text.to_ascii_lowercase())
}

/// Whether a path stays in its folder on every system, and is one that a terminal shows.
pub(super) fn is_plain(path: &str) -> bool {
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.ends_with(['.', ' ']);
    let letter = |letter: char| !letter.is_control() && !"\\:*?\"<>|".contains(letter);
    path.len() <= 400 && path.split('/').all(part) && path.chars().all(letter)
}

fn licence(value: &Value) -> Option<String> {
    let card = value.get("cardData").and_then(Value::as_object);
    let text = |card: &Map<String, Value>, key: &str| match card.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Array(several)) => {
            let texts: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        }
        _ => None,
    };
    let named = card.and_then(|card| match text(card, "license")?.as_str() {
        // Licences that the hub has no name for have one of their own.
        "other" => text(card, "license_name").or_else(|| Some("other".into())),
        known => Some(known.to_owned()),
    });
    let tags = value.get("tags").and_then(Value::as_array);
    let tagged = || {
        let mut tags = tags?.iter().filter_map(Value::as_str);
        tags.find_map(|tag| tag.strip_prefix("license:").map(str::to_owned))
    };
    let licence = named.or_else(tagged)?;
    Some(licence.chars().take(LONGEST_LICENCE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn id() -> RepoId {
        "a/b".parse().unwrap()
    }

    fn parse(value: &Value) -> Result<Listing, HubError> {
        Listing::parse(&id(), value.to_string().as_bytes())
    }

    #[test]
    fn files_come_with_sizes_and_hashes() {
        let sha256 = "AB".repeat(32);
        let listing = parse(&json!({
            "sha": COMMIT, "gated": "manual", "tags": ["x", "license:mit"],
            "cardData": {"license": "other", "license_name": "llama3"},
            "siblings": [
                {"rfilename": "model.safetensors", "size": 7, "blobId": COMMIT,
                 "lfs": {"sha256": sha256, "size": 7, "pointerSize": 130}},
                {"rfilename": "config.json", "size": 3, "blobId": COMMIT},
                {"rfilename": "../evil.json", "size": 3, "blobId": COMMIT},
                {"rfilename": "C:evil", "size": 3, "blobId": COMMIT},
                {"rfilename": "a\u{1b}[2J", "size": 3, "blobId": COMMIT},
                {"rfilename": "no-size", "blobId": COMMIT},
                {"rfilename": "bad-hash", "size": 3, "blobId": "12"},
            ],
        }))
        .unwrap();
        let file = |path: &str, size, hash| RepoFile {
            path: path.into(),
            size,
            hash,
        };
        let weights = FileHash::Sha256(sha256.to_lowercase());
        assert_eq!(
            listing.files,
            [
                file("config.json", 3, FileHash::GitBlob(COMMIT.into())),
                file("model.safetensors", 7, weights),
            ]
        );
        assert_eq!(listing.commit, COMMIT);
        assert_eq!(listing.licence.as_deref(), Some("llama3"));
        assert!(listing.gated);
    }

    #[test]
    fn licences_stand_in_several_places() {
        let of = |more: Value| {
            let mut value = json!({"sha": COMMIT, "siblings": []});
            value
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            parse(&value).unwrap().licence
        };
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({"tags": ["license:mit"]})).unwrap(), "mit");
        let several = json!({"cardData": {"license": ["mit", "gemma"]}});
        assert_eq!(of(several).unwrap(), "mit, gemma");
        let other = json!({"cardData": {"license": "other"}});
        assert_eq!(of(other).unwrap(), "other");
    }

    #[test]
    fn other_answers_are_named() {
        for (answer, part) in [
            ("<!DOCTYPE html><p>Login</p>", "a web page"),
            ("", "empty"),
            ("{", "no valid JSON"),
            ("{}", "without a commit"),
            ("{\"sha\": \"12\"}", "without a commit"),
            (&format!("{{\"sha\": \"{COMMIT}\"}}"), "without `siblings`"),
            (
                &format!("{{\"sha\": \"{COMMIT}\", \"siblings\": [{{\"rfilename\": \"a\"}}]}}"),
                "without sizes",
            ),
        ] {
            let error = Listing::parse(&id(), answer.as_bytes()).unwrap_err();
            let error = error.to_string();
            assert!(
                error.starts_with("a/b: ") && error.contains(part),
                "{error}"
            );
        }
    }
}
