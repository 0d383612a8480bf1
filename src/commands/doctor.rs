//! `bgp doctor`: what is wrong with the set-up, and what to do.
//!
//! Does not: make or mend anything.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::Format;
use super::{Context, Outcome};
use crate::manager::doctor::{Finding, Health, examine};
use crate::model::error::Kind;
use crate::text::display::one_line;

#[derive(Serialize)]
struct Document {
    schema: u32,
    fine: bool,
    findings: Vec<Finding>,
}

/// Looks at everything and tells it: 0 when nothing is wrong, else 1.
///
/// # Errors
///
/// Only if it cannot be told.
pub(crate) fn run(context: &mut Context) -> Outcome {
    let findings = examine(&context.environment, &context.configuration);
    let fine = findings
        .iter()
        .all(|finding| finding.health != Health::Wrong);
    match context.format {
        Format::Json => context.out.json(&Document {
            schema: SCHEMA,
            fine,
            findings,
        })?,
        Format::Text => {
            for finding in &findings {
                let word = match finding.health {
                    Health::Fine => "fine",
                    Health::Note => "note",
                    Health::Wrong => "WRONG",
                };
                let (check, what) = (finding.check, one_line(&finding.what));
                context.out.line(&format!("{word:<5}  {check}: {what}"))?;
                if let Some(hint) = &finding.hint {
                    context
                        .out
                        .line(&format!("       hint: {}", one_line(hint)))?;
                }
            }
        }
    }
    Ok(if fine { 0 } else { Kind::Other.exit_code() })
}
