//! System tests.

mod datapath;
mod northbound;
