//! Frames as guests write them, and what arrived of them. Written apart from the engine's own code, to test against.

use policy::net::MacAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

/// What is inside the IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Tcp {
        source: u16,
        destination: u16,
        flags: u8,
    },
    Udp {
        source: u16,
        destination: u16,
    },
    Echo {
        identifier: u16,
        request: bool,
    },
    /// Any protocol with these bytes.
    Raw {
        protocol: u8,
        bytes: Vec<u8>,
    },
}

/// A packet that a guest wants to send.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) ttl: u8,
    pub(crate) payload: Payload,
    /// IPv4 identification and fragment word.
    pub(crate) fragment: (u16, u16),
    /// Bytes of data behind the transport header.
    pub(crate) data: usize,
}

impl Packet {
    pub(crate) fn new(source: IpAddr, destination: IpAddr, payload: Payload) -> Self {
        Self { source, destination, ttl: 64, payload, fragment: (0, 0), data: 4 }
    }

    pub(crate) fn frame(&self, source: MacAddr, destination: MacAddr) -> Vec<u8> {
        let mut frame = [destination.octets(), source.octets()].concat();
        let transport = self.transport();
        match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                frame.extend([0x08, 0x00]);
                frame.extend(self.ipv4(from, to, &transport));
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend(u16::try_from(transport.len()).unwrap().to_be_bytes());
                frame.extend([self.protocol(), self.ttl]);
                frame.extend(from.octets());
                frame.extend(to.octets());
            }
            _ => panic!("addresses of two families"),
        }
        frame.extend(transport);
        frame
    }

    fn ipv4(&self, from: Ipv4Addr, to: Ipv4Addr, transport: &[u8]) -> Vec<u8> {
        let mut header = vec![0x45, 0];
        header.extend(u16::try_from(20 + transport.len()).unwrap().to_be_bytes());
        header.extend(self.fragment.0.to_be_bytes());
        header.extend(self.fragment.1.to_be_bytes());
        header.extend([self.ttl, self.protocol(), 0, 0]);
        header.extend(from.octets());
        header.extend(to.octets());
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }

    fn protocol(&self) -> u8 {
        match self.payload {
            Payload::Tcp { .. } => 6,
            Payload::Udp { .. } => 17,
            Payload::Echo { .. } if self.source.is_ipv4() => 1,
            Payload::Echo { .. } => 58,
            Payload::Raw { protocol, .. } => protocol,
        }
    }

    fn transport(&self) -> Vec<u8> {
        let data = vec![0xda; self.data];
        let mut bytes = match &self.payload {
            Payload::Raw { bytes, .. } => return bytes.clone(),
            Payload::Tcp { source, destination, flags } => {
                let mut bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
                bytes.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, *flags, 0xff, 0xff, 0, 0, 0, 0]);
                bytes
            }
            Payload::Udp { source, destination } => {
                let length = u16::try_from(8 + self.data).unwrap();
                [source.to_be_bytes(), destination.to_be_bytes(), length.to_be_bytes(), [0, 0]].concat()
            }
            Payload::Echo { identifier, request } => {
                let kind = match (self.source, request) {
                    (IpAddr::V4(_), true) => 8,
                    (IpAddr::V4(_), false) => 0,
                    (IpAddr::V6(_), true) => 128,
                    (IpAddr::V6(_), false) => 129,
                };
                [[kind, 0], [0, 0], identifier.to_be_bytes(), [0, 1]].concat()
            }
        };
        bytes.extend(data);
        if let Payload::Echo { .. } = self.payload {
            let sum = checksum(&[self.pseudo_header(bytes.len()), bytes.clone()].concat());
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    /// Of ICMPv6; empty for IPv4, whose ICMP has none.
    fn pseudo_header(&self, length: usize) -> Vec<u8> {
        pseudo_header(self.source, self.destination, length)
    }
}

fn pseudo_header(source: IpAddr, destination: IpAddr, length: usize) -> Vec<u8> {
    let (IpAddr::V6(from), IpAddr::V6(to)) = (source, destination) else { return Vec::new() };
    let length = u16::try_from(length).unwrap().to_be_bytes();
    [&from.octets()[..], &to.octets(), &[0, 0], &length, &[0, 0, 0, 58]].concat()
}

/// The Internet checksum, written the slow way.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    !u16::try_from(sum).unwrap()
}

/// A frame that arrived, read field by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) destination_mac: MacAddr,
    pub(crate) source_mac: MacAddr,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    /// Bytes behind the IP header.
    pub(crate) transport: Vec<u8>,
}

impl Seen {
    /// Reads an IP frame, and checks what a receiver would check: lengths and checksums.
    pub(crate) fn of(frame: &[u8]) -> Self {
        let mac = |at: usize| MacAddr::new(frame[at..at + 6].try_into().unwrap());
        let ip = &frame[14..];
        let word = |at: usize| usize::from(u16::from_be_bytes([ip[at], ip[at + 1]]));
        let (source, destination, ttl, protocol, transport): (IpAddr, IpAddr, u8, u8, &[u8]) = match frame[12..14] {
            [0x08, 0x00] => {
                assert_eq!(checksum(&ip[..20]), 0, "checksum of the IPv4 header");
                let v4 = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap()).into();
                (v4(12), v4(16), ip[8], ip[9], &ip[20..word(2)])
            }
            [0x86, 0xdd] => {
                let v6 = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&ip[at..at + 16]).unwrap()).into();
                (v6(8), v6(24), ip[7], ip[6], &ip[40..40 + word(4)])
            }
            _ => panic!("no IP frame: {frame:02x?}"),
        };
        let is_fragment = source.is_ipv4() && word(6) & 0x3fff != 0;
        if matches!(protocol, 1 | 58) && !is_fragment {
            let message = [pseudo_header(source, destination, transport.len()), transport.to_vec()].concat();
            assert_eq!(checksum(&message), 0, "checksum of the ICMP message");
        }
        let transport = transport.to_vec();
        Self { destination_mac: mac(0), source_mac: mac(6), source, destination, ttl, protocol, transport }
    }
}

/// An ARP frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arp {
    pub(crate) operation: u16,
    pub(crate) sender: (MacAddr, Ipv4Addr),
    pub(crate) target: (MacAddr, Ipv4Addr),
}

impl Arp {
    pub(crate) fn frame(&self, source: MacAddr, destination: MacAddr) -> Vec<u8> {
        let mut frame = [destination.octets(), source.octets()].concat();
        frame.extend([0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4]);
        frame.extend(self.operation.to_be_bytes());
        for (mac, ip) in [self.sender, self.target] {
            frame.extend(mac.octets());
            frame.extend(ip.octets());
        }
        frame
    }

    pub(crate) fn of(frame: &[u8]) -> Self {
        assert_eq!(frame[12..20], [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4], "ARP for IPv4 over Ethernet");
        let party = |at: usize| {
            let mac = MacAddr::new(frame[at..at + 6].try_into().unwrap());
            (mac, Ipv4Addr::from(<[u8; 4]>::try_from(&frame[at + 6..at + 10]).unwrap()))
        };
        Self { operation: u16::from_be_bytes([frame[20], frame[21]]), sender: party(22), target: party(32) }
    }
}
