//! Consecutive TCP segments of one connection, joined into one frame for the guest: the reverse of segmentation.
//!
//! One large frame costs the kernel and the guest as much as one small frame. Only segments whose checksum is right are
//! joined, since the joined frame's checksum is a new one.

use crate::datapath::offload::{
    ETHERNET, GSO_TCP_V4, GSO_TCP_V6, NEEDS_CHECKSUM, VNET_HEADER, fold, set_u16, sum_of, to_u32,
};

/// Longest IP packet.
const LONGEST: usize = 65_535;
const PROTOCOL_TCP: u8 = 6;
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
/// Flags that a joined segment may carry: ACK, and those that end a run.
const PLAIN: u8 = 0x10 | PSH | FIN;

/// Where things are in a TCP frame without anything unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    v6: bool,
    /// Where the TCP header starts.
    tcp: usize,
    /// Where the payload starts.
    payload: usize,
}

impl Shape {
    /// `None` for everything that is better left alone: no TCP, IP options, fragments, padding, no payload, flags.
    fn of(frame: &[u8]) -> Option<Self> {
        let (v6, tcp) = match (frame.get(12..14)?, frame.get(ETHERNET)?) {
            ([0x08, 0x00], 0x45) => (false, ETHERNET + 20),
            ([0x86, 0xdd], 0x60..=0x6f) => (true, ETHERNET + 40),
            _ => return None,
        };
        let ip = frame.get(ETHERNET..tcp)?;
        let (protocol, length) = match v6 {
            true => (ip[6], 40 + usize::from(u16::from_be_bytes([ip[4], ip[5]]))),
            false => (ip[9], usize::from(u16::from_be_bytes([ip[2], ip[3]]))),
        };
        let fragment = !v6 && u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff != 0;
        let header = frame.get(tcp..tcp + 20)?;
        let payload = tcp + usize::from(header[12] >> 4) * 4;
        let usual = protocol == PROTOCOL_TCP && !fragment && ETHERNET + length == frame.len();
        (usual && header[13] & !PLAIN == 0 && payload >= tcp + 20 && payload < frame.len()).then_some(Self {
            v6,
            tcp,
            payload,
        })
    }

    fn sequence(self, frame: &[u8]) -> u32 {
        let at = self.tcp + 4;
        u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
    }

    fn flags(self, frame: &[u8]) -> u8 {
        frame[self.tcp + 13]
    }

    /// Whether everything in the headers is the same but what differs from segment to segment.
    fn alike(self, one: &[u8], other: &[u8]) -> bool {
        let same = |from: usize, to: usize| one[from..to] == other[from..to];
        let ip = match self.v6 {
            // All but the payload length.
            true => same(ETHERNET, ETHERNET + 4) && same(ETHERNET + 6, self.tcp),
            // All but length, identification and checksum.
            false => same(ETHERNET, ETHERNET + 2) && same(ETHERNET + 6, ETHERNET + 10) && same(ETHERNET + 12, self.tcp),
        };
        // Ports; acknowledgement and header length; window; options. Not sequence, flags, checksum.
        let (tcp, flags) = (self.tcp, self.tcp + 13);
        same(0, ETHERNET)
            && ip
            && same(tcp, tcp + 4)
            && same(tcp + 8, flags)
            && same(flags + 1, flags + 3)
            && same(tcp + 18, self.payload)
    }

    /// Sum over the pseudo header for a TCP part of `length` bytes.
    fn pseudo_sum(self, frame: &[u8], length: usize) -> u64 {
        let addresses = if self.v6 { &frame[ETHERNET + 8..self.tcp] } else { &frame[ETHERNET + 12..self.tcp] };
        sum_of(u64::from(PROTOCOL_TCP) + u64::from(to_u32(length)), addresses)
    }

    fn is_intact(self, frame: &[u8]) -> bool {
        let tcp = &frame[self.tcp..];
        let header = self.v6 || fold(sum_of(0, &frame[ETHERNET..self.tcp])) == u16::MAX;
        header && fold(sum_of(self.pseudo_sum(frame, tcp.len()), tcp)) == u16::MAX
    }
}

/// Segments that are being joined. The caller keeps their bytes: headers and payload of the first, then only payloads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    shape: Shape,
    /// Payload of each segment but perhaps the last.
    size: usize,
    next_sequence: u32,
    /// More than one.
    joined: bool,
    /// Nothing may follow: the last one was short, or ended what the sender wanted to send.
    closed: bool,
}

impl Run {
    /// A run of one frame, if others may follow.
    pub(super) fn start(frame: &[u8]) -> Option<Self> {
        let shape = Shape::of(frame)?;
        let size = frame.len() - shape.payload;
        let next_sequence = shape.sequence(frame).wrapping_add(to_u32(size));
        (shape.flags(frame) & (FIN | PSH) == 0).then_some(Self {
            shape,
            size,
            next_sequence,
            joined: false,
            closed: false,
        })
    }

    /// If `frame` is the next segment after `held`, takes it into the run: its payload, which is returned, has to be
    /// put behind what is held.
    pub(super) fn join<'a>(&mut self, held: &mut [u8], frame: &'a [u8]) -> Option<&'a [u8]> {
        let shape = Shape::of(frame)?;
        let payload = &frame[shape.payload..];
        let fits = !self.closed
            && shape == self.shape
            && payload.len() <= self.size
            && held.len() + payload.len() <= LONGEST
            && shape.sequence(frame) == self.next_sequence
            && shape.alike(held, frame);
        if !fits || !(self.joined || shape.is_intact(held)) || !shape.is_intact(frame) {
            return None;
        }
        let last = shape.flags(frame) & (FIN | PSH);
        held[shape.tcp + 13] |= last;
        self.closed = payload.len() < self.size || last != 0;
        self.next_sequence = self.next_sequence.wrapping_add(to_u32(payload.len()));
        self.joined = true;
        Some(payload)
    }

    /// Makes one frame of what was joined, and says how it is to be cut again. A single frame is left as it is.
    pub(super) fn finish(&self, frame: &mut [u8]) -> [u8; VNET_HEADER] {
        if !self.joined {
            return [0; VNET_HEADER];
        }
        let Shape { v6, tcp, payload } = self.shape;
        match v6 {
            true => set_u16(frame, ETHERNET + 4, frame.len() - tcp),
            false => {
                set_u16(frame, ETHERNET + 2, frame.len() - ETHERNET);
                set_u16(frame, ETHERNET + 10, 0);
                let sum = !fold(sum_of(0, &frame[ETHERNET..tcp]));
                set_u16(frame, ETHERNET + 10, sum.into());
            }
        }
        let pseudo = fold(self.shape.pseudo_sum(frame, frame.len() - tcp));
        set_u16(frame, tcp + 16, pseudo.into());
        let kind = if v6 { GSO_TCP_V6 } else { GSO_TCP_V4 };
        let word = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_ne_bytes();
        let ([a, b], [c, d], [e, f], [g, h]) = (word(payload), word(self.size), word(tcp), word(16));
        [NEEDS_CHECKSUM, kind, a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests;
