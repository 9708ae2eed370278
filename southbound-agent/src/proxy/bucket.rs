//! Bounds on how often a VM may do something.

use std::time::{Duration, Instant};

/// Refills steadily, and holds what one second brings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    per_second: u32,
    /// When it will be full, were nothing taken any more.
    full_at: Instant,
}

impl Bucket {
    pub(super) fn full(per_second: u32, now: Instant) -> Self {
        Self { per_second, full_at: now }
    }

    /// Takes one; false when it is empty.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let cost = Duration::from_secs(1) / self.per_second;
        let full_at = self.full_at.max(now) + cost;
        let has_one = full_at <= now + Duration::from_secs(1);
        if has_one {
            self.full_at = full_at;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_gives_more_than_its_share() {
        let start = Instant::now();
        let mut bucket = Bucket::full(100, start);
        let taken = |bucket: &mut Bucket, now: Instant| (0..1000).filter(|_| bucket.take(now)).count();
        assert_eq!(taken(&mut bucket, start), 100);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(100)), 10);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(60)), 100);
    }
}
