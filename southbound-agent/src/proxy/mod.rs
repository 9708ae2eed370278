//! Network proxy: tells each VM which addresses its network interface has, so that containers in the VM can use them.
//!
//! A VM asks `http://169.254.169.254:6642/ListNetwork`. The address is on no wire: the engine hands the VM's TCP segments
//! over together with the name of the port they came from, and that name alone decides whose addresses are in the
//! answer. Nothing that the VM writes into a frame can change it. (`network-proxy.md` 7)
//!
//! ```text
//!  VM ── frame ──► engine ── (port, frame) ──► service ── TCP ──► connection ── request ──► answer
//!                                                one thread         one VM's HTTP            documents ◄── directory
//! ```
//!
//! * `directory` holds what is in force, and nothing else: it is changed under one lock with the engine's policy.
//! * `answer` and `documents` are pure; `connection` is HTTP on bytes; `stack` is TCP of one VM, with time as an
//!   argument; `service` is the thread around them.

mod answer;
mod bucket;
mod connection;
pub(crate) mod directory;
mod documents;
pub(crate) mod registry;
mod request;
pub(crate) mod routes;
pub(crate) mod service;
pub(crate) mod settings;
mod stack;
pub(crate) mod statistics;
