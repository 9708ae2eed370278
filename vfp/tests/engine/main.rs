//! The engine from outside: frames in, frames out, on small fabrics of two hosts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acl;
mod control;
mod fabric;
mod flows;
mod frame;
mod guard;
mod hairpin;
mod overlay;
mod properties;
mod qos;
mod responder;
mod service;
mod trace;
