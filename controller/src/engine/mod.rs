//! Decides what a write means, and publishes the outcome.
