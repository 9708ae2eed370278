//! System tests.

mod container;
mod datapath;
mod northbound;
