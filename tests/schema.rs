//! Schemas from outside: TOML and back, what does not hold together, the fingerprint, the ready-made one.

use keepwell::schema::{
    Dimension, Direction, Fingerprint, Kind, Labels, Missing, Schema, SetAside, Signal, Value,
};
use proptest::prelude::*;

fn signal(name: &str) -> Signal {
    Signal::new(name, Dimension::Usage, Kind::Number)
}

fn problem(schema: Schema) -> String {
    schema.check().unwrap_err().to_string()
}

fn toml_problem(toml: &str) -> String {
    Schema::from_toml(toml).unwrap_err().to_string()
}

#[test]
fn what_does_not_hold_together_is_said() {
    let base = || Schema::new().id("account_id").churn("churned").signal(signal("nps"));
    base().check().unwrap();

    assert_eq!(
        problem(base().signal(signal("nps"))),
        "schema: signal `nps` stands twice; give each its own name"
    );
    assert_eq!(
        problem(base().signal(signal("nps").column("other"))),
        "schema: signal `nps` stands twice; give each its own name"
    );
    assert_eq!(
        problem(base().signal(signal("score").column("nps"))),
        "schema: column `nps` is both signal `nps` and signal `score`; it can be one of them"
    );
    assert_eq!(
        problem(base().signal(signal("account_id"))),
        "schema: column `account_id` is both the account id and signal `account_id`; it can be one of them"
    );
    assert_eq!(
        problem(base().signal(signal("churned"))),
        "schema: column `churned` is both the churn label and signal `churned`; it can be one of them"
    );
    assert_eq!(
        problem(base().expansion("churned")),
        "schema: column `churned` is both the churn label and the expansion label; it can be one of them"
    );
    assert_eq!(
        problem(base().signal(Signal::new("signup", Dimension::Contract, Kind::Date))),
        "schema: signal `signup` is a date, which is read as days before `as_of`; name the `as_of` column"
    );
    assert_eq!(problem(base().signal(signal(""))), "schema: the name of a signal is empty; fill it in");
    assert_eq!(
        problem(base().signal(signal("seats").column(""))),
        "schema: the name of signal `seats` is empty; fill it in"
    );
    assert_eq!(
        problem(base().signal(signal(" seats"))),
        "schema: the name of a signal, ` seats`, begins or ends with a blank; take it away"
    );
    assert_eq!(
        problem(base().segment("tier").segment("tier")),
        "schema: segment key `tier` stands twice; once is enough"
    );
    assert_eq!(
        problem(
            base()
                .signal(Signal::new("plan", Dimension::Contract, Kind::Category).direction(Direction::Keeps))
        ),
        "schema: signal `plan` is a category, which has no direction; leave `direction` out"
    );
    assert_eq!(
        problem(
            base().signal(Signal::new("plan", Dimension::Contract, Kind::Category).missing(Missing::Zero))
        ),
        "schema: signal `plan` is a category, which has no zero; leave `missing` out"
    );
    assert_eq!(
        problem(base().signal(signal("seats").title(" "))),
        "schema: the title of signal `seats` is empty; fill it in or leave it out"
    );
}

#[test]
fn a_sentence_knows_four_placeholders() {
    let with = |sentence: &str| Schema::new().signal(signal("seats").sentence(sentence)).check();
    with("{title} {value}, usual {usual}: {effect}").unwrap();
    with("no placeholder at all").unwrap();
    assert_eq!(
        with("{value} of {name}").unwrap_err().to_string(),
        "schema: the sentence of signal `seats` has `{name}`; it can have {title}, {value}, {usual} and {effect}"
    );
    for sentence in ["{value", "value}", "{value of {title}", "{"] {
        assert_eq!(
            with(sentence).unwrap_err().to_string(),
            "schema: the sentence of signal `seats` has a brace without its partner"
        );
    }
}

