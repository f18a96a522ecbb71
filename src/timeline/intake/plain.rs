//! Rows of the plainest kind, one event each and nothing missing, read column by column: usage comes by the million. What
//! is odd about a row is left to the reader of all rows.

use jiff::civil::Date;

use super::super::record::Event;
use super::Reading;
use super::cells::Key;
use super::events::Plainly;

/// Days by number, and the dates from the first of them on.
#[derive(Clone, Copy)]
pub(super) struct Days<'a> {
    pub numbers: &'a [i32],
    pub first: i64,
    pub dates: &'a [Date],
}

impl Days<'_> {
    fn date(&self, row: usize) -> Date {
        self.dates[(i64::from(self.numbers[row]) - self.first) as usize]
    }
}

/// Numbers of users, whole and small enough to be their own codes.
const MAX_USER: i64 = 1 << 31;

/// The columns of a batch, none with a missing cell.
pub(super) struct Plain<'a> {
    pub accounts: &'a [i64],
    pub occurred_at: Days<'a>,
    pub known_at: Option<Days<'a>>,
    pub users: Option<&'a [i64]>,
    /// Numbers or words that are names; of one name for all rows, none.
    pub names: Option<Names<'a>>,
    pub values: Option<&'a [f64]>,
}

#[derive(Clone, Copy)]
pub(super) enum Names<'a> {
    Whole(&'a [i64]),
    Words(&'a [i32]),
}

impl Plain<'_> {
    /// Reads rows from one on, up to the first about which anything is odd, and gives its number.
    pub fn read(
        &self,
        from: usize,
        n_rows: usize,
        plainly: &Plainly<'_>,
        reading: &mut Reading<'_>,
    ) -> usize {
        let mut n_late = 0;
        let mut row = from;
        while row < n_rows {
            let Some(event) = self.event(row, plainly, reading) else { break };
            n_late += usize::from(event.known_at > event.occurred_at);
            reading.events.push(event);
            row += 1;
        }
        let counts = reading.counts();
        counts.n_rows += row - from;
        counts.n_late += n_late;
        row
    }

    #[inline]
    fn event(&self, row: usize, plainly: &Plainly<'_>, reading: &mut Reading<'_>) -> Option<Event> {
        let occurred_at = self.occurred_at.date(row);
        let known_at = self.known_at.map_or(occurred_at, |days| days.date(row));
        let account = reading.account(Key::Whole(self.accounts[row])).ok()?;
        let is_early = reading.started.get(account as usize).is_some_and(|started| occurred_at < *started);
        let user = match self.users {
            Some(users) => Some(u32::try_from(users[row]).ok().filter(|user| i64::from(*user) < MAX_USER)?),
            None => None,
        };
        let name = match (plainly.code, self.names) {
            (Some(code), _) => code,
            (None, Some(Names::Whole(names))) => plainly.name(usize::try_from(names[row]).ok()?)?,
            (None, Some(Names::Words(words))) => plainly.name(words[row] as usize)?,
            (None, None) => return None,
        };
        let value = self.values.map_or(1.0, |values| values[row]);
        let is_odd = is_early || known_at < occurred_at || !value.is_finite();
        (!is_odd).then_some(Event { account, name, user, value, occurred_at, known_at })
    }
}
