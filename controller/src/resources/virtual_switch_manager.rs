//! virtualSwitchManager/configuration. Contract 12.38.
