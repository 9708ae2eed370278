//! The thread that talks with guests.

use crate::proxy::answer::{Answer, Status};
use crate::proxy::bucket::Bucket;
use crate::proxy::connection::Respond;
use crate::proxy::directory::Directory;
use crate::proxy::request::{Broken, Request};
use crate::proxy::settings::Site;
use crate::proxy::stack::Stack;
use crate::proxy::statistics::Statistics;
use policy::ids::NicId;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Requests that one VM may make in a second.
const REQUESTS_PER_SECOND: u32 = 2000;

/// Frames that one VM may send to the proxy in a second: what that many requests take, each on a connection of its own,
/// and as much again.
const FRAMES_PER_SECOND: u32 = 30_000;

/// A VM that has been silent for so long starts anew.
const FORGET_AFTER: Duration = Duration::from_secs(30);

/// What the engine hands over. Dropping it makes room for the next frame of its port.
pub(crate) trait Handover: Send + 'static {
    /// The port's network interface: who asks.
    fn nic(&self) -> NicId;

    /// From the Ethernet header on.
    fn frame(&self) -> &[u8];
}

/// The way back.
pub(crate) trait Guests: Send + 'static {
    /// Gives frames to the VM behind a port, or drops them if the port is gone.
    fn send(&self, nic: NicId, frames: &[Vec<u8>]);
}

/// Everything that answers depend on.
pub(crate) struct Service<G> {
    pub(crate) site: Site,
    pub(crate) directory: Arc<Directory>,
    pub(crate) statistics: Arc<Statistics>,
    pub(crate) guests: G,
    /// What guests cannot guess.
    pub(crate) seed: u64,
}

/// One VM that asks.
struct Guest {
    stack: Stack,
    requests: Bucket,
    frames: Bucket,
    last_heard: Instant,
}

impl<G: Guests> Service<G> {
    /// Starts the thread. It ends when nobody is left who could hand frames over.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(crate) fn start(self, frames: Receiver<impl Handover>) -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name("proxy".to_owned()).spawn(move || self.run(&frames))
    }

    fn run(&self, frames: &Receiver<impl Handover>) {
        let mut guests: HashMap<NicId, Guest> = HashMap::new();
        let mut due: Option<Instant> = None;
        loop {
            let now = Instant::now();
            let pause = due.map_or(FORGET_AFTER, |due| due.saturating_duration_since(now));
            match frames.recv_timeout(pause) {
                Ok(first) => {
                    self.receive(&mut guests, &first);
                    // What has come meanwhile goes before timers, but not for ever.
                    frames.try_iter().take(64).for_each(|next| self.receive(&mut guests, &next));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            due = self.tend(&mut guests);
        }
    }

    fn receive(&self, guests: &mut HashMap<NicId, Guest>, handover: &impl Handover) {
        let (now, nic) = (Instant::now(), handover.nic());
        let guest = guests.entry(nic).or_insert_with(|| self.guest(nic, now));
        guest.last_heard = now;
        if guest.frames.take(now) {
            let mut desk = Desk { service: self, nic, requests: &mut guest.requests, now };
            guest.stack.receive(handover.frame(), now, &mut desk);
            self.reply(nic, &mut guest.stack);
        } else {
            self.statistics.count(nic, |counts| counts.frames_dropped += 1);
        }
    }

    /// Does what is due for every guest; says when to come again.
    fn tend(&self, guests: &mut HashMap<NicId, Guest>) -> Option<Instant> {
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        guests.retain(|nic, Guest { stack, requests, last_heard, .. }| {
            if stack.due(now).is_some_and(|due| due <= now) {
                stack.poll(now, &mut Desk { service: self, nic: *nic, requests, now });
                self.reply(*nic, stack);
            }
            let due = stack.due(now);
            next = next.into_iter().chain(due).min();
            due.is_some() || now.saturating_duration_since(*last_heard) < FORGET_AFTER
        });
        next
    }

    fn guest(&self, nic: NicId, now: Instant) -> Guest {
        // Every guest has sequence numbers of its own.
        let (high, low) = nic.0.as_u64_pair();
        let seed = self.seed ^ high.rotate_left(32) ^ low;
        Guest {
            stack: Stack::new(self.site.listen, self.site.mac, seed, now),
            requests: Bucket::full(REQUESTS_PER_SECOND, now),
            frames: Bucket::full(FRAMES_PER_SECOND, now),
            last_heard: now,
        }
    }

    fn reply(&self, nic: NicId, stack: &mut Stack) {
        let frames = stack.frames();
        if !frames.is_empty() {
            self.guests.send(nic, &frames);
        }
    }
}

/// Answers the requests of one network interface.
struct Desk<'a, G> {
    service: &'a Service<G>,
    nic: NicId,
    requests: &'a mut Bucket,
    now: Instant,
}

impl<G> Respond for Desk<'_, G> {
    fn respond(&mut self, request: Result<&Request, Broken>) -> Answer {
        let Self { service: Service { directory, statistics, .. }, nic, .. } = self;
        let answer = match request {
            _ if !self.requests.take(self.now) => Answer::empty(Status::TooManyRequests),
            Ok(request) => directory.answer(*nic, request),
            Err(broken) => Answer::to_broken(broken),
        };
        tracing::debug!(port = %nic, target = ?request.map(|request| &request.target), status = ?answer.status, "proxy");
        statistics.count(*nic, |counts| {
            counts.requests += 1;
            counts.bytes += answer.length();
            match answer.status {
                Status::Ok => {}
                Status::NotFound => counts.unknown_paths += 1,
                _ => counts.refused += 1,
            }
        });
        answer
    }
}
