//! What network cards do for guests, in software: guests hand over frames with unfinished checksums and TCP or UDP
//! data of many packets in one frame. The `virtio_net_hdr` in front of each frame says what is left to do.
//! [virtio 1.2, 5.1.6]

/// Length of the header that `PACKET_VNET_HDR` puts in front of each frame.
pub(crate) const VNET_HEADER: usize = 10;

pub(super) const NEEDS_CHECKSUM: u8 = 1;
pub(super) const GSO_TCP_V4: u8 = 1;
pub(super) const GSO_TCP_V6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
/// Set beside the TCP kinds when the first segment carries CWR.
const GSO_ECN: u8 = 0x80;

/// Most pieces of one frame: 64 KiB at the smallest segment size that hosts have to take. [RFC 1122 3.3.3]
const MOST_SEGMENTS: usize = 128;

pub(super) const ETHERNET: usize = 14;
const TCP_FIN_PSH: u8 = 0x09;
const TCP_CWR: u8 = 0x80;

/// Why a frame cannot be finished; it is dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OffloadError {
    /// The header and the frame contradict each other.
    #[error("the offload header does not fit the frame")]
    Inconsistent,
    /// A kind of segmentation that guests of a veth or tap device do not use.
    #[error("segmentation of kind {0} is not supported")]
    Unsupported(u8),
}

/// What is left to do for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offload {
    /// Where summing starts and where the sum goes, from the start of the frame.
    checksum: Option<(usize, usize)>,
    segments: Option<Segments>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segments {
    kind: u8,
    /// Payload bytes of each segment.
    size: usize,
    ecn: bool,
}

impl Offload {
    /// Reads the header. Numbers are in the byte order of this machine.
    pub(crate) fn parse(header: [u8; VNET_HEADER]) -> Result<Self, OffloadError> {
        let [flags, kind, _, _, size_a, size_b, start_a, start_b, offset_a, offset_b] = header;
        let number = |a, b| usize::from(u16::from_ne_bytes([a, b]));
        let (start, offset) = (number(start_a, start_b), number(offset_a, offset_b));
        let segments = match kind & !GSO_ECN {
            0 => None,
            GSO_TCP_V4 | GSO_TCP_V6 | GSO_UDP_L4 => {
                let size = number(size_a, size_b);
                let ecn = kind & GSO_ECN != 0;
                if size == 0 || flags & NEEDS_CHECKSUM == 0 {
                    return Err(OffloadError::Inconsistent);
                }
                Some(Segments { kind: kind & !GSO_ECN, size, ecn })
            }
            other => return Err(OffloadError::Unsupported(other)),
        };
        Ok(Self { checksum: (flags & NEEDS_CHECKSUM != 0).then_some((start, start + offset)), segments })
    }

    /// Hands the frame, finished, to `emit`, in as many pieces as it takes. `buffer` is `headroom` bytes of any content
    /// and then the frame; so is every piece. `scratch` is where segments are put together.
    pub(crate) fn finish(
        self,
        buffer: &mut [u8],
        headroom: usize,
        scratch: &mut Vec<u8>,
        mut emit: impl FnMut(&mut [u8]),
    ) -> Result<(), OffloadError> {
        let frame = buffer.get_mut(headroom..).ok_or(OffloadError::Inconsistent)?;
        match (self.segments, self.checksum) {
            (Some(segments), Some((start, at))) => {
                return segment(frame, segments, start, at, (headroom, scratch), emit)
                    .ok_or(OffloadError::Inconsistent);
            }
            (_, Some((start, at))) => complete_checksum(frame, start, at).ok_or(OffloadError::Inconsistent)?,
            (_, None) => {}
        }
        emit(buffer);
        Ok(())
    }
}

/// Finishes a checksum whose field holds the sum over the pseudo header.
fn complete_checksum(frame: &mut [u8], start: usize, at: usize) -> Option<()> {
    let sum = fold(sum_of(0, frame.get(start..)?));
    // Zero means "none" in UDP, so all ones stand for it; both are the same number to whoever verifies.
    let checksum = if sum == u16::MAX { u16::MAX } else { !sum };
    frame.get_mut(at..at + 2)?.copy_from_slice(&checksum.to_be_bytes());
    Some(())
}

