//! How the rows of one exported table become facts: its kind, and which column holds what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// One table of an export and the names of its columns.
///
/// In TOML, one `[[table]]`: its `kind`, where it is (`file`, beside the timeline's file), and for each thing that its
/// kind has the column that holds it. Which those are, is said by [`TableKind`]; every kind but `accounts` may have
/// `known_at` and `id` (of several rows of one id the one known first counts), and `contract` (a contract's id) in
/// place of `account`.
///
/// ```toml
/// [[table]]
/// kind = "interactions"
/// file = "tickets.csv.gz"
/// called = "ticket"
/// opened = "created"
/// closed = "solved"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TableFrom {
    /// What its rows are. Default: events.
    pub kind: TableKind,
    /// What it is called in messages and by [`Reading`](super::Reading). Default: its file's name, else its kind.
    pub name: Option<String>,
    /// Its file, CSV (gzip or not) or Parquet.
    pub file: Option<PathBuf>,
    /// What each row is called, where no column says it: "ticket", "nps".
    pub called: Option<String>,
    /// How dates are written, in the signs of `strptime`. Default: the timeline's.
    pub date_format: Option<String>,
    /// Zone of times that do not name theirs, as "Europe/Berlin". Default: the timeline's.
    pub time_zone: Option<String>,
    /// What becomes of a row from before its account, or the contract it names, started.
    pub before_start: BeforeStart,
    /// Of accounts: columns of segment keys and other texts.
    pub texts: Vec<String>,
    /// Of accounts: columns of numbers that do not change.
    pub numbers: Vec<String>,
    /// Events that a row becomes, beside those that its kind brings.
    #[serde(rename = "event")]
    pub events: Vec<EventFrom>,
    /// The columns, by what they hold.
    #[serde(flatten)]
    pub columns: BTreeMap<String, String>,
}

/// What the rows of a table are, and what its columns can hold. What a row of a kind becomes, is an event by a name
/// that measures can ask for; `{}` is what the row is called: the text of a column, or the one word for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// `started`, and columns of `texts` and `numbers`.
    Accounts,
    /// `starts`, and where there are any: `ends`, `ended`, `product`, `term_months`, `auto_renew`, `notice_days`,
    /// `seats`, `mrr` (whole units), `currency`, `discount_share`, `plan`, `status`.
    Contracts,
    /// `occurred_at` and `user`; becomes what its `[[table.event]]` say.
    #[default]
    Events,
    /// `occurred_at`, `user`, `feature`, `value`: the event `{}`, called by the feature.
    Usage,
    /// `channel` (ticket, email, call, meeting), `user`; `occurred_at`: the event `{}`; or `opened`, `answered`,
    /// `closed`: `{}_opened`, `{}_answered` and `{}_closed` (hours since it was opened); `sentiment`: `{}_sentiment`.
    Interactions,
    /// `occurred_at`, `survey` (nps, csat, effort), `score`, `user`: the event `{}`; `sent`: `survey_sent`.
    Surveys,
    /// `occurred_at`, `status` (paid, failed), `amount`: the event `payment_{}`, or `payment` without a status; `due`:
    /// `days_past_due`.
    Payments,
    /// `set`: `goal_set`; `reached`: `goal_reached`, and with the goal's name in `goal` the event `{}` as well.
    Goals,
    /// `role`, `joined`, `left`: `{}_joined`, `{}_left`.
    Stakeholders,
}

/// What becomes of a row from before its account, or the contract it names, started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeforeStart {
    /// It is bad, and kept apart.
    #[default]
    Bad,
    /// It is kept, and counted as doubtful.
    Keep,
}

/// One event that a row becomes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventFrom {
    /// Its name, the same for all rows.
    pub name: Option<String>,
    /// Column of its name, where rows differ.
    pub name_from: Option<String>,
    /// What stands before a name from a column.
    pub prefix: String,
    /// What stands behind a name from a column.
    pub suffix: String,
    /// Column of its value. An empty cell says that this event did not happen. Default: none, the value is 1.
    pub value: Option<String>,
    /// Column of a date or time: the value is the hours from there to the event.
    pub hours_since: Option<String>,
    /// Column of a date: the value is the days from there to the event, 0 where it lies behind it.
    pub days_since: Option<String>,
    /// Column of the day on which it happened, where that is not the row's. An empty cell says that it did not. What
    /// happened after the row was known is known when it happened.
    pub occurred_at: Option<String>,
    /// Column of a flag: it happened only where that is set.
    pub only_if: Option<String>,
}

impl EventFrom {
    /// An event of one name for all rows.
    pub fn named(name: impl Into<String>) -> Self {
        EventFrom { name: Some(name.into()), ..EventFrom::default() }
    }
}

