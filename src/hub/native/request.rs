//! One request to a hub, and to whom it sends us.

use std::{io, time::Duration};

use ureq::{
    Agent, Body, BodyReader,
    http::Response,
    tls::{PemItem, RootCerts, TlsConfig},
};

use super::settings::{Settings, Token, host_of};
use crate::hub::Refusal;

/// Most redirects that are followed.
const MOST_REDIRECTS: usize = 6;
/// Longest head of an answer.
const LONGEST_HEAD: usize = 64 << 10;

/// Asks a hub.
#[derive(Clone, Debug)]
pub(super) struct Requester {
    agent: Agent,
    endpoint: String,
    token: Option<Token>,
    seconds: u64,
}

/// What a hub, or whoever it sends us to, answers.
pub(super) struct Answer {
    /// The status, of success.
    pub(super) status: u16,
    /// What the hub itself says of the file: `X-Linked-Etag`, else `ETag`.
    pub(super) linked_etag: Option<String>,
    /// The commit that the hub itself names.
    pub(super) commit: Option<String>,
    /// `ETag` of whoever has the bytes.
    pub(super) etag: Option<String>,
    /// Bytes of this answer.
    pub(super) length: Option<u64>,
    /// First byte and length of the whole file, of an answer in part.
    pub(super) range: Option<(u64, Option<u64>)>,
    /// Who has the bytes.
    pub(super) host: String,
    /// The bytes.
    pub(super) body: BodyReader<'static>,
}

/// Which part of a file is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// First byte.
    pub(super) first: u64,
    /// Last byte; the file's own where it is absent.
    pub(super) last: Option<u64>,
    /// Only where the file still has this `ETag`; else all of it.
    pub(super) etag: Option<String>,
}

impl Requester {
    pub(super) fn new(settings: &Settings) -> Result<Self, Refusal> {
        let roots = match std::env::var_os("SSL_CERT_FILE") {
            Some(file) => RootCerts::new_with_certs(&certificates(&file)?),
            None => RootCerts::WebPki,
        };
        // Answers with an error are read here, too, and redirects followed here: the first of them
        // carries what the hub says of the file, and a token is for the hub alone.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(LONGEST_HEAD)
            .user_agent(concat!("mirscope/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_resolve(Some(settings.answer))
            .timeout_connect(Some(settings.answer))
            .timeout_recv_response(Some(settings.answer))
            .timeout_per_read(Some(settings.stall.max(settings.answer)))
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            endpoint: settings.endpoint.clone(),
            token: settings.token.clone(),
            seconds: settings.answer.as_secs(),
        })
    }

    /// Asks for `path`, relative to the hub's address, and follows redirects; blocks. `about` is what
    /// a status of 404 means.
    pub(super) fn get(
        &self,
        path: &str,
        from: Option<&Part>,
        about: &'static str,
    ) -> Result<Answer, Refusal> {
        let mut address = format!("{}/{path}", self.endpoint);
        let hub = origin(&self.endpoint).to_owned();
        let (mut linked_etag, mut commit) = (None, None);
        for _ in 0..=MOST_REDIRECTS {
            let host = host_of(&address).unwrap_or_default().to_owned();
            let token = self.token.as_ref().filter(|_| origin(&address) == hub);
            let mut request = self.agent.get(&address);
            if let Some(token) = token {
                request = request.header("Authorization", token.header());
            }
            if let Some(from) = from.filter(|from| from.first > 0 || from.last.is_some()) {
                let last = from.last.map_or_else(String::new, |last| last.to_string());
                request = request.header("Range", format!("bytes={}-{last}", from.first));
                if let Some(etag) = &from.etag {
                    request = request.header("If-Range", etag);
                }
            }
            let answer = request.call().map_err(|error| self.refusal(error, &host))?;
            let status = answer.status().as_u16();
            let header = |name: &str| text(&answer, name);
            if origin(&address) == hub {
                linked_etag = header("x-linked-etag").or(linked_etag);
                commit = header("x-repo-commit").or(commit);
                if !(300..400).contains(&status) {
                    linked_etag = linked_etag.or_else(|| header("etag"));
                }
            }
            if let (300..400, Some(to)) = (status, header("location")) {
                address = redirected(&address, &to)?;
                continue;
            }
            let (code, wait) = (header("x-error-code"), header("retry-after"));
            let refused = Refusal::of_status(
                status,
                code.as_deref(),
                wait.as_deref(),
                about,
                token.is_some(),
            );
            if let Some(refusal) = refused {
                return Err(refusal);
            }
            let range = header("content-range").and_then(|text| content_range(&text));
            return Ok(Answer {
                status,
                linked_etag,
                commit,
                etag: header("etag").filter(|etag| !etag.starts_with("W/")),
                length: header("content-length").and_then(|text| text.parse().ok()),
                range,
                host,
                body: answer.into_body().into_reader(),
            });
        }
        Err(Refusal::Redirects {
            most: MOST_REDIRECTS,
        })
    }

