//! IPv4 header. [RFC 791 section 3.1]

use crate::address::Address;
use crate::packet::{Extent, Fragment, Layer3, Malformed, checksum};
use zerocopy::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const LENGTH: usize = size_of::<Ipv4>();

/// Length of the largest header, with all options.
pub(crate) const MAX_LENGTH: usize = 60;

const MORE_FRAGMENTS: u16 = 0x2000;
const DO_NOT_FRAGMENT: u16 = 0x4000;
const OFFSET: u16 = 0x1fff;

/// On the wire, without options.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Ipv4 {
    version_and_length: u8,
    service: u8,
    total_length: U16,
    identification: U16,
    fragment: U16,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    pub(crate) checksum: U16,
    pub(crate) source: [u8; 4],
    pub(crate) destination: [u8; 4],
}

impl Ipv4 {
    /// A header without options, for `payload` bytes of `protocol`; checksum and all.
    pub(crate) fn new(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: u16) -> Self {
        let mut header = Self {
            version_and_length: 0x45,
            service: 0,
            total_length: U16::new(payload.saturating_add(20)),
            identification: U16::ZERO,
            fragment: U16::new(DO_NOT_FRAGMENT),
            ttl: 64,
            protocol,
            checksum: U16::ZERO,
            source,
            destination,
        };
        header.checksum = U16::new(checksum::of(&[header.as_bytes()]));
        header
    }

    /// Reads the header at the start of `bytes`, which may have padding at its end.
    #[inline]
    pub(crate) fn parse(bytes: &[u8], extent: Extent) -> Result<Layer3, Malformed> {
        let (header, _) = Self::ref_from_prefix(bytes).map_err(|_| Malformed)?;
        let length = usize::from(header.version_and_length & 0x0f) * 4;
        let total = usize::from(header.total_length.get());
        if header.version_and_length >> 4 != 4 || length < LENGTH || total < length {
            return Err(Malformed);
        }
        let end = extent.end(total, bytes)?;
        let fragment = header.fragment.get();
        let offset = fragment & OFFSET;
        let fragmented = fragment & MORE_FRAGMENTS != 0 || offset != 0;
        Ok(Layer3 {
            source: Address::v4(header.source),
            destination: Address::v4(header.destination),
            protocol: header.protocol,
            hop_limit: header.ttl,
            payload: length..end.max(length),
            fragment: fragmented.then(|| Fragment { identification: header.identification.get().into(), offset }),
        })
    }
}

/// Takes one off the hop limit of the header at the start of `bytes`, and keeps the checksum right.
#[inline]
pub(crate) fn decrement_ttl(bytes: &mut [u8]) {
    if let Ok((header, _)) = Ipv4::mut_from_prefix(bytes) {
        let before = u16::from_be_bytes([header.ttl, header.protocol]);
        header.ttl = header.ttl.saturating_sub(1);
        let after = u16::from_be_bytes([header.ttl, header.protocol]);
        header.checksum = U16::new(checksum::replace(header.checksum.get(), before, after));
    }
}
