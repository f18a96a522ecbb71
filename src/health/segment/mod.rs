//! Segments: accounts of one kind, by their keys, from the coarsest to the finest.
//!
//! The keys in their order make a tree: all accounts, those of a tier, those of a tier and plan, … What is known of a
//! segment is drawn towards its parent by how little of its own there is ([`pooled`]), so that a segment of twelve
//! accounts borrows from the rest, and an account of a segment never seen is read within the deepest one that was.

pub(super) mod pooled;
pub(super) mod report;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, Result};
use crate::frame::{Categories, Column, Frame, Table};
use crate::schema::Schema;

pub use report::{SegmentOutcome, SegmentReport};

/// The stage of an account's life as a segment key: onboarding, adoption or renewal.
///
/// Read from two numeric signals: months since the account began, and days to its renewal. An account in its first
/// months is in onboarding, whatever its renewal; else one whose renewal is near is in renewal; else it is in adoption. An
/// account whose tenure is not known has no stage.
///
/// ```
/// use keepwell::health::LifeCycle;
///
/// let stages = LifeCycle::new("tenure_months", "days_to_renewal").onboarding_months(6.0).renewal_days(60.0);
/// # let _ = stages;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LifeCycle {
    tenure_months: String,
    days_to_renewal: String,
    onboarding_months: f64,
    renewal_days: f64,
}

impl LifeCycle {
    /// Stages from the signal of tenure in months and the signal of days to the renewal.
    pub fn new(tenure_months: impl Into<String>, days_to_renewal: impl Into<String>) -> Self {
        LifeCycle {
            tenure_months: tenure_months.into(),
            days_to_renewal: days_to_renewal.into(),
            onboarding_months: 3.0,
            renewal_days: 90.0,
        }
    }

    /// Months after which onboarding is over, above 0. Default: 3.
    pub fn onboarding_months(mut self, months: f64) -> Self {
        self.onboarding_months = months;
        self
    }

    /// Days before the renewal from which an account is in renewal, above 0. Default: 90.
    pub fn renewal_days(mut self, days: f64) -> Self {
        self.renewal_days = days;
        self
    }

    /// Names of the signals of tenure and of the days to the renewal.
    pub fn signals(&self) -> [&str; 2] {
        [&self.tenure_months, &self.days_to_renewal]
    }

    /// Months after which onboarding is over, and days before the renewal from which an account is in renewal.
    pub fn limits(&self) -> [f64; 2] {
        [self.onboarding_months, self.renewal_days]
    }

    pub(super) fn check(&self, schema: &Schema) -> Result<()> {
        for (name, value) in
            [("onboarding_months", self.onboarding_months), ("renewal_days", self.renewal_days)]
        {
            if !(value > 0.0 && value.is_finite()) {
                let (value, expected) = (value.to_string(), "a number above 0");
                return Err(ErrorKind::Parameter { name, value, expected }.into());
            }
        }
        for name in [&self.tenure_months, &self.days_to_renewal] {
            if schema.find(name).is_none_or(|signal| !signal.kind.is_numeric()) {
                let problem =
                    format!("the life cycle reads `{name}`, which is no numeric signal; name one that is");
                return Err(ErrorKind::Schema(problem).into());
            }
        }
        Ok(())
    }

    /// The signal that tells how many days there are to the renewal.
    pub(super) fn days_to_renewal(&self) -> &str {
        &self.days_to_renewal
    }

    fn stages(&self, signals: &Table) -> Categories {
        let numbers = |name: &str| match signals.column(name) {
            Some(Column::Number(values)) => Some(values),
            _ => None,
        };
        let (tenure, renewal) = (numbers(&self.tenure_months), numbers(&self.days_to_renewal));
        let at = |values: Option<&Vec<f64>>, row: usize| values.map_or(f64::NAN, |values| values[row]);
        Categories::from_texts((0..signals.n_rows()).map(|row| self.stage(at(tenure, row), at(renewal, row))))
    }

    fn stage(&self, tenure: f64, renewal: f64) -> Option<&'static str> {
        match () {
            () if tenure.is_nan() => None,
            () if tenure < self.onboarding_months => Some("onboarding"),
            () if renewal.abs() <= self.renewal_days => Some("renewal"),
            () => Some("adoption"),
        }
    }
}

/// What accounts are told apart by, one step of the tree each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Key {
    /// A segment key of the schema.
    Column(String),
    /// The stage of the account's life.
    LifeCycle(LifeCycle),
}

impl Key {
    fn title(&self) -> &str {
        match self {
            Key::Column(column) => column,
            Key::LifeCycle(_) => "stage",
        }
    }

