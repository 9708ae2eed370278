//! Entry point of the host agent.
fn main() {}
