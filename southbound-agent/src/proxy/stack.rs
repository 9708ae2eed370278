//! TCP of one VM's conversations with the proxy: frames in, frames out, and time is an argument.

use crate::proxy::connection::{Connection, Respond};
use policy::net::MacAddr;
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, Ipv4Packet, TcpPacket};
use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

/// Most connections of one VM. The next one takes the place of the one that has been silent for longest: a container that
/// opens connections and says nothing does not keep the rest of its VM out.
pub(super) const MOST_CONNECTIONS: usize = 32;

/// Buffers of one connection. An answer that is longer goes out piece by piece.
const BUFFER: usize = 4096;

/// Ethernet header: destination, source, type. [IEEE 802.3 section 3.1.1]
const ETHERNET: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];

/// Longest IP packet. Guests with a shorter MTU say so when they connect.
const MTU: usize = 1500;

/// Most rounds of sending without taking anything in between. In a round every connection sends one packet; a full buffer
/// takes 86 of the smallest segments that smoltcp makes.
const MOST_ROUNDS: usize = 128;

/// How often the two ends of a connection that hangs are looked at, at least.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The VM's end of nothing but the proxy.
pub(super) struct Stack {
    /// smoltcp counts time from here.
    start: Instant,
    port: u16,
    /// Source of all frames.
    mac: MacAddr,
    interface: Interface,
    wire: Wire,
    sockets: SocketSet<'static>,
    listener: Option<SocketHandle>,
    connections: Vec<(SocketHandle, Connection)>,
    /// Which MAC each address was used with last: where the answers go.
    guests: HashMap<Ipv4Addr, MacAddr>,
}

impl Stack {
    /// `seed` makes sequence numbers that guests cannot guess.
    pub(super) fn new(listen: SocketAddrV4, mac: MacAddr, seed: u64, now: Instant) -> Self {
        let mut wire = Wire::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut wire, smoltcp::time::Instant::ZERO);
        let own = IpAddress::from(*listen.ip());
        // There is room for one address and one route: the defaults of the library have room for two.
        interface.update_ip_addrs(|addresses| _ = addresses.push(IpCidr::new(own, 32)));
        // Whatever address the guest has, it is on the wire behind this stack.
        _ = interface.routes_mut().add_default_ipv4_route(*listen.ip());
        Self {
            start: now,
            port: listen.port(),
            mac,
            interface,
            wire,
            sockets: SocketSet::new(Vec::new()),
            listener: None,
            connections: Vec::new(),
            guests: HashMap::new(),
        }
    }

    /// Takes a frame of the VM.
    pub(super) fn receive(&mut self, frame: &[u8], now: Instant, respond: &mut impl Respond) {
        let Some((header, packet)) = frame.split_at_checked(ETHERNET) else { return };
        let (Ok(ip), Ok(source)) = (Ipv4Packet::new_checked(packet), <[u8; 6]>::try_from(&header[6..12])) else {
            return;
        };
        self.guests.insert(ip.src_addr(), MacAddr::new(source));
        if calls(&ip) {
            self.listen();
        }
        self.wire.incoming.push_back(packet.to_vec());
        self.poll(now, respond);
    }

    /// Does what is due.
    pub(super) fn poll(&mut self, now: Instant, respond: &mut impl Respond) {
        self.drive(now);
        self.accept(now);
        let mut is_moved = false;
        for (handle, connection) in &mut self.connections {
            let socket = self.sockets.get_mut::<Socket<'_>>(*handle);
            is_moved |= converse(socket, connection, now, respond);
        }
        if is_moved {
            self.drive(now);
        }
        self.connections.retain(|(handle, _)| {
            // What is left of a connection that both sides have closed is the wait for stray segments. Between a guest
            // and its own switch there are none; a second close of the guest's is answered with a reset. A call that is
            // taken back before it is answered makes the socket listen again, but this one is not the listener any more.
            let state = self.sockets.get::<Socket<'_>>(*handle).state();
            let is_over = matches!(state, State::Closed | State::TimeWait | State::Listen);
            if is_over {
                self.sockets.remove(*handle);
            }
            !is_over
        });
    }

    /// Frames for the VM.
    pub(super) fn frames(&mut self) -> Vec<Vec<u8>> {
        let packets = std::mem::take(&mut self.wire.outgoing);
        let frame = |packet: Vec<u8>| {
            let to = self.guests.get(&Ipv4Packet::new_checked(&packet).ok()?.dst_addr())?;
            Some([&to.octets()[..], &self.mac.octets(), &IPV4, &packet].concat())
        };
        let frames = packets.into_iter().filter_map(frame).collect();
        let sockets = &self.sockets;
        let remote = |handle: SocketHandle| sockets.get::<Socket<'_>>(handle).remote_endpoint();
        let is_connected = |guest: Ipv4Addr| {
            let mut remotes = self.connections.iter().filter_map(|(handle, _)| remote(*handle));
            remotes.any(|remote| remote.addr == IpAddress::from(guest))
        };
        self.guests.retain(|guest, _| is_connected(*guest));
        frames
    }

    /// When [`Self::poll`] is due; `None` when nothing is open.
    pub(super) fn due(&mut self, now: Instant) -> Option<Instant> {
        let first = self.connections.iter().map(|(_, connection)| connection.deadline()).min()?;
        let pause = self.interface.poll_delay(self.time(now), &self.sockets);
        let pause = pause.map_or(LONGEST_PAUSE, |pause| Duration::from(pause).min(LONGEST_PAUSE));
        Some(first.min(now + pause))
    }

    fn time(&self, now: Instant) -> smoltcp::time::Instant {
        since(self.start, now)
    }

    /// Takes all packets that wait, and says what there is to say.
    fn drive(&mut self, now: Instant) {
        let Self { interface, wire, sockets, .. } = self;
        let time = since(self.start, now);
        while interface.poll_ingress_single(time, wire, sockets) != PollIngressSingleResult::None {}
        let mut rounds = (0..MOST_ROUNDS).map(|_| interface.poll_egress(time, wire, sockets));
        if rounds.all(|round| round != PollResult::None) {
            self.hang_up();
        }
    }

    /// A guest has found segments after which the library would send for ever: for example a probe of a closed window
    /// that is due when all has been acknowledged already. It is alone with its connections, and loses them.
    fn hang_up(&mut self) {
        let connections = self.connections.drain(..).map(|(handle, _)| handle);
        for handle in connections.chain(self.listener.take()) {
            self.sockets.remove(handle);
        }
        self.wire.outgoing.clear();
    }

    /// Makes sure that the next connection finds someone who listens.
    fn listen(&mut self) {
        if self.listener.is_some() {
            return;
        }
        if self.connections.len() >= MOST_CONNECTIONS {
            let ages = self.connections.iter().enumerate();
            if let Some((oldest, _)) = ages.min_by_key(|(_, (_, connection))| connection.deadline()) {
                let (handle, _) = self.connections.remove(oldest);
                self.sockets.remove(handle);
            }
        }
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        // Only port 0 cannot be listened at, and the settings refuse it.
        if socket.listen(self.port).is_ok() {
            self.listener = Some(self.sockets.add(socket));
        }
    }

    /// A listener that was called is a connection.
    fn accept(&mut self, now: Instant) {
        let called = |handle: &SocketHandle| self.sockets.get::<Socket<'_>>(*handle).state() != State::Listen;
        if let Some(handle) = self.listener.filter(called) {
            self.listener = None;
            self.connections.push((handle, Connection::new(now)));
        }
    }
}

