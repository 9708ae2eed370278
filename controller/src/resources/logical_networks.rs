//! logicalNetworks, their subnets and pools. Contract 12.15.
