//! The screen of the terminal: what is drawn on it is compared with what it shows, and the difference
//! written at once.
//!
//! Does not: ask the terminal anything.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::fd::AsFd as _;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::Colours;

/// Another screen beside the terminal's own, no cursor, the wheel, and pasted text marked as such. See
/// xterm's ctlseqs, "DEC Private Mode Set".
const BEGIN: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1006h\x1b[?2004h";
/// All of it taken back.
pub(super) const END: &[u8] = b"\x1b[0m\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[?25h\x1b[?1049l";

/// How much is held back until a picture is whole, in bytes: more than most are.
const BUFFER_BYTES: usize = 64 * 1024;

/// See the module.
pub(super) struct Screen {
    backend: CrosstermBackend<BufWriter<File>>,
    shown: Buffer,
    colours: Colours,
}

impl Screen {
    /// The standard output, of this size, with nothing on it.
    ///
    /// # Errors
    ///
    /// `EMFILE` when there is no room for a descriptor.
    pub(super) fn new(area: Rect, colours: Colours) -> io::Result<Self> {
        let terminal = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let writer = BufWriter::with_capacity(BUFFER_BYTES, terminal);
        Ok(Self {
            backend: CrosstermBackend::new(writer),
            shown: Buffer::empty(area),
            colours,
        })
    }

    /// Takes it that there is nothing on the screen, which is of this size now.
    ///
    /// # Errors
    ///
    /// `EIO` when the terminal is gone.
    pub(super) fn begin_anew(&mut self, area: Rect) -> io::Result<()> {
        self.shown = Buffer::empty(area);
        self.backend.write_all(BEGIN)?;
        self.backend.clear()
    }

    /// Shows what `draw` draws onto an empty buffer of its size.
    ///
    /// # Errors
    ///
    /// `EIO` when the terminal is gone.
    pub(super) fn show(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        let mut next = Buffer::empty(self.shown.area);
        draw(&mut next);
        if self.colours == Colours::Off {
            without_colours(&mut next);
        }
        let changed = self.shown.diff(&next);
        for run in changed.split_inclusive(|(_, _, cell)| !is_certain(cell.symbol())) {
            self.backend.draw(run.iter().copied())?;
        }
        self.shown = next;
        Backend::flush(&mut self.backend)
    }
}

/// Whether all terminals agree how wide `symbol` is. Behind one of which they do not, the cursor is
/// moved to where it should be: each run that is drawn begins with that.
fn is_certain(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    let certain = matches!(
        chars.next(),
        None | Some('\0'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '…' | '─' | '\u{3041}'..='\u{3096}'
            | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
    );
    certain && chars.next().is_none()
}

pub(super) fn without_colours(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        cell.fg = Color::Reset;
        cell.bg = Color::Reset;
    }
}
