//! The caller's environment, as a value: what is asked of it, and what is passed on.
//!
//! Does not: change the environment of this process.

use std::ffi::{OsStr, OsString};

use crate::model::error::Error;
use crate::text::written::label;

/// The variables that lead to a password: no command gets them unless it is given them by name.
pub(crate) const PASSWORD_VARIABLES: [&str; 5] = [
    "BG_PASSWORD",
    "BG_PASSWORD_FILE",
    "BG_PASSWORD_COMMAND",
    "BG_NEW_PASSWORD",
    "BG_NEW_PASSWORD_FILE",
];

/// Variables in their order. Has no `Debug`, as one of them may be the password.
#[derive(Clone)]
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// Those of this process.
    pub(crate) fn of_this_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// These and no others.
    pub(crate) fn new<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let pairs = variables.into_iter();
        Self(pairs.map(|(n, v)| (n.into(), v.into())).collect())
    }

    /// The value of `name`, if it is set; it may be empty.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_os_str())
    }

    /// The session that the caller is in: `BGP_SESSION`, where that is set to something.
    ///
    /// # Errors
    ///
    /// A usage error: it is no label, so that nothing could be found by it.
    pub(crate) fn session(&self) -> Result<Option<String>, Error> {
        let Some(session) = self.get("BGP_SESSION").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let named = session.to_str().and_then(|name| label(name).ok());
        named.map(Some).ok_or_else(|| {
            Error::usage("BGP_SESSION is too long, no UTF-8 or more than a line")
                .hint("a session is 1 to 128 bytes of text without control characters")
        })
    }

    /// The same with this password in the variable `name`, and no other source of one.
    pub(crate) fn with_password(&self, name: &str, password: &OsStr) -> Self {
        let others = self.without_passwords();
        let all = others.chain([(OsStr::new(name), password)]);
        Self(all.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
    }

    /// All but the [`PASSWORD_VARIABLES`].
    pub(crate) fn without_passwords(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0
            .iter()
            .filter(|(name, _)| !PASSWORD_VARIABLES.iter().any(|secret| name == secret))
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_passed_on() {
        let mut variables: Vec<(&str, &str)> =
            PASSWORD_VARIABLES.iter().map(|name| (*name, "x")).collect();
        variables.extend([("PATH", "/bin"), ("BG_PASSWORDS", "not ours")]);
        let environment = Environment::new(variables);
        let left: Vec<_> = environment.without_passwords().collect();
        assert_eq!(left.len(), 2);
        assert_eq!(environment.get("PATH"), Some(OsStr::new("/bin")));
        assert_eq!(environment.get("HOME"), None);
    }
}
