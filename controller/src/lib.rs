//! Network controller.