impl TableKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            TableKind::Accounts => "accounts",
            TableKind::Contracts => "contracts",
            TableKind::Events => "events",
            TableKind::Usage => "usage",
            TableKind::Interactions => "interactions",
            TableKind::Surveys => "surveys",
            TableKind::Payments => "payments",
            TableKind::Goals => "goals",
            TableKind::Stakeholders => "stakeholders",
        }
    }

    /// Accounts are read first, then contracts, then all else.
    pub(super) fn turn(self) -> u8 {
        match self {
            TableKind::Accounts => 0,
            TableKind::Contracts => 1,
            _ => 2,
        }
    }

    /// What its columns can hold.
    fn roles(self) -> &'static [&'static str] {
        match self {
            TableKind::Accounts => &["account", "started", "known_at"],
            TableKind::Contracts => &[
                "account",
                "id",
                "known_at",
                "starts",
                "ends",
                "ended",
                "product",
                "term_months",
                "auto_renew",
                "notice_days",
                "seats",
                "mrr",
                "currency",
                "discount_share",
                "plan",
                "status",
            ],
            TableKind::Events => &["account", "contract", "id", "known_at", "occurred_at", "user"],
            TableKind::Usage => {
                &["account", "contract", "id", "known_at", "occurred_at", "user", "feature", "value"]
            }
            TableKind::Interactions => &[
                "account",
                "contract",
                "id",
                "known_at",
                "occurred_at",
                "user",
                "channel",
                "opened",
                "answered",
                "closed",
                "sentiment",
            ],
            TableKind::Surveys => {
                &["account", "contract", "id", "known_at", "occurred_at", "user", "survey", "score", "sent"]
            }
            TableKind::Payments => {
                &["account", "contract", "id", "known_at", "occurred_at", "status", "amount", "due"]
            }
            TableKind::Goals => &["account", "contract", "id", "known_at", "goal", "set", "reached"],
            TableKind::Stakeholders => &["account", "contract", "id", "known_at", "role", "joined", "left"],
        }
    }

    /// What a row cannot be without; of several, one at least.
    fn needs(self) -> &'static [&'static [&'static str]] {
        match self {
            TableKind::Accounts => &[&["started"]],
            TableKind::Contracts => &[&["starts"]],
            TableKind::Events => &[],
            TableKind::Usage => &[&["feature"], &["occurred_at"]],
            TableKind::Interactions => &[&["opened", "occurred_at"]],
            TableKind::Surveys => &[&["score"], &["occurred_at"]],
            TableKind::Payments => &[&["occurred_at"]],
            TableKind::Goals => &[&["set", "reached"]],
            TableKind::Stakeholders => &[&["joined", "left"]],
        }
    }

    /// The column that says what a row is called, and what it is called without one.
    fn call(self) -> Option<(&'static str, &'static str)> {
        match self {
            TableKind::Usage => Some(("feature", "")),
            TableKind::Interactions => Some(("channel", "ticket")),
            TableKind::Surveys => Some(("survey", "nps")),
            TableKind::Stakeholders => Some(("role", "stakeholder")),
            _ => None,
        }
    }
}

impl TableFrom {
    /// What it is called in messages.
    pub fn title(&self) -> String {
        let file = || Some(self.file.as_ref()?.file_name()?.to_string_lossy().into_owned());
        self.name.clone().or_else(file).unwrap_or_else(|| self.kind.name().to_owned())
    }

    pub(super) fn column(&self, role: &str) -> Option<&str> {
        self.columns.get(role).map(String::as_str)
    }

    /// Whether it reads a column; `account` is the one that has the account's id unless it names another.
    #[cfg(feature = "arrow")]
    pub(super) fn reads(&self, column: &str, account: &str) -> bool {
        let of_event = |event: &EventFrom| {
            let EventFrom { name_from, value, hours_since, days_since, occurred_at, only_if, .. } = event;
            [name_from, value, hours_since, days_since, occurred_at, only_if]
                .into_iter()
                .any(|read| read.as_deref() == Some(column))
        };
        column == account
            || self.columns.values().any(|read| read == column)
            || self.texts.iter().chain(&self.numbers).any(|read| read == column)
            || self.events.iter().any(of_event)
    }