    fn texts<'a>(&self, frame: &'a Frame) -> Result<Cow<'a, Categories>> {
        match self {
            Key::LifeCycle(stages) => Ok(Cow::Owned(stages.stages(frame.signals()))),
            Key::Column(name) => match frame.segments().column(name) {
                Some(Column::Category(texts)) => Ok(Cow::Borrowed(texts)),
                _ => Err(ErrorKind::Schema(format!(
                    "the model reads accounts within their `{name}`, which is no segment key of the table's schema; \
                     read the table by the schema the model was trained with"
                ))
                .into()),
            },
        }
    }
}

/// The whole, whose node is 0.
pub(super) const WHOLE: u32 = 0;

/// The tree of segments that training saw. Parents stand before their children.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SegmentTree {
    keys: Vec<Key>,
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    parent: u32,
    depth: u32,
    /// The text of its key.
    text: String,
    /// "tier small, plan team".
    name: Arc<str>,
    /// Sorted by text.
    children: Vec<u32>,
}

impl SegmentTree {
    /// All accounts in one.
    pub fn whole() -> Self {
        let name: Arc<str> = "all accounts".into();
        let root = Node { parent: WHOLE, depth: 0, text: String::new(), name, children: Vec::new() };
        SegmentTree { keys: Vec::new(), nodes: vec![root] }
    }

    /// The segments of a frame's accounts.
    pub fn of(keys: Vec<Key>, frame: &Frame) -> Result<Self> {
        let mut tree = SegmentTree { keys, ..SegmentTree::whole() };
        let texts = tree.texts(frame)?.into_iter().map(Cow::into_owned).collect::<Vec<_>>();
        for row in 0..frame.n_rows() {
            let mut at = WHOLE;
            for (key, texts) in texts.iter().enumerate() {
                let Some(text) = texts.text(row) else { break };
                at = tree.child(at, text).unwrap_or_else(|place| tree.grow(at, place, key, text));
            }
        }
        Ok(tree)
    }

