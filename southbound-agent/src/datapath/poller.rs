//! Waiting for many descriptors: `epoll(7)`, level-triggered, with a way to be woken up.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Tokens are chosen by the caller, except for this one: somebody called [`Poller::wake`].
pub(super) const WOKEN: u64 = u64::MAX;
/// Descriptors that one wait reports at most.
const BATCH: usize = 64;

/// A set of descriptors. Any thread may add, remove and wake.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl Poller {
    /// # Errors
    /// The process has no more descriptors.
    pub(super) fn new() -> io::Result<Self> {
        #[expect(unsafe_code, reason = "the standard library has no epoll")]
        // SAFETY: no pointers. The descriptors are new and owned by nobody else.
        let (epoll, wake) = unsafe {
            (
                owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))?,
                owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?,
            )
        };
        let poller = Self { epoll, wake };
        poller.add(poller.wake.as_fd(), WOKEN)?;
        Ok(poller)
    }

    /// Reports `token` whenever the descriptor can be read, or has an error to tell.
    ///
    /// # Errors
    /// Those of `epoll_ctl`.
    pub(super) fn add(&self, descriptor: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let events = u32::try_from(libc::EPOLLIN).unwrap_or(1);
        self.control(libc::EPOLL_CTL_ADD, descriptor, &mut libc::epoll_event { events, u64: token })
    }

    /// Reports nothing of the descriptor any more.
    pub(super) fn remove(&self, descriptor: BorrowedFd<'_>) {
        // Fails if it is not in the set, which is what is wanted.
        self.control(libc::EPOLL_CTL_DEL, descriptor, &mut libc::epoll_event { events: 0, u64: 0 }).ok();
    }

    fn control(&self, verb: i32, descriptor: BorrowedFd<'_>, event: &mut libc::epoll_event) -> io::Result<()> {
        #[expect(unsafe_code, reason = "epoll_ctl takes a pointer")]
        // SAFETY: both descriptors are open, and `event` lives until the call returns.
        let result = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), verb, descriptor.as_raw_fd(), &raw mut *event) };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Ends a wait, now or the next one.
    pub(super) fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        #[expect(unsafe_code, reason = "the standard library has no eventfd")]
        // SAFETY: `one` has the given length. The only failure is a full counter, which wakes as well.
        unsafe {
            libc::write(self.wake.as_raw_fd(), one.as_ptr().cast(), one.len());
        }
    }

    /// Waits for something, and returns the tokens of all that is ready.
    ///
    /// # Errors
    /// Those of `epoll_wait`, but for interruptions by signals.
    pub(super) fn wait(&self, tokens: &mut Vec<u64>) -> io::Result<()> {
        tokens.clear();
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        let room = i32::try_from(BATCH).unwrap_or(1);
        #[expect(unsafe_code, reason = "epoll_wait takes a pointer")]
        // SAFETY: `events` has room for as many events as the call is told, and lives until it returns.
        let ready = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), room, -1) };
        match usize::try_from(ready) {
            Ok(ready) => tokens.extend(events.iter().take(ready).map(|event| event.u64)),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
        if tokens.contains(&WOKEN) {
            self.drain();
        }
        Ok(())
    }

    fn drain(&self) {
        let mut count = [0; 8];
        #[expect(unsafe_code, reason = "the standard library has no eventfd")]
        // SAFETY: `count` has the given length.
        unsafe {
            libc::read(self.wake.as_raw_fd(), count.as_mut_ptr().cast(), count.len());
        }
    }
}

#[expect(unsafe_code, reason = "takes ownership of a descriptor")]
/// # Safety
/// `descriptor` is -1, or open and owned by nobody else.
unsafe fn owned(descriptor: i32) -> io::Result<OwnedFd> {
    match descriptor {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: as the caller promises.
        descriptor => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn readable_descriptors_and_wakes_are_reported() {
        let poller = Poller::new().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        poller.add(socket.as_fd(), 7).unwrap();
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        let mut tokens = Vec::new();
        poller.wait(&mut tokens).unwrap();
        assert_eq!(tokens, [7]);
        poller.remove(socket.as_fd());
        poller.wake();
        poller.wait(&mut tokens).unwrap();
        assert_eq!(tokens, [WOKEN], "what was removed is not reported, though it can be read");
    }
}
