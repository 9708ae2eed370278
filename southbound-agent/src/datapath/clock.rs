//! The one clock of the engine: it has none of its own.

use std::time::Instant;
use vfp::Time;

/// Time since the agent started. Copies tell the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Now, as the engine takes it.
    pub(crate) fn now(self) -> Time {
        // 64 bits of nanoseconds last for 584 years.
        Time(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}
