//! Who writes what is read of a log: as text for a pipe or a terminal, as JSON, or as exact bytes.
//!
//! While following, a line without its newline is shown as far as it goes, so that a prompt can be seen;
//! what follows is written behind it, and nothing twice. What a program redraws (a progress bar) is
//! redrawn on a terminal; a pipe gets it once it is final.
//! Does not: read, or decide when to end.

mod json;

use super::document::{GapDocument, Rest};
use super::{Follow, From, Options};
use crate::commands::documents::Failure;
use crate::commands::out::{Format, note};
use crate::commands::words::Clock;
use crate::commands::{Context, Outcome};
use crate::manager::observe::{Observed, Reach};
use crate::manager::output::cursor::Cursor;
use crate::manager::output::{Form, Piece, Reading, rest as output};
use crate::model::error::Error;
use crate::text::budget::{Budget, LeftOut, Part, ShownLine};
use crate::text::display::{for_terminal, width};
use crate::text::lines::{Line, left_out, without_torn_end};
use crate::text::row::{self, Look, Row};

/// Whether more rounds follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    More,
    Last,
}

/// Who writes what is read.
pub(super) struct Printer<'a> {
    context: &'a mut Context,
    look: Look,
    clock: Option<Clock>,
    id: String,
    /// Whether a line is shown before it is finished.
    grows: bool,
    /// Whether it goes on where somebody has read before.
    resumed: bool,
    /// Where to go on, once all was shown.
    next: Option<Cursor>,
    budget: Option<Budget>,
    /// For JSON: how many lines the document has that is being written, if one is.
    document: Option<u64>,
    /// For JSON: whether a document has told the error that this ends with.
    told: bool,
    /// What is on the screen of each stream's unfinished line.
    drawn: [Option<Drawn>; 2],
    /// The stream whose unfinished line the cursor stands in.
    within: Option<usize>,
}

/// A line that is on the screen in part.
#[derive(Clone, Copy)]
struct Drawn {
    /// So many of its cells, and the columns they take with what stands before them.
    cells: usize,
    columns: usize,
    /// So many of its bytes led to that.
    bytes: u64,
    /// They only grew: what follows can be written behind them.
    only_grew: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn new(context: &'a mut Context, options: &Options, process: &Observed) -> Self {
        let grows = options.follow != Follow::No
            && options.query.form == Form::Lines
            && options.query.pattern.is_none() // what is not finished may still match, or no more
            && context.format == Format::Text;
        Self {
            look: context.look(),
            clock: options.timestamps.then(Clock::local),
            id: process.entry.id.to_string(),
            grows,
            resumed: matches!(options.from, From::After(_) | From::HadBy(_)),
            next: None,
            budget: options.max_bytes.map(Budget::new),
            document: None,
            told: false,
            drawn: [None; 2],
            within: None,
            context,
        }
    }

    /// Takes the next thing that was read.
    ///
    /// # Errors
    ///
    /// The output cannot be written; nobody reads it any more.
    pub(super) fn take(&mut self, piece: Piece<'_>) -> Result<(), Error> {
        match (piece, self.context.format) {
            (Piece::Note(text), _) => {
                self.context.out.flush()?; // it stands where it belongs
                note(&text);
            }
            (Piece::Bytes(_, bytes), _) => self.context.out.bytes(bytes)?,
            // The newline of a line that was shown without it, which ended there.
            (Piece::Line(line), Format::Text)
                if self.resumed && line.continued && line.bytes.is_empty() => {}
            (Piece::Line(line), _) if self.budget.is_some() => {
                if let Some(budget) = &mut self.budget {
                    budget.take(ShownLine::of(&line));
                }
            }
            (Piece::Line(line), Format::Json) => self.document_line(&ShownLine::of(&line))?,
            (Piece::Line(line), Format::Text) => self.finish_line(&line)?,
        }
        self.check_reader()
    }

