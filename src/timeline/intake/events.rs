//! Rows that tell of events.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use jiff::civil::Date;

use super::super::day::Moment;
use super::super::record::Event;
use super::super::table_from::{BeforeStart, EventFrom, TableFrom};
use super::cells::{Header, Row};
use super::{Cause, Reading};
use crate::error::Result;

/// Whole numbers that are names are looked up as words below this.
const MAX_WORD: usize = 1 << 16;

/// The account of an event of a row that another of the same id replaced.
pub(super) const DROPPED: u32 = u32::MAX;

pub(super) struct Events {
    pub header: Header,
    who: Who,
    occurred_at: Option<usize>,
    known_at: Option<usize>,
    id: Option<usize>,
    user: Option<usize>,
    before_start: BeforeStart,
    events: Vec<EventColumns>,
    /// The events of each id that was met.
    ids: HashMap<String, Range<usize>>,
}

/// The columns of rows that each become one event.
#[cfg(feature = "arrow")]
pub(super) struct Plainly<'a> {
    pub account: usize,
    pub occurred_at: usize,
    pub known_at: Option<usize>,
    pub user: Option<usize>,
    pub value: Option<usize>,
    /// The one name of all.
    pub code: Option<u32>,
    pub names: Option<usize>,
    of_words: &'a [Option<u32>],
}

#[cfg(feature = "arrow")]
impl Plainly<'_> {
    /// The code of a word or small whole number that was met before.
    pub fn name(&self, word: usize) -> Option<u32> {
        *self.of_words.get(word)?
    }
}

#[derive(Clone, Copy)]
enum Who {
    Account(usize),
    Contract(usize),
}

/// One event that a row becomes, by the columns it is read from.
struct EventColumns {
    name: Named,
    value: Value,
    occurred_at: Option<usize>,
    only_if: Option<usize>,
}

enum Named {
    Code(u32),
    Column(NameColumn),
}

struct NameColumn {
    at: usize,
    prefix: String,
    suffix: String,
    codes: HashMap<String, u32>,
    /// Codes of the words of the batch's dictionary that were met, or of small whole numbers.
    of_words: Vec<Option<u32>>,
}

#[derive(Clone, Copy)]
enum Value {
    One,
    Column(usize),
    HoursSince(usize),
    DaysSince(usize),
}

impl Events {
    pub fn new(reading: &mut Reading<'_>, table: &TableFrom, header: Header) -> Result<Self> {
        let find = |role: &str, words| header.maybe(table.column(role), words);
        let who = match (table.column("account"), find("contract", "contract id")?) {
            (None, Some(at)) => Who::Contract(at),
            (account, _) => {
                Who::Account(header.find(account.unwrap_or(&reading.timeline.account), "account id")?)
            }
        };
        let events: Result<Vec<EventColumns>> =
            table.all_events().iter().map(|event| EventColumns::new(reading, &header, event)).collect();
        Ok(Events {
            who,
            occurred_at: find("occurred_at", "day on which a row happened")?,
            known_at: find("known_at", "day on which a row was known")?,
            id: find("id", "id of a row")?,
            user: find("user", "user who did it")?,
            before_start: table.before_start,
            events: events?,
            ids: HashMap::new(),
            header,
        })
    }

    /// Forgets the words of the last batch.
    #[cfg(feature = "arrow")]
    pub fn begin_batch(&mut self) {
        for event in &mut self.events {
            if let Named::Column(column) = &mut event.name {
                column.of_words.clear();
            }
        }
    }

