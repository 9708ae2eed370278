//! IP packets of any protocol, by raw sockets: the kernel delivers what its packet filter lets in.

use crate::namespace::Namespace;
use crate::probe::SILENCE;
use crate::wait::DEADLINE;
use crate::{Error, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A socket for one IP protocol.
#[derive(Debug)]
pub struct Raw {
    socket: Socket,
}

/// A packet that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Who sent it.
    pub from: IpAddr,
    /// What is behind the IP header.
    pub payload: Vec<u8>,
}

impl Namespace {
    /// A raw socket for IPv4 packets of `protocol`.
    ///
    /// # Errors
    /// The caller is no root.
    pub fn raw(&self, protocol: u8) -> Result<Raw> {
        let socket = self.run(|| {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(i32::from(protocol))));
            socket.map_err(Error::io(format!("make a raw socket for protocol {protocol}")))
        })?;
        Ok(Raw { socket })
    }
}

impl Raw {
    /// Sends one packet.
    ///
    /// # Errors
    /// The sender's own packet filter, or the lack of a route.
    pub fn send(&self, payload: &[u8], to: IpAddr) -> Result<()> {
        let sent = self.socket.send_to(payload, &SocketAddr::new(to, 0).into());
        sent.map(drop).map_err(Error::io(format!("send to {to}")))
    }

    /// Waits for a packet with this payload; others are passed over.
    ///
    /// # Errors
    /// It does not come.
    pub fn wait_for(&self, payload: &[u8]) -> Result<Packet> {
        self.within(DEADLINE)?;
        loop {
            match self.next()? {
                Some(packet) if packet.payload.starts_with(payload) => return Ok(packet),
                Some(_) => {}
                None => {
                    let last = "nothing more arrives".to_owned();
                    return Err(Error::Deadline { what: "a packet arrives".to_owned(), last });
                }
            }
        }
    }

    /// The next packet; `None` is silence.
    ///
    /// # Errors
    /// The socket failed.
    pub fn receive(&self) -> Result<Option<Packet>> {
        self.within(SILENCE)?;
        self.next()
    }

    /// What has arrived so far.
    ///
    /// # Errors
    /// The socket failed.
    pub fn arrived(&self) -> Result<Vec<Packet>> {
        self.socket.set_nonblocking(true).map_err(Error::io("set up a raw socket"))?;
        let mut packets = Vec::new();
        while let Some(packet) = self.next()? {
            packets.push(packet);
        }
        self.socket.set_nonblocking(false).map_err(Error::io("set up a raw socket"))?;
        Ok(packets)
    }

    fn within(&self, time: std::time::Duration) -> Result<()> {
        self.socket.set_read_timeout(Some(time)).map_err(Error::io("set up a raw socket"))
    }

    fn next(&self) -> Result<Option<Packet>> {
        let mut buffer = [0; 2048];
        match (&self.socket).read(&mut buffer) {
            Ok(length) => Ok(parse(&buffer[..length])),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => Err(Error::io("read from a raw socket")(error)),
        }
    }
}

/// Raw sockets of IPv4 deliver the IP header, too.
fn parse(packet: &[u8]) -> Option<Packet> {
    let header = usize::from(packet.first()? & 15) * 4;
    let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    Some(Packet { from: Ipv4Addr::from(source).into(), payload: packet.get(header..)?.to_vec() })
}
