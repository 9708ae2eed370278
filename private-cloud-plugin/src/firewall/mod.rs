//! The firewall of a container's port: what is let through by default, what users may change, and how it is enforced.
//! (`firewall-defaults.md`)
//!
//! ```text
//! defaults(driver, isolation) + users' rules ──► RuleSet ──┬─► ACL policies of HNS   (Windows)
//!                                                          └─► nftables text ──► the container's namespace   (Linux)
//! ```

mod defaults;
mod hcn;
mod nft;
mod rule;
#[cfg(test)]
mod tests;

pub use defaults::{Era, Isolation, Refusal, RuleSet, defaults, may_change, usual_place};
pub use hcn::{AclError, acl_policies, from_acl};
pub use nft::{Scope, remove, render, tables};
pub use rule::{ICMP_V4, ICMP_V6, IGMP, Place, Rule, TCP, UDP};
