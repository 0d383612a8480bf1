//! The JSON document of what is read, written line by line.
//!
//! Does not: know when it ends.

use super::Printer;
use crate::commands::documents::SCHEMA;
use crate::commands::out::to_json;
use crate::commands::output::document::{LineDocument, Rest};
use crate::model::error::Error;
use crate::text::budget::ShownLine;

impl Printer<'_> {
    pub(super) fn document_line(&mut self, line: &ShownLine) -> Result<(), Error> {
        self.begin_document()?;
        if let Some(lines) = &mut self.document {
            if *lines > 0 {
                self.context.out.text(",")?;
            }
            *lines += 1;
        }
        let json = to_json(&LineDocument {
            stream: line.stream.word(),
            time: line.time_ns / 1_000_000,
            text: line.text(),
            partial: line.partial,
            continued: line.continued,
        })?;
        self.context.out.text(&json)
    }

    pub(super) fn end_document(&mut self, rest: &Rest<'_>) -> Result<(), Error> {
        self.begin_document()?;
        let json = to_json(rest)?;
        let json = json.strip_prefix('{').unwrap_or(&json);
        self.context.out.line(&format!("],{json}"))?;
        self.document = None;
        self.told = rest.error.is_some();
        Ok(())
    }

    fn begin_document(&mut self) -> Result<(), Error> {
        if self.document.is_none() {
            self.document = Some(0);
            let id = to_json(&self.id)?;
            self.context
                .out
                .text(&format!("{{\"schema\":{SCHEMA},\"id\":{id},\"lines\":["))?;
        }
        Ok(())
    }
}
