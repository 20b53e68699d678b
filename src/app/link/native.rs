//! The engine on a thread of its own.

use std::{
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread::JoinHandle,
    time::Duration,
};

use eframe::egui;

use super::{Link, News};
use crate::{
    engine::{Command, Event, Session},
    platform::{Cancel, native},
};

/// Most that a closed window waits for the engine to let go of its device.
const FAREWELL: Duration = Duration::from_secs(3);

/// A [`Session`] on a thread of its own, started with the first command and again after it died.
pub struct NativeLink {
    context: egui::Context,
    thread: Option<Thread>,
    /// Why the thread could not be started, until that is told.
    refused: Option<String>,
}

struct Thread {
    commands: Sender<(Command, Cancel)>,
    events: Receiver<Event>,
    /// The flag of the command under way.
    running: Option<Cancel>,
    handle: JoinHandle<()>,
}

impl NativeLink {
    /// A link that asks `context` for a frame whenever there are news.
    pub fn new(context: egui::Context) -> Self {
        Self {
            context,
            thread: None,
            refused: None,
        }
    }

    fn start(&self) -> std::io::Result<Thread> {
        let (commands, orders) = channel::<(Command, Cancel)>();
        let (sender, events) = channel();
        let context = self.context.clone();
        let handle = native::spawn_thread("engine", move || {
            // Also when the thread dies: the app has to find out.
            let _wake = WakeOnDrop(context.clone());
            let mut session = Session::default();
            for (command, cancel) in orders {
                let mut emit = |event| {
                    // Nobody listens any more: stop at the next check.
                    if sender.send(event).is_err() {
                        cancel.cancel();
                    }
                    context.request_repaint();
                };
                native::block_on(session.run(command, &cancel, &mut emit));
            }
        })?;
        Ok(Thread {
            commands,
            events,
            running: None,
            handle,
        })
    }
}

struct WakeOnDrop(egui::Context);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.request_repaint();
    }
}

impl Link for NativeLink {
    fn send(&mut self, command: Command) {
        if self.thread.is_none() {
            match self.start() {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => {
                    self.refused = Some(format!("the system gave it no thread ({error})"));
                    self.context.request_repaint();
                }
            }
        }
        let cancel = Cancel::default();
        if let Some(thread) = &mut self.thread {
            thread.running = Some(cancel.clone());
            // A dead thread shows when its events are asked for.
            thread.commands.send((command, cancel)).ok();
        }
    }

    fn cancel(&mut self) {
        if let Some(cancel) = self
            .thread
            .as_ref()
            .and_then(|thread| thread.running.as_ref())
        {
            cancel.cancel();
        }
    }

    fn poll(&mut self) -> Option<News> {
        if let Some(reason) = self.refused.take() {
            return Some(News::Lost(reason));
        }
        let thread = self.thread.as_mut()?;
        match thread.events.try_recv() {
            Ok(event) => {
                if event.is_last() {
                    thread.running = None;
                }
                Some(News::Event(event))
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.thread = None;
                Some(News::Lost(
                    "its thread stopped unexpectedly; the terminal may say more".to_owned(),
                ))
            }
        }
    }
}

impl Drop for NativeLink {
    fn drop(&mut self) {
        self.cancel();
        // A driver must not be taken down while the program ends.
        if let Some(Thread {
            commands, handle, ..
        }) = self.thread.take()
        {
            drop(commands);
            native::wait_for(handle, FAREWELL);
        }
    }
}
