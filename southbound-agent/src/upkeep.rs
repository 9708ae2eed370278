//! The agent's timer: one thread for what is due from time to time, and for news from the datapath.

use crate::agent::Agent;
use policy::ids::NicId;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, mem};

/// Between two rounds of small work.
const ROUND: Duration = Duration::from_secs(2);
/// Rounds between two passes over everything that is programmed.
const ROUNDS_PER_PASS: u32 = 30;

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The device of a port has disappeared.
    DeviceGone(NicId),
    /// The agent ends.
    Stop,
}

/// Notices on their way, before there is a thread for them.
pub(crate) struct Mailbox {
    sender: Sender<Notice>,
    receiver: Receiver<Notice>,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver }
    }

    /// For whoever has something to tell.
    pub(crate) fn sender(&self) -> Sender<Notice> {
        self.sender.clone()
    }
}

/// The running thread. Ends when it is dropped.
pub(crate) struct Upkeep {
    sender: Sender<Notice>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// # Errors
    /// The system has no more threads.
    pub(crate) fn start(agent: Arc<Agent>, mailbox: Mailbox) -> io::Result<Self> {
        let Mailbox { sender, receiver } = mailbox;
        let thread = thread::Builder::new().name("upkeep".to_owned()).spawn(move || run(&agent, &receiver))?;
        Ok(Self { sender, thread: Some(thread) })
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.sender.send(Notice::Stop).ok();
        if let Some(thread) = mem::take(&mut self.thread) {
            thread.join().ok();
        }
    }
}

fn run(agent: &Agent, notices: &Receiver<Notice>) {
    let mut rounds = 0;
    loop {
        match notices.recv_timeout(ROUND) {
            Ok(Notice::DeviceGone(profile)) => agent.device_gone(profile),
            Ok(Notice::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                agent.tend();
                rounds += 1;
                if rounds % ROUNDS_PER_PASS == 0 {
                    agent.reconcile();
                }
            }
        }
    }
}
