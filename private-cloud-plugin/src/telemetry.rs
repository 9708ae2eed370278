//! Logs: one subscriber, on standard error, because standard output belongs to answers (CNI SPEC section 2).

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// What operators need: everything worth noting, but not the comings and goings of the server's threads.
const DEFAULT: &str = "info,actix_server=warn";

/// Starts logging. `RUST_LOG` chooses what.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails when there is one already, which then is the one.
    subscriber.with_ansi(std::io::stderr().is_terminal()).try_init().ok();
}