    /// An error before or while an answer came. Its own text may hold an address, which may grant access.
    fn refusal(&self, error: ureq::Error, host: &str) -> Refusal {
        let no_network = |reason: &str| Refusal::NoNetwork {
            host: host.to_owned(),
            reason: reason.to_owned(),
        };
        match error {
            ureq::Error::Timeout(_) => Refusal::TimedOut {
                host: host.to_owned(),
                seconds: self.seconds,
            },
            ureq::Error::Io(error) => of_io(&error, host, Duration::from_secs(self.seconds)),
            ureq::Error::HostNotFound => no_network("no such host is known"),
            ureq::Error::ConnectionFailed => no_network("it takes no connection"),
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
                no_network("the proxy does not let us through")
            }
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => no_network(
                "no safe connection comes about; a proxy may use a certificate of its own, which \
                 SSL_CERT_FILE can name",
            ),
            _ => Refusal::Answer {
                expected: "an answer in HTTP",
                found: "something else".to_owned(),
            },
        }
    }
}

/// An error of the connection.
pub(super) fn of_io(error: &io::Error, host: &str, patience: Duration) -> Refusal {
    let reason = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            return Refusal::TimedOut {
                host: host.to_owned(),
                seconds: patience.as_secs(),
            };
        }
        io::ErrorKind::ConnectionRefused => "it takes no connection".to_owned(),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::BrokenPipe => "the connection broke".to_owned(),
        io::ErrorKind::InvalidData => "no safe connection comes about".to_owned(),
        kind => kind.to_string(),
    };
    Refusal::NoNetwork {
        host: host.to_owned(),
        reason,
    }
}

/// The certificates of a file that the system's administrator names, as of a proxy that reads along.
fn certificates(file: &std::ffi::OsStr) -> Result<Vec<ureq::tls::Certificate<'static>>, Refusal> {
    let bad = Refusal::Setting {
        variable: "SSL_CERT_FILE",
        expected: "a readable file of certificates in PEM form",
    };
    let pem = std::fs::read(file).map_err(|_| bad.clone())?;
    let found = ureq::tls::parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = found.collect();
    match found.is_empty() {
        true => Err(bad),
        false => Ok(found),
    }
}

fn text(answer: &Response<Body>, name: &str) -> Option<String> {
    let value = answer.headers().get(name)?.to_str().ok()?;
    Some(value.trim().to_owned())
}

/// Scheme and host of an address.
fn origin(address: &str) -> &str {
    let host = host_of(address).map_or(0, str::len);
    let scheme = address.find("://").map_or(0, |at| at + 3);
    &address[..scheme + host]
}

/// Where a redirect leads.
fn redirected(from: &str, to: &str) -> Result<String, Refusal> {
    let refuse = |to| Err(Refusal::Redirect { to });
    if to.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return refuse("to something that is no address");
    }
    let absolute = if to.starts_with("https://") || to.starts_with("http://") {
        to.to_owned()
    } else if let Some(rest) = to.strip_prefix("//") {
        let scheme = from.split("//").next().unwrap_or("https:");
        format!("{scheme}//{rest}")
    } else if to.starts_with('/') {
        format!("{}{to}", origin(from))
    } else if to.contains("://") {
        return refuse("to an address that is none of the web");
    } else {
        let path = from.split(['?', '#']).next().unwrap_or(from);
        let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
        format!("{folder}/{to}")
    };
    if from.starts_with("https://") && !absolute.starts_with("https://") {
        return refuse("from an encrypted connection to one that is not");
    }
    match host_of(&absolute).is_some_and(|host| !host.contains('@')) {
        true => Ok(absolute),
        false => refuse("to something that is no address"),
    }
}

/// First byte and length of the whole file in `bytes 5-9/10`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, whole.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_they_say() {
        let from = "https://hub.example/a/b?x=/y";
        for (to, expected) in [
            ("https://cdn.example/c?sig=1", "https://cdn.example/c?sig=1"),
            ("//cdn.example/c", "https://cdn.example/c"),
            ("/c", "https://hub.example/c"),
            ("c", "https://hub.example/a/c"),
        ] {
            assert_eq!(redirected(from, to).unwrap(), expected);
        }
        for to in [
            "http://cdn.example/c",
            "ftp://x",
            "file:///etc",
            "https://a@b/c",
            "a b",
        ] {
            let refusal = redirected(from, to).unwrap_err().to_string();
            assert!(!refusal.contains(to), "{refusal}");
        }
        assert_eq!(origin("http://a:1/b"), "http://a:1");
        assert_ne!(origin("http://a:1/b"), origin("http://a:12/b"));
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(content_range("items 5-9/10"), None);
    }
}
