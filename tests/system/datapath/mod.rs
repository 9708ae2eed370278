//! Real packets between VMs on hosts that a real controller programs.
//!
//! Each test has a fabric of its own. They are skipped, aloud, where namespaces cannot be made.

mod access_control;
mod containers;
mod forgery;
mod isolation;
mod migration;
mod rate_caps;
mod reach;
mod survival;
mod tenant;
