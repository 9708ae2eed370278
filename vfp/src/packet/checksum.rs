//! The Internet checksum. [RFC 1071]

/// Checksum of `parts` laid end to end; only the last may have an odd length.
pub(crate) fn of(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let (words, rest) = part.as_chunks::<2>();
        sum += words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum::<u64>();
        if let [last] = rest {
            sum += u64::from(u16::from_be_bytes([*last, 0]));
        }
    }
    !fold(sum)
}

/// The checksum after one 16-bit word under it changed. [RFC 1624 equation 3]
pub(crate) fn replace(checksum: u16, before: u16, after: u16) -> u16 {
    !fold(u64::from(!checksum) + u64::from(!before) + u64::from(after))
}

/// Adds the carries back in until there are none.
fn fold(mut sum: u64) -> u16 {
    loop {
        match u16::try_from(sum) {
            Ok(folded) => return folded,
            Err(_) => sum = (sum & 0xffff) + (sum >> 16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_1071_comes_out() {
        let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(of(&[&data]), !0xddf2);
    }

    proptest! {
        #[test]
        fn a_block_that_carries_its_checksum_sums_to_zero(mut words in prop::collection::vec(any::<u16>(), 1..40)) {
            words[0] = 0;
            let bytes = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
            words[0] = of(&[&bytes(&words)]);
            prop_assert_eq!(of(&[&bytes(&words)]), 0);
        }

        #[test]
        fn replacing_a_word_equals_summing_again(
            mut words in prop::collection::vec(any::<u16>(), 1..40),
            index in any::<prop::sample::Index>(),
            new in any::<u16>(),
        ) {
            // A block of zeros alone has two checksums, 0 and its complement; a header is never all zeros.
            words.push(0x4500);
            let bytes = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
            let before = of(&[&bytes(&words)]);
            let index = index.index(words.len() - 1);
            let old = std::mem::replace(&mut words[index], new);
            prop_assert_eq!(replace(before, old, new), of(&[&bytes(&words)]));
        }
    }
}
