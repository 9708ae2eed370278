//! Hashing for tables on the packet path: a few multiplications, keyed with a secret.

use std::hash::{BuildHasher, Hasher};

/// Odd constants without structure (digits of pi).
const MULTIPLIER: u64 = 0x243f_6a88_85a3_08d3;
const START: u64 = 0x1319_8a2e_0370_7345;

/// Builds hashers that agree with each other and with nobody who does not know the seed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seeded(pub(crate) u64);

impl BuildHasher for Seeded {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0 ^ START)
    }
}

/// Folds each word into the state by a full 64×64→128 bit multiplication.
pub(crate) struct Folding(u64);

fn fold(a: u64, b: u64) -> u64 {
    let [high, low] = split(u128::from(a) * u128::from(b));
    high ^ low
}

fn split(wide: u128) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, low @ ..] = wide.to_be_bytes();
    [u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes(low)]
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_be_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = fold(self.0 ^ number, MULTIPLIER);
    }

    /// Both halves in one multiplication.
    fn write_u128(&mut self, number: u128) {
        let [high, low] = split(number);
        self.0 = fold(self.0 ^ high, MULTIPLIER ^ low);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_keys_spread_over_all_bits() {
        // The hash table uses the highest and the lowest bits.
        for byte in [0, 7] {
            let mut buckets = [[0_u32; 256]; 2];
            for number in 0..25_600_u64 {
                let hashes =
                    [Seeded(7).hash_one(number), Seeded(7).hash_one(u128::from(number) << 64 | 0xffff_0a00_0001)];
                for (bucket, hash) in buckets.iter_mut().zip(hashes) {
                    bucket[usize::from(hash.to_be_bytes()[byte])] += 1;
                }
            }
            // 100 expected in each; five standard deviations are 50.
            assert!(buckets.as_flattened().iter().all(|count| (50..150).contains(count)), "{buckets:?}");
        }
    }

    #[test]
    fn another_seed_gives_another_order() {
        let hashes = |seed| (0..8_u64).map(|n| Seeded(seed).hash_one(n)).collect::<Vec<_>>();
        assert_ne!(hashes(1), hashes(2));
    }
}
