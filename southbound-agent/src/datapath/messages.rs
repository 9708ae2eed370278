//! Many datagrams or frames in one system call: `recvmmsg(2)` and `sendmmsg(2)`.

use crate::datapath::offload::VNET_HEADER;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Room for one frame or datagram: 64 KiB of IP packet, and its Ethernet header.
const BODY: usize = (64 << 10) + 64;
/// Room for what the kernel says beside the data.
const CONTROL: usize = 96;
/// Length of `struct sockaddr_in6`, the longest address used here.
const NAME: usize = 28;

/// Memory that `struct cmsghdr` may be written to.
#[repr(align(8))]
struct Control([u8; CONTROL]);

/// One message, received.
pub(super) struct Slot {
    /// What comes before the frame on packet sockets.
    pub(super) head: [u8; VNET_HEADER],
    /// Free room before the message, then the message.
    buffer: Vec<u8>,
    headroom: usize,
    length: usize,
    truncated: bool,
    name: [u8; NAME],
    control: Control,
    control_length: usize,
}

impl Slot {
    pub(super) fn new(headroom: usize) -> Self {
        Self {
            head: [0; VNET_HEADER],
            buffer: vec![0; headroom + BODY],
            headroom,
            length: 0,
            truncated: false,
            name: [0; NAME],
            control: Control([0; CONTROL]),
            control_length: 0,
        }
    }

    /// The headroom and the message; `None` when it did not fit.
    pub(super) fn bytes(&mut self) -> Option<&mut [u8]> {
        if self.truncated { None } else { self.buffer.get_mut(..self.headroom + self.length) }
    }

    /// Address of the sender, on UDP sockets.
    pub(super) fn source(&self) -> Option<IpAddr> {
        let family = i32::from(u16::from_ne_bytes([self.name[0], self.name[1]]));
        match family {
            libc::AF_INET => Some(IpAddr::from(<[u8; 4]>::try_from(&self.name[4..8]).ok()?)),
            libc::AF_INET6 => Some(IpAddr::from(<[u8; 16]>::try_from(&self.name[8..24]).ok()?).to_canonical()),
            _ => None,
        }
    }

    /// A number that the kernel sent along, by `cmsg(3)` level and type. Only the first four bytes are looked at.
    pub(super) fn control(&self, level: i32, kind: i32) -> Option<u32> {
        let mut rest = self.control.0.get(..self.control_length)?;
        let header = size_of::<libc::cmsghdr>();
        while let Some(fixed) = rest.get(..header) {
            let length = usize::from_ne_bytes(fixed.get(..size_of::<usize>())?.try_into().ok()?);
            let word = |at: usize| Some(i32::from_ne_bytes(fixed.get(at..at + 4)?.try_into().ok()?));
            if (word(header - 8)?, word(header - 4)?) == (level, kind) {
                return Some(u32::from_ne_bytes(rest.get(header..header + 4)?.try_into().ok()?));
            }
            rest = rest.get(length.max(header).next_multiple_of(align_of::<libc::cmsghdr>())..)?;
        }
        None
    }
}

/// Receives as many messages as there are, at most one for each slot, without waiting. `with_head`: the first bytes of
/// each go to the head.
///
/// # Errors
/// `WouldBlock` when there is none, and those of the socket.
pub(super) fn receive(socket: BorrowedFd<'_>, slots: &mut [Slot], with_head: bool) -> io::Result<usize> {
    let mut parts: Vec<[libc::iovec; 2]> = Vec::with_capacity(slots.len());
    let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(slots.len());
    for slot in &mut *slots {
        let body = &mut slot.buffer[slot.headroom..];
        let head = libc::iovec { iov_base: slot.head.as_mut_ptr().cast(), iov_len: VNET_HEADER };
        parts.push([head, libc::iovec { iov_base: body.as_mut_ptr().cast(), iov_len: body.len() }]);
    }
    for (slot, parts) in slots.iter_mut().zip(&mut parts) {
        let parts = if with_head { &mut parts[..] } else { &mut parts[1..] };
        let mut header = empty_header();
        header.msg_name = slot.name.as_mut_ptr().cast();
        header.msg_namelen = libc::socklen_t::try_from(NAME).unwrap_or(0);
        header.msg_iov = parts.as_mut_ptr();
        header.msg_iovlen = parts.len();
        header.msg_control = slot.control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL;
        headers.push(libc::mmsghdr { msg_hdr: header, msg_len: 0 });
    }
    let count = libc::c_uint::try_from(headers.len()).unwrap_or(libc::c_uint::MAX);
    #[expect(unsafe_code, reason = "recvmmsg takes pointers")]
    // SAFETY: every pointer in `headers` is to a buffer in `slots` or `parts` of the length that stands beside it; both
    // outlive the call and are not touched otherwise while it lasts.
    let received = unsafe {
        libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT, std::ptr::null_mut())
    };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for (slot, header) in slots.iter_mut().zip(&headers).take(received) {
        let length = usize::try_from(header.msg_len).unwrap_or(0);
        let whole = if with_head { length.checked_sub(VNET_HEADER) } else { Some(length) };
        slot.truncated = whole.is_none() || header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        slot.length = whole.unwrap_or(0);
        slot.control_length = header.msg_hdr.msg_controllen.min(CONTROL);
    }
    Ok(received)
}

