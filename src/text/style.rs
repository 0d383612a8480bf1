//! How a character looks on a terminal: what of "select graphic rendition" (SGR, ECMA-48 8.3.117, with
//! the colours of ISO 8613-6) is let through.
//!
//! A sequence that a program wrote is read into a [`Style`], and what a terminal gets is written anew
//! from it: nothing foreign reaches the terminal.
//! Does not: hide text; conceal (8) is not let through.

use std::fmt::Write as _;

/// The look of one character. The default is the terminal's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// One bit for each of [`SWITCHES`].
    switches: u8,
    ink: Colour,
    ground: Colour,
}

/// A colour of text or of what is behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Colour {
    /// The terminal's own.
    #[default]
    Own,
    /// One of the 16 of the terminal's palette.
    Basic(u8),
    /// One of 256.
    Indexed(u8),
    Rgb(u8, u8, u8),
}

/// The numbers that switch on bold, faint, italic, underlined, blinking, reversed and struck out.
const SWITCHES: [u8; 7] = [1, 2, 3, 4, 5, 7, 9];

/// What ends all of it.
pub(crate) const RESET: &str = "\x1b[m";

impl Style {
    pub(crate) const DEFAULT: Self = Self::of(0, Colour::Own);
    pub(crate) const BOLD: Self = Self::of(1, Colour::Own);
    pub(crate) const FAINT: Self = Self::of(2, Colour::Own);
    pub(crate) const RED: Self = Self::of(0, Colour::Basic(1));
    pub(crate) const GREEN: Self = Self::of(0, Colour::Basic(2));
    pub(crate) const YELLOW: Self = Self::of(0, Colour::Basic(3));

    const fn of(switches: u8, ink: Colour) -> Self {
        Self {
            switches,
            ink,
            ground: Colour::Own,
        }
    }

    pub(crate) fn is_default(self) -> bool {
        self == Self::DEFAULT
    }

    /// The numbers of what is switched on: 1 bold, 2 faint, 3 italic, 4 underlined, 5 blinking,
    /// 7 reversed, 9 struck out.
    pub(crate) fn switched_on(self) -> impl Iterator<Item = u8> {
        let on =
            move |(bit, number): (usize, u8)| (self.switches & 1 << bit != 0).then_some(number);
        SWITCHES.into_iter().enumerate().filter_map(on)
    }

    /// The colours of the text and of what is behind it.
    pub(crate) fn colours(self) -> (Colour, Colour) {
        (self.ink, self.ground)
    }

    /// Writes what makes a terminal show the characters that follow so, whatever it showed before.
    pub(crate) fn begin(self, text: &mut String) {
        text.push_str("\x1b[0");
        for (bit, number) in SWITCHES.iter().enumerate() {
            if self.switches & 1 << bit != 0 {
                write!(text, ";{number}").expect("a string takes all");
            }
        }
        self.ink.write(text, 30);
        self.ground.write(text, 40);
        text.push('m');
    }

    /// `text` in this style, and the terminal's own after it.
    pub(crate) fn paint(self, text: &str) -> String {
        let mut painted = String::with_capacity(text.len() + 16);
        self.begin(&mut painted);
        painted.push_str(text);
        painted.push_str(RESET);
        painted
    }

    /// Does what the numbers of one sequence say; what is unknown among them is passed over.
    pub(crate) fn apply(&mut self, parameters: &[u8]) {
        let mut parameters = parameters.split(|byte| *byte == b';');
        while let Some(parameter) = parameters.next() {
            let mut parts = parameter.split(|byte| *byte == b':').map(number);
            let Some(what) = parts.next().flatten() else {
                continue;
            };
            match what {
                38 | 48 | 58 => {
                    let parts: Vec<Option<u8>> = parts.collect();
                    let colour = if parts.is_empty() {
                        Colour::of(&mut parameters.by_ref().map(number))
                    } else {
                        Colour::of_parts(&parts)
                    };
                    match (what, colour) {
                        (38, Some(colour)) => self.ink = colour,
                        (48, Some(colour)) => self.ground = colour,
                        _ => {} // 58 is the colour of the underline
                    }
                }
                4 if parts.next() == Some(Some(0)) => self.switch_off(&[4]),
                _ => self.switch(what),
            }
        }
    }

    fn switch(&mut self, what: u8) {
        match what {
            0 => *self = Self::DEFAULT,
            6 => self.switch(5),
            21 => self.switch(4),
            22 => self.switch_off(&[1, 2]),
            23..=29 => self.switch_off(&[what - 20]),
            30..=37 => self.ink = Colour::Basic(what - 30),
            39 => self.ink = Colour::Own,
            40..=47 => self.ground = Colour::Basic(what - 40),
            49 => self.ground = Colour::Own,
            90..=97 => self.ink = Colour::Basic(what - 90 + 8),
            100..=107 => self.ground = Colour::Basic(what - 100 + 8),
            _ => {
                if let Some(bit) = SWITCHES.iter().position(|number| *number == what) {
                    self.switches |= 1 << bit;
                }
            }
        }
    }

