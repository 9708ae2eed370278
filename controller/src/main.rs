//! Entry point of the controller.
fn main() {}
