//! What the words in a column's name tell of it: its dimension, and whether it counts or is a share.

use crate::schema::Dimension;

/// Words and phrases by dimension. The first dimension with one of them in the name is taken, so that
/// `customer_service_calls` is support though calls are usage.
const DIMENSIONS: [(Dimension, &str); 7] = [
    (
        Dimension::Sentiment,
        "nps csat ces satisfaction sentiment effort survey rating feedback complaint complaints",
    ),
    (
        Dimension::Support,
        "ticket tickets support customer_service service_calls service_failure response escalation escalations \
         escalated resolution incident incidents failure failures",
    ),
    (
        Dimension::Contract,
        "contract tenure term renewal renewals renew subscription subscriber plan tier trial seniority \
         account_length policy coverage discount seats signup start_date",
    ),
    (
        Dimension::Billing,
        "payment payments invoice invoices charge charges bill billing paid mrr arr amount spend revenue refund \
         refunds balance price premium overdue past_due",
    ),
    (
        Dimension::Engagement,
        "meeting meetings email emails webinar campaign contact contacts training onboarding milestone milestones \
         champion sponsor clicked viewed ads articles first_value newsletter",
    ),
    (Dimension::Outcome, "goal goals outcome outcomes roi reference business_reviews"),
    (
        Dimension::Usage,
        "usage used use login logins active session sessions minutes calls visit visits orders items purchases \
         seat utilisation utilization adoption feature features streaming download upload traffic data recency \
         events messages integrations api",
    ),
];

const COUNTS: &str = "count number num n calls tickets logins sessions visits orders items seats users messages \
                      complaints escalations payments invoices meetings emails milestones features integrations \
                      purchases employees renewals events inquiries";
const SHARES: &str = "share fraction proportion utilisation utilization";
/// With one of these in the name, whole numbers and shares are chance: means, changes and scores can be anything.
const NEITHER: &str = "avg average mean median trend change delta growth score per std id";

/// The words of a column's name in lower case: `MonthlyCharges`, `monthly charges` and `monthly_charges` are one.
pub(super) fn of_name(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let letters: Vec<char> = name.chars().collect();
    for (at, &letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() || starts_word(&letters, at) {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.extend(letter.to_lowercase()));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A capital after a small letter, or the last capital of several before a small one: `customerID`, `NPSScore`.
fn starts_word(letters: &[char], at: usize) -> bool {
    let is = |at: Option<usize>, test: fn(char) -> bool| {
        at.and_then(|at| letters.get(at)).is_some_and(|&c| test(c))
    };
    let before = at.checked_sub(1);
    is(Some(at), char::is_uppercase)
        && (is(before, char::is_lowercase)
            || (is(before, char::is_uppercase) && is(Some(at + 1), char::is_lowercase)))
}

/// The dimension that the words speak of; profile if none.
pub(super) fn dimension(words: &[String]) -> Dimension {
    let name = format!("_{}_", words.join("_"));
    let speaks = |phrase: &str| name.contains(&format!("_{phrase}_"));
    let found = DIMENSIONS.iter().find(|(_, phrases)| phrases.split_whitespace().any(speaks));
    found.map_or(Dimension::Profile, |(dimension, _)| *dimension)
}

/// Whether the words say that the column counts something.
pub(super) fn name_count(words: &[String]) -> bool {
    has_any(words, COUNTS) && !has_any(words, NEITHER)
}

/// Whether the words say that the column is a part of a whole.
pub(super) fn name_share(words: &[String]) -> bool {
    has_any(words, SHARES) && !has_any(words, NEITHER)
}

fn has_any(words: &[String], among: &str) -> bool {
    words.iter().any(|word| among.split_whitespace().any(|other| other == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> String {
        of_name(name).join(" ")
    }

    #[test]
    fn names_of_many_hands_have_the_same_words() {
        assert_eq!(words("MonthlyCharges"), "monthly charges");
        assert_eq!(words("monthly_charges"), "monthly charges");
        assert_eq!(words("Monthly Charges"), "monthly charges");
        assert_eq!(words("customerID"), "customer id");
        assert_eq!(words("NPSScore"), "nps score");
        assert_eq!(words("active_days_28d"), "active days 28d");
        assert_eq!(words("_"), "");
    }

    #[test]
    fn the_dimension_is_told_by_words() {
        let told = |name: &str| dimension(&of_name(name));
        assert_eq!(told("number_customer_service_calls"), Dimension::Support);
        assert_eq!(told("total_day_calls"), Dimension::Usage);
        assert_eq!(told("MonthlyCharges"), Dimension::Billing);
        assert_eq!(told("tenure"), Dimension::Contract);
        assert_eq!(told("csat_score"), Dimension::Sentiment);
        assert_eq!(told("gender"), Dimension::Profile);
    }

    #[test]
    fn counts_and_shares_are_told_by_words() {
        assert!(name_count(&of_name("total_day_calls")) && !name_count(&of_name("avg_calls")));
        assert!(name_share(&of_name("seat_utilisation")) && !name_share(&of_name("growth_share")));
    }
}
