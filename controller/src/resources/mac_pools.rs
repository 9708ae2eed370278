//! macPools. Contract 12.16.
