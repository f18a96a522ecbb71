//! The measures behind the ready-made schema for a B2B SaaS account.

use super::measure::{Aggregate, ContractFact, Formula, How, Measure};

/// How each number and flag of `Schema::b2b_saas()` is read from records. Its texts (tier, region, industry,
/// payment method) and the number of employees are the account's own, its plan is the contract's.
///
/// Event names: `login` (with user), `key_feature_depth`, `key_feature_breadth`, `integrations`, `api_calls`,
/// `usage_limit_share`, `first_value`, `milestone`, `onboarding_complete`, `executive_sponsor`, `champion_left`,
/// `meeting`, `email_sent`, `email_replied`, `training_session`, `community_post`, `price_change`, `seat_change`,
/// `renewal`, `survey_sent`, `nps`, `csat`, `effort_score`, `complaint`, `ticket_opened`, `ticket_closed` (hours),
/// `ticket_answered` (hours), `ticket_sentiment`, `escalation`, `payment_failed`, `days_past_due`,
/// `invoice_disputed`, `goals_reached_share`, `business_review`, `became_reference`.
pub fn b2b_saas() -> Vec<Measure> {
    [usage(), engagement(), contract(), sentiment(), support(), billing_and_outcome()].concat()
}

fn within(how: How, event: &'static str, days: u32) -> Aggregate {
    Aggregate::new(how, event).window_days(days)
}

fn of(signal: &'static str, aggregate: Aggregate) -> Measure {
    Measure::new(signal, Formula::Of(aggregate))
}

fn usage() -> Vec<Measure> {
    let users = |days| within(How::DistinctUsers, "login", days);
    let a_week = |days| within(How::CountPerWeek, "login", days);
    vec![
        Measure::new("seat_utilisation", Formula::PerSeat(users(90))),
        Measure::new("active_user_share_28d", Formula::Ratio(users(28), users(90))),
        of("active_days_28d", within(How::DistinctDays, "login", 28)),
        Measure::new("login_trend_90d", Formula::Difference(a_week(28), a_week(62).ended_days(28))),
        of("days_since_last_login", Aggregate::new(How::DaysSinceLast, "login")),
        of("key_feature_depth", within(How::Mean, "key_feature_depth", 28)),
        of("key_feature_breadth", within(How::Mean, "key_feature_breadth", 28)),
        of("integrations_active", within(How::Last, "integrations", 28)),
        of("api_calls_28d", within(How::Sum, "api_calls", 28)),
        of("usage_limit_share", within(How::Last, "usage_limit_share", 28)),
    ]
}

fn engagement() -> Vec<Measure> {
    let emails = |event| within(How::Count, event, 90);
    vec![
        of("time_to_first_value_days", Aggregate::new(How::DaysToFirst, "first_value")),
        of("milestones_reached", Aggregate::new(How::Count, "milestone")),
        of("onboarding_complete", Aggregate::new(How::Any, "onboarding_complete")),
        of("executive_sponsor", within(How::Last, "executive_sponsor", 120)),
        of("champion_left", within(How::Any, "champion_left", 180)),
        of("meetings_90d", within(How::Count, "meeting", 90)),
        of("days_since_last_contact", Aggregate::new(How::DaysSinceLast, "meeting").or("email_replied")),
        Measure::new("email_reply_share_90d", Formula::Ratio(emails("email_replied"), emails("email_sent"))),
        of("training_sessions_90d", within(How::Count, "training_session", 90)),
        of("community_posts_90d", within(How::Count, "community_post", 90)),
    ]
}

fn contract() -> Vec<Measure> {
    let fact = |signal, fact| Measure::new(signal, Formula::Contract(fact));
    vec![
        fact("tenure_months", ContractFact::TenureMonths),
        fact("days_to_renewal", ContractFact::DaysToRenewal),
        fact("term_months", ContractFact::TermMonths),
        fact("auto_renew", ContractFact::AutoRenew),
        fact("discount_share", ContractFact::DiscountShare),
        fact("seats", ContractFact::Seats),
        fact("mrr", ContractFact::Mrr),
        of("price_change_share", Aggregate::new(How::Last, "price_change")),
        of("seat_change_90d", within(How::Sum, "seat_change", 90)),
        of("renewals_completed", Aggregate::new(How::Count, "renewal")),
    ]
}

fn sentiment() -> Vec<Measure> {
    let nps = || within(How::Last, "nps", 180);
    let answers = Aggregate::new(How::Count, "nps").or("csat").or("effort_score").window_days(180);
    let sent = within(How::Count, "survey_sent", 180);
    vec![
        of("nps", within(How::Last, "nps", 365)),
        of("csat", within(How::Mean, "csat", 180)),
        of("customer_effort_score", within(How::Last, "effort_score", 180)),
        of("ticket_sentiment_90d", within(How::Mean, "ticket_sentiment", 90)),
        Measure::new("nps_change_180d", Formula::Difference(nps(), nps().ended_days(180))),
        Measure::new("survey_response_share_180d", Formula::Ratio(answers, sent)),
        of("complaints_90d", within(How::Count, "complaint", 90)),
        of("days_since_last_survey", Aggregate::new(How::DaysSinceLast, "nps").or("csat").or("effort_score")),
    ]
}

fn support() -> Vec<Measure> {
    let all = |event| Aggregate::new(How::Count, event);
    vec![
        Measure::new("tickets_open", Formula::Difference(all("ticket_opened"), all("ticket_closed"))),
        of("tickets_90d", within(How::Count, "ticket_opened", 90)),
        of("first_response_hours_90d", within(How::Mean, "ticket_answered", 90)),
        of("resolution_hours_90d", within(How::Mean, "ticket_closed", 90)),
        of("escalations_90d", within(How::Count, "escalation", 90)),
    ]
}

fn billing_and_outcome() -> Vec<Measure> {
    vec![
        of("failed_payments_90d", within(How::Count, "payment_failed", 90)),
        of("days_past_due", within(How::Last, "days_past_due", 45)),
        of("invoices_disputed_180d", within(How::Count, "invoice_disputed", 180)),
        of("goals_reached_share", within(How::Last, "goals_reached_share", 120)),
        of("business_reviews_365d", within(How::Count, "business_review", 365)),
        of("is_reference", Aggregate::new(How::Any, "became_reference")),
    ]
}
