//! `private-cloud-plugin cni` and `ipam`: the CNI plugins, which runtimes start by the names of their links.

use super::Common;
use crate::cni::{self, Plugin, Settings};
use std::process::ExitCode;

/// Answers the call that is in the environment and on standard input; see [`crate::cni`].
pub(super) async fn run(plugin: Plugin, common: Common) -> ExitCode {
    let Common { state_dir, proxy } = common;
    cni::run(plugin, &Settings { state_dir, proxy }).await
}
