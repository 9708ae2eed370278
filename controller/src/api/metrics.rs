//! `/metrics` in the Prometheus text format: requests are counted in one place, around all handlers.

use super::Api;
use crate::resources::COLLECTIONS;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters of all workers.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// By method and first digit of the status.
    requests: [[AtomicU64; 6]; METHODS.len()],
    /// Answers by upper bound of the time taken; the last is for longer ones.
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    microseconds: AtomicU64,
}

const METHODS: [&str; 4] = ["GET", "PUT", "DELETE", "other"];

const BUCKETS_US: [u64; 8] = [100, 500, 1_000, 5_000, 10_000, 50_000, 250_000, 1_000_000];

impl Metrics {
    /// Counts an answer.
    pub(super) fn count(&self, method: &str, status: u16, took: Duration) {
        let method = METHODS.iter().position(|name| *name == method).unwrap_or(METHODS.len() - 1);
        let class = usize::from(status / 100).min(5);
        self.requests[method][class].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_US.iter().position(|bound| microseconds <= *bound).unwrap_or(BUCKETS_US.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// # Errors
    /// None: a string takes all that is written.
    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# TYPE controller_http_requests_total counter")?;
        for (method, classes) in METHODS.iter().zip(&self.requests) {
            for (class, count) in classes.iter().enumerate() {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    writeln!(
                        out,
                        "controller_http_requests_total{{method=\"{method}\",status=\"{class}xx\"}} {count}"
                    )?;
                }
            }
        }
        writeln!(out, "# TYPE controller_http_request_seconds histogram")?;
        let mut total = 0;
        for (bound, count) in BUCKETS_US.iter().map(Some).chain([None]).zip(&self.buckets) {
            total += count.load(Ordering::Relaxed);
            match bound {
                Some(bound) => {
                    let seconds = Duration::from_micros(*bound).as_secs_f64();
                    writeln!(out, "controller_http_request_seconds_bucket{{le=\"{seconds}\"}} {total}")?;
                }
                None => writeln!(out, "controller_http_request_seconds_bucket{{le=\"+Inf\"}} {total}")?,
            }
        }
        let sum = Duration::from_micros(self.microseconds.load(Ordering::Relaxed)).as_secs_f64();
        writeln!(out, "controller_http_request_seconds_sum {sum}")?;
        writeln!(out, "controller_http_request_seconds_count {total}")
    }
}

/// Everything there is to say in numbers.
pub(super) fn render(api: &Api) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = api.metrics.write(&mut out).and_then(|()| {
        let world = api.engine.world();
        writeln!(out, "# TYPE controller_generation counter\ncontroller_generation {}", world.generation())?;
        writeln!(out, "# TYPE controller_resources gauge")?;
        COLLECTIONS.iter().try_for_each(|collection| {
            let count = world.count(collection.name);
            writeln!(out, "controller_resources{{collection=\"{}\"}} {count}", collection.name)
        })
    });
    api.enforcement.write_metrics(&mut out);
    out
}