    fn texts<'a>(&self, frame: &'a Frame) -> Result<Vec<Cow<'a, Categories>>> {
        self.keys.iter().map(|key| key.texts(frame)).collect()
    }

    /// The child of that text, or the place among the children where it would stand.
    fn child(&self, at: u32, text: &str) -> std::result::Result<u32, usize> {
        let children = &self.nodes[at as usize].children;
        let found = children.binary_search_by(|&child| self.nodes[child as usize].text.as_str().cmp(text));
        found.map(|place| children[place])
    }

    fn grow(&mut self, parent: u32, place: usize, key: usize, text: &str) -> u32 {
        let new = self.nodes.len() as u32;
        let name = self.child_name(parent, &self.keys[key], text);
        let depth = key as u32 + 1;
        self.nodes.push(Node {
            parent,
            depth,
            text: text.to_owned(),
            name: name.into(),
            children: Vec::new(),
        });
        self.nodes[parent as usize].children.insert(place, new);
        new
    }

    /// The deepest known segment of each account.
    ///
    /// # Errors
    /// A frame whose schema does not name a key.
    pub fn assign(&self, frame: &Frame) -> Result<Vec<u32>> {
        self.assign_telling(frame, |_| ())
    }

    /// As [`assign`](Self::assign), telling of each account that is of a segment never seen which one that is.
    pub fn assign_telling(&self, frame: &Frame, mut unseen: impl FnMut(String)) -> Result<Vec<u32>> {
        let texts = self.texts(frame)?;
        let mut of_row = |row: usize| {
            let mut at = WHOLE;
            for (key, texts) in self.keys.iter().zip(&texts) {
                let Some(text) = texts.text(row) else { break };
                match self.child(at, text) {
                    Ok(child) => at = child,
                    Err(_) => {
                        unseen(self.child_name(at, key, text));
                        break;
                    }
                }
            }
            at
        };
        Ok((0..frame.n_rows()).map(&mut of_row).collect())
    }

    /// "tier small, plan team": a part of a segment.
    fn child_name(&self, parent: u32, key: &Key, text: &str) -> String {
        let own = format!("{} {text}", key.title());
        if parent == WHOLE { own } else { format!("{}, {own}", self.name(parent)) }
    }

    /// Number of segments, all accounts among them.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Most keys that a segment has.
    pub fn depth(&self) -> u32 {
        self.nodes.iter().map(|node| node.depth).max().unwrap_or(0)
    }

    /// Keys that the segment has.
    pub fn depth_of(&self, node: u32) -> u32 {
        self.nodes[node as usize].depth
    }

    /// "tier small, plan team"; "all accounts" for the whole.
    pub fn name(&self, node: u32) -> &Arc<str> {
        &self.nodes[node as usize].name
    }

    /// The segment that this one is a part of; the whole is part of itself.
    pub fn parent(&self, node: u32) -> u32 {
        self.nodes[node as usize].parent
    }

    /// The segments of a depth.
    pub fn at_depth(&self, depth: u32) -> impl Iterator<Item = u32> {
        (0..self.nodes.len() as u32).filter(move |&node| self.depth_of(node) == depth)
    }

    /// The rows of each segment: those that are in it or in a part of it, ascending.
    pub fn rows(&self, node_of_row: &[u32]) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.n_nodes()];
        for (row, &node) in node_of_row.iter().enumerate() {
            let mut at = node;
            rows[at as usize].push(row);
            while at != WHOLE {
                at = self.parent(at);
                rows[at as usize].push(row);
            }
        }
        rows
    }

    /// Whether the parts fit together, as they do unless a file was made by something else.
    pub fn is_sound(&self) -> bool {
        let inside = |at: usize, node: &Node| {
            (at == 0) == (node.depth == 0)
                && (at == 0 || (node.parent as usize) < at)
                && (at == 0 || self.nodes[node.parent as usize].depth + 1 == node.depth)
                && node
                    .children
                    .iter()
                    .all(|&child| (child as usize) > at && (child as usize) < self.nodes.len())
        };
        !self.nodes.is_empty()
            && self.nodes.iter().enumerate().all(|(at, node)| inside(at, node))
            && self.depth() as usize <= self.keys.len()
    }

    /// The life cycle, where it is one of the keys.
    pub fn life_cycle(&self) -> Option<&LifeCycle> {
        self.keys.iter().find_map(|key| match key {
            Key::LifeCycle(stages) => Some(stages),
            Key::Column(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Dimension, Kind, Signal};

    fn schema() -> Schema {
        let number = |name: &str| Signal::new(name, Dimension::Contract, Kind::Number);
        Schema::new().segment("tier").segment("plan").signal(number("tenure")).signal(number("renewal"))
    }

    fn frame(text: &str) -> Frame {
        Frame::from_csv_reader(format!("tier,plan,tenure,renewal\n{text}").as_bytes(), &schema()).unwrap()
    }

    fn tree(text: &str) -> SegmentTree {
        let keys = ["tier", "plan"].map(|key| Key::Column(key.into()));
        SegmentTree::of(keys.into(), &frame(text)).unwrap()
    }

    #[test]
    fn an_account_is_in_the_deepest_segment_that_is_known() {
        let tree = tree("small,team,,\nsmall,free,,\nlarge,team,,\n");
        assert_eq!((tree.n_nodes(), tree.depth()), (6, 2));
        let found =
            tree.assign(&frame("small,free,,\nsmall,gold,,\nhuge,team,,\n,team,,\nlarge,,,\n")).unwrap();
        let names: Vec<&str> = found.iter().map(|&node| &**tree.name(node)).collect();
        assert_eq!(
            names,
            ["tier small, plan free", "tier small", "all accounts", "all accounts", "tier large"]
        );
        assert!(tree.is_sound());
    }

    #[test]
    fn rows_are_in_their_segment_and_in_all_that_it_is_part_of() {
        let text = "small,team,,\nsmall,free,,\nlarge,team,,\nsmall,team,,\n";
        let tree = tree(text);
        let rows = tree.rows(&tree.assign(&frame(text)).unwrap());
        assert_eq!(rows[0], [0, 1, 2, 3]);
        let of = |name: &str| {
            let at = (0..tree.n_nodes() as u32).find(|&node| &**tree.name(node) == name).unwrap();
            rows[at as usize].clone()
        };
        assert_eq!((of("tier small"), of("tier small, plan team")), (vec![0, 1, 3], vec![0, 3]));
    }

    #[test]
    fn life_has_three_stages() {
        let stages = LifeCycle::new("tenure", "renewal");
        stages.check(&schema()).unwrap();
        let key = Key::LifeCycle(stages);
        let frame = frame("a,b,1,20\na,b,24,20\na,b,24,200\na,b,24,\na,b,,20\n");
        let texts = key.texts(&frame).unwrap();
        let found: Vec<Option<&str>> = (0..5).map(|row| texts.text(row)).collect();
        assert_eq!(found, [Some("onboarding"), Some("renewal"), Some("adoption"), Some("adoption"), None]);
    }

    #[test]
    fn what_a_life_cycle_cannot_read_is_named() {
        let refused = |stages: LifeCycle| stages.check(&schema()).unwrap_err().to_string();
        assert_eq!(
            refused(LifeCycle::new("age", "renewal")),
            "schema: the life cycle reads `age`, which is no numeric signal; name one that is"
        );
        assert_eq!(
            refused(LifeCycle::new("tenure", "renewal").renewal_days(0.0)),
            "`renewal_days` is 0, expected a number above 0"
        );
    }
}

#[cfg(test)]
pub(super) mod tests_support {
    use super::*;

    /// The whole with so many parts: nodes 1, 2, …
    pub fn tree_of(n_parts: u32) -> SegmentTree {
        let mut tree = SegmentTree { keys: vec![Key::Column("tier".into())], ..SegmentTree::whole() };
        for part in 0..n_parts {
            tree.grow(WHOLE, part as usize, 0, &part.to_string());
        }
        tree
    }
}
