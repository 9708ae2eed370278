//! VXLAN header. [RFC 7348 section 5]

use crate::packet::Malformed;
use policy::net::Vsid;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const LENGTH: usize = size_of::<Vxlan>();

/// The "I" flag: the network identifier is valid.
const VNI_PRESENT: u8 = 0x08;

/// On the wire.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Vxlan {
    flags: u8,
    reserved: [u8; 3],
    vni: [u8; 3],
    reserved2: u8,
}

impl Vxlan {
    pub(crate) const fn new(vsid: Vsid) -> Self {
        let [_, vni @ ..] = vsid.get().to_be_bytes();
        Self { flags: VNI_PRESENT, reserved: [0; 3], vni, reserved2: 0 }
    }

    /// The network identifier at the start of `bytes`, and the frame behind it. Reserved fields are ignored.
    pub(crate) fn parse(bytes: &mut [u8]) -> Result<(Vsid, &mut [u8]), Malformed> {
        let (header, frame) = Self::mut_from_prefix(bytes).map_err(|_| Malformed)?;
        let [a, b, c] = header.vni;
        let vsid = Vsid::new(u32::from_be_bytes([0, a, b, c])).ok_or(Malformed)?;
        if header.flags & VNI_PRESENT == 0 { Err(Malformed) } else { Ok((vsid, frame)) }
    }
}