    fn switch_off(&mut self, numbers: &[u8]) {
        for (bit, number) in SWITCHES.iter().enumerate() {
            if numbers.contains(number) {
                self.switches &= !(1 << bit);
            }
        }
    }
}

impl Colour {
    /// Takes `5;N` or `2;R;G;B`.
    fn of(numbers: &mut dyn Iterator<Item = Option<u8>>) -> Option<Self> {
        match numbers.next()?? {
            5 => Some(Self::Indexed(numbers.next()??)),
            2 => Some(Self::Rgb(
                numbers.next()??,
                numbers.next()??,
                numbers.next()??,
            )),
            _ => None,
        }
    }

    /// `5:N`, `2:R:G:B`, or with a colour space `2:S:R:G:B`.
    fn of_parts(parts: &[Option<u8>]) -> Option<Self> {
        match parts {
            [Some(2), _, red, green, blue, ..] => Some(Self::Rgb((*red)?, (*green)?, (*blue)?)),
            _ => Self::of(&mut parts.iter().copied()),
        }
    }

    /// Writes the numbers for it, of which those for the ground are 10 more than those for the ink.
    fn write(self, text: &mut String, base: u8) {
        match self {
            Self::Own => Ok(()),
            Self::Basic(n @ 0..8) => write!(text, ";{}", base + n),
            Self::Basic(n) => write!(text, ";{}", base + 60 + n - 8),
            Self::Indexed(n) => write!(text, ";{};5;{n}", base + 8),
            Self::Rgb(red, green, blue) => {
                write!(text, ";{};2;{red};{green};{blue}", base + 8)
            }
        }
        .expect("a string takes all");
    }
}

/// The number that these digits are; an empty one is 0. `None` if it is above 255.
fn number(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |number, digit| {
        number
            .checked_mul(10)?
            .checked_add(digit.checked_sub(b'0')?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(parameters: &[&str]) -> String {
        let mut style = Style::DEFAULT;
        for parameters in parameters {
            style.apply(parameters.as_bytes());
        }
        let mut text = String::new();
        style.begin(&mut text);
        text
    }

    #[test]
    fn a_sequence_is_read_and_written_anew() {
        for (parameters, begins) in [
            (&["31"][..], "\x1b[0;31m"),
            (&["1;31"], "\x1b[0;1;31m"),
            (&["1", "31", "42"], "\x1b[0;1;31;42m"),
            (&["01;04;09"], "\x1b[0;1;4;9m"),
            (&["91;107"], "\x1b[0;91;107m"),
            (&["38;5;208"], "\x1b[0;38;5;208m"),
            (&["38;2;1;2;3;48;5;0"], "\x1b[0;38;2;1;2;3;48;5;0m"),
            (&["38:5:208"], "\x1b[0;38;5;208m"),
            (&["38:2:1:2:3"], "\x1b[0;38;2;1;2;3m"),
            (&["38:2::1:2:3"], "\x1b[0;38;2;1;2;3m"),
            (&["58;5;9;1"], "\x1b[0;1m"),
            (&["58:2::1:2:3;1"], "\x1b[0;1m"),
            (&["4:3"], "\x1b[0;4m"),
            (&["4", "4:0"], "\x1b[0m"),
            (&["1;2;3;4;5;7;9", "22"], "\x1b[0;3;4;5;7;9m"),
            (&["1;2;3;4;5;7;9", "23;24;25;27;29"], "\x1b[0;1;2m"),
            (&["31;1", ""], "\x1b[0m"),
            (&["31;1", "0"], "\x1b[0m"),
            (&["31;;1"], "\x1b[0;1m"),
            (&["31;42", "39"], "\x1b[0;42m"),
            (&["31;42", "49"], "\x1b[0;31m"),
            (&["8"], "\x1b[0m"), // text that nobody sees
            (&["999", "77", "1"], "\x1b[0;1m"),
            (&["38;5"], "\x1b[0m"),
            (&["38;5;999"], "\x1b[0m"),
            (&["38;9;1"], "\x1b[0;1m"),
        ] {
            assert_eq!(begun(parameters), begins, "{parameters:?}");
        }
    }

    #[test]
    fn random_numbers_never_panic_and_give_a_short_sequence() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let text: String = (0..random.usize(..24))
                .map(|_| char::from(b"0123456789;;:"[random.usize(..13)]))
                .collect();
            let begins = begun(&[&text]);
            assert!(begins.len() < 64 && begins.ends_with('m'), "{text}");
        }
    }
}
