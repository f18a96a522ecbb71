//! A business's whole export, table by table: mapping, kinds of rows, zones, currencies, overlaps, bad rows.

use jiff::civil::{Date, date};
use keepwell::frame::{Column, Table};
use keepwell::schema::Schema;
use keepwell::timeline::{Intake, Reading, Timeline};

const EXPORT: &str = r#"
account = "customer"
time_zone = "Europe/Berlin"

[[table]]
kind = "accounts"
started = "since"
texts = ["tier"]
numbers = ["staff"]

[[table]]
kind = "contracts"
id = "contract"
product = "product"
starts = "from"
ends = "to"
ended = "stopped"
term_months = "months"
auto_renew = "renews"
notice_days = "notice"
seats = "seats"
mrr = "monthly"
currency = "currency"
discount_share = "discount"
plan = "plan"
status = "status"
known_at = "signed"

[[table]]
kind = "usage"
id = "row"
occurred_at = "at"
user = "who"
feature = "what"
value = "times"

[[table]]
kind = "interactions"
channel = "channel"
opened = "opened"
answered = "answered"
closed = "closed"
sentiment = "tone"

[[table]]
name = "calls"
kind = "interactions"
called = "call"
occurred_at = "day"

[[table]]
kind = "surveys"
survey = "kind"
score = "answer"
occurred_at = "day"
sent = "sent"

[[table]]
kind = "payments"
occurred_at = "day"
status = "state"
amount = "sum"
due = "due"

[[table]]
kind = "goals"
goal = "goal"
set = "set"
reached = "reached"

[[table]]
kind = "stakeholders"
role = "role"
joined = "came"
left = "went"

[[table]]
name = "notes"
account = "firm"
occurred_at = "day"
before_start = "keep"
[[table.event]]
name = "escalation"
only_if = "escalated"
"#;

fn export() -> Timeline {
    Timeline::from_toml(EXPORT).unwrap()
}

const ACCOUNTS: &str = "customer,since,tier,staff\nA,2026-01-01,small,5\nB,2026-02-01,mid,\nC,never,mid,1\n";

fn reading(timeline: &Timeline) -> Reading<'_> {
    let mut reading = timeline.reading().unwrap();
    reading.csv("accounts", ACCOUNTS.as_bytes()).unwrap();
    reading
}

/// What happened, as name, value, day and day it was known.
fn told(intake: &Intake) -> Vec<(&str, f64, Date, Date)> {
    let name = |code: u32| intake.records.names().names()[code as usize].as_str();
    let told = intake.records.events().iter();
    told.map(|event| (name(event.name), event.value, event.occurred_at, event.known_at)).collect()
}

fn read(table: &str, text: &str) -> Intake {
    let timeline = export();
    let mut reading = reading(&timeline);
    reading.csv(table, text.as_bytes()).unwrap();
    reading.finish().unwrap()
}

fn causes(intake: &Intake) -> Vec<(&str, u64, &str)> {
    intake.bad.iter().map(|row| (row.table.as_str(), row.line, row.cause.as_str())).collect()
}

