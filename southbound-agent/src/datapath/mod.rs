//! Frames in and out.

pub(crate) mod offload;
