//! virtualServers. Contract 12.37.
