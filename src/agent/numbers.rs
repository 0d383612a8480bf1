//! Numbers of JSON where a schema allows them: however they are written, what they mean.
//!
//! Does not: read texts.

use std::time::Duration;

use serde_json::Number;

use crate::model::error::Error;
use crate::text::written;

/// `number` without a fraction; JSON Schema takes 20.0 for an integer, too.
pub(super) fn whole(number: &Number) -> Option<u64> {
    /// 2 to the 53rd: all whole numbers up to it are exact.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    number.as_u64().or_else(|| {
        let float = number.as_f64()?;
        let is_whole = float.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&float);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and within"
        )]
        is_whole.then_some(float as u64)
    })
}

/// `number` as a text has it: one that is whole in digits alone.
pub(super) fn text(number: &Number) -> String {
    whole(number).map_or_else(|| number.to_string(), |whole| whole.to_string())
}

/// So many seconds.
///
/// # Errors
///
/// A usage error: negative, or too long.
pub(super) fn duration(number: &Number) -> Result<Duration, Error> {
    written::seconds(number.as_f64().unwrap_or(f64::INFINITY))
}

/// So many seconds, and no fewer than an interval has.
///
/// # Errors
///
/// A usage error: too short, or as [`duration`].
pub(super) fn interval(number: &Number) -> Result<Duration, Error> {
    written::long_enough(duration(number)?, &number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Number {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        for (json, expected) in [
            ("18231.0", "18231"),
            ("2e3", "2000"),
            ("0", "0"),
            ("18446744073709551615", "18446744073709551615"),
            ("1.5", "1.5"),
            ("-1", "-1"),
        ] {
            assert_eq!(text(&number(json)), expected);
        }
    }

    #[test]
    fn seconds_are_any_number_in_bounds() {
        for (json, expected) in [
            ("0.30000000000000004", Duration::from_millis(300)),
            ("1e-7", Duration::from_nanos(100)),
            ("0", Duration::ZERO),
            ("20", Duration::from_secs(20)),
            ("2.5e1", Duration::from_secs(25)),
        ] {
            assert_eq!(duration(&number(json)), Ok(expected), "{json}");
        }
        for (json, refused) in [
            ("-1", "'-1' is not a duration"),
            ("1e300", "is too long"),
            ("315360001", "'315360001' is too long"),
            ("18446744073709551615", "is too long"),
        ] {
            let error = duration(&number(json)).unwrap_err();
            assert!(error.message.ends_with(refused), "{json}: {error}");
        }
        assert_eq!(interval(&number("0.1")), Ok(Duration::from_millis(100)));
        let error = interval(&number("0.05")).unwrap_err();
        assert_eq!(error.message, "'0.05' is too short");
    }
}
