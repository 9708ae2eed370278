//! Pause between attempts: doubles with each failure up to a cap, and is spread so that hosts do not retry in step.

use super::PushSettings;
use std::time::Duration;

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(settings: &PushSettings) -> Self {
        Self { first: settings.first_retry, longest: settings.longest_retry, failures: 0 }
    }

    /// Whether the last attempt failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// An attempt succeeded.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// An attempt failed: the pause before the next. `spread` is a random number from 0 to 1.
    pub(super) fn pause(&mut self, spread: f64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.longest).mul_f64(0.5 + spread / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_the_cap_and_starts_over_after_a_success() {
        let mut backoff = Backoff::new(&PushSettings::default());
        let pauses = |backoff: &mut Backoff, n| (0..n).map(|_| backoff.pause(1.0).as_millis()).collect::<Vec<_>>();
        assert_eq!(pauses(&mut backoff, 10), [100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000]);
        assert_eq!(pauses(&mut backoff, 60)[59], 10000);
        assert!(backoff.is_failing());
        backoff.reset();
        assert!(!backoff.is_failing());
        assert_eq!(backoff.pause(0.0).as_millis(), 50);
    }
}
