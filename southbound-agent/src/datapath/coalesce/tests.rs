//! Joining is the reverse of segmentation.

use super::*;
use crate::datapath::offload::{Offload, tests::guest_frame};
use proptest::prelude::*;

/// Segments of a guest's frame with `payload`, without CWR, which is not joined.
fn segments(v6: bool, payload: &[u8], size: u16) -> Vec<Vec<u8>> {
    let (mut frame, start, at) = guest_frame(v6, true, payload);
    frame[start + 13] &= !0x80;
    let word = |number: usize| u16::try_from(number).unwrap().to_ne_bytes();
    let kind = if v6 { GSO_TCP_V6 } else { GSO_TCP_V4 };
    let ([a, b], [c, d], [e, f]) = (size.to_ne_bytes(), word(start), word(at - start));
    let mut pieces = Vec::new();
    let offload = Offload::parse([NEEDS_CHECKSUM, kind, 0, 0, a, b, c, d, e, f]).unwrap();
    offload.finish(&mut frame, 0, &mut Vec::new(), |piece| pieces.push(piece.to_vec())).unwrap();
    pieces
}

/// Joins as far as it goes: one frame with its header for each run.
fn join(frames: &[Vec<u8>]) -> Vec<([u8; VNET_HEADER], Vec<u8>)> {
    let mut joined: Vec<(Option<Run>, Vec<u8>)> = Vec::new();
    for frame in frames {
        if let Some((Some(run), held)) = joined.last_mut()
            && let Some(payload) = run.join(held, frame)
        {
            held.extend_from_slice(payload);
            continue;
        }
        joined.push((Run::start(frame), frame.clone()));
    }
    let finish = |(run, mut frame): (Option<Run>, Vec<u8>)| {
        let header = run.map_or([0; VNET_HEADER], |run| run.finish(&mut frame));
        (header, frame)
    };
    joined.into_iter().map(finish).collect()
}

#[test]
fn segments_that_do_not_belong_together_stay_apart() {
    let whole = segments(false, &[7; 300], 100);
    assert_eq!(join(&whole).len(), 1);
    let apart = |case: &str, change: fn(&mut Vec<Vec<u8>>), runs: usize| {
        let mut frames = segments(false, &[7; 300], 100);
        change(&mut frames);
        assert_eq!(join(&frames).len(), runs, "{case}");
    };
    apart("a gap", |frames| drop(frames.remove(1)), 2);
    apart("another order", |frames| frames.swap(1, 2), 3);
    apart("a damaged payload", |frames| frames[1][80] ^= 1, 3);
    apart("a damaged first payload", |frames| frames[0][80] ^= 1, 2);
    apart("another destination MAC", |frames| frames[1][0] ^= 2, 3);
    apart("an urgent flag", |frames| frames[1][47] |= 0x20, 3);
    apart("a fragment", |frames| frames[1][20] |= 0x20, 3);
    apart("padding", |frames| frames[1].push(0), 3);
}

#[test]
fn nothing_follows_a_pushed_or_a_short_segment() {
    let mut frames = segments(false, &[7; 250], 100);
    frames.extend(segments(false, &[7; 250], 100));
    let joined = join(&frames);
    assert_eq!(joined.len(), 2);
    assert_eq!(joined[0].1.len(), 54 + 250);
}

proptest! {
    #[test]
    fn what_was_cut_is_joined_again(payload in prop::collection::vec(any::<u8>(), 1..3000), size in 40u16..1500, v6: bool) {
        let cut = segments(v6, &payload, size);
        let joined = join(&cut);
        prop_assert_eq!(joined.len(), 1);
        let (header, mut frame) = joined.into_iter().next().unwrap();
        let mut again = Vec::new();
        Offload::parse(header).unwrap().finish(&mut frame, 0, &mut Vec::new(), |piece| again.push(piece.to_vec())).unwrap();
        prop_assert_eq!(again, cut);
    }

    #[test]
    fn no_frame_can_do_harm(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..4)) {
        let bytes: usize = frames.iter().map(Vec::len).sum();
        let joined: usize = join(&frames).iter().map(|(_, frame)| frame.len()).sum();
        prop_assert!(joined <= bytes);
    }
}
