//! The CNI plugins: `private-cloud`, which connects containers, and `private-cloud-ipam`, which gives addresses
//! [CNI SPEC 1.1.0].
//!
//! A call is one process: the command is in the environment, the network configuration on standard input, the answer
//! on standard output. Everything that is kept between calls is kept where the docker plugin keeps it too.

pub mod arguments;
pub mod config;
pub mod delegate;
pub mod environment;
pub mod failure;
pub mod names;
pub mod outcome;
pub mod version;
