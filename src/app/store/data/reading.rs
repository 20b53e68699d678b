//! Reading the reader's files a few at a time, without keeping the app waiting.

use std::{sync::Arc, task::Poll};

use super::{Data, Item, ItemState, PairList};
use crate::{
    app::store::open::read_report,
    engine::{text_in_file, thumbnail},
    platform::{self, FileError, Later, PickKind, PickedFile},
    report::{Picture, Report, format_bytes},
};

/// Asks for a frame; called when something was read.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Pixels of a thumbnail's longer side.
const THUMBNAIL: usize = 96;

/// Images with a thumbnail; of the others it is only known that they can be read.
const MOST_THUMBNAILS: usize = 300;

/// Files that are read at the same time.
const AT_ONCE: usize = 3;

/// Largest image that is looked at before a run; larger ones are left to the run.
const LARGEST_IMAGE: u64 = 48 << 20;

/// Largest text file; far beyond any context, so that a wrong file cannot fill the memory.
const LARGEST_TEXT: u64 = 16 << 20;

/// Largest list of pairs.
const LARGEST_LIST: u64 = 256 << 20;

/// Largest report.
const LARGEST_REPORT: u64 = 64 << 20;

type Bytes = Later<Result<Vec<u8>, FileError>>;

/// A file being read.
#[derive(Debug)]
pub(super) enum Job {
    Image(u64, Bytes),
    Thumbnail(u64, Later<Result<Picture, String>>),
    Text(u64, Bytes),
    List(PickedFile, Bytes),
    Report(PickedFile, Bytes),
}

fn wake_up(wake: &Wake) -> impl FnOnce() + Send + 'static {
    let wake = Arc::clone(wake);
    move || wake()
}

impl Data {
    /// Opens a dialog for files; what is chosen comes with a later [`Data::poll`].
    pub fn pick(&mut self, kind: PickKind, wake: &Wake) {
        self.picking = Some(platform::pick(kind, wake_up(wake)));
    }

    /// Whether a file is being read.
    pub fn is_reading(&self) -> bool {
        !self.jobs.is_empty()
    }

    pub(super) fn read_list(&mut self, file: PickedFile, wake: &Wake) {
        let bytes = platform::read(&file, LARGEST_LIST, wake_up(wake));
        self.jobs.push(Job::List(file, bytes));
    }

    pub(super) fn read_report(&mut self, file: PickedFile, wake: &Wake) {
        // It may be a list of LLaVA's.
        let bytes = platform::read(&file, LARGEST_LIST, wake_up(wake));
        self.jobs.push(Job::Report(file, bytes));
    }

    /// Takes what was read and goes on reading; gives the reports that were opened, with their names.
    pub fn poll(&mut self, wake: &Wake) -> Vec<(String, Report)> {
        if let Some(picking) = &mut self.picking
            && let Poll::Ready(files) = picking.poll()
        {
            self.picking = None;
            self.add(files.unwrap_or_default(), wake);
        }
        let mut reports = Vec::new();
        for job in std::mem::take(&mut self.jobs) {
            self.advance(job, wake, &mut reports);
        }
        while self.jobs.len() < AT_ONCE && self.start_next(wake) {}
        reports
    }

