//! servers and their physical NICs. Contract 12.29.
