//! The northbound contract against the real `controller`, as its clients see it: over HTTP, on a database file.
//!
//! Each test starts a controller of its own ([`site::Site`]), most of them with the same small data centre in it
//! ([`furniture`]).

mod furniture;
mod judge;
mod site;
mod skip;
mod wire;

mod allocation;
mod bad_input;
mod concurrency;
mod container_workflow;
mod disk_full;
mod durability;
mod etags;
mod hnvclient;
mod ipv6;
mod operations;
mod output;
mod references;
mod restart;
mod route_coverage;
mod sdn_express;
mod secrets;
mod singletons;
mod status;
mod tolerance;
mod versions;
