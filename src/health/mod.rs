//! Health 0–100 with bands and sub-scores within segments, and the model that ties scores, health and reasons together.
//!
//! - *Health* ([`HealthModel`]): a monotone map of an account's calibrated log-odds, less what is usual in its segment,
//!   so that 50 means usual for its kind. Sub-scores are the same map of each dimension's contributions and add up.
//!   Bands begin where they are far apart, by share or by cost ([`BandEdges`]), and how they foretold is told
//!   ([`BandOutcome`]). Growth, where it was trained, has the same map of its own ([`Scored::growth`]): mixed into one
//!   number, it would hide that an account is about to leave. Coverage is the share of what matters that is known: silence
//!   lowers it, and health as far as the model learned that silence tells; weights never shift to what is there.
//! - *Segments*: the schema's keys in their order make a tree, from all accounts to the finest; the stage of an account's
//!   life ([`LifeCycle`]) can be the first key. Calibration, usual contributions and usual values are drawn towards the
//!   parent segment's by empirical Bayes, and how well each segment was foretold is told ([`SegmentReport`]).
//!   Found ones ([`Cohorts`]) are the leaves of a small tree of linfa-trees: a rule in words, size, churn rate and money.
//! - *What moved it* ([`HealthModel::moved`]): the parts of an account's own changes, signal by signal, and of the
//!   change of models, which add up exactly; the list of those who moved most, with the days left to act.
//! - *Recourse* ([`HealthModel::recourse`]): the fewest and shortest changes of signals that can be moved, along their
//!   declared directions and to values seen, that bring an account into a band.
//! - *Similar accounts* ([`HealthModel::similar_accounts`]): the nearest by what their signals add to the score, what
//!   was done for them and what came of it.
//! - *Back-test* ([`BackTest`]): what models trained on what was known at each past date foretold, and how long before
//!   accounts left they were among the most at risk.
//! - *Reviews* ([`HealthModel::usage_review`], [`HealthModel::value_review`]): one account's use against its segment, and
//!   what it reached and what is at stake, as data and as text.

mod apart;
mod back_test;
mod bands;
mod cohort;
mod coverage;
mod fit;
mod fitted;
mod model;
mod moved;
mod params;
mod quality;
mod recourse;
mod review;
mod saved;
mod scale;
mod scored;
mod segment;
mod segment_rate;
mod similar;
mod told;

pub use back_test::{BackTest, BackTestParams, Lead, TestedDate};
pub use bands::{BandEdges, BandOutcome};
pub use cohort::{Cohort, CohortParams, Cohorts};
pub use model::HealthModel;
pub use moved::{Change, Moved, SignalMove, Standing};
pub use params::{HealthModelParams, Settings};
pub use quality::Quality;
pub use recourse::{Recourse, RecourseChange};
pub use review::{Aspect, ReviewedSignal, UsageReview, ValueReview};
pub use scored::{Band, Scored};
pub use segment::{LifeCycle, SegmentOutcome, SegmentReport};
pub use segment_rate::SegmentRate;
pub use similar::{Fared, SimilarAccount, SimilarAccounts, SimilarTo};
