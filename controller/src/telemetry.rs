//! Logs: one line an event, on standard error, so that standard output is the program's own.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// What operators need: everything worth noting, but not the comings and goings of the server's threads.
const DEFAULT: &str = "info,actix_server=warn";

/// Starts logging at what `SDN_LOG`, else `RUST_LOG`, asks for; at the default when neither does.
pub fn init() {
    let asked = ["SDN_LOG", "RUST_LOG"].into_iter().find_map(|name| std::env::var(name).ok());
    let filter = EnvFilter::new(asked.as_deref().unwrap_or(DEFAULT));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    subscriber.with_ansi(std::io::stderr().is_terminal()).init();
}