    /// What its rows are read from, where each becomes one event by nothing but plain columns.
    #[cfg(feature = "arrow")]
    pub fn plainly(&self) -> Option<Plainly<'_>> {
        let (Who::Account(account), Some(occurred_at), None, [event]) =
            (self.who, self.occurred_at, self.id, self.events.as_slice())
        else {
            return None;
        };
        let value = match event.value {
            Value::One => None,
            Value::Column(at) => Some(at),
            _ => return None,
        };
        let (code, names, of_words) = match &event.name {
            Named::Code(code) => (Some(*code), None, &[][..]),
            Named::Column(column) => (None, Some(column.at), column.of_words.as_slice()),
        };
        let is_plain = event.occurred_at.is_none() && event.only_if.is_none();
        let (known_at, user) = (self.known_at, self.user);
        is_plain.then_some(Plainly { account, occurred_at, known_at, user, value, code, names, of_words })
    }

    pub fn row(&mut self, reading: &mut Reading<'_>, row: &impl Row) -> std::result::Result<(), Cause> {
        let before = reading.events.len();
        let read = self.parse(reading, row);
        if read.is_err() {
            reading.events.truncate(before);
        }
        read
    }

    fn parse(&mut self, reading: &mut Reading<'_>, row: &impl Row) -> std::result::Result<(), Cause> {
        let before = reading.events.len();
        let occurred_at = self.occurred_at.map(|at| self.header.needed_moment(row, at)).transpose()?;
        let known_at = self.known_at.map(|at| self.header.moment(row, at)).transpose()?.flatten();
        let known_at = known_at.map(|moment| moment.day);
        if let (Some(Moment { day, .. }), Some(known_at)) = (occurred_at, known_at)
            && known_at < day
        {
            return Err(format!("was known on {known_at}, before it happened on {day}"));
        }
        let (account, started) = self.account(reading, row)?;
        let user = self.user.map(|at| self.header.text(row, at)).transpose()?.flatten();
        let user = user.map(|user| reading.users.code(user));
        for columns in &mut self.events {
            let Some(told) = columns.read(&mut self.header, reading, row, occurred_at)? else { continue };
            let known_at = known_at.map_or(told.day, |known_at| known_at.max(told.day));
            let Told { name, value, day } = told;
            reading.events.push(Event { account, name, user, value, occurred_at: day, known_at });
        }
        self.check_start(reading, row, before, started)?;
        let events = &reading.events[before..];
        if events.first().is_some_and(|event| event.known_at > event.occurred_at) {
            reading.counts().n_late += 1;
        }
        self.keep(reading, row, before)
    }

    /// The account of a row, and since when there is what it belongs to.
    fn account(
        &self,
        reading: &mut Reading<'_>,
        row: &impl Row,
    ) -> std::result::Result<(u32, Option<Start>), Cause> {
        match self.who {
            Who::Account(at) => {
                let account = reading.account(self.header.needed_text(row, at)?)?;
                let started = reading.started.get(account as usize).copied();
                Ok((account, started.map(|day| Start { what: "account", day })))
            }
            Who::Contract(at) => {
                let contract = reading.contract(self.header.needed_text(row, at)?)?;
                Ok((contract.account, Some(Start { what: "contract", day: contract.starts })))
            }
        }
    }

    fn check_start(
        &self,
        reading: &mut Reading<'_>,
        row: &impl Row,
        before: usize,
        started: Option<Start>,
    ) -> std::result::Result<(), Cause> {
        let Some(Start { what, day: started }) = started else { return Ok(()) };
        let first = reading.events[before..].iter().map(|event| event.occurred_at).min();
        let Some(first) = first.filter(|first| *first < started) else { return Ok(()) };
        let cause = format!("happened on {first}, before its {what} started on {started}");
        match self.before_start {
            BeforeStart::Bad => Err(cause),
            BeforeStart::Keep => {
                reading.note_doubtful(row, cause);
                Ok(())
            }
        }
    }

    /// Keeps the row's events, or those of another row with its id, whichever was known first.
    fn keep(
        &mut self,
        reading: &mut Reading<'_>,
        row: &impl Row,
        before: usize,
    ) -> std::result::Result<(), Cause> {
        let Some(id) = self.id.map(|at| self.header.text(row, at)).transpose()?.flatten() else {
            return Ok(());
        };
        let new = before..reading.events.len();
        let id = id.to_string();
        let Some(other) = self.ids.get(&id).cloned() else {
            self.ids.insert(id, new);
            return Ok(());
        };
        reading.counts().n_duplicates += 1;
        let is_earlier =
            earlier(&reading.events[new.clone()], &reading.events[other.clone()]) == Ordering::Less;
        let (winner, loser) = if is_earlier { (new, other) } else { (other, new) };
        if reading.events[loser.clone()].first().is_some_and(|event| event.known_at > event.occurred_at) {
            reading.counts().n_late -= 1;
        }
        reading.events[loser].iter_mut().for_each(|event| event.account = DROPPED);
        self.ids.insert(id, winner);
        Ok(())
    }
}

/// Since when there is an account or a contract.
struct Start {
    what: &'static str,
    day: Date,
}

/// What a row says of one event.
struct Told {
    name: u32,
    value: f64,
    day: Date,
}