#[test]
fn a_value_has_a_currency_and_recurs() {
    let with = |value: Value| problem(Schema::new().value(value));
    assert_eq!(
        with(Value::new("mrr").currency("euro")),
        "schema: the currency is `euro`, expected an ISO 4217 code such as EUR"
    );
    for per_year in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            with(Value::new("mrr").per_year(per_year)),
            format!(
                "schema: the value's `per_year` is {per_year}, expected a number above 0: 12 for monthly, 1 for yearly"
            )
        );
    }
}

#[test]
fn wrong_toml_is_named_by_line() {
    assert_eq!(
        toml_problem("id = \"a\"\n[[signal]]\nname = \"nps\"\ndimension = \"mood\"\nkind = \"number\"\n"),
        "schema: line 4: unknown variant `mood`, expected one of `usage`, `engagement`, `contract`, `sentiment`, \
         `support`, `billing`, `outcome`, `profile`"
    );
    assert_eq!(
        toml_problem("[labels]\nchurn = \"churned\"\nchrun = \"x\"\n"),
        "schema: line 3: unknown field `chrun`, expected `churn` or `expansion`"
    );
    assert_eq!(
        toml_problem("id = \"a\"\n\n[[signal]]\nname = \"nps\"\nkind = \"number\"\n"),
        "schema: line 3: missing field `dimension`"
    );
    assert!(toml_problem("id = \n").starts_with("schema: line 1: "));
}

#[test]
fn a_schema_file_that_is_not_there_is_named() {
    let error = Schema::read("no_such_schema.toml").unwrap_err();
    assert!(error.to_string().starts_with("no_such_schema.toml: "), "{error}");
}

#[test]
fn a_wrong_schema_file_is_named_with_its_line() {
    let path = std::env::temp_dir().join(format!("keepwell_schema_{}.toml", std::process::id()));
    std::fs::write(&path, "id = 3\n").unwrap();
    let error = Schema::read(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        error.to_string(),
        format!("schema: {}: line 1: invalid type: integer `3`, expected a string", path.display())
    );
}

#[test]
fn the_fingerprint_changes_with_what_a_model_depends_on_only() {
    let base = || {
        Schema::new()
            .churn("churned")
            .segment("tier")
            .signal(signal("nps"))
            .signal(signal("seats").column("Seats"))
    };
    let same = |schema: Schema| schema.fingerprint() == base().fingerprint();
    let nps = |change: fn(Signal) -> Signal| {
        let mut schema = base();
        schema.signals[0] = change(schema.signals[0].clone());
        schema
    };
    let mut turned = base();
    turned.signals.reverse();
    assert!(same(turned));
    assert!(same(base().id("account_id")));
    assert!(same(base().value("mrr")));
    assert!(same(base().set_aside("name", "free text")));
    assert!(same(nps(|signal| signal
        .title("NPS")
        .unit("points")
        .sentence("{title}")
        .movable(true)
        .column("nps"))));

    assert!(!same(base().expansion("expanded")));
    assert!(!same(base().as_of("date")));
    assert!(!same(base().segment("region")));
    assert!(!same(base().signal(signal("mrr"))));
    assert!(!same(nps(|signal| signal.column("nps_2"))));
    assert!(!same(nps(|signal| signal.direction(Direction::Keeps))));
    assert!(!same(nps(|signal| signal.missing(Missing::Zero))));
    assert!(!same(nps(|signal| Signal { kind: Kind::Count, ..signal })));
    assert!(!same(nps(|signal| Signal { dimension: Dimension::Sentiment, ..signal })));
}

#[test]
fn a_fingerprint_is_shown_short_and_read_whole() {
    let fingerprint = Schema::b2b_saas().fingerprint();
    let hex = fingerprint.hex();
    assert_eq!(hex.len(), 64);
    assert_eq!(fingerprint.to_string(), hex[..12]);
    assert_eq!(hex.parse::<Fingerprint>().unwrap(), fingerprint);
    assert_eq!(
        "abc".parse::<Fingerprint>().unwrap_err().to_string(),
        "schema: `abc` is no fingerprint; expected 64 hexadecimal digits"
    );
}

