//! The alert engine.

pub mod timeline;