#[test]
fn rows_of_every_kind_become_events() {
    let on = |day| date(2026, 3, day);
    let usage = read("usage", "row,customer,at,who,what,times\n1,A,2026-03-01,eve,reports,3\n");
    assert_eq!(told(&usage), [("reports", 3.0, on(1), on(1))]);
    let tickets = "customer,channel,opened,answered,closed,tone\n\
                   A,ticket,2026-03-01 10:00:00,2026-03-01 12:30:00,2026-03-02 10:00:00,-0.5\n\
                   A,email,2026-03-02,,,\n";
    assert_eq!(
        told(&read("interactions", tickets)),
        [
            ("ticket_answered", 2.5, on(1), on(1)),
            ("ticket_opened", 1.0, on(1), on(1)),
            ("ticket_sentiment", -0.5, on(1), on(1)),
            ("email_opened", 1.0, on(2), on(2)),
            ("ticket_closed", 24.0, on(2), on(2)),
        ],
        "by day, then by name"
    );
    assert_eq!(told(&read("calls", "customer,day\nA,2026-03-01\n")), [("call", 1.0, on(1), on(1))]);
    let surveys = read(
        "surveys",
        "customer,kind,answer,day,sent\nA,nps,9,2026-03-04,2026-03-01\nA,csat,,2026-03-05,2026-03-05\n",
    );
    assert_eq!(
        told(&surveys),
        [("survey_sent", 1.0, on(1), on(1)), ("nps", 9.0, on(4), on(4)), ("survey_sent", 1.0, on(5), on(5))],
        "a survey without an answer was sent only"
    );
    let payments = "customer,day,state,sum,due\nA,2026-03-10,failed,99.5,2026-03-01\nA,2026-03-11,paid,99.5,2026-03-15\n";
    assert_eq!(
        told(&read("payments", payments)),
        [
            ("days_past_due", 9.0, on(10), on(10)),
            ("payment_failed", 99.5, on(10), on(10)),
            ("days_past_due", 0.0, on(11), on(11)),
            ("payment_paid", 99.5, on(11), on(11)),
        ]
    );
    let goals =
        read("goals", "customer,goal,set,reached\nA,go-live,2026-03-01,2026-03-09\nA,adoption,2026-03-01,\n");
    assert_eq!(
        told(&goals),
        [
            ("goal_set", 1.0, on(1), on(1)),
            ("goal_set", 1.0, on(1), on(1)),
            ("go-live", 1.0, on(9), on(9)),
            ("goal_reached", 1.0, on(9), on(9)),
        ]
    );
    let people = read("stakeholders", "customer,role,came,went\nA,champion,2026-03-01,2026-03-09\n");
    assert_eq!(told(&people), [("champion_joined", 1.0, on(1), on(1)), ("champion_left", 1.0, on(9), on(9))]);
}

#[test]
fn flags_decide_and_early_rows_are_kept_where_asked() {
    let intake = read(
        "notes",
        "firm,day,escalated\nA,2025-12-31,yes\nA,2026-03-01,no\nA,2026-03-02,True\nA,2026-03-02,perhaps\n",
    );
    assert_eq!(told(&intake).len(), 2);
    let doubtful = &intake.doubtful[0];
    assert_eq!(
        (doubtful.line, doubtful.cause.as_str()),
        (2, "happened on 2025-12-31, before its account started on 2026-01-01")
    );
    assert_eq!(
        causes(&intake)[1],
        ("notes", 5, "column `escalated`: found `perhaps`, expected true/false, yes/no or 1/0")
    );
}

#[test]
fn bad_rows_of_each_table_are_kept_apart() {
    let usage = "row,customer,at,who,what,times\n1,A,2025-12-31,eve,reports,3\n2,C,2026-03-01,eve,reports,3\n\
                 3,A,2026-03-01,eve,reports,many\n4,A,2026-03-02,eve,reports,1\n4,A,2026-03-02,eve,reports,1\n";
    let intake = read("usage", usage);
    const NUMBER: &str = "column `times`: found `many`, expected a number without thousands separators, unit or % sign (leave the cell empty where it is not known)";
    assert_eq!(
        causes(&intake),
        [
            ("accounts", 4, "column `since`: found `never`, expected a date as 2026-11-21"),
            ("usage", 2, "happened on 2025-12-31, before its account started on 2026-01-01"),
            ("usage", 3, "account `C` is in no table of accounts"),
            ("usage", 4, NUMBER),
        ]
    );
    assert_eq!(told(&intake).len(), 1);
    let counts: Vec<_> = intake
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table.n_rows, table.n_bad, table.n_duplicates))
        .collect();
    assert_eq!(counts, [("accounts", 3, 1, 0), ("usage", 5, 3, 1)]);
    assert_eq!((intake.n_rows, intake.n_duplicates), (8, 1));
}

const CONTRACTS: &str = "customer,contract,product,from,to,stopped,months,renews,notice,seats,monthly,currency,discount,plan,status,signed\n";

