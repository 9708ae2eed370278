//! What each host must enforce, from the fabric model. Pure and incremental.
