//! The CNI plugins: `private-cloud`, which connects containers, and `private-cloud-ipam`, which gives addresses
//! [CNI SPEC 1.1.0].
//!
//! A call is one process: the command is in the environment, the network configuration on standard input, the answer
//! on standard output. Everything that is kept between calls is kept where the docker plugin keeps it too
//! ([`crate::vm::Vm`]).
//!
//! ```json
//! {
//!   "cniVersion": "1.1.0", "name": "blue",
//!   "plugins": [{
//!     "type": "private-cloud",
//!     "mode": "l2bridge",
//!     "master": "eth0",
//!     "proxy": "http://169.254.169.254:6642/ListNetwork",
//!     "mtu": 1450,
//!     "ipam": {"type": "private-cloud-ipam", "subnet": "192.168.1.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
//!   }]
//! }
//! ```
//!
//! Only `cniVersion`, `name` and `type` must be there.

pub mod arguments;
mod call;
pub mod config;
pub mod delegate;
pub mod environment;
pub mod failure;
mod ipam;
pub mod names;
mod network;
pub mod outcome;
mod policies;
mod ports;
mod sandbox;
mod status;
pub mod version;
pub mod wishes;

pub use call::{Plugin, Settings, run};