fn contracts(rows: &str) -> Intake {
    read("contracts", &format!("{CONTRACTS}{rows}"))
}

#[test]
fn contracts_are_read_with_what_they_say() {
    let intake = contracts(
        "A,c1,core,2026-01-01,2027-01-01,,12,yes,30,20,1999.99,eur,0.1,team,Active,2025-12-20\n\
         B,c2,,2026-02-01,,2026-03-01,,,,,,,,,canceled,\n",
    );
    let [one, other] = intake.records.contracts() else { panic!() };
    assert_eq!((one.id.as_str(), one.product.as_str(), one.plan.as_str()), ("c1", "core", "team"));
    assert_eq!((one.ends, one.known_at), (Some(date(2027, 1, 1)), date(2025, 12, 20)));
    assert_eq!((one.term_months, one.auto_renew, one.notice_days), (Some(12), Some(true), Some(30)));
    assert_eq!((one.seats, one.mrr_cents, one.discount_share), (Some(20), Some(199_999), Some(0.1)));
    assert_eq!((other.ended, other.seats, other.mrr_cents), (Some(date(2026, 3, 1)), None, None));
    assert_eq!(other.status, keepwell::timeline::ContractStatus::Cancelled);
}

#[test]
fn contracts_that_cannot_be_are_bad_rows() {
    let intake = contracts(
        "A,c1,,2026-05-01,2026-05-01,,,,,,,,,,,\n\
         A,c2,,2026-05-01,,2026-04-30,,,,,,,,,,\n\
         A,c3,,2026-05-01,,,,,,2.5,,,,,,\n\
         A,c4,,2026-05-01,,,,,,,,,31,,,\n\
         A,c5,,2026-05-01,,,,,,,,,,,sleeping,\n\
         A,c6,,2026-05-01,,,,,,,10,USD,,,,\n\
         A,c7,,2026-06-01,2026-09-01,,,,,,10,EUR,,,,\n\
         A,c8,,2026-08-01,,,,,,,10,EUR,,,,\n\
         A,c8,,2026-08-01,,,,,,,10,EUR,,,,\n",
    );
    let found: Vec<_> = causes(&intake).into_iter().skip(1).map(|(_, line, cause)| (line, cause)).collect();
    assert_eq!(
        found,
        [
            (2, "ends on 2026-05-01, not after it starts on 2026-05-01"),
            (3, "ended on 2026-04-30, before it starts on 2026-05-01"),
            (4, "column `seats`: found `2.5`, expected a whole number from 0"),
            (5, "column `discount`: found `31`, expected a share of 1: 31 % is 0.31"),
            (6, "column `status`: found `sleeping`, expected one of active, trial, paused, cancelled, ended"),
            (7, "is in USD, but the others are in EUR; give the rate of USD in [rates]"),
        ]
    );
    assert_eq!((intake.n_duplicates, intake.records.contracts().len()), (1, 2));
    let doubtful: Vec<_> = intake.doubtful.iter().map(|row| (row.line, row.cause.as_str())).collect();
    let overlap = "starts on 2026-08-01 before the contract of line 8 ends; from then on this one counts";
    assert_eq!(doubtful, [(9, overlap)]);
}

#[test]
fn currencies_are_converted_where_a_rate_is_given() {
    let timeline =
        Timeline::from_toml(&format!("currency = \"EUR\"\n{EXPORT}\n[rates]\nUSD = 0.9\n")).unwrap();
    let mut reading = reading(&timeline);
    let rows = format!("{CONTRACTS}A,c1,,2026-05-01,,,,,,,10,USD,,,,\n");
    reading.csv("contracts", rows.as_bytes()).unwrap();
    let intake = reading.finish().unwrap();
    let contract = &intake.records.contracts()[0];
    assert_eq!((contract.mrr_cents, contract.currency.as_str()), (Some(900), "EUR"));
}