impl EventColumns {
    fn new(reading: &mut Reading<'_>, header: &Header, event: &EventFrom) -> Result<Self> {
        let name = match (&event.name, &event.name_from) {
            (Some(name), _) => Named::Code(reading.names.code(name)),
            (None, column) => Named::Column(NameColumn {
                at: header.find(column.as_deref().unwrap_or_default(), "name of an event")?,
                prefix: event.prefix.clone(),
                suffix: event.suffix.clone(),
                codes: HashMap::new(),
                of_words: Vec::new(),
            }),
        };
        let find = |column: &Option<String>, words| header.maybe(column.as_deref(), words);
        let value = find(&event.value, "value of an event")?.map(Value::Column);
        let hours = find(&event.hours_since, "time since which hours are counted")?.map(Value::HoursSince);
        let days = find(&event.days_since, "day since which days are counted")?.map(Value::DaysSince);
        Ok(EventColumns {
            name,
            value: value.or(hours).or(days).unwrap_or(Value::One),
            occurred_at: find(&event.occurred_at, "day on which an event happened")?,
            only_if: find(&event.only_if, "flag of an event")?,
        })
    }

    /// The event, `None` where a row says that it did not happen.
    fn read(
        &mut self,
        header: &mut Header,
        reading: &mut Reading<'_>,
        row: &impl Row,
        of_row: Option<Moment>,
    ) -> std::result::Result<Option<Told>, Cause> {
        if let Some(at) = self.only_if
            && header.flag(row, at)? != Some(true)
        {
            return Ok(None);
        }
        let own = self.occurred_at.map(|at| header.moment(row, at)).transpose()?;
        let Some(moment) = own.unwrap_or(of_row) else { return Ok(None) };
        let Some(value) = self.value(header, row, moment)? else { return Ok(None) };
        let Some(name) = self.name.read(header, reading, row)? else { return Ok(None) };
        Ok(Some(Told { name, value, day: moment.day }))
    }

    fn value(
        &self,
        header: &mut Header,
        row: &impl Row,
        moment: Moment,
    ) -> std::result::Result<Option<f64>, Cause> {
        let since = |header: &mut Header, at| {
            Ok::<_, Cause>(header.moment(row, at)?.map(|from| (moment.second - from.second) as f64 / 3_600.0))
        };
        match self.value {
            Value::One => Ok(Some(1.0)),
            Value::Column(at) => header.number(row, at),
            Value::DaysSince(at) => Ok(since(header, at)?.map(|hours| (hours / 24.0).floor().max(0.0))),
            Value::HoursSince(at) => match since(header, at)? {
                Some(hours) if hours < 0.0 => {
                    let name = &header.names[at];
                    Err(format!("happened on {}, before `{name}`, from which hours are counted", moment.day))
                }
                hours => Ok(hours),
            },
        }
    }
}

impl Named {
    fn read(
        &mut self,
        header: &Header,
        reading: &mut Reading<'_>,
        row: &impl Row,
    ) -> std::result::Result<Option<u32>, Cause> {
        match self {
            Named::Code(code) => Ok(Some(*code)),
            Named::Column(column) => column.read(header, reading, row),
        }
    }
}

impl NameColumn {
    fn read(
        &mut self,
        header: &Header,
        reading: &mut Reading<'_>,
        row: &impl Row,
    ) -> std::result::Result<Option<u32>, Cause> {
        let small = |number: i64| usize::try_from(number).ok().filter(|number| *number < MAX_WORD);
        let word = row.word(self.at).or_else(|| small(row.whole(self.at)??));
        if let Some(code) = word.and_then(|word| *self.of_words.get(word)?) {
            return Ok(Some(code));
        }
        let Some(key) = header.text(row, self.at)? else { return Ok(None) };
        let text = key.to_string();
        let code = match self.codes.get(&text) {
            Some(code) => *code,
            None => {
                let code = reading.names.code(&format!("{}{text}{}", self.prefix, self.suffix));
                self.codes.insert(text, code);
                code
            }
        };
        if let Some(word) = word {
            self.of_words.resize(self.of_words.len().max(word + 1), None);
            self.of_words[word] = Some(code);
        }
        Ok(Some(code))
    }
}

/// Which of two rows was known first; where that is the same, by whatever else is in them.
fn earlier(a: &[Event], b: &[Event]) -> Ordering {
    let key = |event: &Event| (event.known_at, event.occurred_at, event.account, event.name, event.user);
    let by_value = || {
        let pairs = a.iter().zip(b).map(|(a, b)| a.value.total_cmp(&b.value));
        pairs.into_iter().find(|found| found.is_ne())
    };
    a.iter().map(key).cmp(b.iter().map(key)).then_with(|| by_value().unwrap_or(Ordering::Equal))
}
