//! A server that behaves like a hub with a content network behind it, and lies as they and proxies do.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{sleep, spawn},
    time::Duration,
};

use mirscope::hub::{FileHash, FileHasher};
use serde_json::json;

pub(super) use super::lie::Lie;

/// The commit of the repository.
pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// What the address of the content network grants access with.
pub(super) const SIGNATURE: &str = "signature-of-the-network";

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) range: Option<String>,
    pub(super) token: Option<String>,
    pub(super) of_network: bool,
}

/// The server, which ends with its value.
pub(super) struct Hub {
    pub(super) address: String,
    shared: Arc<Shared>,
}

/// The files of a repository.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// The repository that most tests ask for.
const MODEL: &str = "tiny/model";

struct Shared {
    repositories: BTreeMap<String, Files>,
    network: String,
    lie: Mutex<Lie>,
    /// Bytes a second of weights.
    rate: Mutex<Option<usize>>,
    asked: Mutex<Vec<Asked>>,
    lied: AtomicBool,
    ended: AtomicBool,
}

/// The hash by which a hub knows a file: large ones are in LFS.
pub(super) fn hash(path: &str, content: &[u8]) -> FileHash {
    let kind = match is_large(path) {
        true => FileHash::Sha256(String::new()),
        false => FileHash::GitBlob(String::new()),
    };
    let mut hasher = FileHasher::new(&kind, content.len() as u64);
    hasher.update(content);
    hasher.finish()
}

pub(super) fn is_large(path: &str) -> bool {
    [".safetensors", ".bin", ".gguf"]
        .iter()
        .any(|end| path.ends_with(end))
}

impl Hub {
    pub(super) fn new(files: Files) -> Self {
        Self::of([(MODEL, files)])
    }

    /// A hub with these repositories.
    pub(super) fn of<const N: usize>(repositories: [(&str, Files); N]) -> Self {
        let named = repositories.map(|(name, files)| (name.to_owned(), files));
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (hub, network) = (listen(), listen());
        let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            repositories: named.into(),
            network: address(&network),
            lie: Mutex::new(Lie::None),
            rate: Mutex::new(None),
            asked: Mutex::default(),
            lied: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let address = address(&hub);
        for (listener, of_network) in [(hub, false), (network, true)] {
            let shared = shared.clone();
            spawn(move || {
                for stream in listener.incoming() {
                    if shared.ended.load(Ordering::Relaxed) {
                        return;
                    }
                    let shared = shared.clone();
                    // Whoever asked may be gone.
                    spawn(move || answer(&shared, &stream.unwrap(), of_network).ok());
                }
            });
        }
        Self { address, shared }
    }

    pub(super) fn lie(&self, lie: Lie) {
        *self.shared.lie.lock().unwrap() = lie;
        self.shared.lied.store(false, Ordering::Relaxed);
    }

    pub(super) fn slow_down(&self, bytes_a_second: usize) {
        *self.shared.rate.lock().unwrap() = Some(bytes_a_second);
    }

    /// The requests since the last call.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }

    /// Whether such a request came since the last call of [`Hub::asked`].
    pub(super) fn seen(&self, wanted: impl Fn(&Asked) -> bool) -> bool {
        self.shared.asked.lock().unwrap().iter().any(wanted)
    }

    pub(super) fn files(&self) -> &Files {
        &self.shared.repositories[MODEL]
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        for address in [&self.address, &self.shared.network] {
            TcpStream::connect(address.trim_start_matches("http://")).ok();
        }
    }
}

fn answer(shared: &Shared, stream: &TcpStream, of_network: bool) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut range, mut token, mut if_range) = (None, None, None);
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.to_owned()),
            "if-range" => if_range = Some(value.to_owned()),
            "authorization" => token = Some(value.to_owned()),
            _ => {}
        }
    }
    let path = target.split('?').next().unwrap_or_default().to_owned();
    shared.asked.lock().unwrap().push(Asked {
        path: path.clone(),
        range: range.clone(),
        token,
        of_network,
    });
    let lie = *shared.lie.lock().unwrap();
    let asked = Request {
        shared,
        stream,
        lie,
        range,
        if_range,
    };
    if of_network {
        let name = path.trim_start_matches("/files/");
        let granted = target.contains(SIGNATURE);
        let content = shared.repositories.iter().find_map(|(id, files)| {
            let file = name.strip_prefix(id.as_str())?.strip_prefix('/')?;
            files.get(file)
        });
        return match content.filter(|_| granted) {
            Some(content) => asked.weights(content),
            None => asked.plain(403, "", b"no signature"),
        };
    }
    for (id, files) in &shared.repositories {
        if let Some(revision) = path.strip_prefix(&format!("/api/models/{id}/revision/")) {
            return asked.list(id, files, revision);
        }
        let file = path.strip_prefix(&format!("/{id}/resolve/{COMMIT}/"));
        if let Some((file, content)) = file.and_then(|file| Some((file, files.get(file)?))) {
            return asked.file(id, file, content);
        }
    }
    asked.plain(
        404,
        "X-Error-Code: RepoNotFound\r\n",
        b"Repository not found",
    )
}