#[test]
fn times_are_days_in_utc_and_a_change_of_zone_is_noted() {
    let text = "customer,channel,opened,answered,closed,tone\n\
                A,ticket,2026-03-29 00:30:00,,,\n\
                A,ticket,2026-03-29T00:30:00Z,,,\n\
                A,ticket,2026-03-29T00:30:00+05:00,,,\n";
    let intake = read("interactions", text);
    let days: Vec<Date> = told(&intake).iter().map(|told| told.2).collect();
    assert_eq!(days, [date(2026, 3, 28), date(2026, 3, 28), date(2026, 3, 29)]);
    assert_eq!(
        intake.notes,
        [
            "table `interactions`, column `opened`: some times name their zone, others do not and were taken for \
          Europe/Berlin; say `time_zone` if that is wrong"
        ]
    );
}

#[test]
fn lines_are_counted_however_they_end() {
    let rows = ["customer,day", "A,2026-03-01", "A,soon", "A,later", ""];
    for ending in ["\n", "\r\n"] {
        let intake = read("calls", &rows.join(ending));
        let lines: Vec<u64> = causes(&intake).iter().skip(1).map(|(_, line, _)| *line).collect();
        assert_eq!(lines, [3, 4], "{ending:?}");
    }
}

#[test]
fn usage_may_name_its_contract_in_place_of_its_account() {
    let timeline = Timeline::from_toml(
        r#"
        account = "account"
        [[table]]
        kind = "contracts"
        id = "contract"
        starts = "from"
        [[table]]
        kind = "usage"
        contract = "contract"
        occurred_at = "day"
        feature = "what"
    "#,
    )
    .unwrap();
    let mut reading = timeline.reading().unwrap();
    reading.csv("contracts", "contract,account,from\n7,A,2026-01-01\n".as_bytes()).unwrap();
    let usage = "contract,day,what\n7,2026-02-01,x\n8,2026-02-01,x\n7,2025-02-01,x\n";
    reading.csv("usage", usage.as_bytes()).unwrap();
    let intake = reading.finish().unwrap();
    assert_eq!(
        causes(&intake),
        [
            ("usage", 3, "contract `8` is in no table of contracts"),
            ("usage", 4, "happened on 2025-02-01, before its contract started on 2026-01-01"),
        ]
    );
    assert_eq!(intake.records.accounts()[0].started, date(2026, 1, 1), "told by the contract");
    assert_eq!(timeline.snapshots(&intake.records, &[date(2026, 1, 2)]).unwrap().n_rows(), 1);
}

#[test]
fn tables_come_in_turn_and_are_not_empty() {
    let timeline = export();
    let mut reading = reading(&timeline);
    reading.csv("calls", "customer,day\nA,2026-03-01\n".as_bytes()).unwrap();
    let text = |error: keepwell::Error| error.to_string();
    let late = reading.csv("accounts", ACCOUNTS.as_bytes()).err().map(text).unwrap();
    assert_eq!(late, "records: table `accounts` comes too late; read accounts before what belongs to them");
    let names =
        "accounts, contracts, usage, interactions, calls, surveys, payments, goals, stakeholders, notes";
    let none = reading.csv("tickets", "".as_bytes()).err().map(text).unwrap();
    assert_eq!(none, format!("records: there is no table `tickets`; the timeline's are: {names}"));
    let empty = timeline.reading().unwrap();
    assert_eq!(
        empty.finish().unwrap_err().to_string(),
        "the export has no rows; give it a header and at least one event"
    );
}

