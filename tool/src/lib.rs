//! Nothing but features for `alertctl`: see `Cargo.toml` next to this folder.
