//! Who an action is for, as an expression over signals, scores, segment keys and what was done before.
//!
//! ```text
//! churn_probability >= 20 % and (seat_utilisation < 50 % or login_trend < 0)
//! band in ["red", "amber"] and nps is missing and not auto_renew
//! times_csm_call < 3 and (days_since_workshop is missing or days_since_workshop > 180)
//! ```
//!
//! `or` binds weakest, then `and`, then `not`. A name stands left, a number (`0.5`, `50 %`, `1_000`), a text in
//! quotes, `true` or `false` right of `<`, `<=`, `>`, `>=`, `==`, `!=`; `in [..]`, `not in [..]`, `is missing` and
//! `is not missing` are the other tests; a flag may stand alone.
//!
//! A comparison with a missing value is neither true nor false (three-valued logic, as in SQL), and an account
//! is eligible only where the whole is true: ask for `is missing` where silence is what matters.

mod bind;
mod parse;

pub(super) use bind::{Names, Rule};

/// A test that is true, false, or not known because a value is missing.
pub(super) type Answer = Option<bool>;

/// What is wrong with an expression, and where (character, 1-based).
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub at: usize,
    pub problem: String,
}

impl Fault {
    fn new(at: usize, problem: impl Into<String>) -> Self {
        Fault { at, problem: problem.into() }
    }
}

/// Looks at the grammar of an expression only, without a schema.
pub(super) fn check_grammar(text: &str) -> Result<(), Fault> {
    parse::parse(text).map(|_| ())
}
