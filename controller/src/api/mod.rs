//! HTTP: paths, headers, statuses; everything else is asked of the engine.
