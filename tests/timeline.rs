//! From somebody's export to snapshots, seen from outside: mapping, bad rows, duplicates, late rows, texts of errors.

use std::io::Write;

use jiff::civil::{Date, date};
use keepwell::frame::{Column, Table};
use keepwell::timeline::{BadRow, Intake, Timeline};

const HEAD: &str = r#"
account = "who"
occurred_at = "day"
known_at = "loaded"
id = "nr"
user = "person"

[[event]]
name_from = "what"
value = "amount"

"#;

const MEASURES: &str = r#"
[[measure]]
signal = "spend"
how = "sum"
events = ["order"]

[[measure]]
signal = "people_28d"
how = "distinct_users"
events = ["order", "visit"]
window_days = 28

[[measure]]
signal = "silence_to_habit"
how = "days_since_last"
events = ["order"]
divided_by = { how = "mean_gap_days", events = ["order"] }

[label]
churn = "lapsed"
silence = ["order"]
horizon_days = 31
"#;

fn timeline() -> Timeline {
    Timeline::from_toml(&format!("{HEAD}{MEASURES}")).unwrap()
}

fn intake(rows: &[&str]) -> Intake {
    let text = format!("nr,who,person,what,amount,day,loaded\n{}\n", rows.join("\n"));
    timeline().read_events(text.as_bytes()).unwrap()
}