/// Whether a packet opens a connection.
fn calls(packet: &Ipv4Packet<&[u8]>) -> bool {
    TcpPacket::new_checked(packet.payload()).is_ok_and(|segment| segment.syn() && !segment.ack())
}

/// Time as smoltcp counts it.
fn since(start: Instant, now: Instant) -> smoltcp::time::Instant {
    let since = now.saturating_duration_since(start);
    smoltcp::time::Instant::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Moves bytes between a socket and its conversation. True when the socket has something to send.
fn converse(socket: &mut Socket<'_>, connection: &mut Connection, now: Instant, respond: &mut impl Respond) -> bool {
    if now >= connection.deadline() {
        socket.abort();
        return true;
    }
    let mut is_moved = false;
    loop {
        let appetite = connection.appetite();
        let taken = match socket.can_recv() && appetite > 0 {
            true => socket.recv(|bytes| {
                let taken = bytes.len().min(appetite);
                connection.receive(&bytes[..taken], now, respond);
                (taken, taken)
            }),
            false => Ok(0),
        };
        let given = match socket.can_send() {
            true => socket.send_slice(connection.outgoing()),
            false => Ok(0),
        };
        let (Ok(taken), Ok(given)) = (taken, given) else { break };
        if given > 0 {
            connection.sent(given, now, respond);
        }
        is_moved |= taken + given > 0;
        if taken + given == 0 {
            break;
        }
    }
    let is_asked_no_more = socket.state() == State::CloseWait && !socket.can_recv() && connection.outgoing().is_empty();
    if (connection.is_done() || is_asked_no_more) && socket.may_send() {
        socket.close();
        is_moved = true;
    }
    is_moved
}

/// Packets on their way between the VM and the stack.
#[derive(Default)]
struct Wire {
    incoming: VecDeque<Vec<u8>>,
    outgoing: Vec<Vec<u8>>,
}

struct Incoming(Vec<u8>);

struct Outgoing<'a>(&'a mut Vec<Vec<u8>>);

impl Device for Wire {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let packet = self.incoming.pop_front()?;
        Some((Incoming(packet), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities.checksum = ChecksumCapabilities::default();
        capabilities
    }
}

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut packet = vec![0; length];
        let result = write(&mut packet);
        self.0.push(packet);
        result
    }
}

#[cfg(test)]
mod tests;