struct Request<'a> {
    shared: &'a Shared,
    stream: &'a TcpStream,
    lie: Lie,
    range: Option<String>,
    if_range: Option<String>,
}

const PAGE: &[u8] = b"<!DOCTYPE html><html><body>Please log in to the network</body></html>";

impl Request<'_> {
    fn head(&self, status: u16, headers: &str) -> std::io::Result<()> {
        let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}\r\n");
        (&*self.stream).write_all(head.as_bytes())
    }

    fn plain(&self, status: u16, headers: &str, body: &[u8]) -> std::io::Result<()> {
        self.head(
            status,
            &format!("{headers}Content-Length: {}\r\n", body.len()),
        )?;
        (&*self.stream).write_all(body)
    }

    /// Answers nothing, as long as anybody could wait.
    fn silence(&self) -> std::io::Result<()> {
        for _ in 0..1200 {
            if self.shared.ended.load(Ordering::Relaxed) {
                break;
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn drip(&self, body: &[u8]) -> std::io::Result<()> {
        for byte in body {
            if self.shared.ended.load(Ordering::Relaxed) {
                break;
            }
            (&*self.stream).write_all(&[*byte])?;
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn list(&self, id: &str, files: &Files, revision: &str) -> std::io::Result<()> {
        match self.lie {
            Lie::Status(status) => {
                let code = match status {
                    403 => "X-Error-Code: GatedRepo\r\n",
                    429 => "Retry-After: 7\r\n",
                    _ => "",
                };
                return self.plain(status, code, b"{\"error\": \"hf_secret of somebody\"}");
            }
            Lie::PageForList => return self.plain(200, "Content-Type: text/html\r\n", PAGE),
            Lie::RedirectLoop => {
                let headers = "Location: /api/models/tiny/model/revision/main\r\n";
                return self.plain(302, headers, b"");
            }
            Lie::Silent => return self.silence(),
            Lie::Endless => {
                self.head(200, "")?;
                let bytes = [b' '; 1 << 16];
                while !self.shared.ended.load(Ordering::Relaxed) {
                    (&*self.stream).write_all(&bytes)?;
                }
                return Ok(());
            }
            _ => {}
        }
        if !["main", "v1", COMMIT].contains(&revision) {
            return self.plain(404, "X-Error-Code: RevisionNotFound\r\n", b"{}");
        }
        let siblings = files.iter().map(|(path, content)| {
            let digits = hash(path, content).digits().to_owned();
            let size = content.len();
            match is_large(path) {
                true => json!({"rfilename": path, "size": size, "blobId": COMMIT,
                    "lfs": {"sha256": digits, "size": size, "pointerSize": 130}}),
                false => json!({"rfilename": path, "size": size, "blobId": digits}),
            }
        });
        let body = json!({
            "id": id, "sha": COMMIT, "gated": false,
            "cardData": {"license": "apache-2.0"}, "siblings": siblings.collect::<Vec<_>>(),
        })
        .to_string();
        if self.lie == Lie::Drip {
            self.head(200, &format!("Content-Length: {}\r\n", body.len()))?;
            return self.drip(body.as_bytes());
        }
        self.plain(200, "Content-Type: application/json\r\n", body.as_bytes())
    }

    fn file(&self, id: &str, path: &str, content: &[u8]) -> std::io::Result<()> {
        let digits = hash(path, content).digits().to_owned();
        let commit = match self.lie {
            Lie::OtherCommit => COMMIT.replace('0', "f"),
            _ => COMMIT.to_owned(),
        };
        let commit = format!("X-Repo-Commit: {commit}\r\n");
        if !is_large(path) {
            return self.plain(200, &format!("{commit}ETag: \"{digits}\"\r\n"), content);
        }
        if let Lie::FileStatus(status) = self.lie {
            return self.plain(status, "", b"");
        }
        let etag = match self.lie {
            Lie::ChangedEtag => digits.replace(['0', '1', '2', '3'], "4"),
            _ => digits,
        };
        let headers = format!(
            "{commit}X-Linked-ETag: \"{etag}\"\r\nX-Linked-Size: {}\r\n\
             Location: {}/files/{id}/{path}?sig={SIGNATURE}\r\n",
            content.len(),
            self.shared.network
        );
        self.plain(302, &headers, b"Found. Redirecting")
    }

    fn weights(&self, content: &[u8]) -> std::io::Result<()> {
        const ETAG: &str = "\"of-the-network\"";
        const OTHER: &str = "\"of-another-day\"";
        let first_time = !self.shared.lied.swap(true, Ordering::Relaxed);
        let mut content = content.to_vec();
        match self.lie {
            Lie::SilentFile => return self.silence(),
            Lie::WrongLength => content.extend([7; 10]),
            Lie::PageForFile => return self.plain(200, "Content-Type: text/html\r\n", PAGE),
            Lie::PageForFileChunked => {
                self.head(200, "Transfer-Encoding: chunked\r\n")?;
                let chunk = format!("{:x}\r\n", PAGE.len());
                let body = [chunk.as_bytes(), PAGE, b"\r\n0\r\n\r\n"].concat();
                return (&*self.stream).write_all(&body);
            }
            Lie::PointerForFile => {
                let pointer = format!(
                    "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n",
                    "0".repeat(64),
                    content.len()
                );
                return self.plain(200, "", pointer.as_bytes());
            }
            Lie::WrongBytes => content[100] ^= 1,
            Lie::WrongBytesOnce if first_time => content[100] ^= 1,
            Lie::GrownBetween if !first_time => content.extend([7; 10]),
            _ => {}
        }
        let asked = self.range.as_deref().and_then(|range| {
            let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
            let end = match last.parse::<usize>() {
                Ok(last) => content.len().min(last + 1),
                Err(_) => content.len(),
            };
            Some((first.parse::<usize>().ok()?, end))
        });
        let same = self.if_range.as_deref().is_none_or(|etag| etag == ETAG);
        let ranges = !matches!(self.lie, Lie::CutOnceWithoutRanges(_) | Lie::NoRanges);
        let (status, first, end) = match asked.filter(|_| same && ranges) {
            Some((first, _)) if first >= content.len() => return self.plain(416, "", b""),
            Some((first, _)) if self.lie == Lie::LongRange => (206, first, content.len()),
            Some((first, end)) => (206, first, end),
            None => (200, 0, content.len()),
        };
        let shown = match self.lie {
            Lie::CutOnceWithWrongRange(_) if first > 0 => first - 1,
            _ => first,
        };
        let rest = &content[first..end];
        let etag = match self.lie {
            Lie::ChangedBetween if !first_time => OTHER,
            _ => ETAG,
        };
        let told = match self.lie {
            Lie::LengthAbove(more) if first_time => rest.len() + more,
            Lie::LengthBelow(less) if first_time => rest.len() - less,
            _ => rest.len(),
        };
        let mut headers = format!("ETag: {etag}\r\nContent-Length: {told}\r\n");
        if status == 206 {
            let (last, all) = (end - 1, content.len());
            headers += &format!("Content-Range: bytes {shown}-{last}/{all}\r\n");
        }
        self.head(status, &headers)?;
        let sent = match self.lie {
            Lie::Truncated => rest.len() / 2,
            Lie::CutOnce(most)
            | Lie::CutOnceWithoutRanges(most)
            | Lie::CutOnceWithWrongRange(most)
                if first_time =>
            {
                most.min(rest.len())
            }
            Lie::DripFile => return self.drip(rest),
            _ => rest.len(),
        };
        match *self.shared.rate.lock().unwrap() {
            None => (&*self.stream).write_all(&rest[..sent]),
            Some(rate) => rest[..sent].chunks(rate / 50).try_for_each(|part| {
                sleep(Duration::from_millis(20));
                (&*self.stream).write_all(part)
            }),
        }
    }
}