#[test]
fn a_faulty_table_is_refused_in_words() {
    let error = |table: &str| {
        Timeline::from_toml(&format!("account = \"a\"\n[[table]]\n{table}")).unwrap_err().to_string()
    };
    assert_eq!(
        error("kind = \"surveys\"\nscore = \"s\""),
        "schema: table `surveys`: surveys need the column of `occurred_at`"
    );
    assert_eq!(
        error("kind = \"accounts\"\nstarted = \"s\"\nseats = \"n\""),
        "schema: table `accounts`: `seats` is nothing that accounts have; they have account, started, known_at"
    );
    assert_eq!(
        error("name = \"x\"\noccurred_at = \"d\""),
        "schema: table `x`: no [[event]]; say what event a row is"
    );
    assert_eq!(
        error("kind = \"interactions\"\nopened = \"o\"\ntime_zone = \"Mars\""),
        "schema: `Mars` is no time zone; name one as `Europe/Berlin` or `UTC`"
    );
    let twice = "kind = \"goals\"\nset = \"s\"\n[[table]]\nkind = \"goals\"\nset = \"s\"";
    assert_eq!(error(twice), "schema: two tables are called `goals`; give each a `name`");
}

#[test]
fn a_timeline_may_stand_in_the_schema_of_its_signals() {
    let text = r#"
        id = "account"
        [[signal]]
        name = "logins_7d"
        dimension = "usage"
        kind = "count"
        [timeline]
        account = "account"
        occurred_at = "day"
        [[timeline.event]]
        name = "login"
        [[timeline.measure]]
        signal = "logins_7d"
        how = "count"
        events = ["login"]
        window_days = 7
    "#;
    let schema = Schema::from_toml(text).unwrap();
    assert_eq!(Schema::from_toml(&schema.to_toml()).unwrap(), schema);
    let timeline = Timeline::from_toml(text).unwrap();
    assert_eq!(Timeline::from_toml(&schema.to_toml()).unwrap(), timeline);
    let intake = timeline.read_events("account,day\nA,2026-01-05\nA,2026-03-03\n".as_bytes()).unwrap();
    let table: Table = timeline.monthly_snapshots(&intake.records).unwrap();
    assert_eq!(table.column("logins_7d"), Some(&Column::Number(vec![0.0, 0.0])));
    let dates = intake.records.months();
    assert_eq!(dates, [date(2026, 2, 1), date(2026, 3, 1)]);
}

