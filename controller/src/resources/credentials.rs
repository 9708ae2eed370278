//! credentials. Contract 12.5.
