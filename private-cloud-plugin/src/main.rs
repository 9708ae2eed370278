//! `private-cloud-plugin`: docker and CNI plugins for containers on tenant networks.

fn main() {}
