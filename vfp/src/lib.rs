//! Match-action packet engine.
