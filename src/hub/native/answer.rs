//! An answer with the bytes of a file, read on a thread of its own.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use super::{
    request::{Answer, Part, Requester, of_io},
    wait::start,
};
use crate::hub::{BEGINNING, FileHash, Refusal, id::is_commit};

/// Bytes that are read at once.
pub(super) const PIECE: usize = 256 << 10;

/// What the thread that reads tells.
pub(super) enum Piece {
    Begin(Box<Head>),
    Bytes(Vec<u8>),
    Failed(Refusal),
}

/// An answer without its body.
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) etag: Option<String>,
    linked_etag: Option<String>,
    commit: Option<String>,
    pub(super) length: Option<u64>,
    pub(super) range: Option<(u64, Option<u64>)>,
    pub(super) host: String,
}

/// Starts a thread that asks for `address`, relative to the hub's, and reads. Where a part was asked for whose end
/// is known and all of the file comes, only as much is read as tells what it is.
pub(super) fn ask(
    requester: &Requester,
    address: String,
    from: Part,
    stall: Duration,
) -> Result<Receiver<Piece>, Refusal> {
    let (sender, pieces) = sync_channel(8);
    let requester = requester.clone();
    start(move || {
        let answer = match requester.get(&address, Some(&from), "file") {
            Ok(answer) => answer,
            // Nobody may be listening any more.
            Err(refusal) => return drop(sender.send(Piece::Failed(refusal))),
        };
        let (head, body) = split(answer);
        let most = match (from.last, head.status) {
            (None, _) => u64::MAX,
            // A byte more shows that somebody sends more than was asked for.
            (Some(last), 206) => last.saturating_sub(from.first).saturating_add(2),
            (Some(_), _) => BEGINNING as u64,
        };
        let mut body = body.take(most);
        let host = head.host.clone();
        if sender.send(Piece::Begin(Box::new(head))).is_err() {
            return;
        }
        loop {
            let mut piece = vec![0; PIECE];
            let message = match body.read(&mut piece) {
                Ok(0) => return,
                Ok(count) => {
                    piece.truncate(count);
                    Piece::Bytes(piece)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Piece::Failed(of_body(error, &host, stall)),
            };
            let ended = matches!(message, Piece::Failed(_));
            if sender.send(message).is_err() || ended {
                return;
            }
        }
    })?;
    Ok(pieces)
}

/// Fails where the hub speaks of another commit, or of another file than the one with this hash.
pub(super) fn check_head(head: &Head, commit: &str, expected: &FileHash) -> Result<(), Refusal> {
    let other_commit = (head.commit.as_deref())
        .is_some_and(|found| is_commit(found) && !found.eq_ignore_ascii_case(commit));
    let other_file = head.linked_etag.as_deref().is_some_and(|etag| {
        let digits = etag.trim_start_matches("W/").trim_matches('"');
        let is_hash = digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            && digits.len() == expected.digits().len();
        is_hash && !digits.eq_ignore_ascii_case(expected.digits())
    });
    match other_commit || other_file {
        true => Err(Refusal::Changed),
        false => Ok(()),
    }
}

fn split(answer: Answer) -> (Head, ureq::BodyReader<'static>) {
    let head = Head {
        status: answer.status,
        etag: answer.etag,
        linked_etag: answer.linked_etag,
        commit: answer.commit,
        length: answer.length,
        range: answer.range,
        host: answer.host,
    };
    (head, answer.body)
}

/// An error while bytes came.
fn of_body(error: io::Error, host: &str, stall: Duration) -> Refusal {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ureq::Error>());
    match inner {
        Some(ureq::Error::Timeout(_)) => Refusal::TimedOut {
            host: host.to_owned(),
            seconds: stall.as_secs(),
        },
        Some(_) => Refusal::NoNetwork {
            host: host.to_owned(),
            reason: "the connection broke".to_owned(),
        },
        None => of_io(&error, host, stall),
    }
}
