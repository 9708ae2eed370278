//! Logs: one line an event, on standard error, so that standard output is the program's own.

use tracing_subscriber::EnvFilter;

/// Starts logging at what `SDN_LOG`, else `RUST_LOG`, asks for; at `info` when neither does.
pub fn init() {
    let asked = ["SDN_LOG", "RUST_LOG"].into_iter().find_map(|name| std::env::var(name).ok());
    let filter = EnvFilter::new(asked.as_deref().unwrap_or("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