/// Cuts the transport payload into pieces, each under a copy of the headers. `start` is where the transport header is.
fn segment(
    frame: &[u8],
    segments: Segments,
    start: usize,
    at: usize,
    (headroom, scratch): (usize, &mut Vec<u8>),
    mut emit: impl FnMut(&mut [u8]),
) -> Option<()> {
    let tcp = segments.kind != GSO_UDP_L4;
    let transport = if tcp { usize::from(*frame.get(start + 12)? >> 4) * 4 } else { 8 };
    let headers = start + transport;
    let payload = frame.get(headers..)?;
    let v6 = frame.get(ETHERNET)? >> 4 == 6;
    if start < ETHERNET + if v6 { 40 } else { 20 } || transport < if tcp { 20 } else { 8 } || at + 2 > headers {
        return None;
    }
    if payload.len() > segments.size * MOST_SEGMENTS {
        return None;
    }
    // The field holds the sum over the pseudo header with the length of the whole; take that length out once.
    let whole = u16::from_be_bytes([frame[at], frame[at + 1]]);
    let pseudo = u32::from(whole) + u32::from(!fold(to_u32(frame.len() - start)));
    let sequence = u32::from_be_bytes(frame.get(start + 4..start + 8)?.try_into().ok()?);
    let identification = u16::from_be_bytes([frame[ETHERNET + 4], frame[ETHERNET + 5]]);
    let last = payload.len().saturating_sub(1) / segments.size;

    for (index, piece) in payload.chunks(segments.size).enumerate() {
        scratch.clear();
        scratch.resize(headroom, 0);
        scratch.extend_from_slice(&frame[..headers]);
        scratch.extend_from_slice(piece);
        let whole = &mut *scratch;
        let scratch = &mut whole[headroom..];
        let length = transport + piece.len();
        match v6 {
            true => set_u16(scratch, ETHERNET + 4, start - ETHERNET - 40 + length),
            false => {
                set_u16(scratch, ETHERNET + 2, start - ETHERNET + length);
                set_u16(scratch, ETHERNET + 4, usize::from(identification) + index);
                set_u16(scratch, ETHERNET + 10, 0);
                let sum = !fold(sum_of(0, &scratch[ETHERNET..start]));
                set_u16(scratch, ETHERNET + 10, sum.into());
            }
        }
        match tcp {
            true => {
                let sequence = sequence.wrapping_add(to_u32(index * segments.size));
                scratch[start + 4..start + 8].copy_from_slice(&sequence.to_be_bytes());
                let flags = &mut scratch[start + 13];
                if index < last {
                    *flags &= !TCP_FIN_PSH;
                }
                if index > 0 && segments.ecn {
                    *flags &= !TCP_CWR;
                }
            }
            false => set_u16(scratch, start + 4, length),
        }
        set_u16(scratch, at, fold(pseudo + to_u32(length)).into());
        complete_checksum(scratch, start, at)?;
        emit(whole);
    }
    Some(())
}

pub(super) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Writes the lower 16 bits of `number`; sequence counters wrap.
pub(super) fn set_u16(bytes: &mut [u8], at: usize, number: usize) {
    let [.., high, low] = number.to_be_bytes();
    bytes[at..at + 2].copy_from_slice(&[high, low]);
}

/// Adds 16-bit words, big-endian, an odd last byte padded with zero. [RFC 1071]
pub(super) fn sum_of(start: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum = words.iter().fold(start, |sum, word| sum + u64::from(u32::from_be_bytes(*word)));
    let mut tail = [0; 4];
    tail[..rest.len()].copy_from_slice(rest);
    sum + u64::from(u32::from_be_bytes(tail))
}

/// Adds carries back in until 16 bits are left.
pub(super) fn fold(sum: impl Into<u64>) -> u16 {
    let mut sum = sum.into();
    while sum > u64::from(u16::MAX) {
        sum = (sum >> 16) + (sum & u64::from(u16::MAX));
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
pub(super) mod tests;
