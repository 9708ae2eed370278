//! Installing in a VM, or in the image of one: what `InstallPrivateCloudPlugin.ps1` is on Windows.
//!
//! What is to be there is a list, made by a pure function; installing makes each thing on it so, and uninstalling takes
//! it away. Both may be repeated.

mod items;
mod place;

pub use items::{Item, Plan, Thing};
pub use place::{InstallError, Outcome, make, remove};
