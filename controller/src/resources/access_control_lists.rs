//! accessControlLists and their rules. Contract 12.1.
