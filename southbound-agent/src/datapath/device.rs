//! A network device of a VM: a packet socket on it, and nothing of the host's own network stack.
//!
//! Frames are read with `PACKET_VNET_HDR`, so that guests may leave checksums and segmentation undone
//! (see [`crate::datapath::offload`]), and sent the same way. [packet(7)]

use crate::datapath::messages::{self, Outgoing, Slot};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{fs, io, mem};

/// Kernel buffer for frames that wait to be read.
const RECEIVE_BUFFER: i32 = 4 << 20;
/// `PACKET_IGNORE_OUTGOING` of `<linux/if_packet.h>`.
const PACKET_IGNORE_OUTGOING: i32 = 23;
/// The frame carried a VLAN tag, which the kernel took off. `<linux/if_packet.h>`
const TP_STATUS_VLAN_VALID: u32 = 1 << 4;

/// A device that is ours to read and write.
#[derive(Debug)]
pub(super) struct Device {
    socket: OwnedFd,
    index: u32,
    pub(super) name: String,
}

impl Device {
    /// Opens the device, brings it up, and keeps the host's own stack off it.
    ///
    /// # Errors
    /// There is no such device, or it needs privileges that are missing.
    pub(super) fn open(name: &str) -> io::Result<Self> {
        let index = index_of(name)?;
        let socket = packet_socket()?;
        set_option(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1)?;
        set_option(socket.as_fd(), libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)?;
        set_option(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)?;
        enlarge_receive_buffer(socket.as_fd(), RECEIVE_BUFFER);
        seclude(name);
        bring_up(socket.as_fd(), name)?;
        bind(socket.as_fd(), index)?;
        Ok(Self { socket, index, name: name.to_owned() })
    }

    /// Whether the device still exists here. It may be down.
    pub(super) fn exists(&self) -> bool {
        let mut name = [0; libc::IF_NAMESIZE];
        #[expect(unsafe_code, reason = "if_indextoname takes a pointer")]
        // SAFETY: `name` has room for the longest name, as the function demands.
        let found = unsafe { libc::if_indextoname(self.index, name.as_mut_ptr()) };
        !found.is_null()
    }

    /// Whether this is the device that has the name now. A device may have gone and another come under its name.
    pub(super) fn is_current(&self) -> bool {
        index_of(&self.name).is_ok_and(|index| index == self.index)
    }

    /// Frames that the guest sent; see [`messages::receive`].
    ///
    /// # Errors
    /// `WouldBlock`, and `NetworkDown` when the device is down or gone.
    pub(super) fn receive(&self, slots: &mut [Slot]) -> io::Result<usize> {
        messages::receive(self.socket.as_fd(), slots, true)
    }

    /// Frames for the guest, each with its offload header; see [`messages::send`].
    ///
    /// # Errors
    /// The guest does not take frames fast enough, or the device is gone.
    pub(super) fn send(&self, frames: &[Outgoing<'_>]) -> io::Result<usize> {
        messages::send(self.socket.as_fd(), frames)
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether the kernel took a VLAN tag off the frame. Without this look, tagged frames would pass for untagged ones.
pub(super) fn was_tagged(slot: &Slot) -> bool {
    // The status is the first member of `struct tpacket_auxdata`.
    slot.control(libc::SOL_PACKET, libc::PACKET_AUXDATA).is_some_and(|status| status & TP_STATUS_VLAN_VALID != 0)
}

/// Number of the device that has the name now.
///
/// # Errors
/// There is none.
pub(super) fn index_of(name: &str) -> io::Result<u32> {
    let name = CString::new(name)?;
    #[expect(unsafe_code, reason = "if_nametoindex takes a pointer")]
    // SAFETY: `name` ends in a zero byte and lives until the call returns.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 { Err(io::Error::last_os_error()) } else { Ok(index) }
}

/// A packet socket that receives nothing until it is bound: protocol 0.
fn packet_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    #[expect(unsafe_code, reason = "the standard library has no packet sockets")]
    // SAFETY: no pointers. The descriptor is new and owned by nobody else.
    unsafe {
        match libc::socket(libc::AF_PACKET, kind, 0) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(OwnedFd::from_raw_fd(descriptor)),
        }
    }
}

fn bind(socket: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let all = u16::try_from(libc::ETH_P_ALL).unwrap_or(0).to_be();
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).unwrap_or(0),
        sll_protocol: all,
        sll_ifindex: i32::try_from(index).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&address)).unwrap_or(0);
    #[expect(unsafe_code, reason = "bind takes a pointer")]
    // SAFETY: `address` is a `sockaddr_ll` of the given length and lives until the call returns.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    check(result)
}

/// Sets an option that is a number.
pub(super) fn set_option(socket: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(0);
    #[expect(unsafe_code, reason = "setsockopt takes a pointer")]
    // SAFETY: `value` has the given length and lives until the call returns.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length) };
    check(result)
}

/// As large as asked with privileges, else as large as the system allows.
pub(super) fn enlarge_receive_buffer(socket: BorrowedFd<'_>, bytes: i32) {
    if set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes).is_err() {
        // A small buffer costs frames under load, nothing else.
        set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes).ok();
    }
}

fn bring_up(socket: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    #[expect(unsafe_code, reason = "ioctl takes a pointer; the structure has a union")]
    // SAFETY: an `ifreq` of zeros is valid. Both requests read the name, which ends in a zero byte, and read or write
    // the flags; the structure lives until the calls return.
    unsafe {
        let mut request: libc::ifreq = mem::zeroed();
        let room = request.ifr_name.len() - 1;
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()).take(room) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request))?;
        let up = libc::c_short::try_from(libc::IFF_UP).unwrap_or(0);
        if request.ifr_ifru.ifru_flags & up == up {
            return Ok(());
        }
        request.ifr_ifru.ifru_flags |= up;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request))
    }
}

fn check(result: i32) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Keeps the host's own stack off the device. A guest could otherwise reach addresses of the host past the switch: the
/// kernel answers ARP for all of them on every device, and takes packets for them from every device.
///
/// The device has no address. So strict reverse path filtering drops every IPv4 packet from it; IPv6 is switched off.
fn seclude(name: &str) {
    for (setting, value) in [
        (format!("ipv6/conf/{name}/disable_ipv6"), "1"),
        (format!("ipv4/conf/{name}/rp_filter"), "1"),
        (format!("ipv4/conf/{name}/arp_ignore"), "8"),
        (format!("ipv4/conf/{name}/forwarding"), "0"),
    ] {
        let path = format!("/proc/sys/net/{setting}");
        if let Err(error) = fs::write(&path, value)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path, %error, "the host's own network stack may answer guests on this device");
        }
    }
}
