//! discovery. Contract 12.6.