    /// What is wrong with it, in words.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        let (title, kind) = (self.title(), self.kind.name());
        let faulty = |problem: String| Err(format!("table `{title}`: {problem}"));
        let roles = self.kind.roles();
        if let Some(key) = self.columns.keys().find(|key| !roles.contains(&key.as_str())) {
            return faulty(format!("`{key}` is nothing that {kind} have; they have {}", roles.join(", ")));
        }
        for needed in self.kind.needs() {
            if !needed.iter().any(|role| self.columns.contains_key(*role)) {
                return faulty(format!("{kind} need the column of `{}`", needed.join("` or `")));
            }
        }
        if self.kind.turn() < 2 && !self.events.is_empty() {
            return faulty(format!("{kind} are no events; leave [[table.event]] out"));
        }
        if self.kind != TableKind::Accounts && !(self.texts.is_empty() && self.numbers.is_empty()) {
            return faulty("`texts` and `numbers` are for accounts only; leave them out".into());
        }
        self.check_events().or_else(faulty)
    }

    fn check_events(&self) -> std::result::Result<(), String> {
        let events = self.all_events();
        if self.kind.turn() == 2 && events.is_empty() {
            return Err("no [[event]]; say what event a row is".into());
        }
        for event in &events {
            if event.name.is_some() == event.name_from.is_some() {
                return Err("an [[event]] needs either `name` or `name_from`, its column".into());
            }
            let values = [&event.value, &event.hours_since, &event.days_since];
            if values.into_iter().flatten().count() > 1 {
                return Err("an [[event]] has one of `value`, `hours_since` and `days_since`".into());
            }
            if event.occurred_at.is_none() && self.column("occurred_at").is_none() {
                return Err("needs the column of `occurred_at`, of the table or of each event".into());
            }
        }
        Ok(())
    }

    /// The events that a row becomes: those of its kind, then its own.
    pub(super) fn all_events(&self) -> Vec<EventFrom> {
        let mut events = self.events_of_kind();
        events.extend(self.events.iter().cloned());
        events
    }

    fn events_of_kind(&self) -> Vec<EventFrom> {
        let of = |role: &str| self.columns.get(role).cloned();
        let at = |role: &str, event: EventFrom| {
            of(role).map(|column| EventFrom { occurred_at: Some(column), ..event })
        };
        let row = of("occurred_at").is_some();
        match self.kind {
            TableKind::Accounts | TableKind::Contracts | TableKind::Events => Vec::new(),
            TableKind::Usage => vec![EventFrom { value: of("value"), ..self.event_called("") }],
            TableKind::Interactions => {
                let since = |suffix| EventFrom { hours_since: of("opened"), ..self.event_called(suffix) };
                let tone = of("sentiment").map(|column| EventFrom {
                    value: Some(column),
                    occurred_at: of("opened"),
                    ..self.event_called("_sentiment")
                });
                let told = [
                    row.then(|| self.event_called("")),
                    at("opened", self.event_called("_opened")),
                    at("answered", since("_answered")),
                    at("closed", since("_closed")),
                    tone,
                ];
                told.into_iter().flatten().collect()
            }
            TableKind::Surveys => {
                let answer = EventFrom { value: of("score"), ..self.event_called("") };
                [Some(answer), at("sent", EventFrom::named("survey_sent"))].into_iter().flatten().collect()
            }
            TableKind::Payments => self.payments(),
            TableKind::Goals => {
                let named = EventFrom { name_from: of("goal"), ..EventFrom::default() };
                let reached = at("reached", EventFrom::named("goal_reached"));
                let by_name = at("reached", named).filter(|event| event.name_from.is_some());
                [at("set", EventFrom::named("goal_set")), reached, by_name].into_iter().flatten().collect()
            }
            TableKind::Stakeholders => {
                let told =
                    [at("joined", self.event_called("_joined")), at("left", self.event_called("_left"))];
                told.into_iter().flatten().collect()
            }
        }
    }

    fn payments(&self) -> Vec<EventFrom> {
        let of = |role: &str| self.columns.get(role).cloned();
        let paid = match of("status") {
            Some(column) => {
                EventFrom { name_from: Some(column), prefix: "payment_".into(), ..EventFrom::default() }
            }
            None => EventFrom::named("payment"),
        };
        let mut events = vec![EventFrom { value: of("amount"), ..paid }];
        if let Some(due) = of("due") {
            events.push(EventFrom { days_since: Some(due), ..EventFrom::named("days_past_due") });
        }
        events
    }

    /// The event by which a row is called, with something behind it.
    fn event_called(&self, suffix: &str) -> EventFrom {
        let Some((role, usual)) = self.kind.call() else { return EventFrom::default() };
        match self.column(role) {
            Some(column) => EventFrom {
                name_from: Some(column.to_owned()),
                suffix: suffix.to_owned(),
                ..EventFrom::default()
            },
            None => EventFrom::named(format!("{}{suffix}", self.called.as_deref().unwrap_or(usual))),
        }
    }
}
