//! A terminal taken over by a program that draws on it or passes keys on: raw, and given back as it was
//! found whatever happens.
//!
//! What is needed to give it back is kept where a panic finds it: [`Takeover::new`] installs a hook that
//! gives the terminal back before the panic is told. Signals are for the taker to read as a descriptor
//! ([`signals`](super::signals)), and to end by returning.
//! Does not: read or draw.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Mutex, Once};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::write;

/// The terminal of stdin and stdout, taken over. It is given back when this is dropped.
pub(crate) struct Takeover {
    begin: &'static [u8],
}

/// What gives the terminal back.
struct Taken {
    outer: Termios,
    end: &'static [u8],
    /// It has been given back for a while.
    paused: bool,
}

static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

impl Takeover {
    /// Makes the terminal raw (termios(3)) and writes `begin` to it; when it is given back, `end`.
    ///
    /// # Errors
    ///
    /// `ENOTTY` when stdin is no terminal; one that was taken over already.
    pub(crate) fn new(begin: &'static [u8], end: &'static [u8]) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        let outer = tcgetattr(io::stdin())?;
        {
            let mut taken = TAKEN.lock().map_err(|_| io::ErrorKind::Other)?;
            if taken.is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            *taken = Some(Taken {
                outer,
                end,
                paused: true,
            });
        }
        HOOK.call_once(|| {
            let outer = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                outer(panic);
            }));
        });
        let takeover = Self { begin };
        takeover.resume()?;
        Ok(takeover)
    }

    /// Gives the terminal back for a while.
    pub(crate) fn pause() {
        give_back();
    }

    /// Takes it again, also when somebody else has changed it meanwhile.
    ///
    /// # Errors
    ///
    /// As the system says: `EIO` when the terminal is gone.
    pub(crate) fn resume(&self) -> io::Result<()> {
        let mut taken = TAKEN.lock().map_err(|_| io::ErrorKind::Other)?;
        let Some(taken) = taken.as_mut() else {
            return Ok(());
        };
        taken.paused = false;
        let mut raw = taken.outer.clone();
        cfmakeraw(&mut raw);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw)?;
        write_all(self.begin)
    }
}

impl Drop for Takeover {
    fn drop(&mut self) {
        give_back();
        if let Ok(mut taken) = TAKEN.try_lock() {
            *taken = None;
        }
    }
}

/// Gives a terminal that is taken over back. Not when that is being done already, or was.
fn give_back() {
    let Ok(mut taken) = TAKEN.try_lock() else {
        return;
    };
    if let Some(taken) = taken.as_mut()
        && !taken.paused
    {
        taken.paused = true;
        // A terminal that is gone takes nothing, and needs nothing.
        let _ = write_all(taken.end);
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &taken.outer);
    }
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(io::stdout().as_fd(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
