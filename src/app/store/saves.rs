//! Files on their way to the reader: made elsewhere, then saved where the reader wants them.

use std::task::Poll;

use super::{Message, Store};
use crate::platform::{self, FileError, Later};

/// A file being made or saved.
pub(super) struct Saving {
    name: String,
    step: Step,
}

enum Step {
    Making(Later<Result<Vec<u8>, String>>),
    Saving(Later<Result<Option<String>, FileError>>),
}

impl Store {
    /// Makes a file called `name` away from the frame and asks where to save it; what became of it is
    /// told among the messages. `wake` is called when there is news for [`Store::follow_saves`].
    pub fn save(
        &mut self,
        name: impl Into<String>,
        make: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static,
        wake: impl FnOnce() + Send + 'static,
    ) {
        self.saves.push(Saving {
            name: name.into(),
            step: Step::Making(platform::in_background(wake, make)),
        });
    }

    /// Whether a file is being made or saved.
    pub fn is_saving(&self) -> bool {
        !self.saves.is_empty()
    }

    /// Takes the files a step further; called in every frame. Never waits.
    pub fn follow_saves(&mut self, wake: impl FnOnce() + Clone + Send + 'static) {
        for Saving { name, step } in std::mem::take(&mut self.saves) {
            let step = match step {
                Step::Making(mut bytes) => match bytes.poll() {
                    Poll::Pending => Some(Step::Making(bytes)),
                    Poll::Ready(Some(Ok(bytes))) => {
                        Some(Step::Saving(platform::save(&name, bytes, wake.clone())))
                    }
                    Poll::Ready(Some(Err(reason))) => {
                        self.alarm(format!("{name} was not made: {reason}"));
                        None
                    }
                    Poll::Ready(None) => {
                        self.alarm(format!("{name} was not made: no thread could be started"));
                        None
                    }
                },
                Step::Saving(mut saved) => match saved.poll() {
                    Poll::Pending => Some(Step::Saving(saved)),
                    Poll::Ready(Some(Ok(Some(path)))) => {
                        self.messages.push(Message {
                            text: format!("Saved as {path}."),
                            alarm: false,
                        });
                        None
                    }
                    Poll::Ready(Some(Err(error))) => {
                        self.alarm(format!("{name} was not saved: {error}"));
                        None
                    }
                    // The dialog was closed.
                    Poll::Ready(Some(Ok(None)) | None) => None,
                },
            };
            self.saves.extend(step.map(|step| Saving { name, step }));
        }
    }
}
