//! virtualNetworks and their subnets. Contract 12.36.
