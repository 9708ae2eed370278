//! virtualNetworkManager/configuration. Contract 12.35.
