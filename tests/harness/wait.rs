//! Waiting for a state, with a deadline.

use crate::{Error, Result};
use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a state that must come may take. Generous: it is only ever used up by a failing test.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Looks again and again until `look` gives a value; it says what is missing while it does not.
///
/// # Errors
/// [`Error::Deadline`] with the last thing that was missing.
pub async fn until<T, E: Display>(what: &str, mut look: impl AsyncFnMut() -> Result<T, E>) -> Result<T> {
    let deadline = Instant::now() + DEADLINE;
    let mut pause = Duration::from_millis(2);
    loop {
        match look().await {
            Ok(value) => return Ok(value),
            Err(missing) if Instant::now() >= deadline => {
                return Err(Error::Deadline { what: what.to_owned(), last: missing.to_string() });
            }
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
