//! Token bucket: a rate cap that polices by dropping.

use crate::time::Time;
use std::num::NonZeroU64;

/// How long a burst at the full rate may last.
const BURST_MS: u64 = 50;

/// Smallest burst, so that a slow cap still passes two full frames back to back.
const MIN_BURST_BYTES: u64 = 3028;

/// Millibits in a byte: at R Mbit/s, R millibits become free each nanosecond, so no fraction is ever lost.
const MILLIBITS: u64 = 8_000;

/// State of one cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    mbps: NonZeroU64,
    /// May be overdrawn by one frame, so a frame larger than the burst still passes at the right rate.
    balance_millibits: i64,
    filled: Time,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(mbps: NonZeroU64) -> Self {
        Self { mbps, balance_millibits: burst_millibits(mbps), filled: Time(0) }
    }

    /// The cap in Mbit/s.
    pub(crate) const fn mbps(&self) -> NonZeroU64 {
        self.mbps
    }

    /// Whether a frame may pass at `now`; if so, its `bytes` are paid for.
    pub(crate) fn take(&mut self, bytes: usize, now: Time) -> bool {
        let earned = i64::try_from(now.since(self.filled).saturating_mul(self.mbps.get())).unwrap_or(i64::MAX);
        self.balance_millibits = self.balance_millibits.saturating_add(earned).min(burst_millibits(self.mbps));
        self.filled = self.filled.max(now);
        if self.balance_millibits <= 0 {
            return false;
        }
        let cost = i64::try_from((bytes as u64).saturating_mul(MILLIBITS)).unwrap_or(i64::MAX);
        self.balance_millibits = self.balance_millibits.saturating_sub(cost);
        true
    }
}

fn burst_millibits(mbps: NonZeroU64) -> i64 {
    let burst = mbps.get().saturating_mul(BURST_MS * 1_000_000).max(MIN_BURST_BYTES * MILLIBITS);
    i64::try_from(burst).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes that pass in one second when `offered` times the cap arrives in frames of `frame` bytes.
    fn passed_in_one_second(mbps: u64, frame: usize, offered: u64) -> u64 {
        let mut bucket = Bucket::new(NonZeroU64::new(mbps).unwrap());
        let gap = (frame as u64 * 8_000 / (mbps * offered)).max(1);
        let times = (0..1_000_000_000_u64).step_by(usize::try_from(gap).unwrap());
        times.filter(|now| bucket.take(frame, Time(*now))).count() as u64 * frame as u64
    }

    #[test]
    fn what_passes_in_a_second_is_within_ten_percent_of_the_cap() {
        for (mbps, frame) in [(1, 64), (1, 1514), (10, 1514), (100, 1514), (100, 9014), (1_000, 1514), (10_000, 9014)] {
            let cap = mbps * 125_000;
            let passed = passed_in_one_second(mbps, frame, 3);
            assert!(passed.abs_diff(cap) * 10 <= cap, "{mbps} Mbit/s, {frame} byte frames: {passed} of {cap} bytes");
        }
    }

    #[test]
    fn traffic_below_the_cap_passes_whole() {
        let mut bucket = Bucket::new(NonZeroU64::new(100).unwrap());
        // 1514 bytes every 130 µs is 93 Mbit/s.
        assert!((0..10_000_u64).all(|n| bucket.take(1514, Time(n * 130_000))));
    }

    proptest! {
        #[test]
        fn no_pattern_of_arrival_gets_more_than_rate_and_burst(
            mbps in 1_u64..20_000,
            arrivals in prop::collection::vec((0_u64..5_000_000, 60_usize..9_100), 1..300),
        ) {
            let mut bucket = Bucket::new(NonZeroU64::new(mbps).unwrap());
            let (mut now, mut passed) = (0, 0);
            for (gap, bytes) in arrivals {
                now += gap;
                passed += if bucket.take(bytes, Time(now)) { bytes as u64 } else { 0 };
            }
            let earned = now * mbps / MILLIBITS;
            let burst = (mbps * 125 * BURST_MS).max(MIN_BURST_BYTES);
            prop_assert!(passed <= earned + burst + 9_100, "{passed} bytes, earned {earned}, burst {burst}");
        }
    }
}
