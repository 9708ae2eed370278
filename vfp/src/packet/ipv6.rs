//! IPv6 header and its chain of extension headers. [RFC 8200]

use crate::address::Address;
use crate::packet::{Extent, Fragment, Layer3, Malformed};
use zerocopy::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const LENGTH: usize = size_of::<Ipv6>();

/// On the wire.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Ipv6 {
    version_class_label: U32,
    payload_length: U16,
    next_header: u8,
    pub(crate) hop_limit: u8,
    pub(crate) source: [u8; 16],
    pub(crate) destination: [u8; 16],
}

/// Fragment header, section 4.5.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct FragmentHeader {
    next_header: u8,
    _reserved: u8,
    offset_and_more: U16,
    identification: U32,
}

mod extension {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
}

/// Longest chain that is followed. Real packets carry one or two; a longer chain only costs time.
const MAX_EXTENSIONS: usize = 8;

impl Ipv6 {
    /// A header for `payload` bytes of `protocol`.
    pub(crate) fn new(source: [u8; 16], destination: [u8; 16], protocol: u8, payload: u16) -> Self {
        Self {
            version_class_label: U32::new(6 << 28),
            payload_length: U16::new(payload),
            next_header: protocol,
            hop_limit: 64,
            source,
            destination,
        }
    }

    /// Reads the header at the start of `bytes`, which may have padding at its end. Jumbograms are refused.
    pub(crate) fn parse(bytes: &[u8], extent: Extent) -> Result<Layer3, Malformed> {
        let (header, _) = Self::ref_from_prefix(bytes).map_err(|_| Malformed)?;
        let end = extent.end(LENGTH + usize::from(header.payload_length.get()), bytes)?;
        let (source, destination) = (Address::v6(header.source), Address::v6(header.destination));
        // The IPv4-mapped block stands for IPv4 inside the engine and has no place on the wire.
        if header.version_class_label.get() >> 28 != 6 || source.is_v4() || destination.is_v4() {
            return Err(Malformed);
        }
        let mut layer3 = Layer3 {
            source,
            destination,
            protocol: header.next_header,
            hop_limit: header.hop_limit,
            payload: LENGTH..end,
            fragment: None,
        };
        for _ in 0..MAX_EXTENSIONS {
            let is_last = !layer3.step_over_extension(bytes)?;
            if is_last || layer3.fragment.is_some_and(|fragment| fragment.offset != 0) {
                return Ok(layer3);
            }
        }
        Err(Malformed)
    }
}

impl Layer3 {
    /// Moves past the extension header that the payload starts with; `false` when it starts with none.
    fn step_over_extension(&mut self, bytes: &[u8]) -> Result<bool, Malformed> {
        let rest = &bytes[self.payload.clone()];
        let (next_header, length) = match self.protocol {
            extension::HOP_BY_HOP | extension::ROUTING | extension::DESTINATION => {
                let [next, units, ..] = rest else { return Err(Malformed) };
                (*next, (usize::from(*units) + 1) * 8)
            }
            extension::AUTHENTICATION => {
                let [next, units, ..] = rest else { return Err(Malformed) };
                (*next, (usize::from(*units) + 2) * 4) // RFC 4302 section 2.2
            }
            extension::FRAGMENT => {
                let (header, _) = FragmentHeader::ref_from_prefix(rest).map_err(|_| Malformed)?;
                let (word, identification) = (header.offset_and_more.get(), header.identification.get());
                if self.fragment.is_some() {
                    return Err(Malformed);
                }
                // Both zero is an atomic fragment, which is a whole packet. [RFC 6946]
                let (offset, more) = (word >> 3, word & 1 != 0);
                self.fragment = (more || offset != 0).then_some(Fragment { identification, offset });
                (header.next_header, size_of::<FragmentHeader>())
            }
            _ => return Ok(false),
        };
        if length > rest.len() {
            return Err(Malformed);
        }
        self.protocol = next_header;
        self.payload.start += length;
        Ok(true)
    }
}

/// Takes one off the hop limit of the header at the start of `bytes`.
pub(crate) fn decrement_hop_limit(bytes: &mut [u8]) {
    if let Ok((header, _)) = Ipv6::mut_from_prefix(bytes) {
        header.hop_limit = header.hop_limit.saturating_sub(1);
    }
}