/// One message to send.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'a> {
    /// What comes before the frame on packet sockets; empty on others.
    pub(super) head: &'a [u8],
    pub(super) body: &'a [u8],
    /// Where to, on UDP sockets.
    pub(super) destination: Option<SocketAddr>,
    /// The body is many datagrams of this size, the last one perhaps shorter. [udp(7), UDP_SEGMENT]
    pub(super) segment: Option<u16>,
}

/// Sends messages from the first on, without waiting. Returns how many were sent.
///
/// # Errors
/// The first one could not be sent.
pub(super) fn send(socket: BorrowedFd<'_>, messages: &[Outgoing<'_>]) -> io::Result<usize> {
    let names: Vec<Option<socket2::SockAddr>> =
        messages.iter().map(|message| message.destination.map(socket2::SockAddr::from)).collect();
    let mut controls: Vec<[u64; 3]> = messages.iter().map(|message| segment_control(message.segment)).collect();
    let part = |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut parts: Vec<[libc::iovec; 2]> =
        messages.iter().map(|message| [part(message.head), part(message.body)]).collect();
    let mut headers = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let mut header = empty_header();
        if let Some(name) = &names[index] {
            header.msg_name = name.as_ptr().cast_mut().cast();
            header.msg_namelen = name.len();
        }
        header.msg_iov = parts[index].as_mut_ptr();
        header.msg_iovlen = 2;
        if message.segment.is_some() {
            header.msg_control = controls[index].as_mut_ptr().cast();
            header.msg_controllen = size_of_val(&controls[index]);
        }
        headers.push(libc::mmsghdr { msg_hdr: header, msg_len: 0 });
    }
    let count = libc::c_uint::try_from(headers.len()).unwrap_or(libc::c_uint::MAX);
    #[expect(unsafe_code, reason = "sendmmsg takes pointers")]
    // SAFETY: every pointer in `headers` is to memory in `messages`, `names`, `parts` or `controls` of the length that
    // stands beside it; all of them outlive the call. The kernel only reads what the mutable pointers point to.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// `struct cmsghdr` and the segment size, as `UDP_SEGMENT` wants them.
fn segment_control(segment: Option<u16>) -> [u64; 3] {
    let mut bytes = [0; 24];
    let header = size_of::<libc::cmsghdr>();
    let length = header + size_of::<u16>();
    bytes[..size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
    bytes[header - 8..header - 4].copy_from_slice(&libc::SOL_UDP.to_ne_bytes());
    bytes[header - 4..header].copy_from_slice(&libc::UDP_SEGMENT.to_ne_bytes());
    bytes[header..length].copy_from_slice(&segment.unwrap_or(0).to_ne_bytes());
    let (words, _) = bytes.as_chunks::<8>();
    let mut control = [0; 3];
    control.iter_mut().zip(words).for_each(|(word, bytes)| *word = u64::from_ne_bytes(*bytes));
    control
}

fn empty_header() -> libc::msghdr {
    libc::msghdr {
        msg_name: std::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: std::ptr::null_mut(),
        msg_iovlen: 0,
        msg_control: std::ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    fn socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    fn wait(socket: &UdpSocket) {
        socket.peek(&mut [0]).unwrap();
    }

    #[test]
    fn messages_arrive_with_their_sender() {
        let (one, other) = (socket(), socket());
        let destination = Some(other.local_addr().unwrap());
        let message = |body| Outgoing { head: b"head", body, destination, segment: None };
        assert_eq!(send(one.as_fd(), &[message(b"first"), message(b"second")]).unwrap(), 2);
        wait(&other);
        let mut slots: Vec<Slot> = (0..4).map(|_| Slot::new(3)).collect();
        assert_eq!(receive(other.as_fd(), &mut slots, false).unwrap(), 2);
        assert_eq!(slots[0].bytes().unwrap()[3..], *b"headfirst");
        assert_eq!(slots[1].bytes().unwrap()[3..], *b"headsecond");
        assert_eq!(slots[0].source(), Some(one.local_addr().unwrap().ip()));
        let error = receive(other.as_fd(), &mut slots, false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn one_call_sends_many_datagrams_of_one_size() {
        let (one, other) = (socket(), socket());
        let destination = Some(other.local_addr().unwrap());
        let message = Outgoing { head: b"", body: b"aaaabbbbcc", destination, segment: Some(4) };
        assert_eq!(send(one.as_fd(), &[message]).unwrap(), 1);
        let received: Vec<Vec<u8>> = (0..3)
            .map(|_| {
                let mut buffer = [0; 16];
                let length = other.recv(&mut buffer).unwrap();
                buffer[..length].to_vec()
            })
            .collect();
        assert_eq!(received, [b"aaaa".to_vec(), b"bbbb".to_vec(), b"cc".to_vec()]);
    }

    #[test]
    fn an_error_of_the_first_message_is_reported() {
        let one = socket();
        let destination = Some("[::1]:9".parse().unwrap());
        let message = Outgoing { head: b"", body: b"x", destination, segment: None };
        assert!(send(one.as_fd(), &[message]).is_err());
    }
}
