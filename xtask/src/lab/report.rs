//! What the lab tells: progress while it works, and a table of claims with what was observed.

use harness::{Error, Result};
use std::time::Instant;

/// Prints a line. Whoever read the lab's output may have gone; there are still things to put away, so that is no reason
/// to stop.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}
pub(super) use say;

/// Claims checked so far.
#[derive(Debug)]
pub(super) struct Report {
    start: Instant,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    claim: &'static str,
    observed: String,
    held: bool,
}

impl Report {
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), rows: Vec::new() }
    }

    /// One line of what is going on.
    pub(super) fn progress(&self, line: &str) {
        say!("{:6.1} s  {line}", self.start.elapsed().as_secs_f64());
    }

    /// Notes what came of a claim. What was observed when it did not hold is the error's text.
    pub(super) fn claim(&mut self, claim: &'static str, observed: Result<String>) {
        let (observed, held) = match observed {
            Ok(observed) => (observed, true),
            Err(Error::Claim(observed)) => (observed, false),
            Err(error) => (error.to_string(), false),
        };
        self.progress(&format!("{} {claim}: {observed}", mark(held)));
        self.rows.push(Row { claim, observed, held });
    }

    pub(super) fn all_held(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.held)
    }

    /// Prints all claims in one table.
    pub(super) fn table(&self) {
        let width = self.rows.iter().map(|row| row.claim.chars().count()).max().unwrap_or_default();
        say!("\n   {:width$}  what was observed", "claim");
        for Row { claim, observed, held } in &self.rows {
            // A table has lines; what a program wrote when it failed has been shown above.
            let observed = observed.lines().next().unwrap_or_default();
            say!("{} {claim:width$}  {observed}", mark(*held));
        }
        let held = self.rows.iter().filter(|row| row.held).count();
        say!("\n{held} of {} claims hold, after {:.1} s", self.rows.len(), self.start.elapsed().as_secs_f64());
    }
}

fn mark(held: bool) -> &'static str {
    if held { "✔ " } else { "✘ " }
}
