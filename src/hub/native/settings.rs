//! What the environment says, by the variables that the hub's own tools read.

use std::{fmt, path::PathBuf, time::Duration};

use hf_hub::Cache;

use crate::{hub::Refusal, platform::HUB};

/// Seconds without an answer or a byte that are waited where nothing else is said.
const PATIENCE: u64 = 10;
/// Longest token.
const LONGEST_TOKEN: usize = 1000;

/// Where the hub is, who asks, and where files are kept.
pub(super) struct Settings {
    /// Address of the hub, without a slash at its end.
    pub(super) endpoint: String,
    /// Who asks; absent for everybody, and where it would travel unencrypted to another machine.
    pub(super) token: Option<Token>,
    /// Where files are kept.
    pub(super) cache: Cache,
    /// Whether no connection may be opened.
    pub(super) offline: bool,
    /// How long an answer may take.
    pub(super) answer: Duration,
    /// How long no byte may come.
    pub(super) stall: Duration,
}

/// A token, which is never shown.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// The value of the header that carries it.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Settings {
    /// Reads the variables of the process.
    ///
    /// # Errors
    /// [`Refusal::Setting`] where one of them cannot be used.
    pub(super) fn from_environment() -> Result<Self, Refusal> {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Reads the variables that `variable` tells.
    pub(super) fn new(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Refusal> {
        let set = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| HUB.to_owned());
        let endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        let host = host_of(&endpoint).filter(|host| !host.contains('@'));
        let Some(host) = host else {
            return Err(Refusal::Setting {
                variable: "HF_ENDPOINT",
                expected: "an address such as https://huggingface.co, without a user in it",
            });
        };
        let cache = cache(&set).ok_or(Refusal::Setting {
            variable: "HF_HOME",
            expected: "a folder for files of the hub, as there is no home folder",
        })?;
        // What is written into a file by a login counts where nothing else is said.
        let token = set("HF_TOKEN")
            .or_else(|| set("HUGGING_FACE_HUB_TOKEN"))
            .or_else(|| match set("HF_TOKEN_PATH") {
                Some(path) => std::fs::read_to_string(path).ok(),
                None => match set("HF_HOME") {
                    Some(home) => std::fs::read_to_string(PathBuf::from(home).join("token")).ok(),
                    None => cache.token(),
                },
            });
        let token = token.map(|text| text.trim().to_owned());
        let token = token.filter(|text| !text.is_empty());
        if let Some(text) = &token
            && !(text.len() <= LONGEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(Refusal::Setting {
                variable: "HF_TOKEN",
                expected: "a token of letters, digits and signs alone",
            });
        }
        let is_safe = endpoint.starts_with("https://") || is_this_machine(host);
        let seconds = |name: &'static str| {
            let seconds = match set(name) {
                Some(text) => text.trim().parse().map_err(|_| Refusal::Setting {
                    variable: name,
                    expected: "whole seconds, such as 10",
                })?,
                None => PATIENCE,
            };
            Ok(Duration::from_secs(seconds.clamp(1, 600)))
        };
        let yes = |text: String| {
            let text = text.trim().to_ascii_lowercase();
            ["1", "on", "yes", "true"].contains(&text.as_str())
        };
        Ok(Self {
            token: token.filter(|_| is_safe).map(Token),
            cache,
            offline: set("HF_HUB_OFFLINE").is_some_and(yes),
            answer: seconds("HF_HUB_ETAG_TIMEOUT")?,
            stall: seconds("HF_HUB_DOWNLOAD_TIMEOUT")?,
            endpoint,
        })
    }
}

/// The folder of the cache; none where there is not even a home folder.
fn cache(set: &dyn Fn(&str) -> Option<String>) -> Option<Cache> {
    if let Some(folder) = set("HF_HUB_CACHE") {
        return Some(Cache::new(folder.into()));
    }
    if let Some(home) = set("HF_HOME") {
        return Some(Cache::new(PathBuf::from(home).join("hub")));
    }
    if let Some(folder) = set("XDG_CACHE_HOME") {
        return Some(Cache::new(PathBuf::from(folder).join("huggingface/hub")));
    }
    // Without a home folder the crate would panic.
    std::env::home_dir().map(|_| Cache::default())
}

/// The host, with its port, of an address; none where it is none of the web.
pub(super) fn host_of(address: &str) -> Option<&str> {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme))?;
    let host = rest.split(['/', '?', '#']).next()?;
    (!host.is_empty()).then_some(host)
}

/// Whether a host is this machine, so that nothing travels.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    matches!(name, Some("localhost" | "127.0.0.1" | "::1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Settings, Refusal> {
        Settings::new(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn variables_are_those_of_the_hubs_tools() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        std::fs::write(folder.path().join("token"), "hf_file\n").unwrap();
        let settings = of(&[("HF_HOME", home)]).unwrap();
        assert_eq!(settings.endpoint, HUB);
        assert_eq!(settings.cache.path(), &folder.path().join("hub"));
        assert_eq!(settings.token.unwrap().header(), "Bearer hf_file");
        let settings = of(&[
            ("HF_HOME", home),
            ("HF_TOKEN", " hf_own\n"),
            ("HF_ENDPOINT", "http://127.0.0.1:9/"),
            ("HF_HUB_CACHE", "/elsewhere"),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "3"),
            ("HF_HUB_OFFLINE", "1"),
        ])
        .unwrap();
        assert_eq!(settings.token.unwrap().header(), "Bearer hf_own");
        assert_eq!(settings.endpoint, "http://127.0.0.1:9");
        assert_eq!(settings.cache.path(), &PathBuf::from("/elsewhere"));
        assert_eq!(settings.stall, Duration::from_secs(3));
        assert!(settings.offline);
    }

    #[test]
    fn tokens_stay_where_nobody_listens() {
        for (endpoint, sent) in [
            ("https://mirror.example", true),
            ("http://mirror.example", false),
            ("http://localhost:80", true),
            ("http://[::1]:80", true),
            ("http://127.0.0.1.example", false),
        ] {
            let settings = of(&[
                ("HF_HUB_CACHE", "/c"),
                ("HF_TOKEN", "hf_own"),
                ("HF_ENDPOINT", endpoint),
            ])
            .unwrap();
            assert_eq!(settings.token.is_some(), sent, "{endpoint}");
            assert!(!format!("{:?}", settings.token).contains("hf_own"));
        }
    }

    #[test]
    fn what_cannot_be_is_refused_without_repeating_it() {
        for (name, value) in [
            ("HF_ENDPOINT", "ftp://x"),
            ("HF_ENDPOINT", "https://me:hf_own@x"),
            ("HF_TOKEN", "hf_own\nX-Other: 1"),
            ("HF_HUB_ETAG_TIMEOUT", "soon"),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "30s"),
        ] {
            let refusal = of(&[("HF_HUB_CACHE", "/c"), (name, value)]).err().unwrap();
            let sentence = refusal.to_string();
            assert!(
                sentence.contains(name) && !sentence.contains("hf_own"),
                "{sentence}"
            );
        }
    }
}