#[cfg(feature = "arrow")]
mod arrow {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, Date32Array, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    };

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
            .unwrap()
    }

    #[test]
    fn arrow_tables_are_as_csv() {
        let timeline = export();
        let mut from_arrow = timeline.reading().unwrap();
        let since = StringArray::from(vec!["2026-01-01", "2026-02-01"]);
        let accounts: Vec<(&str, ArrayRef)> = vec![
            ("customer", Arc::new(Int64Array::from(vec![7, 11]))),
            ("since", Arc::new(since)),
            ("tier", Arc::new(StringArray::from(vec![Some("small"), None]))),
            ("staff", Arc::new(Float64Array::from(vec![Some(5.0), None]))),
        ];
        from_arrow.arrow("accounts", &[batch(accounts)]).unwrap();
        let words: DictionaryArray<Int32Type> =
            vec![Some("reports"), Some("exports"), None, Some("reports")].into_iter().collect();
        let usage: Vec<(&str, ArrayRef)> = vec![
            ("row", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
            ("customer", Arc::new(Int64Array::from(vec![7, 11, 7, 12]))),
            ("at", Arc::new(Date32Array::from(vec![20_513, 20_514, 20_515, 20_516]))),
            ("who", Arc::new(StringArray::from(vec![Some("eve"), Some("5"), None, None]))),
            ("what", Arc::new(words)),
            ("times", Arc::new(Int64Array::from(vec![Some(3), Some(1), Some(1), None]))),
        ];
        let usage = batch(usage);
        from_arrow.arrow("usage", &[usage.slice(0, 1), usage.slice(1, 3)]).unwrap();
        let from_arrow = from_arrow.finish().unwrap();

        let mut from_csv = timeline.reading().unwrap();
        let accounts = "customer,since,tier,staff\n7,2026-01-01,small,5\n11,2026-02-01,,\n";
        from_csv.csv("accounts", accounts.as_bytes()).unwrap();
        let usage = "row,customer,at,who,what,times\n1,7,2026-03-01,eve,reports,3\n2,11,2026-03-02,5,exports,1\n\
                     3,7,2026-03-03,,,1\n4,12,2026-03-04,,reports,\n";
        from_csv.csv("usage", usage.as_bytes()).unwrap();
        let from_csv = from_csv.finish().unwrap();
        assert!(from_arrow.records == from_csv.records);
        assert_eq!(told(&from_arrow).len(), 2);
        assert_eq!(from_arrow.bad[0].cause, "account `12` is in no table of accounts");
        assert_eq!(
            (from_arrow.bad[0].line, from_arrow.bad[0].text.as_str()),
            (4, "4,12,2026-03-04,,reports,")
        );
    }

    const PLAIN: &str = r#"
        account = "customer"
        [[table]]
        kind = "accounts"
        started = "since"
        [[table]]
        kind = "usage"
        file = "usage.parquet"
        occurred_at = "at"
        known_at = "told"
        user = "who"
        feature = "what"
        value = "times"
    "#;

    /// Seven rows: two plain, one early, one known before it happened, one of nobody, one that is infinite, one late.
    fn plain_usage(words: bool) -> RecordBatch {
        let names = ["1", "2", "1", "1", "2", "2", "1"];
        let names: ArrayRef = match words {
            true => Arc::new(names.into_iter().map(Some).collect::<DictionaryArray<Int32Type>>()),
            false => Arc::new(Int64Array::from(names.map(|name| name.parse::<i64>().unwrap()).to_vec())),
        };
        let day = |days: [i32; 7]| Arc::new(Date32Array::from(days.to_vec())) as ArrayRef;
        let times = [1.0, 2.0, 3.0, 4.0, 5.0, f64::INFINITY, 7.0];
        batch(vec![
            ("customer", Arc::new(Int64Array::from(vec![7, 11, 7, 7, 99, 7, 11]))),
            ("at", day([20_513, 20_514, 20_000, 20_515, 20_516, 20_517, 20_518])),
            ("told", day([20_513, 20_514, 20_000, 20_514, 20_516, 20_517, 20_520])),
            ("who", Arc::new(Int64Array::from(vec![5, 6, 5, 5, 5, 5, 6]))),
            ("what", names),
            ("times", Arc::new(Float64Array::from(times.to_vec()))),
        ])
    }

    const PLAIN_CSV: &str = "customer,at,told,who,what,times\n7,2026-03-01,2026-03-01,5,1,1\n\
                             11,2026-03-02,2026-03-02,6,2,2\n7,2024-10-04,2024-10-04,5,1,3\n\
                             7,2026-03-03,2026-03-02,5,1,4\n99,2026-03-04,2026-03-04,5,2,5\n\
                             7,2026-03-05,2026-03-05,5,2,inf\n11,2026-03-06,2026-03-08,6,1,7\n";

    fn plainly(read: impl Fn(&mut Reading<'_>)) -> Intake {
        let timeline = Timeline::from_toml(PLAIN).unwrap();
        let mut reading = timeline.reading().unwrap();
        reading.csv("accounts", "customer,since\n7,2026-01-01\n11,2026-02-01\n".as_bytes()).unwrap();
        read(&mut reading);
        reading.finish().unwrap()
    }

    fn are_same(found: &Intake, expected: &Intake) {
        assert!(found.records == expected.records);
        assert_eq!(found.tables[1].n_rows, 7);
        assert_eq!((found.n_late, expected.n_late), (1, 1));
        let causes = |intake: &Intake| intake.bad.iter().map(|row| row.cause.clone()).collect::<Vec<_>>();
        assert_eq!(causes(found), causes(expected));
        assert_eq!(found.bad.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 4, 5, 6]);
    }

    #[test]
    fn plain_columns_are_read_as_rows_are() {
        let expected = plainly(|reading| {
            reading.csv("usage.parquet", PLAIN_CSV.as_bytes()).unwrap();
        });
        for words in [false, true] {
            let usage = plain_usage(words);
            let found = plainly(|reading| {
                reading.arrow("usage.parquet", &[usage.slice(0, 4), usage.slice(4, 3)]).unwrap();
            });
            are_same(&found, &expected);
        }
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn parquet_is_read_group_by_group() {
        use parquet::arrow::ArrowWriter;
        use parquet::file::properties::WriterProperties;

        let expected = plainly(|reading| {
            reading.csv("usage.parquet", PLAIN_CSV.as_bytes()).unwrap();
        });
        let path = std::env::temp_dir().join(format!("keepwell-{}-usage.parquet", std::process::id()));
        let groups_of_two = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
        let usage = plain_usage(true);
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, usage.schema(), Some(groups_of_two)).unwrap();
        writer.write(&usage).unwrap();
        writer.close().unwrap();
        let found = plainly(|reading| {
            reading.file("usage.parquet", &path).unwrap();
        });
        are_same(&found, &expected);
        std::fs::write(&path, "no Parquet").unwrap();
        let timeline = Timeline::from_toml(PLAIN).unwrap();
        assert!(timeline.reading().unwrap().file("usage.parquet", &path).is_err());
        std::fs::remove_file(&path).unwrap();
    }

    /// A file of so many row groups of one row.
    #[cfg(feature = "parquet")]
    fn write_groups(path: &std::path::Path, rows: &RecordBatch, n_groups: usize) {
        let file = std::fs::File::create(path).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        for _ in 0..n_groups {
            writer.write(&rows.slice(0, 1)).unwrap();
            writer.flush().unwrap();
        }
        writer.close().unwrap();
    }

    /// In a process of its own, which may have few files open.
    #[cfg(all(feature = "parquet", unix))]
    #[test]
    fn more_row_groups_and_files_are_read_than_a_process_may_have_open() {
        let name = "arrow::more_row_groups_and_files_are_read_than_a_process_may_have_open";
        if std::env::var_os("KEEPWELL_FEW_FILES").is_none() {
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", "ulimit -n 48; exec \"$0\" --exact \"$1\""]);
            shell.arg(std::env::current_exe().unwrap()).arg(name).env("KEEPWELL_FEW_FILES", "1");
            shell.env("RAYON_NUM_THREADS", "2");
            let output = shell.output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && told.contains("1 passed"), "{told}");
            return;
        }
        let folder = std::env::temp_dir().join(format!("keepwell-{}-groups", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("customers.csv"), "customer,since\n7,2025-01-01\n").unwrap();
        let accounts = "kind = \"accounts\"\nfile = \"customers.csv\"\nstarted = \"since\"";
        let mut text = format!("account = \"customer\"\n[[table]]\n{accounts}\n");
        for at in 0..30 {
            let n_groups = if at == 0 { 200 } else { 3 };
            write_groups(&folder.join(format!("{at}.parquet")), &plain_usage(true), n_groups);
            let table = format!(
                "kind = \"usage\"\nname = \"{at}\"\nfile = \"{at}.parquet\"\noccurred_at = \"at\"\nfeature = \"what\""
            );
            text += &format!("[[table]]\n{table}\n");
        }
        let intake = Timeline::from_toml(&text).unwrap().read_files(&folder).unwrap();
        assert_eq!(intake.n_rows, 1 + 200 + 29 * 3);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn timestamps_are_days_in_utc_by_their_zone() {
        let timeline = export();
        let read = |array: TimestampMicrosecondArray| {
            let mut reading = reading(&timeline);
            let customers = StringArray::from(vec!["A"; 1]);
            let calls = batch(vec![("customer", Arc::new(customers) as ArrayRef), ("day", Arc::new(array))]);
            reading.arrow("calls", &[calls]).unwrap();
            reading.finish().unwrap().records.events()[0].occurred_at
        };
        // 2026-03-29 00:30.
        let micros = vec![1_774_744_200_000_000];
        let plain = TimestampMicrosecondArray::from(micros);
        assert_eq!(read(plain.clone()), date(2026, 3, 28), "in Berlin, as the timeline says");
        assert_eq!(read(plain.with_timezone("+05:00")), date(2026, 3, 29), "an instant, in UTC");
    }
}
