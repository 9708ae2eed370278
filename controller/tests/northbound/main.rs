//! The northbound API as clients see it: a real server on a real database, in this process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod children;
mod documents;
mod durability;
mod etags;
mod operations;
mod references;
mod server;
mod transport;
mod versions;
