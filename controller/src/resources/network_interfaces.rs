//! networkInterfaces and their IP configurations. Contract 12.23.