fn numbers(table: &Table, name: &str) -> Vec<f64> {
    match table.column(name) {
        Some(Column::Number(values)) => values.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

fn at(intake: &Intake, day: Date) -> Table {
    timeline().snapshots(&intake.records, &[day]).unwrap()
}

const ROWS: [&str; 6] = [
    "1,B,ann,order,10,2026-01-01,",
    "2,B,bob,order,20,2026-01-11,2026-01-11",
    "3,A,eve,visit,1,2026-01-05,2026-01-20",
    "4,A,eve,order,7,2026-01-06,",
    "5,B,ann,visit,1,2026-01-12T08:30:00,",
    "6,B,ann,order,5,2026-03-01,",
];

#[test]
fn an_export_becomes_snapshots() {
    let intake = intake(&ROWS);
    assert_eq!((intake.n_rows, intake.bad.len(), intake.n_duplicates, intake.n_late), (6, 0, 0, 1));
    assert_eq!(intake.records.known_until(), date(2026, 3, 2));
    let table = at(&intake, date(2026, 1, 15));
    assert_eq!(table.names(), ["who", "as_of", "spend", "people_28d", "silence_to_habit", "lapsed"]);
    let Some(Column::Category(ids)) = table.column("who") else { panic!() };
    assert_eq!([ids.text(0), ids.text(1)], [Some("A"), Some("B")]);
    assert_eq!(numbers(&table, "spend"), [7.0, 30.0]);
    assert_eq!(numbers(&table, "people_28d"), [1.0, 2.0]);
    assert_eq!(numbers(&table, "silence_to_habit")[1], 0.4);
    assert!(numbers(&table, "silence_to_habit")[0].is_nan(), "one order is no habit");
    assert_eq!(numbers(&table, "lapsed"), [1.0, 1.0]);
    timeline().prove(&intake.records, date(2026, 1, 15)).unwrap();
}

#[test]
fn an_account_begins_when_something_is_known_of_it() {
    let intake = intake(&["1,A,,order,7,2026-01-01,2026-02-01", "2,B,,order,7,2026-01-01,"]);
    assert_eq!(at(&intake, date(2026, 1, 15)).n_rows(), 1);
    assert_eq!(at(&intake, date(2026, 2, 1)).n_rows(), 1, "known on the day itself is not known before it");
    assert_eq!(at(&intake, date(2026, 2, 2)).n_rows(), 2);
}

#[test]
fn the_order_of_rows_decides_nothing() {
    let twice = ["2,B,bob,order,99,2026-01-11,2026-01-12", "2,B,bob,order,98,2026-01-11,2026-01-12"];
    let rows = [&ROWS[..], &twice].concat();
    let backwards: Vec<&str> = rows.iter().rev().copied().collect();
    let (first, second) = (intake(&rows), intake(&backwards));
    assert_eq!((first.n_duplicates, second.n_duplicates), (2, 2));
    for day in [date(2026, 1, 15), date(2026, 2, 1)] {
        assert_eq!(numbers(&at(&first, day), "spend"), [7.0, 30.0], "the one known first counts");
        assert_eq!(numbers(&at(&second, day), "spend"), [7.0, 30.0]);
    }
}

#[test]
fn bad_rows_are_set_apart_with_line_and_cause() {
    let bad = [
        "7,B,ann,order,5,2026-13-01,",
        "8,B,ann,order",
        "9,,ann,order,5,2026-01-01,",
        "10,B,ann,order,five,2026-01-01,",
        "11,B,ann,order,5,,",
        "12,B,ann,order,5,2026-01-05,2026-01-04",
        "13,B,ann,order,5,2/24/2026,",
    ];
    let rows: Vec<&str> = ROWS[..1].iter().chain(&bad).chain(&ROWS[1..]).copied().collect();
    let found = intake(&rows);
    assert_eq!((found.n_rows, found.bad.len()), (13, 7));
    let causes: Vec<(u64, &str)> = found.bad.iter().map(|row| (row.line, row.cause.as_str())).collect();
    const DATE: &str = "expected a date as 2026-11-21";
    const NUMBER: &str = "expected a number without thousands separators, unit or % sign (leave the cell empty where it is not known)";
    assert_eq!(
        causes,
        [
            (3, format!("column `day`: found `2026-13-01`, {DATE}").as_str()),
            (4, "4 cells, but the header has 7"),
            (5, "column `who` is empty"),
            (6, format!("column `amount`: found `five`, {NUMBER}").as_str()),
            (7, "column `day` is empty"),
            (8, "was known on 2026-01-04, before it happened on 2026-01-05"),
            (9, format!("column `day`: found `2/24/2026`, {DATE}").as_str()),
        ]
    );
    assert_eq!(found.bad[1], BadRow { text: bad[1].into(), ..found.bad[1].clone() });
    assert_eq!(found.records, intake(&ROWS).records, "the rest goes on");
}

#[test]
fn what_cannot_be_read_at_all_is_an_error() {
    let error = |text: &str| timeline().read_events(text.as_bytes()).unwrap_err().to_string();
    const HEADER: &str = "nr,who,person,what,amount,day,loaded\n";
    assert_eq!(error(HEADER), "the events has no rows; give it a header and at least one event");
    assert_eq!(
        error(&format!("{HEADER}1,A,,order,7,,\n")),
        "the events, line 2: column `day` is empty; no row of the file can be used, and this is the first"
    );
    assert_eq!(
        error("nr,who,what,amount,day,loaded\n"),
        "column `person` (user who did it) is not in the table; its columns are: nr, who, what, amount, day, loaded"
    );
}

#[test]
fn gzip_and_written_dates_are_read() {
    let toml = r#"
        account = "who"
        occurred_at = "day"
        date_format = "%m/%d/%Y"
        known_until = "2026-07-01"
        [[event]]
        name = "order"
        value = "amount"
        [[event]]
        name = "parcel"
        value = "parcels"
        [[measure]]
        signal = "parcels"
        how = "sum"
        events = ["parcel"]
        absent = "missing"
        [label]
        silence = ["order"]
    "#;
    let timeline = Timeline::from_toml(toml).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"who,day,amount,parcels\nA,2/24/2026,9.5,2\nB,2/25/2026,1,\n").unwrap();
    let intake = timeline.read_events(packed.finish().unwrap().as_slice()).unwrap();
    let table = timeline.snapshots(&intake.records, &[date(2026, 2, 26)]).unwrap();
    let parcels = numbers(&table, "parcels");
    assert!(parcels[0] == 2.0 && parcels[1].is_nan(), "an empty cell is no event");
    assert_eq!(numbers(&table, "churned"), [1.0, 1.0]);
}

#[test]
fn a_faulty_timeline_is_refused_in_words() {
    let error = |text: &str| Timeline::from_toml(text).unwrap_err().to_string();
    let with = |text: &str| error(&format!("{HEAD}{text}"));
    let measure = |text: &str| with(&format!("[[measure]]\nsignal = \"x\"\n{text}"));
    let order = |text: &str| measure(&format!("how = \"count\"\nevents = [\"order\"]\n{text}"));
    assert_eq!(
        order("windw_days = 7"),
        "schema: line 16: unknown field `windw_days`, expected one of `signal`, `how`, `events`, `window_days`, \
         `ended_days`, `since`, `absent`, `observed_since`, `observed_with`, `divided_by`, `less`, `per_seat`, `contract`"
    );
    assert_eq!(
        measure(""),
        "schema: line 12: measure `x`: says neither `how` nor `contract`; give it one of them"
    );
    assert_eq!(
        measure("how = \"count\""),
        "schema: line 12: measure `x`: `events` names no event; name one at least"
    );
    assert_eq!(
        order("contract = \"seats\""),
        "schema: line 12: measure `x`: has both `how` and `contract`; give it one of them"
    );
    assert_eq!(
        measure("contract = \"seats\"\nwindow_days = 7"),
        "schema: line 12: measure `x`: `contract` stands alone; leave the keys of events out"
    );
    assert_eq!(
        order("window_days = 0"),
        "schema: line 12: measure `x`: a window of 0 days, expected 1 to 36600"
    );
    assert_eq!(
        order("since = \"2026-01-01\""),
        "schema: line 12: measure `x`: `since` is for `days_to_first` only; leave it out"
    );
    assert_eq!(
        order("per_seat = true\nless = { how = \"count\", events = [\"order\"] }"),
        "schema: line 12: measure `x`: has more than one of `divided_by`, `less` and `per_seat`; give it one"
    );
    assert_eq!(
        with("[label]\nhorizon_days = 30"),
        "schema: line 12: [label] needs `churn_event`, `churn_by`, `rhythm`, or `silence` with the events that must not \
         cease"
    );
    assert_eq!(
        with("[label]\nchurn_event = \"left\"\nhorizon_days = 0"),
        "schema: line 12: `horizon_days` is 0, expected 1 to 3660 days"
    );
    let named = HEAD.replace("name_from = \"what\"", "name = \"order\"");
    let text = "[[measure]]\nsignal = \"x\"\nhow = \"any\"\nevents = [\"ordre\"]";
    assert_eq!(
        error(&format!("{named}{text}")),
        "schema: measure `x` reads `ordre`, but the events are: order"
    );
    let text = "[[measure]]\nsignal = \"x\"\nhow = \"any\"\nevents = [\"order\"]\n";
    assert_eq!(
        error(&format!("{named}{text}{text}")),
        "schema: measure `x` stands twice; give each its own name"
    );
    let neither = HEAD.replace("name_from = \"what\"", "");
    assert_eq!(
        error(&neither),
        "schema: table `events`: an [[event]] needs either `name` or `name_from`, its column"
    );
}

#[test]
fn the_snapshots_of_a_simulated_business_have_no_leak() {
    use keepwell::frame::Frame;
    use keepwell::schema::Schema;
    use keepwell::simulate::Simulation;

    for seed in 1..4 {
        let business = Simulation::params().n_accounts(1_500).random_state(seed).simulate().unwrap();
        let past = Frame::from_table(&business.past().unwrap(), &Schema::b2b_saas()).unwrap();
        assert_eq!(past.leaks().unwrap(), []);
    }
}