    fn advance(&mut self, mut job: Job, wake: &Wake, reports: &mut Vec<(String, Report)>) {
        let lost = |what: &str| FileError::new(what, "reading it was given up");
        match &mut job {
            Job::Image(number, bytes) => {
                if let Poll::Ready(read) = bytes.poll() {
                    let number = *number;
                    match read.unwrap_or_else(|| Err(lost("the image"))) {
                        Ok(bytes) => self.look_at(number, bytes, wake),
                        Err(error) => self.image_done(number, Err(error.reason)),
                    }
                    return;
                }
            }
            Job::Thumbnail(number, picture) => {
                if let Poll::Ready(picture) = picture.poll() {
                    let gone = || Err("looking at it was given up".to_owned());
                    let number = *number;
                    self.image_done(number, picture.unwrap_or_else(gone));
                    return;
                }
            }
            Job::Text(number, bytes) => {
                if let Poll::Ready(read) = bytes.poll() {
                    let read = read.unwrap_or_else(|| Err(lost("the text")));
                    let content = read.map_err(|error| error.reason).and_then(utf8);
                    if let Some(item) = find(&mut self.texts, *number) {
                        let name = item.file.name();
                        item.state = match content.and_then(|content| text_in_file(name, &content))
                        {
                            Ok(text) => ItemState::Ready(text),
                            Err(reason) => ItemState::Wrong(reason),
                        };
                    }
                    return;
                }
            }
            Job::List(file, bytes) => {
                if let Poll::Ready(read) = bytes.poll() {
                    let read = read.unwrap_or_else(|| Err(lost(&file.path)));
                    let content = read.map_err(|error| error.reason).and_then(utf8);
                    let list = content.and_then(|text| PairList::new(file.clone(), &text));
                    self.take_list(list, file);
                    return;
                }
            }
            Job::Report(file, bytes) => {
                if let Poll::Ready(read) = bytes.poll() {
                    let read = read.unwrap_or_else(|| Err(lost(&file.path)));
                    let content = read.map_err(|error| error.reason).and_then(utf8);
                    // A report is an object.
                    let is_list = |text: &String| text.trim_start().starts_with('[');
                    if let Ok(text) = &content
                        && is_list(text)
                    {
                        self.take_list(PairList::new(file.clone(), text), file);
                        return;
                    }
                    let content = content.and_then(|text| match text.len() as u64 {
                        length if length > LARGEST_REPORT => Err(format!(
                            "expected a report of at most {}, found {}",
                            format_bytes(LARGEST_REPORT),
                            format_bytes(length)
                        )),
                        _ => Ok(text),
                    });
                    match content.and_then(|text| read_report(file.name(), &text)) {
                        Ok(report) => reports.push(report),
                        Err(reason) => self.rejected.push(FileError::new(&file.path, reason)),
                    }
                    return;
                }
            }
        }
        self.jobs.push(job);
    }

    /// Takes what was read of the list in `file`.
    fn take_list(&mut self, list: Result<PairList, String>, file: &PickedFile) {
        match list {
            Ok(list) => {
                self.list = Some(list);
                self.resolve_list();
            }
            Err(reason) => self.rejected.push(FileError::new(&file.path, reason)),
        }
    }

    /// Makes an image's thumbnail elsewhere.
    fn look_at(&mut self, number: u64, bytes: Vec<u8>, wake: &Wake) {
        let Some(item) = find(&mut self.images, number) else {
            return;
        };
        let name = item.file.name().to_owned();
        let picture =
            platform::in_background(wake_up(wake), move || thumbnail(&name, &bytes, THUMBNAIL));
        self.jobs.push(Job::Thumbnail(number, picture));
    }

    fn image_done(&mut self, number: u64, picture: Result<Picture, String>) {
        let kept = self
            .images
            .iter()
            .filter(|item| matches!(item.ready(), Some(Some(_))))
            .count();
        if let Some(item) = find(&mut self.images, number) {
            item.state = match picture {
                Ok(picture) => ItemState::Ready((kept < MOST_THUMBNAILS).then_some(picture)),
                Err(reason) => ItemState::Wrong(reason),
            };
        }
    }

    /// Starts to read the next file in the queue; whether there was one.
    fn start_next(&mut self, wake: &Wake) -> bool {
        // The texts first: a run waits for them, while of the images only thumbnails are made.
        let mut texts = self.texts.iter_mut();
        if let Some(item) = texts.find(|item| item.state == ItemState::Queued) {
            item.state = ItemState::Reading;
            let bytes = platform::read(&item.file, LARGEST_TEXT, wake_up(wake));
            self.jobs.push(Job::Text(item.number, bytes));
            return true;
        }
        let mut images = self.images.iter_mut();
        let Some(item) = images.find(|item| item.state == ItemState::Queued) else {
            return false;
        };
        if item.file.size > LARGEST_IMAGE {
            item.state = ItemState::Ready(None);
            return true;
        }
        item.state = ItemState::Reading;
        let bytes = platform::read(&item.file, LARGEST_IMAGE, wake_up(wake));
        self.jobs.push(Job::Image(item.number, bytes));
        true
    }
}

fn find<T>(items: &mut [Item<T>], number: u64) -> Option<&mut Item<T>> {
    items.iter_mut().find(|item| item.number == number)
}

/// Bytes as text, without a byte order mark.
fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("expected UTF-8 text, found another byte at offset {at}")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_utf8() {
        assert_eq!(utf8("\u{feff} hello\n".into()), Ok(" hello\n".to_owned()));
        assert!(utf8(vec![b'a', 0xff]).unwrap_err().contains("offset 1"));
    }
}
