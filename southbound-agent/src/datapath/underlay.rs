//! The underlay: UDP sockets on the provider address, for VXLAN to and from other hosts. [RFC 7348]

use crate::datapath::Provider;
use crate::datapath::device::{enlarge_receive_buffer, index_of, set_option};
use crate::datapath::messages::{self, Outgoing, Slot};
use crate::datapath::outbox::ReadyDatagram;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::Command;

/// UDP port of VXLAN. [RFC 7348 section 5]
const VXLAN_PORT: u16 = 4789;
/// Sockets to send from. Each has a source port of its own, so that the underlay can spread flows over its paths.
const SENDERS: usize = 8;
/// Kernel buffer for datagrams that wait to be read.
const RECEIVE_BUFFER: i32 = 8 << 20;
const SEND_BUFFER: usize = 4 << 20;

/// The sockets of one provider address.
#[derive(Debug)]
pub(super) struct Underlay {
    address: IpAddr,
    /// Device that the sockets are bound to, and its index then.
    device: Option<(String, u32)>,
    receiver: Socket,
    senders: Vec<Socket>,
}

impl Underlay {
    /// Binds to the provider address. If it is nowhere on this host and `device` is given, it is put there first.
    ///
    /// # Errors
    /// The address is not on this host, or the port is taken.
    pub(super) fn open(provider: Provider, device: Option<&str>) -> io::Result<Self> {
        let Provider { address, prefix_len } = provider;
        let receiver = match (bound(address, VXLAN_PORT, device), device, prefix_len) {
            (Err(error), Some(device), Some(prefix_len)) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                configure("replace", address, prefix_len, device)?;
                bound(address, VXLAN_PORT, Some(device))?
            }
            (result, ..) => result?,
        };
        enlarge_receive_buffer(receiver.as_fd(), RECEIVE_BUFFER);
        // Without it, each datagram is received alone: slower, and right.
        set_option(receiver.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 1).ok();
        let senders: io::Result<_> = (0..SENDERS).map(|_| sender(address, device)).collect();
        let device = device.map(|device| index_of(device).map(|index| (device.to_owned(), index))).transpose()?;
        Ok(Self { address, device, receiver, senders: senders? })
    }

    /// Whether the sockets still reach anybody: the address is on this host, and the device is the same.
    ///
    /// # Errors
    /// Why they do not.
    pub(super) fn check(&self) -> io::Result<()> {
        if let Some((name, index)) = &self.device
            && index_of(name)? != *index
        {
            return Err(io::Error::other(format!("device '{name}' is another one now")));
        }
        bound(self.address, 0, None).map(drop)
    }

    /// Datagrams from other hosts; see [`messages::receive`]. One slot may hold several of one size, see
    /// [`segment_size`].
    ///
    /// # Errors
    /// `WouldBlock`, and those of the socket.
    pub(super) fn receive(&self, slots: &mut [Slot]) -> io::Result<usize> {
        messages::receive(self.receiver.as_fd(), slots, false)
    }

    /// Sends everything, and returns how many messages could not be sent.
    pub(super) fn send(&self, datagrams: &[ReadyDatagram<'_>]) -> usize {
        let mut failed = 0;
        for run in datagrams.chunk_by(|one, other| one.outer.source_port == other.outer.source_port) {
            let sender = usize::from(run[0].outer.source_port) % self.senders.len().max(1);
            let Some(sender) = self.senders.get(sender) else { continue };
            let mut messages: &[_] = &run.iter().map(outgoing).collect::<Vec<_>>();
            while !messages.is_empty() {
                match messages::send(sender.as_fd(), messages) {
                    Ok(sent) => messages = &messages[sent.max(1)..],
                    Err(error) => {
                        failed += usize::from(!send_apart(sender, &messages[0], &error));
                        messages = &messages[1..];
                    }
                }
            }
        }
        failed
    }
}

impl AsFd for Underlay {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

/// Size of the datagrams in the slot; `None` when there is one only.
pub(super) fn segment_size(slot: &Slot) -> Option<usize> {
    let size = slot.control(libc::SOL_UDP, libc::UDP_GRO)?;
    usize::try_from(size).ok().filter(|size| *size > 0)
}

/// Takes an address off the device again.
///
/// # Errors
/// `ip` is missing, or refuses.
pub(super) fn remove_address(provider: Provider, device: &str) -> io::Result<()> {
    match provider.prefix_len {
        Some(prefix_len) => configure("del", provider.address, prefix_len, device),
        None => Ok(()),
    }
}

fn outgoing<'a>(datagram: &ReadyDatagram<'a>) -> Outgoing<'a> {
    Outgoing {
        head: &[],
        body: datagram.bytes,
        destination: Some(SocketAddr::new(datagram.outer.destination, VXLAN_PORT)),
        segment: datagram.segment,
    }
}

/// Sends the datagrams of one message one by one, if the error says that the kernel would not cut this message itself:
/// they are larger than the path allows, and have to be fragmented. Says whether all were sent.
fn send_apart(sender: &Socket, message: &Outgoing<'_>, error: &io::Error) -> bool {
    let cannot_cut = matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EIO | libc::EMSGSIZE));
    let Some(size) = message.segment.filter(|size| cannot_cut && *size > 0) else { return false };
    let fails = |body: &&[u8]| messages::send(sender.as_fd(), &[Outgoing { body, segment: None, ..*message }]).is_err();
    // Counted to the end: a failure does not keep the others from being sent.
    message.body.chunks(size.into()).filter(fails).count() == 0
}

fn bound(address: IpAddr, port: u16, device: Option<&str>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(SocketAddr::new(address, port)), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if let Some(device) = device {
        // Encapsulated packets that come in elsewhere, on the management network for instance, are not ours.
        socket.bind_device(Some(device.as_bytes()))?;
    }
    socket.bind(&SockAddr::from(SocketAddr::new(address, port)))?;
    Ok(socket)
}

fn sender(address: IpAddr, device: Option<&str>) -> io::Result<Socket> {
    let socket = bound(address, 0, device)?;
    // Answers go to the VXLAN port; what comes here is not read.
    socket.set_recv_buffer_size(1)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    // The underlay should have room for the encapsulation. If it does not, fragments are better than silence.
    let (level, option) = match address {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
    };
    set_option(socket.as_fd(), level, option, libc::IP_PMTUDISC_DONT)?;
    Ok(socket)
}

/// `ip address <verb>`.
fn configure(verb: &str, address: IpAddr, prefix_len: u8, device: &str) -> io::Result<()> {
    tracing::info!(%address, prefix_len, device, verb, "provider address");
    let address = format!("{address}/{prefix_len}");
    run(&["address", verb, &address, "dev", device])?;
    run(&["link", "set", "dev", device, "up"])
}

fn run(arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("ip").args(arguments).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "ip {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
    }
}
