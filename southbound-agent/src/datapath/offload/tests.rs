//! Segments and checksums against straightforward arithmetic.

use super::*;
use proptest::prelude::*;

/// An Ethernet frame as a guest hands it over: the checksum field holds the sum over the pseudo header.
pub(in crate::datapath) fn guest_frame(v6: bool, tcp: bool, payload: &[u8]) -> (Vec<u8>, usize, usize) {
    let transport = if tcp { 20 } else { 8 };
    let length = u16::try_from(transport + payload.len()).unwrap();
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let protocol = if tcp { 6 } else { 17 };
    let start = if v6 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend(length.to_be_bytes());
        frame.extend([protocol, 64]);
        frame.extend([0xfd; 16]);
        frame.extend([0xfc; 16]);
        54
    } else {
        frame.extend([0x08, 0x00, 0x45, 0]);
        frame.extend((20 + length).to_be_bytes());
        frame.extend([0x12, 0xff, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        let checksum = !fold(slow_sum(&frame[14..34]));
        set_u16(&mut frame, 24, checksum.into());
        34
    };
    let header: &[u8] = match tcp {
        // Sequence 0xffff_fff0 wraps inside the payload; flags CWR, PSH, ACK, FIN.
        true => &[0, 80, 1, 0, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 9, 0x50, 0x99, 0x10, 0, 0, 0, 0, 0],
        false => &[0, 80, 1, 0, 0, 0, 0, 0],
    };
    frame.extend(header);
    if !tcp {
        set_u16(&mut frame, start + 4, length.into());
    }
    frame.extend(payload);
    let at = start + if tcp { 16 } else { 6 };
    let pseudo = pseudo_sum(&frame, length);
    frame[at..at + 2].copy_from_slice(&pseudo.to_be_bytes());
    (frame, start, at)
}

fn slow_sum(bytes: &[u8]) -> u64 {
    bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum()
}

fn pseudo_sum(frame: &[u8], length: u16) -> u16 {
    let (addresses, protocol) = match frame[14] >> 4 {
        6 => (&frame[22..54], frame[20]),
        _ => (&frame[26..34], frame[23]),
    };
    fold(slow_sum(addresses) + u64::from(protocol) + u64::from(length))
}

/// A receiver's view: both checksums right?
fn is_intact(frame: &[u8], start: usize) -> bool {
    let length = u16::try_from(frame.len() - start).unwrap();
    let transport = fold(slow_sum(&frame[start..]) + u64::from(pseudo_sum(frame, length))) == u16::MAX;
    let header = frame[14] >> 4 == 6 || fold(slow_sum(&frame[14..34])) == u16::MAX;
    transport && header
}

fn header(flags: u8, kind: u8, size: u16, start: usize, at: usize) -> [u8; VNET_HEADER] {
    let word = |number: usize| u16::try_from(number).unwrap().to_ne_bytes();
    let ([a, b], [c, d], [e, f]) = (size.to_ne_bytes(), word(start), word(at - start));
    [flags, kind, 0, 0, a, b, c, d, e, f]
}

fn finish(header: [u8; VNET_HEADER], frame: &[u8]) -> Result<Vec<Vec<u8>>, OffloadError> {
    let mut pieces = Vec::new();
    let mut buffer = [&[0xee; 8], frame].concat();
    Offload::parse(header)?.finish(&mut buffer, 8, &mut Vec::new(), |piece| pieces.push(piece[8..].to_vec()))?;
    Ok(pieces)
}

#[test]
fn a_finished_frame_passes_untouched() {
    let frame = [7; 60];
    assert_eq!(finish([0; VNET_HEADER], &frame), Ok(vec![frame.to_vec()]));
}

#[test]
fn a_checksum_that_comes_out_as_zero_is_sent_as_ones() {
    // UDP, payload chosen so that the sum over everything is all ones.
    let (frame, start, at) = guest_frame(false, false, &[0, 0]);
    let sum = fold(slow_sum(&frame[start..]));
    let (frame, ..) = guest_frame(false, false, &(!sum).to_be_bytes());
    let pieces = finish(header(NEEDS_CHECKSUM, 0, 0, start, at), &frame).unwrap();
    assert_eq!(pieces[0][at..at + 2], [0xff, 0xff]);
    assert!(is_intact(&pieces[0], start));
}

#[test]
fn only_the_last_segment_ends_the_stream_and_only_the_first_reports_congestion() {
    let (frame, start, at) = guest_frame(false, true, &[5; 250]);
    let pieces = finish(header(NEEDS_CHECKSUM, GSO_TCP_V4 | GSO_ECN, 100, start, at), &frame).unwrap();
    let flags: Vec<u8> = pieces.iter().map(|piece| piece[start + 13]).collect();
    assert_eq!(flags, [0x90, 0x10, 0x19]);
    let ids: Vec<_> = pieces.iter().map(|piece| [piece[18], piece[19]]).collect();
    assert_eq!(ids, [[0x12, 0xff], [0x13, 0x00], [0x13, 0x01]]);
}

#[test]
fn what_cannot_be_done_is_an_error() {
    let (frame, start, at) = guest_frame(false, true, &[5; 2000]);
    let cases = [
        ("fragmentation of UDP", header(NEEDS_CHECKSUM, 3, 100, start, at), OffloadError::Unsupported(3)),
        ("no segment size", header(NEEDS_CHECKSUM, GSO_TCP_V4, 0, start, at), OffloadError::Inconsistent),
        ("segments without checksum", header(0, GSO_TCP_V4, 100, start, at), OffloadError::Inconsistent),
        ("too many segments", header(NEEDS_CHECKSUM, GSO_TCP_V4, 8, start, at), OffloadError::Inconsistent),
        ("start behind the end", header(NEEDS_CHECKSUM, 0, 0, 5000, 5002), OffloadError::Inconsistent),
    ];
    for (case, header, error) in cases {
        assert_eq!(finish(header, &frame), Err(error), "{case}");
    }
}

proptest! {
    #[test]
    fn segments_are_intact_and_carry_the_payload_in_order(
        payload in prop::collection::vec(any::<u8>(), 1..3000),
        size in 40u16..1500,
        v6 in any::<bool>(),
        tcp in any::<bool>(),
    ) {
        let (frame, start, at) = guest_frame(v6, tcp, &payload);
        let kind = match (tcp, v6) { (false, _) => GSO_UDP_L4, (true, false) => GSO_TCP_V4, (true, true) => GSO_TCP_V6 };
        let pieces = finish(header(NEEDS_CHECKSUM, kind, size, start, at), &frame).unwrap();
        prop_assert_eq!(pieces.len(), payload.len().div_ceil(size.into()));
        let headers = start + if tcp { 20 } else { 8 };
        let mut sequence = 0xffff_fff0_u32;
        let mut carried = Vec::new();
        for piece in &pieces {
            prop_assert!(is_intact(piece, start));
            if tcp {
                prop_assert_eq!(&piece[start + 4..start + 8], sequence.to_be_bytes());
            }
            sequence = sequence.wrapping_add(to_u32(piece.len() - headers));
            carried.extend_from_slice(&piece[headers..]);
        }
        prop_assert_eq!(carried, payload);
    }

    #[test]
    fn unfinished_checksums_are_finished(payload in prop::collection::vec(any::<u8>(), 0..200), v6: bool, tcp: bool) {
        let (frame, start, at) = guest_frame(v6, tcp, &payload);
        let mut expected = frame.clone();
        let pieces = finish(header(NEEDS_CHECKSUM, 0, 0, start, at), &frame).unwrap();
        expected[at..at + 2].copy_from_slice(&pieces[0][at..at + 2]);
        prop_assert_eq!(&pieces[0], &expected);
        prop_assert!(is_intact(&expected, start));
    }

    #[test]
    fn no_header_and_no_frame_can_do_harm(header: [u8; VNET_HEADER], frame in prop::collection::vec(any::<u8>(), 0..200)) {
        let offered: usize = frame.len();
        if let Ok(pieces) = finish(header, &frame) {
            prop_assert!(pieces.iter().all(|piece| piece.len() <= offered));
        }
    }
}
