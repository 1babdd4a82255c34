//! `alertctl schema`.

use crate::schema;

use super::args::SchemaArgs;
use super::{Exit, Failure, out};

/// Prints the schema of a kind, or which kinds there are.
pub(super) fn run(args: &SchemaArgs) -> Result<Exit, Failure> {
    let chosen = args.kind.as_deref().and_then(schema::find);
    out::write_to(None, &mut |out| match chosen {
        Some(schema) => out.write_all(schema.text.as_bytes()),
        None => schema::ALL.iter().try_for_each(|schema| writeln!(out, "{:<17} {}", schema.kind, schema.about)),
    })?;
    Ok(Exit::Good)
}