    /// All that is there has been taken: shows unfinished lines, and lets go of everything held back.
    /// A `damage` that was met is a part of the document.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(super) fn finish_round(
        &mut self,
        reading: &Reading,
        round: Round,
        reach: Reach,
        damage: Option<&Error>,
    ) -> Result<(), Error> {
        if round == Round::Last {
            for line in reading.rest(reach) {
                self.take(Piece::Line(line))?;
            }
        } else if self.grows {
            for line in reading.unfinished() {
                self.grow(&line)?;
            }
        }
        let gaps = self.finish_budget()?;
        let cursor = reading.cursor(match round {
            Round::Last => output::Rest::Shown(reach),
            Round::More => output::Rest::Kept,
        });
        if self.context.format == Format::Json && (round == Round::Last || self.document.is_some())
        {
            self.end_document(&Rest {
                left_out: gaps,
                next_cursor: cursor.to_string(),
                dropped_bytes: reading.dropped_bytes(),
                eof: reach == Reach::Ended,
                error: damage.map(Failure::from),
            })?;
        }
        self.context.out.flush()?;
        if round == Round::Last && reach == Reach::Ended && reading.torn_bytes() > 0 {
            note(&format!(
                "torn tail: {} bytes, cut short when its supervisor was killed",
                reading.torn_bytes()
            ));
        }
        self.check_reader()?;
        if round == Round::Last {
            self.next = Some(cursor);
        }
        Ok(())
    }

    /// An error when nobody reads any more, so that nothing is read for nobody.
    fn check_reader(&self) -> Result<(), Error> {
        if self.context.out.nobody_reads() {
            return Err(Error::other("nobody reads the output"));
        }
        Ok(())
    }

    /// Nothing more comes: leaves no line without its end, also when something failed. Gives the place to
    /// go on from, if all was shown up to there.
    pub(super) fn end(&mut self, result: Result<(), Error>) -> (Outcome, Option<Cursor>) {
        let ended = if self.document.take().is_some() || self.within.take().is_some() {
            self.context.out.text("\n")
        } else {
            Ok(())
        };
        let outcome = match result.and(ended) {
            Ok(()) => Ok(0),
            Err(error) if self.told => Ok(error.kind.exit_code()),
            Err(error) => Err(error),
        };
        (outcome, self.next.take())
    }

    /// Writes a line that is complete, or the rest of one that is on the screen in part.
    fn finish_line(&mut self, line: &Line<'_>) -> Result<(), Error> {
        match self.drawn[line.stream as usize].take() {
            None => {
                self.leave_line()?;
                self.stamp(line.time_ns)?;
                self.context.out.text(&line.shown_as(self.look))?;
            }
            Some(drawn) => match rest_of(line, &drawn, self.look) {
                // All of it is on the screen, and something else stands below it.
                Some(rest) if rest.is_empty() && self.within != Some(line.stream as usize) => {
                    return Ok(());
                }
                Some(rest) => {
                    self.go_to(line)?;
                    self.context.out.text(&rest)?;
                }
                None => {
                    self.draw_anew(line, &drawn)?;
                    self.context.out.text(&line.shown_as(self.look))?;
                }
            },
        }
        self.within = None;
        self.context.out.text("\n")
    }

    /// Shows what an unfinished line has become, if that can be continued later.
    fn grow(&mut self, line: &Line<'_>) -> Result<(), Error> {
        if line.cut.is_some() {
            return Ok(());
        }
        let bytes = without_torn_end(&line.bytes);
        let row = Row::of(bytes);
        let drawn = self.drawn[line.stream as usize];
        let known = drawn.map_or(0, |drawn| drawn.bytes);
        // What goes back to the beginning of its line is a progress bar, which a pipe gets when it is final.
        let is_progress = self.look != Look::Colours && bytes.contains(&b'\r');
        if bytes.len() as u64 <= known || row.is_unfinished() || is_progress {
            return Ok(());
        }
        let appended = row.only_grew() && drawn.is_none_or(|drawn| drawn.only_grew);
        let lead = self
            .clock
            .as_ref()
            .map_or(0, |clock| width(&clock.stamp(0).to_string()) + 1);
        let columns = lead + row.columns();
        if appended {
            let from = drawn.map_or(0, |drawn| drawn.cells);
            let more = row.shown_from(from, self.look);
            if more.is_empty() {
                return Ok(()); // only a colour has changed, say
            }
            self.go_to(line)?;
            if drawn.is_none() {
                self.stamp(line.time_ns)?;
            }
            self.context.out.text(&more)?;
        } else if self.look == Look::Colours && self.context.columns() > Some(columns) {
            if let Some(drawn) = &drawn {
                self.draw_anew(line, drawn)?;
            } else {
                self.go_to(line)?;
                self.stamp(line.time_ns)?;
            }
            self.context.out.text(&row.shown_from(0, self.look))?;
        } else {
            return Ok(());
        }
        self.within = Some(line.stream as usize);
        self.drawn[line.stream as usize] = Some(Drawn {
            cells: row.len(),
            columns,
            bytes: bytes.len() as u64,
            only_grew: row.only_grew(),
        });
        Ok(())
    }

    /// Goes where this line, which is on the screen in part, can be written from its beginning.
    fn draw_anew(&mut self, line: &Line<'_>, drawn: &Drawn) -> Result<(), Error> {
        let here = self.within == Some(line.stream as usize);
        let fits = self.look == Look::Colours && self.context.columns() > Some(drawn.columns);
        if here && fits {
            self.context.out.text("\r\x1b[K")?;
        } else {
            self.leave_line()?;
        }
        self.stamp(line.time_ns)
    }

    /// Goes where more of this line can be written.
    fn go_to(&mut self, line: &Line<'_>) -> Result<(), Error> {
        if self.within == Some(line.stream as usize) {
            return Ok(());
        }
        self.leave_line()
    }

    /// Ends the unfinished line that the cursor stands in, if it does.
    fn leave_line(&mut self) -> Result<(), Error> {
        match self.within.take() {
            Some(_) => self.context.out.text("\n"),
            None => Ok(()),
        }
    }

    fn stamp(&mut self, time_ns: u64) -> Result<(), Error> {
        match &self.clock {
            Some(clock) => {
                let stamp = clock.stamp(time_ns);
                self.context.out.text(&format!("{stamp} "))
            }
            None => Ok(()),
        }
    }

    /// Writes what has fitted into the budget, and gives what has not, if there is one.
    fn finish_budget(&mut self) -> Result<Option<Vec<GapDocument>>, Error> {
        let Some(budget) = self.budget.take() else {
            return Ok(None);
        };
        let mut gaps = Vec::new();
        for part in budget.finish() {
            match (part, self.context.format) {
                (Part::Line(line), Format::Json) => self.document_line(&line)?,
                (Part::Line(line), Format::Text) => {
                    self.stamp(line.time_ns)?;
                    let text = match self.look {
                        Look::Pipe => line.text(),
                        Look::Terminal | Look::Colours => {
                            for_terminal(&line.text()).into_owned().into()
                        }
                    };
                    self.context.out.line(&text)?;
                }
                (Part::LeftOut(gap), Format::Json) => gaps.push(GapDocument {
                    stream: gap.stream.word(),
                    lines: gap.lines,
                    bytes: gap.bytes,
                    at: self.document.unwrap_or(0),
                }),
                (
                    Part::LeftOut(LeftOut {
                        stream,
                        lines,
                        bytes,
                    }),
                    Format::Text,
                ) => {
                    let stream = stream.word();
                    let s = if lines == 1 { "" } else { "s" };
                    self.context.out.line(&format!(
                        "…[{stream}: {lines} line{s}, {bytes} bytes left out]…"
                    ))?;
                }
            }
        }
        Ok(Some(gaps))
    }
}

/// What is to be written behind what is on the screen of `line`; `None` when it is not its beginning
/// any more.
fn rest_of(line: &Line<'_>, drawn: &Drawn, look: Look) -> Option<String> {
    let unseen = line.total_bytes().checked_sub(drawn.bytes)?;
    if !drawn.only_grew {
        return None;
    }
    let Some(cut) = line.cut else {
        let row = Row::of(&line.bytes);
        return (!row.was_redrawn()).then(|| row.shown_from(drawn.cells, look));
    };
    let tail = &line.bytes[cut.at..];
    if Row::of(tail).was_redrawn() {
        return None;
    }
    match usize::try_from(unseen) {
        Ok(unseen) if unseen <= tail.len() => {
            Some(row::shown(&tail[tail.len() - unseen..], look).into_owned())
        }
        _ => Some(format!(
            "{}{}",
            left_out(unseen - tail.len() as u64),
            row::shown(tail, look)
        )),
    }
}