#[test]
fn the_ready_made_schema_fills_every_dimension() {
    let schema = Schema::b2b_saas();
    for (at, dimension) in Dimension::ALL.into_iter().enumerate() {
        let n = schema.signals.iter().filter(|signal| signal.dimension == dimension).count();
        assert!(n >= if at < 4 { 8 } else { 3 }, "{dimension} has {n}");
    }
    for name in [
        "seat_utilisation",
        "active_user_share_28d",
        "key_feature_depth",
        "key_feature_breadth",
        "login_trend_90d",
        "time_to_first_value_days",
        "milestones_reached",
        "tickets_open",
        "first_response_hours_90d",
        "nps",
        "csat",
        "customer_effort_score",
        "ticket_sentiment_90d",
        "tenure_months",
        "days_to_renewal",
        "term_months",
        "auto_renew",
        "price_change_share",
        "failed_payments_90d",
        "mrr",
    ] {
        assert!(schema.find(name).is_some(), "{name}");
    }
    assert_eq!(schema.segments, ["tier", "plan", "region"]);
    assert_eq!(Schema::from_toml(&schema.to_toml()).unwrap(), schema);
}

#[test]
fn setting_aside_takes_the_signal_out() {
    let schema = Schema::b2b_saas().set_aside("nps", "asked once only");
    assert!(schema.find("nps").is_none());
    schema.check().unwrap();
}

prop_compose! {
    fn any_text()(text in "[!-z|~äß€][a-zA-Z0-9 _\"'\\\\#=\\[\\]äß€\n\t]{0,12}") -> String {
        text.trim().to_owned()
    }
}

prop_compose! {
    fn any_signal(at: usize)(
        name in any_text(),
        column in prop::option::of(any_text()),
        dimension in prop::sample::select(&Dimension::ALL[..]),
        kind in prop::sample::select(&[Kind::Number, Kind::Count, Kind::Share, Kind::Flag][..]),
        direction in prop::sample::select(&[Direction::Keeps, Direction::Loses, Direction::Unknown][..]),
        missing in prop::sample::select(&[Missing::Unknown, Missing::Zero][..]),
        movable in any::<bool>(),
        texts in prop::array::uniform3(prop::option::of(any_text())),
    ) -> Signal {
        let [unit, title, sentence] = texts;
        let numbered = |text: String| format!("{text}{at}");
        let column = column.map(|text| format!("col {text}{at}"));
        Signal { name: numbered(name), column, dimension, kind, unit, direction, missing, movable, title, sentence }
    }
}

prop_compose! {
    fn any_schema()(
        id in prop::option::of(any_text()),
        segments in prop::collection::btree_set(any_text(), 0..3),
        labels in prop::array::uniform2(any::<bool>()),
        value in prop::option::of((any_text(), 0.1f64..400.0)),
        reason in any_text(),
        signals in (any_signal(0), any_signal(1), any_signal(2)),
    ) -> Schema {
        let [churn, expansion] = labels;
        Schema {
            id: id.map(|text| format!("id {text}")),
            as_of: None,
            segments: segments.into_iter().collect(),
            labels: Labels {
                churn: churn.then(|| "the churn".into()),
                expansion: expansion.then(|| "the expansion".into()),
            },
            value: value.map(|(column, per_year)| Value::new(column).per_year(per_year)),
            signals: vec![signals.0, signals.1, signals.2],
            set_aside: vec![SetAside { column: "left out".into(), reason }],
            timeline: None,
        }
    }
}

proptest! {
    #[test]
    fn any_schema_survives_toml(schema in any_schema()) {
        let back = Schema::from_toml(&schema.to_toml()).unwrap();
        prop_assert_eq!(back.fingerprint(), schema.fingerprint());
        prop_assert_eq!(back, schema);
    }
}
