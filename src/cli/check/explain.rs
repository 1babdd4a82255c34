//! `--explain` and `--list-lints`.

use crate::diagnostic::{codes, nearest};
use crate::report::diagnostic::Look;
use crate::report::lints;

use crate::cli::{Exit, Failure, out};

/// Prints the page of a code.
pub(super) fn explain(word: &str, look: Look) -> Result<Exit, Failure> {
    let Some(code) = codes::find(word) else {
        let near = nearest(word, codes::ALL.iter().map(|code| code.word));
        let hint = match near.first() {
            Some(near) => format!("did you mean `{near}`?"),
            None => "alertctl check --list-lints shows all codes".to_owned(),
        };
        return Err(Failure::new(format!("`{word}` is not a code")).hint(hint));
    };
    out::write_to(None, &mut |out| lints::write_page(out, code, look))?;
    Ok(Exit::Good)
}

/// Prints the table of all codes.
pub(super) fn list(look: Look) -> Result<Exit, Failure> {
    out::write_to(None, &mut |out| lints::write_list(out, look))?;
    Ok(Exit::Good)
}
